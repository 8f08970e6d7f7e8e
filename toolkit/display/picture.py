"""A matplotlib figure that a notebook shows by itself: pyplot is what usually does that, and we stay clear of it."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

__all__ = ["NotebookFigure"]

_DPI = 110
"""Sharp enough on a screen, and about 25 KB for a bar chart."""


class NotebookFigure(Figure):
    """A figure with a PNG of its own; ``savefig`` and everything else are matplotlib's."""

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        self.savefig(held, format="png", dpi=_DPI, metadata={"Software": None})
        return held.getvalue()
