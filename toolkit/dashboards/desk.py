"""The board's widgets: tabs of pictures, and the controls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from html import escape
from typing import Any

from toolkit.dashboards.clicks import kernel_hears_while_busy, let_clicks_pass
from toolkit.dashboards.controls import Controls
from toolkit.dashboards.look import stylesheet
from toolkit.display.html import cut
from toolkit.errors import DramatisError

__all__ = ["TABS", "Desk"]

TABS = ("Spend", "Latency", "Throughput", "Calls")

_LINE = 400
"""Characters of what is said below the controls."""
_HELD_BACK = (
    "While a cell blocks, this kernel cannot hear these buttons. ■ always stops a run and keeps what finished;"
    " run = tk.start(tk.ask, …) leaves the cell free, and then they work at once."
)
_MAY_BE_HELD_BACK = (
    "Does a button do nothing while a cell runs? Then this front end holds clicks back until the cell ends."
    " ■ always stops a run and keeps what finished, and run = tk.start(tk.ask, …) leaves the cell free."
)


class Desk:
    """All widgets of one board.

    Args:
        name: The board's class in the page.
        controls: What the buttons do; without it the board only shows.
        turned: Called when another tab is opened.
        looked_up: Called with a place in the list of calls that somebody wants to look into.
        again: Called to ask again what failed.
    """

    def __init__(
        self,
        name: str,
        controls: Controls | None,
        *,
        turned: Callable[[], object],
        looked_up: Callable[[int], object],
        again: Callable[[], object],
    ) -> None:
        import ipywidgets as widgets

        self._controls = controls
        self._running = False
        self._delivered = False
        self._setting = False
        self._again = again
        self._looked_up = looked_up
        self.head = widgets.HTML()
        self.tabs_html = [widgets.HTML() for _ in TABS]
        self.message = widgets.HTML()
        self._hint = widgets.HTML()
        self.asked = widgets.HTML()
        self._calls: list[str] = []
        pieces = [widgets.HTML(stylesheet(name)), self.head]
        if controls is not None:
            pieces.append(self._bar(widgets))
        pieces += [self.message, self._hint, self._tabs(widgets, turned)]
        self.root = widgets.VBox(pieces)
        self.root.add_class("dr-board").add_class("dr-html")

    @property
    def open_tab(self) -> int:
        """Which tab is seen."""
        return int(self._tab.selected_index or 0)

    def show_state(self, *, running: bool, held: bool, concurrency: int | None, left_to_retry: bool) -> None:
        """Set the controls to how things stand."""
        self._running = running
        if self._controls is None:
            let_clicks_pass([self._tab, self._picked])
            return
        self._setting = True
        try:
            self._pause.value = held
            self._pause.description = "Go on" if held else "Pause"
            self._pause.icon = "play" if held else "pause"
            self._stop.disabled = not running
            self._retry.disabled = running or not left_to_retry
            if concurrency is not None:
                self._most.value = concurrency
        finally:
            self._setting = False
        let_clicks_pass([self._tab, self._picked, self._pause, self._stop, self._most, self._budget, self._retry])
        self._hint.value = self._told() if running and not self._delivered else ""

    def list_calls(self, names: Sequence[str]) -> bool:
        """Offer these calls to look into, unless somebody looks into one; tell whether they are offered."""
        if self._picked.value not in {None, -1}:
            return False
        if list(names) != self._calls:
            self._calls = list(names)
            self._setting = True
            try:
                self._picked.options = [("choose a call …", -1), *((name, place) for place, name in enumerate(names))]
                self._picked.value = -1
            finally:
                self._setting = False
        return True

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show one line below the controls."""
        style = ' style="border-color:var(--dr-5)"' if wrong else ""
        shown = escape(cut(text, _LINE))
        self.message.value = f'<div class="dr-note" role="status"{style}>{shown}</div>' if text else ""

    # --- the controls ---

    def _bar(self, widgets: Any) -> Any:
        self._pause = widgets.ToggleButton(
            value=False, description="Pause", icon="pause", tooltip="Send nothing new; what is in flight ends"
        )
        self._stop = widgets.Button(
            description="Stop", icon="stop", button_style="danger", tooltip="End the run; what finished is kept"
        )
        self._most = widgets.BoundedIntText(
            value=1,
            min=1,
            max=10_000,
            description="Calls at once",
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "170px"},
        )
        self._budget = widgets.Text(
            placeholder="2 USD, 50_000 tokens",
            description="Budget",
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "240px"},
        )
        self._retry = widgets.Button(description="Ask failed again", icon="repeat", tooltip="lab.last.retry()")
        for one in (self._pause, self._stop, self._retry):
            one.layout.width = "auto"
        self._pause.observe(self._paused, "value")
        self._stop.on_click(lambda _: self._do(lambda controls: controls.stop()))
        self._most.observe(self._sized, "value")
        self._budget.observe(self._allowed, "value")
        self._retry.on_click(lambda _: self._heard(self._again))
        bar = widgets.HBox([self._pause, self._stop, self._most, self._budget, self._retry])
        bar.add_class("dr-controls")
        return bar

    def _tabs(self, widgets: Any, turned: Callable[[], object]) -> Any:
        self._picked = widgets.Dropdown(
            options=[("choose a call …", -1)],
            description="What was asked",
            style={"description_width": "initial"},
            layout={"width": "460px"},
        )
        self._picked.observe(self._chosen, "value")
        children = list(self.tabs_html)
        children[-1] = widgets.VBox([self.tabs_html[-1], self._picked, self.asked])
        self._tab = widgets.Tab(children=children, titles=TABS, selected_index=0)
        self._tab.observe(lambda _: turned(), "selected_index")
        return self._tab

    def _paused(self, change: Any) -> None:
        if not self._setting:
            self._do(lambda controls: controls.pause() if change["new"] else controls.go_on())

    def _sized(self, change: Any) -> None:
        if not self._setting:
            self._do(lambda controls: controls.concurrency(int(change["new"])))

    def _allowed(self, change: Any) -> None:
        if change["new"].strip():
            self._do(lambda controls: controls.budget(change["new"]))

    def _chosen(self, change: Any) -> None:
        if not self._setting:
            self._heard(lambda: self._looked_up(int(change["new"])))

    def _do(self, act: Callable[[Controls], Future[str]]) -> None:
        if self._controls is not None:
            self._heard(lambda: act(self._controls).add_done_callback(self._answered))  # type: ignore[arg-type]

    def _heard(self, act: Callable[[], object]) -> None:
        """Do what a click asks for; one that came while a run goes on shows that this front end delivers them."""
        if self._running and threading.current_thread() is not threading.main_thread():
            self._delivered = True
        act()

    def _answered(self, done: Future[str]) -> None:
        error = done.exception()
        if error is None:
            self.say(done.result())
        else:
            self.say(str(error) if isinstance(error, DramatisError) else type(error).__name__, wrong=True)

    def _told(self) -> str:
        text = _MAY_BE_HELD_BACK if kernel_hears_while_busy() else _HELD_BACK
        return f'<div class="dr-quiet" style="font-size:12px">{escape(text)}</div>'
