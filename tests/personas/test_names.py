from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import NameRegister

YOUNG_AND_OLD = [("female", 1930 + place % 60) if place % 2 else ("male", 1940 + place % 50) for place in range(1000)]


def test_thousand_names_are_unique_and_follow_the_seed():
    """S0-18: names belong to seed and place, whoever finishes first."""
    names = NameRegister().assign(YOUNG_AND_OLD, seed=7)
    assert len({name.casefold() for name in names}) == 1000
    assert names == NameRegister().assign(YOUNG_AND_OLD, seed=7)
    other = NameRegister().assign(YOUNG_AND_OLD, seed=8)
    assert sum(one == two for one, two in zip(names, other, strict=True)) < 5


def test_twenty_coroutines_proposing_one_name_have_one_winner():
    """S0-11: check and reserve are one locked step."""
    register = NameRegister()

    async def claim():
        await asyncio.sleep(0)
        return register.reserve("Mary Smith")

    async def all_at_once():
        return await asyncio.gather(*(claim() for _ in range(20)))

    assert sum(asyncio.run(all_at_once())) == 1


def test_twenty_threads_proposing_one_name_have_one_winner():
    """S0-11: threads too."""
    register = NameRegister()
    gate = threading.Barrier(20)

    def claim(name):
        gate.wait()
        return register.reserve(name)

    for round_number in range(20):
        with ThreadPoolExecutor(20) as threads:
            assert sum(threads.map(claim, [f"Mary Smith {round_number}"] * 20)) == 1


def test_threads_taking_names_at_once_never_share_one():
    register = NameRegister()
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda index: register.take("female", 1950, seed=7, index=index % 5), range(200)))
    assert len(set(names)) == 200 == len(register)


def test_equal_names_are_equal_in_any_spelling():
    register = NameRegister(taken=["Zoë O'Brien"])
    assert not register.reserve("  zoë   o'brien ")
    assert not register.reserve("ZOE\u0308 O'BRIEN")
    assert "Zoë O'Brien" in register
    with pytest.raises(InvalidInput, match="is no name"):
        register.reserve("   ")


@pytest.mark.parametrize(
    "failure", [json.JSONDecodeError("no JSON", "", 0), TypeError("no persona"), KeyboardInterrupt()]
)
def test_failure_releases_the_name(failure):
    """S0-09, S0-12: freed on parse error, constructor error and interrupt."""
    register = NameRegister()

    def fail():
        with register.holding("Mary Smith"):
            raise failure

    with pytest.raises(type(failure)):
        fail()
    assert len(register) == 0
    assert register.reserve("Mary Smith")


def test_cancelled_tasks_leak_no_name():
    """S0-12: 20 tasks cancelled while they wait for a model, 0 names leaked."""
    register = NameRegister()

    async def hold(index):
        with register.holding(f"Mary Smith {index}"):
            await asyncio.sleep(60)

    async def cancel_all():
        tasks = [asyncio.create_task(hold(index)) for index in range(20)]
        await asyncio.sleep(0)
        held = len(register)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return held

    assert asyncio.run(cancel_all()) == 20
    assert len(register) == 0


def test_stalled_holder_does_not_block_other_reservations():
    """S0-13: no lock is held while something is awaited."""
    register = NameRegister()

    async def stall(started, go):
        with register.holding("Mary Smith"):
            started.set()
            await go.wait()

    async def story():
        started, go = asyncio.Event(), asyncio.Event()
        stalled = asyncio.create_task(stall(started, go))
        await started.wait()
        others = await asyncio.gather(*(asyncio.to_thread(register.reserve, f"Ann Lee {i}") for i in range(5)))
        go.set()
        await stalled
        return others

    assert asyncio.run(story()) == [True] * 5
    assert "Mary Smith" in register


def test_success_keeps_the_name_and_release_gives_it_back_once():
    register = NameRegister()
    with register.holding("Mary Smith"):
        pass
    with pytest.raises(InvalidInput, match="is taken"), register.holding("mary smith"):
        pytest.fail("a taken name was given out")
    assert "Mary Smith" in register
    assert register.release("Mary Smith")
    assert not register.release("Mary Smith")


def test_taken_name_moves_on_to_the_next_proposal():
    first = NameRegister().take("female", 1950, seed=7, index=0)
    register = NameRegister(taken=[first])
    second = register.take("female", 1950, seed=7, index=0)
    assert second == NameRegister().propose("female", 1950, seed=7, index=0, attempt=1) != first


def test_first_names_follow_sex_and_decade():
    register = NameRegister()
    old = {register.propose("female", 1925, seed=1, index=i).split()[0] for i in range(300)}
    young = {register.propose("female", 2005, seed=1, index=i).split()[0] for i in range(300)}
    men = {register.propose("male", 1925, seed=1, index=i).split()[0] for i in range(300)}
    assert {"Mary", "Dorothy"} <= old
    assert "Dorothy" not in young
    assert len(old & men) < 10
    assert register.propose("female", 1800, seed=1, index=0) == register.propose("female", 1910, seed=1, index=0)
    assert register.propose(None, None, seed=1, index=0) == register.propose("diverse", None, seed=1, index=0)


def test_names_go_on_when_the_frequent_ones_are_used_up(monkeypatch):
    monkeypatch.setattr("toolkit.personas.names.TRIES", 0)
    register = NameRegister()
    assert len({register.take("male", 1990, seed=1, index=0) for _ in range(50)}) == 50


def test_names_that_run_out_leave_nothing_reserved(tmp_path, monkeypatch):
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "xx-first.csv").write_text("decade,sex,name,count\n1990,female,Ann,3\n1990,female,Bo,1\n")
    (tmp_path / "names" / "xx-surnames.csv").write_text("name,per_100000\nLee,5\n")
    monkeypatch.setattr("toolkit.resources._ROOTS", (tmp_path,))
    register = NameRegister()
    assert sorted(register.assign([("female", 1990)] * 2, "xx", seed=1)) == ["Ann Lee", "Bo Lee"]
    register = NameRegister()
    with pytest.raises(InvalidInput, match="all 2 names of xx"):
        register.assign([("female", 1990)] * 3, "xx", seed=1)
    assert len(register) == 0


def test_unknown_locale_names_those_that_are_shipped():
    with pytest.raises(InvalidInput, match="en-US"):
        NameRegister().take(locale="en-UK", seed=1, index=0)
