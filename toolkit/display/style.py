"""One look for all: colours, and a matplotlib figure that wears them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACCENT", "MUTED", "PALETTE", "WARNING", "figure", "save"]

PALETTE: tuple[str, ...] = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Colours that people with colour-blindness can tell apart (M. Okabe and K. Ito, 2008), most useful first."""

ACCENT = PALETTE[0]
MUTED = "#8a8f98"
WARNING = PALETTE[5]

_styling = threading.Lock()
"""matplotlib's settings are one for all threads: two figures made at once would leave our style with the user."""

_INK = "#1b1e23"

_RC: Mapping[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "white",
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.size": 9.5,
    "text.color": _INK,
    "grid.alpha": 0.25,
    "savefig.facecolor": "white",
}


def figure(width: float = 7.0, height: float = 3.2, *, title: str = "") -> tuple[Figure, Axes]:
    """Return a new figure and its axes, in the house style and without pyplot's global state; notebooks show it.

    Args:
        width: In inches.
        height: In inches.
        title: Stands above the axes, at the left.

    Example:
        >>> fig, axes = figure(title="Votes")
        >>> axes.get_title(loc="left")
        'Votes'
    """
    import matplotlib as mpl

    from toolkit.display.picture import NotebookFigure

    with _styling, mpl.rc_context(dict(_RC)):  # type: ignore[arg-type]  # the stubs list every key
        made = NotebookFigure(figsize=(width, height), layout="constrained")
        axes = made.add_subplot()
        axes.set_prop_cycle(color=PALETTE)
        axes.tick_params(colors=_INK)  # ticks are made when they are drawn, under whatever style the user has by then
        if title:
            axes.set_title(title, loc="left")
        return made, axes


_STAMPS: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""What a form of file would say of its maker or its time of writing."""


def save(fig: Figure, path: Any, *, dpi: int = 144) -> None:
    """Write a figure as a file whose bytes do not depend on the time of writing.

    Args:
        fig: The figure.
        path: Where to write; its suffix says the form (PNG, SVG, PDF). A binary file gets a PNG.
        dpi: Dots an inch, for PNG.

    Example:
        >>> import io
        >>> fig, axes = figure()
        >>> save(fig, io.BytesIO())
    """
    import matplotlib as mpl

    form = Path(path).suffix.lower().removeprefix(".") or "png" if isinstance(path, (str, Path)) else "png"
    with _styling, mpl.rc_context({"svg.hashsalt": "dramatis"}):  # its ids are random otherwise
        fig.savefig(path, dpi=dpi, format=form, metadata=_STAMPS.get(form))
