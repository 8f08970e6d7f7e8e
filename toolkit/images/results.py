"""What a rendering returns: pictures in the order of their plans, and those that failed with theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from toolkit.display import Result
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import BudgetReached
from toolkit.images.result import ImageResult

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.images.gallery import Gallery

__all__ = ["ImageResults", "the_picture"]

_COLUMNS: Mapping[str, str] = {
    "item": "the plan's item, and which variation",
    "plan_id": "SHA-256 of all that decides the picture",
    "variation": "which of the plan's variations, from 1",
    "type": "what kind of picture it is",
    "session": "what it belongs to; names its folder",
    "persona": "id of the persona it shows",
    "status": "ok, failed, or not_run: stopped before",
    "reused": "whether it was stored already, and nothing was rendered",
    "service": "the renderer",
    "model": "the renderer's model",
    "width": "pixels",
    "height": "pixels",
    "size_bytes": "bytes of the file",
    "latency_s": "seconds that rendering took",
    "cost_usd": "USD it cost; empty where the price is unknown",
    "original_prompt": "what was asked for",
    "sha256": "digest of the file",
    "storage_path": "where it lies, under the store's root",
}
_BRIEF = LARGEST_REPR - 8_000


class ImageResults(Result, Sequence[ImageResult]):
    """Pictures in the order of their plans; those that failed are there too, with ``success == False`` and their plan.

    Columns of ``frame``, one row a picture: ``item``, ``plan_id``, ``variation``, ``type``, ``session``, ``persona``,
    ``status`` (``ok``, ``failed``, ``not_run``), ``reused``, ``service``, ``model``, ``width`` and ``height`` (pixels),
    ``size_bytes``, ``latency_s``, ``cost_usd``, ``original_prompt``, ``sha256`` and ``storage_path``.

    Example:
        >>> from toolkit.images import ImagePlan, render_images
        >>> pictures = render_images(
        ...     [ImagePlan("A red fox", size="256"), ImagePlan("A snow hare", size="256")], lab=lab
        ... )
        >>> len(pictures), pictures.frame["status"].tolist()
        (2, ['ok', 'ok'])
    """

    def __init__(self, pictures: Sequence[ImageResult], **rest: Any) -> None:
        super().__init__(**rest)
        self._pictures = tuple(pictures)

    def __len__(self) -> int:
        """Return how many there are, failed ones included."""
        return len(self._pictures)

    @overload
    def __getitem__(self, place: int) -> ImageResult: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[ImageResult, ...]: ...

    def __getitem__(self, place: int | slice) -> ImageResult | tuple[ImageResult, ...]:
        """Return one picture, or several."""
        return self._pictures[place]

    def __iter__(self) -> Iterator[ImageResult]:
        """Yield them in order."""
        return iter(self._pictures)

    @property
    def failed(self) -> tuple[ImageResult, ...]:
        """Those without a picture."""
        return tuple(one for one in self._pictures if not one.success)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a picture."""
        import pandas as pd

        rows = [
            (
                outcome.item, one.plan.plan_id, one.variation, one.plan.image_type, one.plan.session_id,
                str(one.plan.metadata.get("persona", "")),
                "ok" if one.success else "failed" if outcome.ended else "not_run",
                one.reused, one.service, one.model, one.width, one.height,
                one.stored.size_bytes if one.stored is not None else 0,
                one.latency_s, one.cost, one.plan.original_prompt, one.sha256, one.storage_path,
            )
            for one, outcome in zip(self._pictures, self._outcomes, strict=True)
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=list(_COLUMNS))
        return frame.astype({"latency_s": "float64", "cost_usd": "float64"})

    def _meanings(self) -> Mapping[str, str]:
        return _COLUMNS

    def gallery(self, *, type: str | None = None, persona: str | None = None) -> Gallery:  # noqa: A002  # the field's word
        """Return them as a grid, newest first, with failed cards and a retry; see ``toolkit.images.gallery``."""
        from toolkit.images.gallery import gallery

        return gallery(self, type=type, persona=persona)

    # --- how it shows ---

    def _title(self) -> str:
        count = len(self._pictures)
        return f"{count:,} picture{'' if count == 1 else 's'}"

    def _facts(self) -> list[str]:
        reused = sum(one.reused for one in self._pictures)
        told = [fact for fact in super()._facts() if not fact.endswith("from memory")]
        facts = [*told[:2], f"{reused:,} reused" if reused else "", *told[2:]]
        return [fact for fact in facts if fact and fact != "0 tokens"]

    def _body(self) -> str:
        from toolkit.images.gallery import grid

        return grid(self._pictures, room=_BRIEF)


def the_picture(pictures: ImageResults) -> ImageResult:
    """Return the one picture of a result.

    Raises:
        RenderError: It failed; the plan is attached.
        BudgetReached: It was not begun for want of budget.
    """
    one = pictures[0]
    if one.success:
        return one
    if one.kind is None:
        raise BudgetReached(
            f"the picture was not rendered: {one.error}", hint="Render the plan again with more.", result=pictures
        )
    raise one.failure(pictures)
