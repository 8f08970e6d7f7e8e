import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.rounds.ensemble import Ensemble
from toolkit.rounds import Scene

OpenLab = Callable[..., tk.Lab]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's own settings out, and files that a test writes in its own folder."""
    for name in os.environ:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """Open labs in a study of the test, and close them after it."""
    opened: list[tk.Lab] = []

    def opener(model: Any = "scripted", **given: Any) -> tk.Lab:
        given = {"study": tmp_path / "study", "seed": 7, "tries": 1, **given}
        if "capsule" in given:
            given = {"capsule": given["capsule"]}
            model = None
        lab = tk.Lab(model, **given)
        opened.append(lab)
        return lab

    yield opener
    for lab in opened:
        lab.close()


@pytest.fixture
def ensemble() -> Ensemble:
    return Ensemble()


@pytest.fixture
def lab(open_lab: OpenLab, ensemble: Ensemble) -> tk.Lab:
    """A lab in which the ensemble answers."""
    return open_lab(ensemble)


@pytest.fixture
def trio() -> Scene:
    """Three people and a user; the third one is outside at first."""
    return Scene.from_dict(
        {
            "id": "trio",
            "title": "Three in a room",
            "notes": {"scene": "A room."},
            "cast": [
                {
                    "name": "Ada",
                    "description": "a baker",
                    "goals": ["sell bread"],
                    "memories": ["The oven broke in May."],
                },
                {"name": "Ben", "description": "a driver"},
                {"name": "Cleo", "description": "a nurse", "entry": "You are out of breath.", "exit": "Wave."},
            ],
            "present": ["Ada", "Ben"],
            "user": {"name": "Uma"},
            "lore": [{"text": "Bread costs four euros.", "keys": ["bread"], "title": "bread"}],
            "trackers": {"votes": 0},
        }
    )
