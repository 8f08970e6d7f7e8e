"""One function finds a shipped data file, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import InvalidInput

__all__ = ["data_file", "data_names"]

_HERE = Path(__file__).parent
_ROOTS = (_HERE / "_data", _HERE.parent / "data")


def data_file(name: str) -> Path:
    """Return the path of a shipped data file or folder.

    Args:
        name: Relative to ``data/``, for example ``"populations/us-adults-2012.toml"``.

    Raises:
        InvalidInput: The name leaves the data folder, or no such file is shipped.

    Example:
        >>> data_file("populations").is_dir()
        True
    """
    relative = _relative(name)
    for root in _ROOTS:
        found = root / relative
        if found.exists():
            return found
    folder = str(relative.parent)
    near = ", ".join(data_names(folder)) if folder != "." else ""
    raise InvalidInput(f"no shipped data file {name!r}", hint=f"In {folder}/ there are: {near}." if near else "")


def data_names(folder: str, suffix: str = "") -> list[str]:
    """Return the sorted names in a shipped data folder, those ending in ``suffix`` only and without it.

    Raises:
        InvalidInput: The name leaves the data folder.

    Example:
        >>> "us-adults-2012" in data_names("populations", ".toml")
        True
    """
    relative = _relative(folder)
    names = {
        path.name.removesuffix(suffix)
        for root in _ROOTS
        for path in (root / relative).glob(f"*{suffix}")
        if not path.name.startswith((".", "README"))
    }
    return sorted(names)


def _relative(name: str) -> Path:
    relative = Path(name)
    if relative.anchor or ".." in relative.parts:  # an anchor is a leading slash, or a drive
        raise InvalidInput(f"{name!r} is not the name of a shipped data file", hint="Give a name relative to data/.")
    return relative
