"""The gallery with buttons: a retry on each failed card, done in the background while the notebook goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.bridge import bridge
from toolkit.display.html import LARGEST_REPR, card
from toolkit.engine import Run
from toolkit.errors import DramatisError, InvalidInput
from toolkit.images.gallery import Gallery, grid
from toolkit.images.result import ImageResult

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["gallery_widget"]


def gallery_widget(gallery: Gallery) -> Any:
    """Return a gallery as a widget.

    A button only begins a run on the private loop; its card is drawn anew when that run ends.

    Args:
        gallery: What to show.

    Raises:
        InvalidInput: ipywidgets is not installed.
    """
    try:
        import ipywidgets
    except ImportError as error:
        raise InvalidInput("buttons need ipywidgets, which is not installed", hint="Use gallery.retry().") from error
    failed = [_Failed(ipywidgets, one, gallery).box for one in gallery.failed]
    good = [one for one in gallery if one.success]
    shown = ipywidgets.HTML(card("Gallery", [f"{len(good):,} pictures"], grid(good, room=LARGEST_REPR - 4_000)))
    return ipywidgets.VBox([*failed, shown])


class _Failed:
    """One failed picture with its button."""

    def __init__(self, widgets: Any, picture: ImageResult, gallery: Gallery) -> None:
        self._picture = picture
        self._gallery = gallery
        self._shown = widgets.HTML(grid([picture], room=LARGEST_REPR))
        self._button = widgets.Button(description="Retry", tooltip="Render this plan again, without planning")
        self._button.on_click(self._begin)
        self.box = widgets.HBox([self._shown, self._button])

    def _begin(self, _: Any) -> None:
        from toolkit.images.render import render_images

        one = self._picture
        self._button.disabled, self._button.description = True, "Rendering …"
        try:
            job = render_images.job([one.plan], **one.asked, lab=self._gallery.lab)
        except DramatisError as error:
            self._say(str(error))
            return
        bridge().submit(job.run(Run(job.name))).add_done_callback(self._end)

    def _end(self, run: Future[Any]) -> None:
        try:
            self._picture = run.result()[self._picture.variation]
        except DramatisError as error:
            self._say(str(error))
            return
        self._shown.value = grid([self._picture], room=LARGEST_REPR)
        if self._picture.success:
            self._button.layout.display = "none"
        else:
            self._say("")

    def _say(self, text: str) -> None:
        self._button.disabled, self._button.description = False, "Retry"
        if text:
            self._button.tooltip = text
