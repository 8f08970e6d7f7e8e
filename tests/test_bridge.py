import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from toolkit.bridge import Bridge, bridge, heard
from toolkit.errors import InvalidInput


@pytest.fixture
def own():
    """Give a bridge of its own, so that no test ends the process's."""
    made = Bridge()
    yield made
    made.close()
    assert not made._thread.is_alive()


def wait(own, work, tick=lambda: None, interrupt=lambda: None):
    return own.wait(own.submit(work), tick, interrupt)


def run_python(code, *, check=True):
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
    )


def test_coroutine_runs_on_the_private_loop_and_its_value_comes_back(own):
    async def work():
        await asyncio.sleep(0)
        return threading.current_thread().name, asyncio.get_running_loop() is own.loop

    assert wait(own, work()) == ("dramatis-loop", True)


def test_it_works_inside_a_running_loop_as_in_a_notebook(own):
    async def cell():
        return wait(own, asyncio.sleep(0, 7))

    assert asyncio.run(cell()) == 7


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError("its own"), KeyError("k")])
def test_error_of_the_work_passes_through(own, error):
    """Its own TimeoutError too, which looks like the poll's."""

    async def work():
        await asyncio.sleep(0.25)
        raise error

    with pytest.raises(type(error)) as caught:
        wait(own, work())
    assert caught.value.args == error.args
    assert wait(own, asyncio.sleep(0, "next")) == "next"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_work_that_breaks_the_loop_is_told_and_the_loop_goes_on(own, error):
    async def work():
        raise error

    with pytest.raises(error):
        wait(own, work())
    assert wait(own, asyncio.sleep(0, "alive")) == "alive"


def test_tick_is_called_while_it_waits(own):
    done, ticks = asyncio.Event(), []

    async def work():
        await done.wait()

    def tick():
        ticks.append(threading.current_thread())
        if len(ticks) == 2:
            own.call(done.set)

    wait(own, work(), tick)
    assert set(ticks) == {threading.main_thread()}


def test_interrupts_while_cleaning_up_neither_lose_the_result_nor_leave_a_task(own):
    told, ticks = [], []

    async def work():
        me = asyncio.current_task()
        own.stopper = me.cancel
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            own.cleaning = True
            await own.released.wait()
            return "what finished"

    async def make_event():
        own.released, own.cleaning = asyncio.Event(), False

    wait(own, make_event())

    def tick():
        ticks.append(1)
        if len(ticks) == 1 or (own.cleaning and len(told) == 1):
            raise KeyboardInterrupt
        if own.cleaning and len(told) == 2:
            own.call(own.released.set)

    def interrupt():
        told.append(1)
        if len(told) == 1:
            own.call(own.stopper)

    assert wait(own, work(), tick, interrupt) == "what finished"
    assert len(told) == 2

    async def others():
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert wait(own, others()) == []


def test_interrupt_at_the_last_moment_is_told_and_the_result_comes_back(own):
    told, gate = [], threading.Event()

    async def work():
        await asyncio.to_thread(gate.wait)
        return "whole"

    future = own.submit(work())

    def tick():
        gate.set()
        future.exception(10)
        raise KeyboardInterrupt

    assert own.wait(future, tick, lambda: told.append(1)) == "whole"
    assert told == [1]


def test_blocking_call_on_the_private_loop_is_refused_and_does_not_hang(own):
    async def work():
        future = own.submit(asyncio.sleep(60))
        own.wait(future, lambda: None, lambda: None)

    with pytest.raises(InvalidInput, match=r"toolkit\.aio"):
        wait(own, work())


def test_closing_cancels_work_and_runs_closers_in_spite_of_a_failing_one(caplog):
    """S1-47"""
    own, closed = Bridge(), []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            closed.append("work")

    async def closer():
        closed.append("closer")

    async def failing():
        raise LookupError("ada@example.org was open")

    own.on_close(failing)
    own.on_close(closer)
    own.on_close(closer)()
    future = own.submit(work())
    wait(own, asyncio.sleep(0))
    own.close()
    own.close()
    assert closed == ["work", "closer"]
    assert future.cancelled()
    assert own.loop.is_closed()
    assert "[email] was open" in caplog.text


def test_process_has_one_bridge_and_a_new_one_after_it_was_closed():
    done = run_python("""
        import asyncio
        from toolkit.bridge import bridge
        first = bridge()
        assert bridge() is first
        first.close()
        assert bridge() is not first
        assert bridge().submit(asyncio.sleep(0, "again")).result(10) == "again"
    """)
    assert done.stdout == done.stderr == ""


def test_closers_run_at_exit_without_a_warning():
    """S1-47"""
    done = run_python("""
        import asyncio
        from toolkit.bridge import bridge, on_exit

        async def closer():
            await asyncio.sleep(0)
            print("closed", flush=True)

        async def work():
            try:
                await asyncio.sleep(60)
            finally:
                print("cancelled", flush=True)

        on_exit(closer)
        bridge().submit(work())
        bridge().submit(asyncio.sleep(0)).result(10)
    """)
    assert done.stdout.split() == ["cancelled", "closed"]
    assert done.stderr == ""


def test_work_that_ignores_its_end_does_not_keep_closers_from_running():
    """S1-47"""
    done = run_python("""
        import asyncio
        from toolkit import bridge as module
        module._PATIENCE = 0.2

        async def stubborn():
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass

        async def closer():
            print("closed", flush=True)

        module.on_exit(closer)
        module.bridge().submit(stubborn())
        module.bridge().submit(asyncio.sleep(0)).result(10)
    """)
    assert done.stdout.split() == ["closed"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_child_gets_a_loop_of_its_own_and_leaves_its_parents_alone():
    done = run_python(
        """
        import asyncio, gc, os
        from toolkit import bridge as module

        before = module.bridge()
        assert before.submit(asyncio.sleep(0, 1)).result(10) == 1
        module._lock.acquire()   # as if another thread were just asking for the bridge
        child = os.fork()
        if child == 0:
            mine = module.bridge()
            good = mine is not before and mine.submit(asyncio.sleep(0, 2)).result(10) == 2
            gc.collect()
            mine.close()
            os._exit(0 if good else 1)
        module._lock.release()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert module.bridge() is before
        assert before.submit(asyncio.sleep(0, 3)).result(10) == 3
    """,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_sigint_is_heard_and_the_handler_put_back():
    told, before = [], signal.getsignal(signal.SIGINT)
    with heard(lambda: told.append(1)):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert told == [1, 1]
    assert signal.getsignal(signal.SIGINT) is before


def test_off_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with heard(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_process_bridge_is_shared_by_threads():
    found = []
    threads = [threading.Thread(target=lambda: found.append(bridge())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
