import statistics
import sys
import time
from itertools import pairwise

import orjson
import pytest

from toolkit.models.scripted import ScriptedModel
from toolkit.rounds import Play, Scene, run_rounds

CAST = [{"name": f"Person{place} Of{place}", "description": f"speaker number {place}"} for place in range(8)]
SCENE = Scene.from_dict({"id": "long", "notes": {"scene": "A long talk."}, "cast": CAST})


def quiet(seconds):
    """Return what a round takes where others leave the machine alone: the lower quartile."""
    return statistics.quantiles(seconds, n=4)[0]


def play_long(lab, rounds, **given):
    """Play, and return the play, CPU seconds a round, and the size of its file after each round."""
    ends, sizes = [], []

    def over(_event):
        ends.append(time.thread_time())
        sizes.append(next((lab.study / "plays").glob("*.jsonl")).stat().st_size)

    # events come on the private loop's own thread, so its CPU time is the play's
    lab.events.subscribe(lambda _: ends.append(time.thread_time()) if not ends else None, "rounds.roundStarted")
    lab.events.subscribe(over, "rounds.roundCompleted")
    play = run_rounds(SCENE, rounds=rounds, lab=lab, **given)
    return play, [after - before for before, after in pairwise(ends)], sizes


def assert_within_budget(play):
    rules = play.production.rules
    for record in play.timeline:
        for one in record["roundMetadata"]["prompts"]:
            assert sum(one["sections"].values()) + rules.completion_tokens <= rules.max_context_tokens
            assert one["overflow"] == 0


def endings(play):
    """Return what the prompt of each line had to end with: the whole round before, and what was said in this one."""
    sent, before = {}, []
    for kept in play.rounds:
        now = []
        for one in kept.after["messages"]:
            sent[one["roundNumber"], one["speaker"]] = before, tuple(now)
            now.append(f"{one['speaker']}: {one['text']}")
        before = now or before
    return sent


@pytest.mark.parametrize("director", [False, True])
def test_long_play_stays_within_its_budget_and_keeps_the_last_round_verbatim(open_lab, director):
    """S4-07, S4-13: 30 rounds of 8 characters in a context that they outgrow; 200 are played by the slow test."""
    model = Listening()
    lab = open_lab(model)
    play, _, _ = play_long(lab, 30, director=director, rules={"max_context_tokens": 3600, "history_window": 60})
    assert_within_budget(play)
    sent = endings(play)
    said = {one["item"]: one for one in model.told}
    assert len(sent) > 30
    for (number, speaker), (before, now) in sent.items():
        prompt = said[f"r{number}/{speaker}"]["prompt"]
        # who acts in a parallel group does not hear the others of it
        heard = range(len(now), -1 if director else len(now) - 1, -1)
        endings_heard = ["\n".join([*before, *now[:upto]]) or "(nobody has spoken yet)" for upto in heard]
        assert any(prompt.endswith(f":\n{one}") for one in endings_heard)
    assert play.timeline[-1]["roundMetadata"]["prompts"][-1]["sections"]["history"] > 0
    assert play.errors.empty


def test_file_grows_by_about_the_same_each_round(open_lab):
    _, _, sizes = play_long(open_lab(), 40, director=False)
    grown = [after - before for before, after in pairwise(sizes)]
    assert max(grown[5:]) < 1.3 * min(grown[5:])


@pytest.mark.slow
def test_two_hundred_rounds_of_eight_cost_the_same_each_round(open_lab):
    """The budget holds, the last round is verbatim, time a round and memory flat, the file linear."""
    model = Listening(keep=False)
    lab = open_lab(model)
    play, seconds, sizes = play_long(lab, 200, director=False)
    assert len(play) == 200
    assert_within_budget(play)
    early, late = quiet(seconds[10:30]), quiet(seconds[180:])
    sys.stdout.write(
        f"CPU seconds a round: {early:.4f} around round 20, {late:.4f} around round 200 ({late / early:.2f})\n"
    )
    grown = [after - before for before, after in pairwise(sizes)]
    assert statistics.mean(grown[180:]) < 1.2 * statistics.mean(grown[10:30])
    held = sum(len(one._held) for one in play.rounds)
    sys.stdout.write(f"{held / 200:,.0f} bytes a round in memory, {sizes[-1] / 200:,.0f} in the file\n")
    assert held < 200 * 8000


class Listening:
    """The scripted model, that keeps the prompts it was given."""

    def __init__(self, *, keep=True):
        self._inner = ScriptedModel(seed=3)
        self.identity, self.abilities = self._inner.identity, self._inner.abilities
        self.told = []
        self._keep = keep

    async def complete(self, call):
        if self._keep:
            self.told.append({"item": call.item, "prompt": call.messages[-1].text})
        return await self._inner.complete(call)

    async def close(self):
        """Nothing to give back."""


def test_state_made_again_from_the_file_is_the_state_that_was_played(open_lab, tmp_path):
    """S4-29: every field of it, history, summaries and memories included."""
    lab = open_lab()
    play, _, _ = play_long(lab, 12, world=True, rules={"history_window": 10, "kept_memories": 3})
    again = Play.load(play.save(tmp_path / "long.jsonl"))
    assert again.state == play.state
    assert again.state.memories
    assert len(again.state.history) >= 10
    assert orjson.loads(play.rounds[-1].line)["record"]["roundNumber"] == 12
