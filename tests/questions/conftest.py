from __future__ import annotations

import pytest

import toolkit as tk
from toolkit.personas import Persona


@pytest.fixture
def open_lab(tmp_path):
    """Open labs in studies of the test's own, and close them when it ends."""
    labs = []

    def open_(model="scripted", folder="study", **settings):
        labs.append(tk.Lab(model, study=tmp_path / folder, **{"seed": 7, "tries": 1, **settings}))
        return labs[-1]

    yield open_
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(open_lab):
    return open_lab()


@pytest.fixture
def people():
    """Make people without a population: quick, and different."""

    def make(n):
        return [Persona(f"p{place:04}", f"Person {place}", {"age": 20 + place % 60}) for place in range(1, n + 1)]

    return make
