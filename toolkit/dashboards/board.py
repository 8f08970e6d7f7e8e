"""The live board of a lab: spend, latency, throughput and calls, while they happen."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from toolkit.bridge import bridge
from toolkit.dashboards.baseline_bands import bands_of
from toolkit.dashboards.calls import asked_html, calls_html, choices
from toolkit.dashboards.chart import Bars, Chart
from toolkit.dashboards.controls import Controls
from toolkit.dashboards.desk import Desk
from toolkit.dashboards.feed import Feed, LabFeed
from toolkit.dashboards.frozen import frozen_html
from toolkit.dashboards.latency import latency_charts, latency_html
from toolkit.dashboards.pulse import Pulse
from toolkit.dashboards.spend import spend_charts, spend_html
from toolkit.dashboards.state import Moment
from toolkit.dashboards.summary import facts, summary_html
from toolkit.dashboards.throughput import throughput_charts, throughput_html
from toolkit.dashboards.totals import Seen
from toolkit.display.html import card, fit
from toolkit.errors import Interrupted, InvalidInput
from toolkit.lab import current_lab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.lab import Lab

__all__ = ["Board", "dashboard"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_FREEZE_EVERY = 3.0
"""Seconds between two frozen pictures while something runs; one more follows when it ends."""

_numbers = itertools.count(1)


class Board:
    """A board, live where widgets are, and a picture everywhere else. ``dashboard`` opens one.

    Args:
        feed: Where the numbers come from; made on the private loop.
        lab: The lab that the controls act on; without it the board only shows.
        baseline: What ``bands_of`` takes.
        asked: Returns what was asked in a call and said, exchange by exchange, scrubbed.
    """

    def __init__(
        self,
        feed: Callable[[], Feed],
        *,
        lab: Lab | None = None,
        baseline: Any = None,
        asked: Callable[[Seen], Iterable[str]] = lambda _: (),
    ) -> None:
        self._bands = bands_of(baseline)
        self._lab = lab
        self._asked = asked
        self._name = f"dr-{next(_numbers)}-{time.time_ns() % 10**9}"
        self._desk: Desk | None = None
        self._handle: Any = None
        self._live: Any = None
        self._drawn: tuple[int, int] = (-1, -1)
        self._frozen_at = 0.0
        self._stale = True
        self._listed: list[Seen] = []
        self._feed: Feed = bridge().submit(_made(feed)).result()
        self._pulse: Pulse | None = None

    # --- what it holds ---

    @property
    def charts(self) -> dict[str, Chart | Bars]:
        """All charts by name, as they are now."""
        charts: dict[str, Chart | Bars] = self._here(self._charts)
        return charts

    def figure(self, name: str = "spend", *, width: float = 7.0, height: float = 3.2) -> Figure:
        """Return one chart as a matplotlib figure, for a paper.

        Args:
            name: ``spend``, ``tokens``, ``latency``, ``latency over time``, ``waits``, ``throughput``,
                ``tokens per minute``, ``in flight`` or ``failures``.
            width: In inches.
            height: In inches.

        Raises:
            InvalidInput: No such chart.

        Example:
            >>> dashboard(lab).figure("spend").axes[0].get_title(loc="left")
            'Tokens spent'
        """
        from toolkit.dashboards.figures import drawn

        charts = self.charts
        if name not in charts:
            raise InvalidInput(f"the board has no chart {name!r}", hint=f"There are: {', '.join(charts)}.")
        return drawn(charts[name], width, height)

    @property
    def html(self) -> str:
        """The board as a picture that needs no kernel: one HTML card."""
        html: str = self._here(self._frozen)
        return html

    def close(self) -> None:
        """Look no more; the picture of how things stood takes the place of the widgets. Closing twice is harmless."""
        if self._pulse is not None:
            self._pulse.end()
        self._here(self._freeze)
        self._feed.close()
        if self._live is not None:
            self._live.update({"text/html": "", "text/plain": ""}, raw=True)
            self._live = None
            if self._desk is not None:
                self._desk.root.close()

    @property
    def kernel_seconds(self) -> float:
        """Seconds of the private loop that one look took so far, on average."""
        pulse = self._pulse
        return pulse.seconds / pulse.looks if pulse is not None and pulse.looks else 0.0

    # --- how it shows ---

    @property
    def widget(self) -> Any:
        """The board as an ipywidget, alive from now on."""
        if self._desk is None:
            controls = Controls(self._lab) if self._lab is not None else None
            self._desk = Desk(
                self._name,
                controls,
                turned=self._turned,
                looked_up=lambda place: bridge().call(lambda: self._look_up(place)),
                again=self._ask_again,
            )
            self._here(lambda: self._feed.pull(everything=True))
            self._here(self._look)
            self._pulse = Pulse(self._look)
        return self._desk.root

    def _ipython_display_(self) -> None:
        """Show two outputs: the live widgets, and a picture that only shows where these are not alive."""
        from IPython.display import display

        show: Any = display
        live = {_WIDGET: self._view(), "text/html": "", "text/plain": repr(self)}
        self._live = show(live, raw=True, display_id=f"{self._name}-live")
        self._handle = show(self._picture(), raw=True, display_id=self._name)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return {_WIDGET: self._view(), "text/html": self.html, "text/plain": repr(self)}

    def __repr__(self) -> str:
        """Return the board as two lines of text."""
        title, told = self._here(self._facts)
        return f"Board of {title}\n  {' · '.join(told)}"

    def _view(self) -> dict[str, Any]:
        return {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}

    def _picture(self) -> dict[str, str]:
        return {"text/html": f'<div class="{self._name}-frozen">{self.html}</div>', "text/plain": repr(self)}

    # --- on the private loop ---

    def _here(self, act: Callable[[], Any]) -> Any:
        """Do something on the private loop and wait for it; there, do it at once."""
        if threading.current_thread().name == "dramatis-loop":
            return act()
        return bridge().submit(_made(act)).result()

    def _look(self) -> None:
        """Read what is new, and draw what is seen if anything changed."""
        desk = self._desk
        changed = self._feed.pull()
        if desk is None:
            return
        tab = desk.open_tab
        moment = self._feed.moment()
        if changed or (tab, len(moment.runs)) != self._drawn:
            self._drawn = tab, len(moment.runs)
            self._stale = True
            self._draw(desk, tab, moment)
        if self._stale and (not moment.runs or time.monotonic() - self._frozen_at > _FREEZE_EVERY):
            self._freeze()

    def _draw(self, desk: Desk, tab: int, moment: Moment) -> None:
        totals, speed = self._feed.totals, self._feed.speed
        until = totals.time.until(time.time()) if moment.runs else totals.time.worked
        desk.head.value = summary_html(totals, moment, speed)
        drawn: dict[int, Callable[[], str]] = {
            0: lambda: spend_html(totals, moment, until),
            1: lambda: latency_html(totals, until, self._bands),
            2: lambda: throughput_html(totals, moment, speed, until, self._bands),
            3: lambda: calls_html(totals, self._feed.log),
        }
        desk.tabs_html[tab].value = drawn[tab]()
        if tab == 3:  # noqa: PLR2004  # the calls
            listed = choices(totals)
            if desk.list_calls([name for name, _ in listed]):
                self._listed = [seen for _, seen in listed]
        last = getattr(self._lab, "last", None)
        left = last is not None and bool(totals.of("failed"))
        desk.show_state(running=bool(moment.runs), held=moment.held, concurrency=moment.concurrency, left_to_retry=left)

    def _charts(self) -> dict[str, Chart | Bars]:
        self._feed.pull(everything=True)
        totals, moment = self._feed.totals, self._feed.moment()
        until = totals.time.worked
        return {
            **spend_charts(totals, moment, until),
            **latency_charts(totals, until, self._bands),
            **throughput_charts(totals, moment, until, self._bands),
        }

    def _facts(self) -> tuple[str, list[str]]:
        self._feed.pull(everything=True)
        return self._feed.moment().title, facts(self._feed.totals)

    def _frozen(self) -> str:
        charts = self._charts()
        moment = self._feed.moment()
        title, told = f"Board of {moment.title}", facts(self._feed.totals)
        return fit(frozen_html(title, [*told, moment.model], charts, moment.notes), card(title, told))

    def _freeze(self) -> None:
        """Renew the picture that a saved notebook keeps."""
        self._frozen_at, self._stale = time.monotonic(), False
        if self._handle is not None:
            self._handle.update(self._picture(), raw=True)

    def _look_up(self, place: int) -> None:
        desk = self._desk
        if desk is None:
            return
        if not 0 <= place < len(self._listed):
            desk.asked.value = ""
            return
        desk.asked.value = asked_html(self._asked(self._listed[place]))

    # --- clicks ---

    def _turned(self) -> None:
        if self._pulse is not None:
            self._pulse.now()

    def _ask_again(self) -> None:
        """Ask what failed again, on a thread of its own; the result is at ``lab.last``."""
        threading.Thread(target=self._retry, name="dramatis-retry", daemon=True).start()

    def _retry(self) -> None:
        desk, last = self._desk, getattr(self._lab, "last", None)
        if desk is None or last is None:
            return
        desk.say("Asking again what failed; the result will be at lab.last.")
        try:
            result = last.retry()
        except (InvalidInput, Interrupted) as error:
            desk.say(str(error), wrong=True)
        else:
            desk.say(f"Asked again: {len(result.errors):,} are left. The result is at lab.last.")


async def _made(act: Callable[[], Any]) -> Any:
    """Do something where the loop is; it waits for nothing."""
    return act()


_boards: weakref.WeakKeyDictionary[Any, weakref.ref[Board]] = weakref.WeakKeyDictionary()
"""The open board of each lab: a cell that is run again replaces it, instead of leaving more and more behind."""


def dashboard(lab: Lab | None = None, *, baseline: Any = None) -> Board:
    """Open the live board of a lab: spend, latency, throughput and calls, with controls that act while it runs.

    The last line of a cell shows it. It is drawn at most four times a second, also while a cell blocks or awaits, and
    what a saved notebook, an export or a preview elsewhere shows is a picture of how things stood.

    Args:
        lab: The lab; by default the current one.
        baseline: What to compare with: ``"reference"`` for the baseline in the repository, a file that
            ``toolkit bench --out`` wrote, or nothing.

    Returns:
        The board. ``board.figure("spend")`` is a chart for a paper.

    Raises:
        InvalidInput: The baseline cannot be read.

    Example:
        >>> panel = generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
        >>> board = dashboard(lab)
        >>> print(board)
        Board of study
          3 calls · 3 live · ...
        >>> board.close()
    """
    lab = current_lab(lab)
    watched = lab
    held = _boards.pop(lab, None)
    before = held() if held is not None else None
    board = Board(lambda: LabFeed(watched), lab=lab, baseline=baseline, asked=lambda seen: _transcripts(watched, seen))
    if before is not None:
        before.close()
    _boards[lab] = weakref.ref(board)
    return board


def _transcripts(lab: Lab, seen: Seen) -> list[str]:
    if not lab.settings.transcripts:
        return []
    return [str(one) for one in lab.transcript(seen.item, seen.stage) if one.key == seen.key]
