from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest

from toolkit.errors import DramatisError
from toolkit.memory import MemoryUnwritable, Writer


class Recorded:
    """A target that remembers its batches; each waits for the gate."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.gate = threading.Event()
        self.gate.set()

    def commit(self, jobs: Sequence[Any]) -> list[Any]:
        self.gate.wait(30)
        self.batches.append(list(jobs))
        return [("done", job) for job in jobs]


class Full:
    def commit(self, jobs: Sequence[Any]) -> list[Any]:
        raise MemoryUnwritable("the disk is full", hint="Free space.")


def test_job_is_done_only_after_its_commit() -> None:
    target = Recorded()
    target.gate.clear()
    with Writer() as writer:
        ticket = writer.submit(target, 1)
        assert not ticket.done()
        with pytest.raises(TimeoutError):
            ticket.result(timeout=0.01)
        target.gate.set()
        assert ticket.result() == ("done", 1)


def test_jobs_queued_while_busy_become_one_batch_a_target_in_order() -> None:
    target, other = Recorded(), Recorded()
    target.gate.clear()
    with Writer() as writer:
        first = writer.submit(target, 0)
        rest = [writer.submit(one, number) for number in range(1, 100) for one in (target, other)]
        target.gate.set()
        assert [ticket.result() for ticket in (first, *rest)][:3] == [("done", 0), ("done", 1), ("done", 1)]
    assert list(chain.from_iterable(target.batches)) == list(range(100))
    assert list(chain.from_iterable(other.batches)) == list(range(1, 100))
    assert len(target.batches) <= 3
    assert len(other.batches) <= 2


def test_awaiting_many_costs_a_loop_one_wake_up_a_batch() -> None:
    target = Recorded()

    async def main() -> int:
        loop = asyncio.get_running_loop()
        calls = 0
        plain = loop.call_soon_threadsafe

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            return plain(*args, **kwargs)

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]  # counts what the loop is asked, no more
        target.gate.clear()

        async def wait(number: int) -> Any:
            return await writer.submit(target, number)

        waiting = asyncio.gather(*(wait(number) for number in range(500)))
        await asyncio.sleep(0)
        target.gate.set()
        assert await waiting == [("done", number) for number in range(500)]
        return calls

    with Writer() as writer:
        assert asyncio.run(main()) <= len(target.batches) <= 3


def test_while_many_come_a_commit_waits_for_more_and_never_for_one_task_alone() -> None:
    """Fewer commits write fewer pages; what is flushed or closed does not wait."""
    target = Recorded()

    async def task(number: int) -> None:
        for turn in range(60):
            await writer.submit(target, (number, turn))
            await asyncio.sleep(0.0005)

    async def main() -> None:
        await asyncio.gather(*(task(number) for number in range(40)))

    with Writer() as writer:
        asyncio.run(main())
        assert len(target.batches) < 60 * 40 / 8
        assert sorted(chain.from_iterable(target.batches)) == [(a, b) for a in range(40) for b in range(60)]
        writer.flush()
        single = Recorded()
        for number in range(30):
            assert writer.submit(single, number).result(timeout=10) == ("done", number)
        assert single.batches == [[number] for number in range(30)]
        last = [writer.submit(target, number) for number in range(50)]
    assert all(ticket.done() for ticket in last)


def test_failing_target_fails_its_own_jobs_only_and_the_writer_lives_on() -> None:
    target = Recorded()
    with Writer() as writer:
        bad = [writer.submit(Full(), number) for number in range(3)]
        good = writer.submit(target, 1)
        assert good.result() == ("done", 1)
        seen = []
        for ticket in bad:
            with pytest.raises(MemoryUnwritable, match="disk is full") as caught:
                ticket.result()
            seen.append(caught.value)
        assert seen[0].hint == "Free space."
        assert seen[0] is not seen[1]
        assert writer.submit(target, 2).result() == ("done", 2)


def test_cancelled_wait_keeps_the_job() -> None:
    target = Recorded()

    async def main() -> None:
        target.gate.clear()

        async def wait() -> None:
            await writer.submit(target, 1)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        target.gate.set()
        await writer.flushed()

    with Writer() as writer:
        asyncio.run(main())
    assert target.batches == [[1]]


def test_loop_that_is_gone_does_not_harm_the_others() -> None:
    target = Recorded()
    target.gate.clear()

    async def wait() -> None:
        await writer.submit(target, 1)

    with Writer() as writer:
        loop = asyncio.new_event_loop()
        task = loop.create_task(wait())
        loop.run_until_complete(asyncio.sleep(0.01))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
        ticket = writer.submit(target, 2)
        target.gate.set()
        assert ticket.result() == ("done", 2)


def test_flush_waits_for_everything_before_it() -> None:
    target = Recorded()
    with Writer() as writer:
        for number in range(1000):
            writer.submit(target, number)
        writer.flush()
        assert sum(map(len, target.batches)) == 1000


def test_close_writes_what_is_queued_and_refuses_more() -> None:
    target = Recorded()
    writer = Writer()
    for number in range(100):
        writer.submit(target, number)
    writer.close()
    writer.close()
    assert sum(map(len, target.batches)) == 100
    with pytest.raises(DramatisError, match="closed"):
        writer.submit(target, 0)


def test_jobs_from_many_threads_all_arrive_once() -> None:
    target = Recorded()
    with Writer() as writer:

        def work(number: int) -> None:
            for step in range(200):
                assert writer.submit(target, (number, step)).result() == ("done", (number, step))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    expected = [(number, step) for number in range(8) for step in range(200)]
    assert sorted(chain.from_iterable(target.batches)) == expected


def test_interrupted_wait_keeps_the_job() -> None:
    target = Recorded()
    target.gate.clear()
    with Writer() as writer:
        ticket = writer.submit(target, 1)
        timer = threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ticket.result(timeout=30)
        timer.join()
        target.gate.set()
        assert ticket.result() == ("done", 1)


def test_interpreter_exit_writes_what_is_queued(tmp_path: Any) -> None:
    script = """
import sys
from toolkit.memory import AppendFile, Writer
file, writer = AppendFile(sys.argv[1]), Writer()
for number in range(500):
    writer.submit(file, b"%d" % number)
"""
    path = tmp_path / "lines"
    subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60)
    assert path.read_bytes().split() == [b"%d" % number for number in range(500)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_writes_for_itself(tmp_path: Any) -> None:
    script = """
import os, sys
from toolkit.memory import AppendFile, Writer, SealedStore, Entry
folder = sys.argv[1]
writer = Writer()
file, store = AppendFile(folder + "/lines"), SealedStore(folder + "/m.sqlite", heal=True, writer=writer)
writer.submit(file, b"parent").result()
store.put(Entry("f", "parent", b"1")).result(); assert store.get("f", "parent")
child = os.fork()
if not child:
    writer.submit(file, b"child").result()
    store.put(Entry("f", "child", b"1")).result()
    assert store.get("f", "parent") and store.get("f", "child")
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
writer.submit(file, b"parent").result()
assert store.get("f", "child") and store.validate().ok == 2
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, tmp_path], check=True, timeout=60)
    assert (tmp_path / "lines").read_bytes() == b"parent\nchild\nparent\n"
