"""A baseline: what was measured, where, with what; and what another measurement lost against it."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import orjson

from toolkit.errors import InvalidInput

__all__ = ["TOLERANCE", "Baseline", "Loss", "Metric"]

TOLERANCE = 0.15
"""Share of a ratio that may be lost before the guard fails (REQUIREMENTS S1-35, F22)."""

_FORMAT = 1
_PACKAGES = ("dramatis-toolkit", "openai", "aiohttp", "httpx2", "joblib", "orjson", "pandas", "numpy")
_NAMED = {"unit", "median", "low", "high", "better", "guarded"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured number, with the spread of its repetitions."""

    name: str
    unit: str
    """``x`` for ratios."""
    median: float
    low: float
    """Least of the repetitions."""
    high: float
    """Most of the repetitions."""
    better: Literal["higher", "lower"]
    guarded: bool = False
    """Whether a loss fails; only ratios within one run are, for machines differ."""

    @classmethod
    def of(
        cls, name: str, unit: str, values: Sequence[float], better: Literal["higher", "lower"], *, guarded: bool = False
    ) -> Self:
        """Return the metric of some repetitions.

        Example:
            >>> Metric.of("ratio", "x", [1.2, 1.4, 1.3], "higher").median
            1.3
        """
        low, high, middle = (round(one, 6) for one in (min(values), max(values), statistics.median(values)))
        return cls(name, unit, middle, low, high, better, guarded)


@dataclass(frozen=True, slots=True)
class Loss:
    """A guarded metric that is worse than the baseline allows."""

    name: str
    was: float
    now: float
    share: float
    """How much of it was lost, 0 to 1."""

    def __str__(self) -> str:
        """Return the loss as one line."""
        return f"{self.name}: {self.now:.3g} where the baseline has {self.was:.3g}, {self.share:.0%} worse"


@dataclass(frozen=True)
class Baseline:
    """What one run of the benchmark measured, with machine, versions and commit.

    Example:
        >>> one = Baseline({"ratio": Metric.of("ratio", "x", [1.3], "higher", guarded=True)})
        >>> Baseline.load(one.save(tmp / "reference.json")).metrics["ratio"].median
        1.3
    """

    metrics: Mapping[str, Metric]
    machine: Mapping[str, Any] = field(default_factory=dict)
    """Processor, cores, memory, system; no names of hosts or users."""
    versions: Mapping[str, str] = field(default_factory=dict)
    git_sha: str = ""
    made: str = ""
    """Day of the measurement."""

    @classmethod
    def here(cls, metrics: Iterable[Metric]) -> Self:
        """Return the baseline of what was just measured in this process."""
        import datetime as dt

        from toolkit.engine import git_sha

        return cls(
            {one.name: one for one in metrics},
            _machine(),
            _versions(),
            git_sha(),
            dt.datetime.now(dt.UTC).date().isoformat(),
        )

    def losses(self, now: Baseline, tolerance: float = TOLERANCE) -> list[Loss]:
        """Return the guarded metrics in which ``now`` is worse than this baseline by more than a share.

        A metric that either side lacks is not compared.

        Args:
            now: What was measured just now.
            tolerance: The share that may be lost, 0 to 1.

        Example:
            >>> was = Baseline({"ratio": Metric.of("ratio", "x", [1.30], "higher", guarded=True)})
            >>> now = Baseline({"ratio": Metric.of("ratio", "x", [1.04], "higher", guarded=True)})
            >>> [str(loss) for loss in was.losses(now)]
            ['ratio: 1.04 where the baseline has 1.3, 20% worse']
        """
        found = []
        for name, was in self.metrics.items():
            other = now.metrics.get(name)
            if other is None or not was.guarded or not was.median:
                continue
            change = (was.median - other.median) / was.median
            share = change if was.better == "higher" else -change
            if share > tolerance:
                found.append(Loss(name, was.median, other.median, share))
        return found

    def save(self, path: str | Path) -> Path:
        """Write it as JSON and return the path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        body = {
            "format": _FORMAT,
            "made": self.made,
            "git_sha": self.git_sha,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "metrics": {
                name: {part: value for part, value in asdict(one).items() if part != "name"}
                for name, one in self.metrics.items()
            },
        }
        target.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return target

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            InvalidInput: No such file, or it is no baseline.
        """
        source = Path(path)
        try:
            body = orjson.loads(source.read_bytes())
            metrics = {name: Metric(name=name, **_parts(one)) for name, one in _held(body).items()}
            return cls(metrics, body["machine"], body["versions"], body["git_sha"], body["made"])
        except OSError as error:
            raise InvalidInput(
                f"the baseline {source.name} cannot be read: {error.strerror}",
                hint="Make one: toolkit bench --out FILE.",
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"{source.name} is no baseline: {error}", hint="Make one anew: toolkit bench --out FILE."
            ) from error


def _held(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if body["format"] != _FORMAT:
        raise ValueError(f"its format is {body['format']!r}, not {_FORMAT}")
    metrics: Mapping[str, Any] = body["metrics"]
    return metrics


def _parts(given: Mapping[str, Any]) -> dict[str, Any]:
    parts = dict(given)
    if set(parts) != _NAMED or not all(isinstance(parts[name], int | float) for name in ("median", "low", "high")):
        raise ValueError(f"a metric has the fields {', '.join(sorted(parts))}")
    return parts


def _machine() -> dict[str, Any]:
    found: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory_gb"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return found


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
