"""S1-21: what DESIGN 4 lists as scrubbed holds none of 200 planted secrets, wherever they were planted."""

import logging
import traceback
from pathlib import Path

import orjson
import pytest

import toolkit as tk
from tests.engine.exporters import exported
from tests.engine.planted import KINDS, planted
from toolkit.display.progress import progress_text
from toolkit.engine import Run
from toolkit.errors import BadRequest, InvalidReply, ProviderDown
from toolkit.models import Abilities, Call, Identity, Reply, Usage

PLANTED = planted(200)
IN_PROMPTS, IN_REPLIES, IN_ERRORS, IN_SETTINGS = PLANTED[:60], PLANTED[60:130], PLANTED[130:186], PLANTED[186:]


class Leaky:
    """A model that says everything it should not: in answers, in refused replies and in errors."""

    def __init__(self) -> None:
        phrase = IN_SETTINGS[9][1]
        self.identity = Identity("leaky", "m", {"endpoint": f"http://127.0.0.1/v1 {phrase}"})
        self.abilities = Abilities(concurrency=8)
        self._turn = 0

    async def complete(self, call: Call) -> Reply:
        turn = self._turn
        self._turn += 1
        if turn % 2:
            said = IN_ERRORS[turn // 2 % len(IN_ERRORS)][1]
            kind = (BadRequest, ProviderDown)[turn // 2 % 2]
            raise kind(f"leaky:m answered: {said}\nsecond line: {said}", hint=f"Look at {said}.", request_id=f"r{turn}")
        said = IN_REPLIES[turn // 2 % len(IN_REPLIES)][1]
        if call.stage == "personas" and call.schema is not None:
            filled = dict.fromkeys(call.schema.body["required"], said)
            return Reply(orjson.dumps(filled).decode(), "leaky:m", value=filled)
        values = ({"answer": "yes", "why": said}, {"answer": said, "why": "."}, {"why": said}, None)
        value = values[turn // 2 % 4]
        text = orjson.dumps(value).decode() if value is not None else f"I would rather not: {said}"
        usage = Usage(input=9, output=3)
        reply = Reply(text, "leaky:m", value=value, usage=usage, request_id=f"r{turn}", notes=(said,))
        if value is None:
            raise InvalidReply(f"the reply of leaky:m is not JSON: {said}", reply=reply, billed=True)
        return reply

    async def close(self) -> None:
        pass


def shown(thing: object) -> list[str]:
    """Return everything a notebook or terminal shows of a thing."""
    bundle = thing._repr_mimebundle_() if hasattr(thing, "_repr_mimebundle_") else {}
    return [repr(thing), str(thing), *map(str, bundle.values())]


def leaks(text: str) -> list[str]:
    return [secret for secret, _ in PLANTED if secret in text]


def test_plants_are_of_twelve_kinds_or_more_and_all_different() -> None:
    assert len(KINDS) >= 12
    assert len({secret for secret, _ in PLANTED}) == 200


def test_no_planted_secret_reaches_what_is_scrubbed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1-21, S1-22: prompts, replies, errors and settings are planted; books, logs, spans and displays are read."""
    caplog.set_level(logging.DEBUG)
    spans = exported()
    spans.take_spans()
    monkeypatch.setenv("TOOLKIT_OPENAI_API_KEY", IN_SETTINGS[0][0])
    monkeypatch.setenv("TOOLKIT_ORGANIZATION", IN_SETTINGS[1][1])
    url = f"http://u:{IN_SETTINGS[8][0]}@127.0.0.1/v1"
    lab = tk.Lab(Leaky(), study=tmp_path / "study", base_url=url, tries=2, trace=True)
    lab.events.subscribe(lambda event: 1 / 0 if event.kind == "run.started" else None, "run.started")
    context = " ".join(phrase for _, phrase in IN_PROMPTS[:20])
    panel = tk.generate_personas(40, "us-adults-2012", detail="facts", lab=lab)
    surfaces: dict[str, str] = {}
    written = tk.generate_personas(12, "us-adults-2012", detail="brief", lab=lab)
    things: list[object] = [lab, lab.settings, panel, written, panel.describe(), *written]
    for start in range(20, 60, 10):
        question = " ".join([context, *(phrase for _, phrase in IN_PROMPTS[start : start + 10])])
        answers = tk.ask(panel, question, answer=tk.Choice(["yes", "no"], why=True), lab=lab)
        things += [answers, answers.report]
        surfaces[f"errors {start}"] = answers.errors.to_csv()
        surfaces[f"exceptions {start}"] = "\n".join(
            "".join([str(one.error), repr(one.error), one.error.line(trace_ids=True)])
            for one in answers._outcomes
            if one.error is not None
        )
        with pytest.raises(tk.Incomplete) as strict:
            tk.ask(panel, question, answer=tk.Choice(["yes", "no"], why=True), lab=lab, strict=True)
        surfaces[f"strict {start}"] = "".join(traceback.format_exception_only(strict.value))
    things += [lab.quarantine, lab.runs, lab.report(), *lab.quarantine.entries]
    surfaces |= {f"display {type(one).__name__} {place}": "\n".join(shown(one)) for place, one in enumerate(things)}
    surfaces["frames"] = lab.quarantine.frame.to_csv() + lab.runs.frame.to_csv()
    surfaces["progress"] = progress_text(Run("ask"))
    surfaces["spans"] = "\n".join(span.to_json() for span in spans.take_spans())
    lab.close()
    for path in sorted((tmp_path / "study").rglob("*")):
        if path.is_file() and "memory" not in path.name:
            surfaces[str(path.relative_to(tmp_path))] = path.read_text()
    surfaces["logs"] = caplog.text
    surfaces["output"] = "".join(capfd.readouterr())
    found = {name: leaks(text) for name, text in surfaces.items()}
    assert {name: secrets for name, secrets in found.items() if secrets} == {}
    assert len(lab.quarantine) > 40
    kept = "".join(surfaces)
    assert all(name in kept for name in ("ledger.jsonl", "events.jsonl", "runs/", "quarantine/", "manifest.json"))
    assert "[email]" in surfaces["study/ledger.jsonl"]


def test_own_patterns_hold_everywhere_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1-23: TOOLKIT_REDACTION_PATTERNS masks what only this study knows to be private."""
    monkeypatch.setenv("TOOLKIT_REDACTION_PATTERNS", '["project [A-Z]+"]')

    class Telling(Leaky):
        async def complete(self, call: Call) -> Reply:
            return Reply('{"answer":"project ZEUS","why":"project ZEUS"}', "leaky:m", value={"answer": "project ZEUS"})

    lab = tk.Lab(Telling(), study=tmp_path / "study")
    panel = tk.generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
    answers = tk.ask(panel, "What of project HERA?", answer=tk.Choice(["yes", "no"]), lab=lab)
    texts = [*shown(answers), answers.errors.to_csv(), lab.quarantine.frame.to_csv()]
    lab.close()
    texts += [path.read_text() for path in (tmp_path / "study").rglob("*.json*")]
    assert not [text for text in texts if "ZEUS" in text or "HERA" in text]
    assert "[masked]" in texts[0]
