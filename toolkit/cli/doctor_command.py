"""``toolkit doctor``: what is installed, which model would answer, and what a study holds."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from toolkit.errors import DramatisError

__all__ = ["doctor"]

_PACKAGES = ("openai", "pandas", "joblib", "pydantic", "matplotlib", "ipywidgets", "jupyterlab", "voila", "xllamacpp")


def doctor(
    study: Annotated[Path | None, typer.Option(help="A study's folder to look into.")] = None,
) -> None:
    """Say what is installed, which model would answer, and whether a key is set (never which)."""
    from toolkit.settings import load_settings

    print(f"dramatis-toolkit {_version('dramatis-toolkit')}, Python {sys.version.split()[0]}")
    for name in _PACKAGES:
        print(f"  {name:<12} {_version(name)}")
    settings = load_settings(study=study)
    print(f"model        {settings.model}: {_answers(settings.model)}")
    key = settings.openai_api_key is not None or bool(os.environ.get("OPENAI_API_KEY"))
    print(f"OpenAI key   {'set' if key else 'not set'}")
    print(f"weights      {_weights()}")
    print(f"study        {_study(settings.study)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _answers(model: str) -> str:
    """Open the model without asking it anything, and say whether that works."""
    from toolkit.models import open_model

    try:
        identity = open_model(model).identity
    except DramatisError as error:
        return f"cannot answer: {error}"
    return f"{identity} would answer"


def _weights() -> str:
    from toolkit.models.weights import verify, weights_path

    path = weights_path()
    if path is None:
        return "not installed; `toolkit model install` fetches them (98 MB)"
    return f"installed, {path.stat().st_size / 1e6:.0f} MB, {'intact' if verify() else 'DAMAGED: install again'}"


def _study(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: not there yet"
    from toolkit.memory import open_memory

    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    _, store = open_memory(folder, "replay")
    entries = store.stats().entries
    store.close()
    return f"{folder}: {entries:,} remembered replies, {len(files)} files, {size / 1e6:.1f} MB"
