import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.verbs.conftest import OpenLab, _bare_environment, open_lab, panel_of
from toolkit.bridge import bridge
from toolkit.engine.ledger import Row

__all__ = ["OpenLab", "_bare_environment", "on_loop", "open_lab", "panel_of", "row_of", "until"]


@pytest.fixture
def row_of() -> Callable[..., Row]:
    """Make ledger rows: answered in 0.2 s after waiting 0.1 s, unless said otherwise."""

    def make(**given: Any) -> Row:
        plain = {
            "run": "ask-1",
            "stage": "questions",
            "item": "p0001",
            "model": "openai:m",
            "status": "ok",
            "key": "aa",
        }
        numbers = {"at": 1000.0, "seconds": 0.3, "latency": 0.2, "input": 100, "output": 10, "cost": 0.01}
        return Row(**{**plain, **numbers, **given})  # type: ignore[arg-type]

    return make


@pytest.fixture
def on_loop() -> Callable[[Callable[[], Any]], Any]:
    """Do something on the private loop, and wait for it."""

    def run(act: Callable[[], Any]) -> Any:
        async def there() -> Any:
            return act()

        return bridge().submit(there()).result(timeout=60)

    return run


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something to become true."""

    def wait(true: Callable[[], object]) -> None:
        deadline, pause = time.monotonic() + 60, threading.Event()
        while not true():
            assert time.monotonic() < deadline
            pause.wait(0.02)

    return wait
