from __future__ import annotations

import asyncio

import pytest

from toolkit.testing import FakeClock


def test_time_stands_still_until_it_is_moved():
    async def study():
        clock = FakeClock(100)
        task = asyncio.create_task(clock.sleep(5))
        await clock.advance(4.9)
        assert (task.done(), clock.waiting, clock.now()) == (False, 1, 104.9)
        await clock.advance(0.1)
        assert (task.done(), clock.waiting, clock()) == (True, 0, 105.0)

    asyncio.run(study())


def test_sleepers_wake_in_order_each_at_its_own_moment():
    async def study():
        clock, seen = FakeClock(), []

        async def walker(name, step):
            for _ in range(3):
                await clock.sleep(step)
                seen.append((clock.now(), name))

        tasks = [asyncio.create_task(walker("slow", 2)), asyncio.create_task(walker("quick", 1))]
        await clock.advance(10)
        await asyncio.gather(*tasks)
        assert seen == [(1, "quick"), (2, "slow"), (2, "quick"), (3, "quick"), (4, "slow"), (6, "slow")]
        assert clock.now() == 10

    asyncio.run(study())


def test_automatic_time_jumps_to_the_next_sleeper():
    async def study():
        clock = FakeClock(auto=True)
        await asyncio.gather(clock.sleep(3600), clock.sleep(60))
        assert clock.now() == 3600
        await clock.sleep(1)
        assert clock.slept == [3600, 60, 1]
        return clock

    clock = asyncio.run(study())

    async def again():
        await clock.sleep(1)

    asyncio.run(again())
    assert clock.now() == 3602


def test_cancelled_sleeper_is_forgotten():
    async def study():
        clock = FakeClock()
        task = asyncio.create_task(clock.sleep(5))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert clock.waiting == 0
        await clock.advance(10)
        assert clock.now() == 10

    asyncio.run(study())


def test_sleep_of_nothing_lets_others_run():
    async def study():
        clock, seen = FakeClock(), []
        task = asyncio.create_task(asyncio.sleep(0, seen.append(1)))
        await clock.sleep(0)
        await task
        assert clock.now() == 0

    asyncio.run(study())


def test_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="cannot go back"):
        asyncio.run(FakeClock().advance(-1))
