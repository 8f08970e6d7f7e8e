import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toolkit as tk
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
