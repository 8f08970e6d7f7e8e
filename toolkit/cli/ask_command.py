"""``toolkit ask``: a panel ranks options that may carry images; JSON on standard output and nothing else."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import options, voice
from toolkit.cli.clean import only_ours
from toolkit.cli.exit_codes import end
from toolkit.cli.options_file import OptionsFile, read_options
from toolkit.cli.session import opened
from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from toolkit.display import Result
    from toolkit.lab import Lab
    from toolkit.personas import Panel
    from toolkit.questions import Answers, Choice, Ranking

__all__ = ["ask"]


class Kind(StrEnum):
    """What each person is asked to do with the options."""

    RANKING = "ranking"
    CHOICE = "choice"


class Looking(StrEnum):
    """How closely the provider is asked to look at images."""

    LOW = "low"
    HIGH = "high"
    AUTO = "auto"


_HERE = options.Calling(study=Path("studies/ask"))


@options.spread
def ask(
    *,
    options_json: Annotated[
        Path, typer.Option("--options-json", help='{"question": …, "options": [label or {id, label, images}]}')
    ],
    people: Annotated[int, typer.Option(help="How many personas are asked.")] = 3,
    population: Annotated[str, typer.Option(help="A shipped population, or the path of a population's .toml.")] = (
        "us-adults-2012"
    ),
    detail: Annotated[str, typer.Option(help="How personas are written: facts (no call), brief, standard, deep.")] = (
        "facts"
    ),
    answer: Annotated[Kind, typer.Option(help="Rank all options, or choose one.")] = Kind.RANKING,
    out: Annotated[Path | None, typer.Option(help="Where to write the JSON; standard output when not given.")] = None,
    calling: options.Calling = _HERE,
    base_url: options.BaseUrl = None,
    mock: Annotated[bool, typer.Option("--mock", help="Ask the scripted model: made-up replies, no cost.")] = False,
    why: Annotated[bool, typer.Option(help="Ask for a reason as well.")] = True,
    borda: Annotated[bool, typer.Option(help="Add up Borda points and name the winner.")] = True,
    image_max_dim: Annotated[int, typer.Option(help="Longest side of images as sent, in pixels.")] = 768,
    image_detail: Annotated[Looking, typer.Option(help="How closely images are looked at.")] = Looking.LOW,
    attempts: Annotated[int, typer.Option(help="How often a persona may be written when refused.")] = 2,
    tries: Annotated[int | None, typer.Option(help="How often a call may be sent when transport fails.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds one try may take.")] = None,
    concurrency: options.Concurrency = None,
    persist: Annotated[bool, typer.Option(help="Remember replies in the study's folder.")] = True,
    refresh_personas: Annotated[bool, typer.Option("--refresh-personas", help="Write personas anew.")] = False,
    refresh_answers: Annotated[bool, typer.Option("--refresh-answers", help="Ask anew.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing on standard error but failures.")] = False,
) -> None:
    """Make a panel, put the options of a file to it, and print what it answered as one JSON object."""
    if mock and calling.model is not None:
        raise InvalidInput("--mock and --model were both given", hint="Leave one out.")
    with only_ours() as write, tempfile.TemporaryDirectory(prefix="dramatis-") as scratch:
        asked = read_options(options_json)
        put: dict[str, Any] = {
            "images": (),
            "answer": _answer(asked, answer, why=why),
            "max_side": image_max_dim,
            "detail": image_detail.value,
        }
        given = {"base_url": base_url, "tries": tries, "timeout": timeout, "concurrency": concurrency}
        here = replace(
            calling,
            model="scripted" if mock else calling.model,
            study=calling.study if persist else Path(scratch),
        )
        with opened(here, mode="refresh" if refresh_personas else None, **given) as lab:
            panel = _panel(lab, people, population, "facts" if here.dry_run else detail, attempts)
            if here.dry_run:
                _foretell(panel, asked, put)
                return
            keys = {"personas_key": _key(lab, "generate_personas")}
        with opened(here, mode="refresh" if refresh_answers else None, **given) as lab:
            answers = _ask(panel, asked, put, lab) if len(panel) else None
            keys["answers_key"] = _key(lab, "ask") if answers is not None else None
        if answers is not None and not quiet:
            voice.say(str(answers))
        body = _told(asked.question, put["answer"], panel, answers, borda=borda)
        body["persistence"] = {"enabled": persist, "study": str(here.study) if persist else None, **keys}
        text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
        if out is None:
            write(text)
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(text, encoding="utf-8")
        end(here.trace_ids, personas=panel, **({} if answers is None else {"questions": answers}))


def _answer(asked: OptionsFile, kind: Kind, *, why: bool) -> Choice | Ranking:
    from toolkit.questions import Choice, Ranking

    return (Ranking if kind is Kind.RANKING else Choice)(asked.options, why=why)


def _panel(lab: Lab, people: int, population: str, detail: str, attempts: int) -> Panel:
    from toolkit.personas import generate_personas

    return generate_personas(people, population, detail=detail, attempts=attempts, lab=lab)  # type: ignore[arg-type]  # the verb checks


def _foretell(panel: Panel, asked: OptionsFile, put: dict[str, Any]) -> None:
    from toolkit.questions import ask as asks
    from toolkit.verbs import estimate

    voice.say(str(estimate(asks, panel, asked.question, **put)))


def _ask(panel: Panel, asked: OptionsFile, put: dict[str, Any], lab: Lab) -> Answers:
    from toolkit.questions import ask as asks

    return asks(panel, asked.question, **put, lab=lab, allow_partial=True)


def _key(lab: Lab, verb: str) -> str | None:
    """Return the id of what the lab just ran: it changes with any input, images included (S0-23)."""
    ran = [record for record in lab.runs.records if record["verb"] == verb]
    latest = max(ran, key=lambda record: str(record["executions"][-1]["started"]), default=None)
    return None if latest is None else str(latest["run_id"])


def _told(
    question: str, answer: Choice | Ranking, panel: Panel, answers: Answers | None, *, borda: bool
) -> dict[str, Any]:
    """Return what standard output holds."""
    from toolkit.questions import Option
    from toolkit.questions.borda import borda_winners

    put = [one for one in answer.choices if isinstance(one, Option)]
    responses = [] if answers is None else _responses(answers)
    body: dict[str, Any] = {
        "population": {"name": panel.population.name if panel.population else None, "people": len(panel)},
        "question": question,
        "options": [
            {"id": one.id, "label": one.label, "images": [image.digest for image in one.images]} for one in put
        ],
        "images": [
            {"sha256": image.digest, "name": image.name, "width": image.size[0], "height": image.size[1]}
            for one in put
            for image in one.images
        ],
        "responses": responses,
        "invalid": sum(one["status"] != "ok" for one in responses),
        "missing": len(panel.errors),
        "usage": [_usage(one) for one in (panel, answers) if one is not None],
    }
    if borda:
        points = [row["borda_points"] or {} for row in responses]
        totals = {one.label: sum(given.get(one.label, 0.0) for given in points) for one in put}
        winners = borda_winners(totals)
        body["borda_totals"] = totals
        body["borda_winner"] = winners[0] if len(winners) == 1 else list(winners) or None
    return body


def _usage(result: Result) -> dict[str, Any]:
    """Return what one step took; what memory answered is counted apart, and its tokens are not in today's (S0-15)."""
    report = result.report
    if report is None:
        return {}
    return {
        "step": report.title,
        "model": report.model,
        "model_calls": report.live,
        "cached_calls": report.cached,
        "failed_calls": report.failed,
        "input_tokens": report.usage.input,
        "output_tokens": report.usage.output,
        "cost_usd": None if report.money.unpriced else report.money.spent,
    }


def _responses(answers: Answers) -> list[dict[str, Any]]:
    from toolkit.questions import Ranking
    from toolkit.questions.borda import borda_points
    from toolkit.questions.ranking import ABOVE

    labels = list(answers.asked.answer.options)
    ranks = isinstance(answers.asked.answer, Ranking)
    rows = []
    for persona, row in zip(answers.people, answers.frame.to_dict("records"), strict=True):
        said = row["answer"] if row["status"] == "ok" else None
        order = None if said is None else said.split(ABOVE) if ranks else [said]
        rows.append(
            {
                "name": persona.name,
                "persona": persona.to_dict(),
                "output": None if said is None else {"answer": said, **({"why": row["why"]} if "why" in row else {})},
                "ranking": order,
                "borda_points": None if order is None else borda_points(order, labels),
                "shown": row["shown"],
                "status": row["status"],
                "model": row["model"],
            }
        )
    return rows
