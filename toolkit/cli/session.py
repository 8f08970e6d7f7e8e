"""The lab that a command works with, opened from the shared options."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli import voice
from toolkit.cli.options import Calling, Place
from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from toolkit.lab import Lab

__all__ = ["opened"]


@contextmanager
def opened(place: Place, **settings: Any) -> Iterator[Lab]:
    """Open a lab for the block of a command, and close it however the block ends.

    A dry run looks into a study that is there, and makes none.

    Args:
        place: Where the command works, and what it may spend: what is not given the settings decide.
        settings: Further arguments of ``Lab``.

    Raises:
        InvalidInput: A value cannot be used.
    """
    from toolkit.lab import Lab

    study, dry = place.study, False
    settings |= {"model": place.model, "seed": place.seed}
    if isinstance(place, Calling):
        share, dry = place.inject_failures, place.dry_run
        if share is not None and not 0.0 <= share <= 1.0:
            raise InvalidInput(
                f"--inject-failures is {share}", hint="Give the share of tries that fail, 0 to 1, say 0.05."
            )
        settings |= {"budget": place.budget, "retention": place.retention, "chaos": share}
    with ExitStack() as rest:
        if dry and not study.is_dir():
            study = Path(rest.enter_context(tempfile.TemporaryDirectory(prefix="dramatis-")))
        lab = Lab(study=study, **settings)
        rest.callback(lab.close)
        if voice.speaks_json():
            rest.callback(_tell_events(lab))
        rest.enter_context(lab)
        yield lab


def _tell_events(lab: Lab) -> Callable[[], None]:
    """Write the study's events between the log lines, as its journal holds them; returns what ends it."""
    from toolkit.engine.journal import keep_journal

    return keep_journal(lab.events, voice.put_line, lab.scrubber)
