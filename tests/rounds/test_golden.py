"""A user round and a continuation, agents scripted: the timeline they give, to the byte."""

import os
from pathlib import Path

import orjson
import pytest

from tests.rounds.ensemble import Ensemble, move, plan, says, update
from toolkit.rounds import Timeline, continue_round, run_rounds

GOLDEN = Path(__file__).parent / "golden.json"

SCRIPT = {
    "r1/director": plan(
        {"name": "Ben", "priority": 2, "guidance": "Ask for a discount."},
        {"name": "Ada", "priority": 1},
        openGuidance="Talk about bread.",
        stateUpdates=[update("Ada", activity="kneading")],
    ),
    "r1/Ben": says("*leans against the counter* Four euros? I will buy two if it is three.", mood="amused"),
    "r1/Ada": says("Then you will bake it yourself.", mood="annoyed"),
    "r1/director-2": plan(stateUpdates=[update("Ben", mood="curious")], newActivations=[move("Cleo")]),
    "r2/director": plan("Cleo", "Ada", deactivations=[move("Ben", "with a loaf")]),
    "r2/Cleo": says("Is there any bread left?", location="in the door"),
    "r2/Ada": says("One. It is yours."),
    "r2/director-2": plan(remainingActors=["Cleo"]),
    "r2/world": {"worldState": [{"name": "loaves left", "value": 0}], "trackers": [{"name": "votes", "value": 1}]},
}
KEYS = [
    "roundNumber",
    "auditLog",
    "directorPass1",
    "characterResponses",
    "worldAgent",
    "directorPass2",
    "followupCharacterPass",
    "roundMetadata",
]


@pytest.fixture
def played(open_lab, trio):
    ensemble = Ensemble(SCRIPT)
    lab = open_lab(ensemble)
    play = run_rounds(trio, rounds=1, user="What does a loaf of bread cost?", world=True, lab=lab)
    return continue_round(play, lab=lab)


def test_golden_timeline_of_a_user_round_and_a_continuation(played):
    """S4-35. GOLDEN=write in the environment writes it anew."""
    made = orjson.dumps(list(played.timeline), option=orjson.OPT_INDENT_2) + b"\n"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.write_bytes(made)
    assert made == GOLDEN.read_bytes()


def test_timeline_has_the_contracts_keys_and_comes_back_from_json(played):
    """S4-29: reload equal."""
    for record in played.timeline:
        assert list(record) == KEYS
        assert {"rawOutput", "plan", "orderedActors", "activations", "deactivations", "stateUpdates"} <= set(
            record["directorPass1"]
        )
        assert {"remainingActors", "newActivations"} <= set(record["directorPass2"])
        assert set(record["followupCharacterPass"]) >= {"queued", "actors", "reason"}
        assert all({"type", "roundNumber", "timestamp"} <= set(one) for one in record["auditLog"])
    assert Timeline.from_json(played.timeline.to_json()) == played.timeline


def test_audit_keeps_entry_and_exit_guidance(played):
    """S4-20."""
    told = {one["character"]: one["guidance"] for one in played.timeline[1]["characterResponses"]}
    assert told["Cleo"]["entry"] == "You are out of breath."
    assert "exit" not in told["Cleo"]


def test_replay_tells_the_story_in_order_without_asking_anybody(played):
    """S4-29."""
    before = len(played.lab.ledger)
    story = [str(one) for one in played.replay()]
    assert story[0] == "1 · Uma: What does a loaf of bread cost?"
    assert "1 · Ben: *leans against the counter* Four euros? I will buy two if it is three." in story
    assert "1 · in: Cleo; out: nobody" in story
    assert "2 · World: brought up to date" in story
    assert [one.round for one in played.replay(2)] == [2] * len(list(played.replay(2)))
    assert len(played.lab.ledger) == before


def test_replay_from_memory_gives_the_same_bytes(played, trio, open_lab):
    """The clock of the timeline is the replies': memory answers, and not a byte differs."""
    asked = len(played.lab.engine.model.calls)
    again = continue_round(
        run_rounds(trio, rounds=1, user="What does a loaf of bread cost?", world=True, lab=played.lab), lab=played.lab
    )
    assert again.timeline.to_json() == played.timeline.to_json()
    assert len(played.lab.engine.model.calls) == asked
    assert again.id == played.id


def test_capsule_replays_a_play_to_the_same_bytes(played, trio, open_lab, tmp_path):
    path = played.lab.freeze(tmp_path / "talk.capsule")
    played.lab.close()
    lab = open_lab(capsule=path)
    again = continue_round(
        run_rounds(trio, rounds=1, user="What does a loaf of bread cost?", world=True, lab=lab), lab=lab
    )
    assert again.timeline.to_json() == played.timeline.to_json()
    assert again.report.live == 0
