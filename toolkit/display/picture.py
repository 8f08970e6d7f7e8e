"""A matplotlib figure that a notebook shows by itself: pyplot is what usually does that, and we stay clear of it."""

from __future__ import annotations

import io
from typing import Any, Literal

from matplotlib.figure import Figure

__all__ = ["NotebookFigure"]

_PLACES: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")
_DPI = 110
"""Sharp enough on a screen, and about 25 KB for a bar chart."""


class NotebookFigure(Figure):
    """A figure with a PNG of its own; ``savefig`` and everything else are matplotlib's."""

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        self.savefig(held, format="png", dpi=_DPI, metadata={"Software": None})
        return held.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the picture, and its description for exports that take one (nbconvert's classic template does)."""
        return {"image/png": self._repr_png_()}, {"image/png": {"alt": self._alt()}}

    def _alt(self) -> str:
        """Say what the axes are called and what they count."""
        told = [self.get_suptitle()]
        for axes in self.axes:
            told += [axes.get_title(loc=place) for place in _PLACES]
            told += [axes.get_ylabel(), axes.get_xlabel()]
        return ". ".join(dict.fromkeys(" ".join(one.split()) for one in told if one.strip())) or "A figure"
