"""``toolkit doctor``: what is installed, which model would answer, and what a study holds."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.errors import DramatisError

if TYPE_CHECKING:
    from toolkit.settings import Settings

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
    print(f"model        {settings.model}: {_answers(settings)}")
    key = settings.openai_api_key is not None or bool(os.environ.get("OPENAI_API_KEY"))
    print(f"OpenAI key   {'set' if key else 'not set'}")
    print(f"weights      {_weights()}")
    print(f"study        {_study(settings.study)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _answers(settings: Settings) -> str:
    """Open the model without asking it anything, and say whether that works."""
    from toolkit.models.opening import model_of

    try:
        identity = model_of(settings).identity
    except DramatisError as error:
        return f"cannot answer: {error}"
    return f"{identity} would answer"


def _weights() -> str:
    from toolkit.models.weights import verify, weights_path

    try:
        path = weights_path()
    except DramatisError as error:
        return str(error)
    if path is None:
        return "not installed; `toolkit model install` fetches them (98 MB)"
    return f"installed, {path.stat().st_size / 1e6:.0f} MB, {'intact' if verify() else 'DAMAGED: install again'}"


def _study(folder: Path) -> str:
    """Say what a study holds, without writing to it."""
    if not (folder / "memory.sqlite").is_file():
        return f"{folder}: not there yet"
    from toolkit.memory import open_memory

    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    told = f"{len(files)} files, {size / 1e6:.1f} MB"
    try:
        _, store = open_memory(folder, "replay")
        with store:
            return f"{folder}: {store.stats().entries:,} remembered replies, {told}"
    except DramatisError as error:
        return f"{folder}: {told}; {error}"
