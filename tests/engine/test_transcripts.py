"""Transcripts: off by default, in the study's store, scrubbed, one a call, never overwritten (S2-08, S1-22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.calls import answer, make_call, make_calls
from tests.engine.conftest import OpenLab
from toolkit.errors import InvalidInput
from toolkit.memory import TRANSCRIPTS, Transcript
from toolkit.models import Message
from toolkit.testing import WireServer

SECRET = "sk-proj-planted0123456789abcdef"


def held(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_nothing_of_a_prompt_is_written_unless_it_is_asked_for(tmp_path: Path, open_lab: OpenLab) -> None:
    """S1-22: off by default."""
    with WireServer() as wire:
        lab = open_lab(wire)
        answer(lab, make_calls(3))
        assert lab.transcript("p0001") == []
        lab.close()
    assert b"Plain or bold, person" not in held(tmp_path)


def test_prompt_and_reply_of_each_call_are_kept(open_lab: OpenLab) -> None:
    with WireServer() as wire:
        lab = open_lab(wire, transcripts=True)
        outcomes = answer(lab, [*make_calls(3), make_call(1, stage="personas", seed=9)])
        (kept,) = lab.transcript("p0001", "questions")
        assert kept.asked == (("system", "You answer."), ("user", "Plain or bold, person 1?"))
        assert kept.reply == outcomes[1].value.text
        assert kept.model == "openai:wire-model"
        assert kept.request_id == outcomes[1].reply.request_id
        assert [one.stage for one in lab.transcript("p0001")] == ["questions", "personas"]
        assert "user: Plain or bold, person 1?" in str(kept)
        assert lab.transcript("nobody") == []


def test_transcripts_outlive_the_lab_and_no_call_overwrites_anothers(open_lab: OpenLab) -> None:
    """S2-08: keyed, not overwritten; what memory answers leaves none."""
    with WireServer() as wire:
        for mode in ("read", "read", "refresh"):
            lab = open_lab(wire, transcripts=True, mode=mode)
            answer(lab, make_calls(2))
            lab.close()
        found = open_lab(wire).transcript("p0001")
        assert wire.requests.total == 4
    assert len(found) == 2
    assert found[0].at < found[1].at
    assert found[0].key == found[1].key


def test_transcripts_are_scrubbed(tmp_path: Path, open_lab: OpenLab) -> None:
    """S1-21 for transcripts: keys, addresses and the researcher's own patterns."""
    text = f"My key is {SECRET}, write to ada@example.org about P-17."
    call = make_call(1, messages=(Message("user", (text,)),))
    with WireServer() as wire:
        lab = open_lab(wire, transcripts=True)
        answer(lab, [call])
        (kept,) = lab.transcript("p0001")
        lab.close()
    assert "[key]" in kept.asked[0][1]
    assert "[email]" in kept.asked[0][1]
    assert SECRET.encode() not in held(tmp_path)
    assert b"ada@example.org" not in held(tmp_path)


def test_failed_call_leaves_its_prompt_and_the_reason(open_lab: OpenLab) -> None:
    with WireServer(script=["server_error", "malformed"]) as wire:
        lab = open_lab(wire, transcripts=True, tries=1)
        answer(lab, [make_call(1)])
        answer(lab, [make_call(2)])
        (down,) = lab.transcript("p0001")
        (refused,) = lab.transcript("p0002")
    assert (down.reply, bool(down.failure)) == ("", True)
    assert refused.failure
    assert down.asked[1] == ("user", "Plain or bold, person 1?")


def test_capsule_holds_no_transcript(tmp_path: Path, open_lab: OpenLab) -> None:
    with WireServer() as wire:
        lab = open_lab(wire, transcripts=True)
        answer(lab, make_calls(3))
        capsule = lab.freeze(tmp_path / "c.capsule")
    assert TRANSCRIPTS not in capsule.read_text()
    assert "Plain or bold" not in capsule.read_text()
    with pytest.raises(InvalidInput, match="keeps no transcripts"):
        open_lab(capsule=capsule, study=None).transcript("p0001")


def test_transcripts_need_memory(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="kept in memory, which is off"):
        open_lab(model="scripted", mode="off", transcripts=True)


def test_transcript_comes_back_as_it_was_kept() -> None:
    kept = Transcript("s", "i", "m", 1.5, (("user", "a"), ("assistant", "b")), "r", "f", "q", "ab")
    assert Transcript.of(kept.entry()) == kept
