from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.evolutions.planner import Planner, service
from toolkit.evolutions import Plateau, PlateauText, Reference, Role

OpenLab = Callable[..., tk.Lab]


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """Open labs in studies of the test's own, and close them when it ends."""
    labs: list[tk.Lab] = []

    def opener(model: Any = "scripted", folder: str = "study", **given: Any) -> tk.Lab:
        labs.append(tk.Lab(model, study=tmp_path / folder, **{"seed": 7, "tries": 1, **given}))
        return labs[-1]

    yield opener
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(open_lab: OpenLab) -> tk.Lab:
    return open_lab()


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest.fixture
def small() -> dict[str, Any]:
    """Two plateaus, one role, one catalogue, no files: what most tests need."""
    text = PlateauText(core_idea="it is there", key_characteristics=["one way"], what_it_feels_like="fine")
    return {
        "reference": Reference(
            plateaus=(
                Plateau(id="a", name="First", description=text),
                Plateau(id="b", name="Second", description=text),
            ),
            roles=(Role(role_id="public", name="All", description="Everyone."),),
        ),
        "catalogues": [
            {
                "field": "apps",
                "items": [{"id": f"A{n}", "name": f"App {n}", "description": "does it"} for n in range(1, 4)],
                "facets": [
                    {
                        "id": "change",
                        "label": "Change",
                        "type": "enum",
                        "required": True,
                        "options": [{"id": "new", "label": "new"}, {"id": "old", "label": "old"}],
                    },
                    {"id": "weeks", "label": "Weeks", "type": "integer"},
                ],
            }
        ],
        "features_per_role": 2,
    }


@pytest.fixture
def services() -> list[dict[str, Any]]:
    return [service(number) for number in range(1, 4)]
