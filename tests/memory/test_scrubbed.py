"""Capsules that leave the house: what a lab freezes with ``scrub=``, and that it still replays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.calls import answer, make_call
from toolkit.errors import ReplayMiss
from toolkit.lab import Lab
from toolkit.memory import REPLIES, Capsule, Entry, Manifest, freeze
from toolkit.models import Abilities, Call, Identity, Message, Reply
from toolkit.redact import Scrubber

SECRET = "sk-proj-planted0123456789abcdef"
TOLD = f'{{"choice":"plain","why":"Ask ada@example.org or +44 20 7946 0958, my key is {SECRET}."}}'


class Chatty:
    """A model that tells everybody's secrets."""

    identity = Identity("mine", "chatty")
    abilities = Abilities(concurrency=4)

    async def complete(self, call: Call) -> Reply:
        return Reply(TOLD, "mine:chatty", json.loads(TOLD))

    async def close(self) -> None:
        """Nothing is open."""


def frozen(folder: Path, **given: Any) -> tuple[Path, list[Call]]:
    calls = [make_call(number) for number in range(4)]
    lab = Lab(Chatty(), study=folder / "study")
    answer(lab, calls)
    path = lab.freeze(folder / "c.capsule", note="by ada@example.org", **given)
    lab.close()
    return path, calls


@pytest.mark.parametrize(
    ("scrub", "mark"), [(True, "[email]"), (lambda text: text.replace("ada@example.org", "[gone]"), "[gone]")]
)
def test_scrubbed_capsule_replays_every_call(
    tmp_path: Path,
    scrub: bool | Callable[[str], str],  # noqa: FBT001  # a parameter of the test
    mark: str,
) -> None:
    path, calls = frozen(tmp_path, scrub=scrub)
    assert "ada@example.org" not in path.read_text()
    assert (SECRET in path.read_text()) == (scrub is not True)
    assert Capsule.open(path).manifest.scrubbed
    lab = Lab(capsule=path)
    outcomes = answer(lab, calls)
    lab.close()
    assert all(outcome.ok and outcome.reply is not None and outcome.reply.cached for outcome in outcomes)
    assert all(mark in outcome.reply.value["why"] for outcome in outcomes if outcome.reply is not None)
    assert {outcome.reply.value["choice"] for outcome in outcomes if outcome.reply is not None} == {"plain"}


def test_capsule_is_verbatim_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    path, _ = frozen(tmp_path)
    assert SECRET in path.read_text()
    assert not Capsule.open(path).manifest.scrubbed
    assert '"scrubbed"' not in path.read_text().splitlines()[0]


def test_study_itself_stays_verbatim(tmp_path: Path) -> None:
    path, calls = frozen(tmp_path, scrub=True)
    assert path.exists()
    lab = Lab(Chatty(), study=tmp_path / "study", mode="replay")
    assert [outcome.reply.text for outcome in answer(lab, calls) if outcome.reply is not None] == [TOLD] * 4
    lab.close()


def test_scrubbed_twice_is_the_same_file(tmp_path: Path) -> None:
    path, calls = frozen(tmp_path, scrub=True)
    lab = Lab(capsule=path)
    answer(lab, calls)
    again = lab.freeze(tmp_path / "again.capsule", note="by ada@example.org", scrub=True)
    lab.close()
    assert list(Capsule.open(again).entries(REPLIES)) == list(Capsule.open(path).entries(REPLIES))


def test_miss_in_a_scrubbed_capsule_says_what_it_may_come_from(tmp_path: Path) -> None:
    path, _ = frozen(tmp_path, scrub=True)
    lab = Lab(capsule=path)
    quoting = make_call(1, messages=(Message("user", ("You wrote: ask [email].",)),))
    with pytest.raises(ReplayMiss, match="quotes a reply that was masked"):
        answer(lab, [quoting])
    lab.close()


def test_names_and_what_stands_under_them_are_masked_too(tmp_path: Path) -> None:
    """A structured answer can say by its names what is in it, and hold people's addresses as names."""
    told = json.dumps({"password": "correct horse", "votes": {"ada@example.org": 2, "bob@example.org": 3}})
    entry = Entry(REPLIES, "ab12", json.dumps({"text": told, "usage": {}}).encode(), "questions", "p1", created=1.0)
    path = freeze(tmp_path / "c.capsule", Manifest(settings={"api_key": "a secret of mine"}), [entry], Scrubber())
    text = path.read_text()
    assert not any(secret in text for secret in ("correct horse", "ada@", "bob@", "a secret of mine"))
    kept = Capsule.open(path).get(REPLIES, "ab12")
    assert kept is not None
    assert json.loads(kept.json()["text"]) == {"password": "[secret]", "votes": {"[email]": 2, "[email] 2": 3}}
    assert kept.json()["usage"] == {}
