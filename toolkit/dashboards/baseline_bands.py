"""A baseline as the board shows it: a band from the least to the most that was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from toolkit.errors import InvalidInput
from toolkit.resources import data_file

__all__ = ["Bands", "bands_of"]

Bands = Mapping[str, tuple[float, float, float]]
"""By metric: low, median, high."""

_SHIPPED = "reference"


def bands_of(given: Any) -> Bands:
    """Return the bands of a baseline in any form.

    Args:
        given: Nothing; ``"reference"`` for the one in the repository; a path of what ``toolkit bench --out`` wrote; or
            anything with ``metrics``. A metric without low and high is left out.

    Raises:
        InvalidInput: No such file, or it holds no metrics.

    Example:
        >>> bands_of({"metrics": {"calls_rate": {"median": 5.0, "low": 4.0, "high": 6.0}}})
        {'calls_rate': (4.0, 5.0, 6.0)}
    """
    if given is None:
        return {}
    if isinstance(given, str | Path):
        given = _read(data_file("baselines/reference.json") if given == _SHIPPED else Path(given))
    metrics = given.get("metrics") if isinstance(given, Mapping) else getattr(given, "metrics", None)
    if not isinstance(metrics, Mapping):
        raise InvalidInput(
            f"baseline={type(given).__name__} holds no metrics", hint="Give what toolkit bench --out FILE wrote."
        )
    found = {name: _band(one) for name, one in metrics.items()}
    return {str(name): band for name, band in found.items() if band is not None}


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput(
            f"the baseline {path.name} cannot be read: {error.strerror}", hint="Make one: toolkit bench --out FILE."
        ) from error
    except ValueError as error:
        raise InvalidInput(f"{path.name} is no JSON: {error}", hint="Make one: toolkit bench --out FILE.") from error


def _band(metric: Any) -> tuple[float, float, float] | None:
    held: list[Any] = [
        metric.get(part) if isinstance(metric, Mapping) else getattr(metric, part, None) for part in _ENDS
    ]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in held):
        return None
    low, median, high = (float(one) for one in held)
    return low, median, high


_ENDS = ("low", "median", "high")
