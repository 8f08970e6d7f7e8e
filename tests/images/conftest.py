import os

import pytest

import toolkit as tk


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """Keep the machine's own settings out: no TOOLKIT_*, no key, no .env, no toolkit.toml."""
    for name in os.environ:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


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
