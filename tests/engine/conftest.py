from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolkit.lab import Lab
from toolkit.testing import WireServer

OpenLab = Callable[..., Lab]


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """Open labs in a folder of their own, and close them after the test."""
    opened: list[Lab] = []

    def opener(wire: WireServer | None = None, **given: object) -> Lab:
        given.setdefault("study", tmp_path / "study")
        if wire is not None:
            given |= {"model": "openai:wire-model", "base_url": wire.url, "api_key": wire.key}
        lab = Lab(**given)  # type: ignore[arg-type]
        opened.append(lab)
        return lab

    yield opener
    for lab in opened:
        lab.close()
