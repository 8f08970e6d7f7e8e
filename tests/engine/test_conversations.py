"""Calls that follow calls, and calls to further models."""

from __future__ import annotations

import pytest

from toolkit.bridge import bridge
from toolkit.engine import BUDGET, Run, run_calls
from toolkit.errors import ProviderDown
from toolkit.lab import Lab
from toolkit.models import Call, Message
from toolkit.models.scripted import ScriptedModel


def call(name, turn=0, **more):
    return Call((Message("user", (f"{name} {turn}",)),), item=f"{name}/{turn}", **more)


def turns(most):
    """Return what follows: the next turn, up to so many."""

    def then(asked, outcome):
        name, _, turn = asked.item.partition("/")
        assert outcome.ended
        return call(name, int(turn) + 1) if int(turn) + 1 < most else None

    return then


def chain(outcome):
    while outcome is not None:
        yield outcome
        outcome = outcome.next


@pytest.fixture
def lab(tmp_path):
    lab = Lab("scripted", study=tmp_path / "study")
    yield lab
    lab.close()


def run(lab, calls, **more):
    job = Run("test")
    outcomes = bridge().submit(run_calls(lab.engine, calls, job, **more)).result(30)
    return outcomes, job


@pytest.mark.parametrize("n", [1, 300])
def test_each_call_is_followed_by_the_next_turn(lab, n):
    outcomes, job = run(lab, (call(f"c{place}") for place in range(n)), then=turns(3))
    assert [[one.item for one in chain(first)] for first in outcomes] == [
        [f"c{place}/{turn}" for turn in range(3)] for place in range(n)
    ]
    assert job.done == 3 * n


def test_remembered_conversations_are_read_through_without_a_call(lab):
    run(lab, (call(f"c{place}") for place in range(300)), then=turns(3))
    outcomes, job = run(lab, (call(f"c{place}") for place in range(300)), then=turns(4))
    assert (job.done, job.cached) == (1200, 900)
    assert all(len(list(chain(first))) == 4 for first in outcomes)


def test_budget_stops_conversations_but_memory_goes_on(lab):
    from toolkit.engine import Account, Budget

    run(lab, [call("a")], then=turns(2))
    job = Run("test")
    job.account = Account(Budget("1 requests"))
    outcomes = bridge().submit(run_calls(lab.engine, [call("a"), call("b")], job, then=turns(3))).result(30)
    ended = {one.item: one.ended for first in outcomes for one in chain(first)}
    assert ended["a/0"]
    assert ended["a/1"]
    assert sum(ended.values()) == 3
    assert {one.left for first in outcomes for one in chain(first) if not one.ended} == {BUDGET}


def test_failed_turn_is_told_and_may_be_followed(tmp_path):
    class Failing(ScriptedModel):
        async def complete(self, asked):
            if asked.item == "a/0":
                raise ProviderDown("down")
            return await super().complete(asked)

    lab = Lab(Failing(), study=tmp_path / "study", tries=1)
    outcomes, _ = run(lab, [call("a")], then=turns(2))
    assert [one.ok for one in chain(outcomes[0])] == [False, True]
    lab.close()


def test_calls_go_to_the_model_they_name_and_keys_differ(lab):
    other = ScriptedModel("other")
    lab.engine.add(other)
    name = str(other.identity)
    asked = [call("a"), call("a", model=name), call("b", model=name), call("b")]
    outcomes, _ = run(lab, asked)
    models = ["scripted:default", name, name, "scripted:default"]
    assert [one.reply.model for one in outcomes] == models
    assert [row.model for row in lab.ledger.rows()].count(name) == 2
    assert len({row.key for row in lab.ledger.rows()}) == 4
    again, job = run(lab, asked)
    assert [one.reply.model for one in again] == models
    assert job.cached == 4


def test_further_model_is_opened_once_and_shares_memory_and_books(lab):
    other = ScriptedModel("other")
    assert lab.engine.add(other) is lab.engine.add(ScriptedModel("other"))
    assert lab.engine.further == (other,)
    assert lab.engine.others["scripted:other"].ledger is lab.ledger


def test_further_model_is_closed_with_the_lab(tmp_path):
    class Closing(ScriptedModel):
        closed = False

        async def close(self):
            Closing.closed = True

    lab = Lab("scripted", study=tmp_path / "study")
    lab.engine.add(Closing("other"))
    lab.close()
    assert Closing.closed
