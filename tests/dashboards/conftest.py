import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from toolkit.bridge import bridge
from toolkit.engine.ledger import Row
from toolkit.testing import WireServer

OpenLab = Callable[..., tk.Lab]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's own settings out: no TOOLKIT_*, no key, no .env, no toolkit.toml."""
    for name in os.environ:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """Open labs in a study of the test, against a wire server or scripted, and close them after it."""
    opened: list[tk.Lab] = []

    def opener(wire: WireServer | None = None, **given: object) -> tk.Lab:
        given.setdefault("study", tmp_path / "study")
        if wire is not None:
            given = {"model": "openai:wire-model", "base_url": wire.url, "api_key": wire.key, **given}
        lab = tk.Lab(**{"model": "scripted", **given})  # type: ignore[arg-type]
        opened.append(lab)
        return lab

    yield opener
    for lab in opened:
        lab.close()


@pytest.fixture
def panel_of() -> Callable[[int], tk.Panel]:
    """Make panels of facts only, which takes no call."""

    def make(n: int) -> tk.Panel:
        lab = tk.Lab("scripted", study="panels")
        try:
            return tk.generate_personas(n, "us-adults-2012", detail="facts", lab=lab)
        finally:
            lab.close()

    return make


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
