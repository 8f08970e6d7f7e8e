"""Order, bounds and stops of the pipeline, without a model."""

import asyncio

import pytest

from toolkit.engine import Run
from toolkit.evolutions.pipeline import AHEAD, InOrder
from toolkit.evolutions.turns import Turns


def test_results_come_in_input_order_whatever_the_order_they_end_in():
    """S1-26"""

    async def work(piece):
        await asyncio.sleep((7 * piece % 5) / 1000)
        return piece

    out = []
    asyncio.run(InOrder(work, out.append, at_once=4, run=Run("v")).go(range(30)))
    assert out == list(range(30))


def test_piece_that_hangs_holds_admission_back_and_what_waits_stays_bounded():
    at_once, begun, out = 3, [], []
    hang = asyncio.Event()
    order = None

    async def work(piece):
        begun.append(piece)
        if piece == 2:
            await hang.wait()
        return piece

    async def story():
        nonlocal order
        order = InOrder(work, out.append, at_once=at_once, run=Run("v"))
        task = asyncio.create_task(order.go(range(1000)))
        for _ in range(2000):
            await asyncio.sleep(0)
        held = (len(begun), list(out))
        hang.set()
        await task
        return held

    admitted, early = asyncio.run(story())
    assert early == [0, 1]
    assert admitted == 2 + AHEAD * at_once
    assert order.peak_held <= AHEAD * at_once
    assert out == list(range(1000))


def test_stop_hands_out_what_is_done_and_leaves_gaps():
    run, out = Run("v"), []

    async def work(piece):
        if piece == 1:
            await asyncio.Event().wait()
        if piece == 3:
            run.stop()
            await asyncio.sleep(0)
        return piece

    asyncio.run(InOrder(work, out.append, at_once=2, run=run).go(range(50)))
    assert out == [0, 2]


def test_fault_that_is_no_result_ends_all():
    cancelled = []

    async def work(piece):
        if piece == 1:
            raise RuntimeError("broken")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(piece)
            raise

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(InOrder(work, print, at_once=2, run=Run("v")).go(range(9)))
    assert cancelled == [0]


def test_earliest_place_has_the_next_turn():
    came = []

    async def one(turns, place):
        async with turns.at(place):
            came.append(place)
            await asyncio.sleep(0)

    async def story():
        turns = Turns(1)
        await asyncio.gather(*(one(turns, place) for place in (5, 9, 1, 3)))

    asyncio.run(story())
    assert came == [5, 1, 3, 9]


def test_turn_that_is_given_up_goes_to_the_next():
    async def story():
        turns = Turns(1)
        async with turns.at(0):
            waiting = asyncio.create_task(turns._take(1))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(5), turns.at(2):
            return True

    assert asyncio.run(story())


def test_wider_pipeline_works_on_more_pieces_from_then_on():
    begun, let = [], asyncio.Event()

    async def work(piece):
        begun.append(piece)
        await let.wait()
        return piece

    async def story():
        out = []
        order = InOrder(work, out.append, at_once=2, run=Run("v"))
        task = asyncio.create_task(order.go(range(40)))
        await asyncio.sleep(0.01)
        early = len(begun)
        order.widen(6)
        await asyncio.sleep(0.01)
        later = len(begun)
        order.widen(1)
        let.set()
        await task
        order.widen(9)  # nothing is hired for a pipeline that has ended
        await asyncio.sleep(0)
        return early, later, out

    assert asyncio.run(story()) == (2, 6, list(range(40)))


def test_wider_pipeline_takes_up_pieces_that_admission_held_back():
    begun, hang = [], asyncio.Event()

    async def work(piece):
        begun.append(piece)
        if piece == 0:
            await hang.wait()
        return piece

    async def story():
        order = InOrder(work, print, at_once=1, run=Run("v"))
        order.widen(2)
        task = asyncio.create_task(order.go(range(100)))
        await asyncio.sleep(0.01)
        held = len(begun)
        order.widen(3)
        await asyncio.sleep(0.01)
        hang.set()
        more = len(begun)
        await task
        return held, more

    assert asyncio.run(story()) == (AHEAD * 2, AHEAD * 3)


def test_more_turns_let_those_who_wait_in():
    async def story():
        turns, came = Turns(1), []

        async def one(place):
            async with turns.at(place):
                came.append(place)
                await asyncio.Event().wait()

        tasks = [asyncio.create_task(one(place)) for place in range(5)]
        await asyncio.sleep(0.01)
        turns.widen(2)
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return came

    assert asyncio.run(story()) == [0, 1, 2]
