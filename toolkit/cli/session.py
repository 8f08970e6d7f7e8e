"""The lab that a command works with, opened from the shared options."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli import voice
from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["opened"]


@contextmanager
def opened(
    study: Path,
    *,
    model: str | None = None,
    seed: int | None = None,
    budget: str | None = None,
    retention: str | None = None,
    inject_failures: float | None = None,
    dry_run: bool = False,
    **settings: Any,
) -> Iterator[Lab]:
    """Open a lab for the block of a command, and close it however the block ends.

    Args:
        study: The study's folder. A dry run looks into one that is there, and makes none.
        model: Who answers; where it is not given, as for everything else, the settings decide.
        seed: The study's seed.
        budget: What may be spent.
        retention: How long prompt prefixes are kept.
        inject_failures: Share of tries that fail on purpose.
        dry_run: Whether nobody will be asked.
        settings: Further arguments of ``Lab``.

    Raises:
        InvalidInput: A value cannot be used.
    """
    from toolkit.lab import Lab

    if inject_failures is not None and not 0.0 <= inject_failures <= 1.0:
        raise InvalidInput(
            f"--inject-failures is {inject_failures}", hint="Give the share of tries that fail, 0 to 1, say 0.05."
        )
    with ExitStack() as rest:
        folder = study
        if dry_run and not study.is_dir():
            folder = Path(rest.enter_context(tempfile.TemporaryDirectory(prefix="dramatis-")))
        lab = Lab(model, study=folder, seed=seed, budget=budget, retention=retention, chaos=inject_failures, **settings)
        rest.callback(lab.close)
        if voice.speaks_json():
            rest.callback(_tell_events(lab))
        rest.enter_context(lab)
        yield lab


def _tell_events(lab: Lab) -> Callable[[], None]:
    """Write the study's events between the log lines, as its journal holds them; returns what ends it."""
    from toolkit.engine.journal import keep_journal

    return keep_journal(lab.events, voice.put_line, lab.scrubber)
