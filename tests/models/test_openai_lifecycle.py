"""Connections: shared, many at once, cancelled, closed; with warnings as errors."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from toolkit.errors import CallTimeout
from toolkit.models import Call, Message
from toolkit.models._openai_client import _open
from toolkit.models.openai import open_model
from toolkit.testing import WireServer

from .test_openai_requests import SCHEMA


def _call(text="Which?"):
    return Call((Message("user", (text,)),), schema=SCHEMA)


def _opened(wire, **options):
    return open_model("m-1", base_url=wire.url, api_key=wire.key, **options)


async def _until(true):
    while not true():  # noqa: ASYNC110  # the server counts on a thread of its own
        await asyncio.sleep(0.005)


def _clients():
    return sum(len(here) for here in _open.values())


def test_sixty_four_calls_at_once_all_come_back_in_place():
    with WireServer(latency=0.3) as wire:

        async def study():
            model = _opened(wire)
            calls = [_call(f"Question {n}") for n in range(64)]
            together = await asyncio.gather(*map(model.complete, calls))
            again = await asyncio.gather(*map(model.complete, calls[::-1]))
            await model.close()
            assert [reply.text for reply in together] == [reply.text for reply in again[::-1]]

        asyncio.run(study())
        assert 16 < wire.requests.peak <= 64
        assert wire.requests.connections <= 64
        assert wire.requests.delivered == 128


def test_models_of_one_endpoint_share_their_connections():
    with WireServer() as wire:

        async def study():
            one, other = _opened(wire), _opened(wire)
            await one.complete(_call())
            await one.close()
            await other.complete(_call())
            await one.complete(_call())
            await one.close()
            await other.complete(_call())
            await other.close()

        asyncio.run(study())
        assert wire.requests.delivered == 4


def test_another_key_has_connections_of_its_own():
    with WireServer(key=None) as wire:

        async def study():
            models = [open_model("m", base_url=wire.url, api_key=key) for key in ("key-number-one", "key-number-two")]
            for model in models * 2:
                await model.complete(_call())
            for model in models:
                await model.close()

        asyncio.run(study())
        assert wire.requests.connections == 2


def test_closed_model_may_be_used_again_on_another_loop():
    with WireServer() as wire:
        model = _opened(wire)

        async def study():
            reply = await model.complete(_call())
            await model.close()
            return reply.text

        assert asyncio.run(study()) == asyncio.run(study())


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_loop_that_ends_closes_what_nobody_closed():
    with WireServer() as wire:
        model, before = _opened(wire), _clients()
        for _ in range(3):
            asyncio.run(model.complete(_call()))
            gc.collect()
            assert _clients() == before
        assert len(model._shared) == 1


def test_close_from_another_loop_closes_on_the_first_one():
    with WireServer() as wire:
        model = _opened(wire)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        asyncio.run_coroutine_threadsafe(model.complete(_call()), loop).result(10)
        before = _clients()
        asyncio.run(model.close())
        assert _clients() == before - 1
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        gc.collect()


def test_closing_twice_or_unused_is_harmless():
    model = open_model("m", base_url="http://127.0.0.1:9/v1")

    async def study():
        await model.close()
        await model.close()

    asyncio.run(study())


def test_cancelled_call_leaves_the_connection_pool_usable():
    with WireServer(script=["hang"]) as wire:

        async def study():
            model = _opened(wire)
            task = asyncio.create_task(model.complete(_call()))
            await _until(lambda: wire.requests.in_flight == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _until(lambda: wire.requests.in_flight == 0)
            reply = await model.complete(_call())
            await model.close()
            return reply

        assert asyncio.run(study()).value
        assert wire.requests.delivered == 1


def test_silent_server_ends_in_the_clients_own_time_limit():
    with WireServer(script=["hang"]) as wire:

        async def study():
            model = _opened(wire, timeout=0.2)
            with pytest.raises(CallTimeout):
                await model.complete(_call())
            await model.close()

        asyncio.run(study())


def test_nothing_is_sent_twice():
    """The SDK's own retries are off: a failed call reached the server once."""
    with WireServer(faults={"server_error": 1.0}) as wire:

        async def study():
            model = _opened(wire)
            await asyncio.gather(*(model.complete(_call(f"{n}")) for n in range(5)), return_exceptions=True)
            await model.close()

        asyncio.run(study())
        assert wire.requests.total == 5
        assert set(wire.requests.by_digest.values()) == {1}


def test_repr_shows_no_key():
    model = open_model("m", base_url="http://127.0.0.1:9/v1", api_key="sk-abcdefghijklmnopqrstuvw")
    assert repr(model) == "<OpenAIModel openai:m>"
    assert "abcdefgh" not in repr(model._endpoint)
