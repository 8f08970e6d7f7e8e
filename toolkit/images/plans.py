"""What a planner returns: plans in order, and the requests that no plan came of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from toolkit.display import Result
from toolkit.display.html import cut, table
from toolkit.images.errors import PlanningError
from toolkit.images.plan import ImagePlan
from toolkit.images.prices import price_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ImagePlans", "the_plan"]

_COLUMNS: Mapping[str, str] = {
    "item": "what the plan was asked for as: the person's id, or the request's place",
    "plan_id": "SHA-256 of all that decides the picture",
    "image_type": "what kind of picture it is",
    "size": "width x height, pixels",
    "n": "how many variations",
    "style": "how it is to be drawn",
    "original_prompt": "what was asked for",
    "enhanced_prompt": "what the renderer is told",
    "persona": "id of the persona it shows",
    "session": "what it belongs to; names its folder",
}
_KINDS = ("image_type", "size", "style")
"""Said once where they are the same for all plans, else columns."""


class ImagePlans(Result, Sequence[ImagePlan]):
    """Plans in order. Index them, loop over them, give them to ``render_images``.

    Columns of ``frame``, one row a plan: ``item``, ``plan_id``, ``image_type``, ``size``, ``n``, ``style``,
    ``original_prompt``, ``enhanced_prompt``, ``persona`` and ``session``.

    Example:
        >>> from toolkit.images import plan_images
        >>> plans = plan_images(["a red fox", "a snow hare"], type="beast", lab=lab)
        >>> len(plans), plans.frame["image_type"].tolist()
        (2, ['beast', 'beast'])
    """

    def __init__(self, plans: Sequence[tuple[str, ImagePlan]], **rest: Any) -> None:
        super().__init__(**rest)
        self._items = tuple(item for item, _ in plans)
        self._plans = tuple(plan for _, plan in plans)

    def __len__(self) -> int:
        """Return how many plans there are."""
        return len(self._plans)

    @overload
    def __getitem__(self, place: int) -> ImagePlan: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[ImagePlan, ...]: ...

    def __getitem__(self, place: int | slice) -> ImagePlan | tuple[ImagePlan, ...]:
        """Return one plan, or several."""
        return self._plans[place]

    def __iter__(self) -> Iterator[ImagePlan]:
        """Yield the plans in order."""
        return iter(self._plans)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a plan."""
        import pandas as pd

        rows = [
            (
                item, one.plan_id, one.image_type, one.size, one.n, one.style, one.original_prompt, one.enhanced_prompt,
                str(one.metadata.get("persona", "")), one.session_id,
            )
            for item, one in zip(self._items, self._plans, strict=True)
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def _meanings(self) -> Mapping[str, str]:
        return _COLUMNS

    def price(self, renderer: str | None = None, *, quality: str = "medium") -> float | None:
        """Return what rendering all of them will cost, in USD; ``None`` where that of any is unknown.

        Example:
            >>> from toolkit.images import plan_images
            >>> plan_images(["a red fox"], lab=lab).price()
            0.0
        """
        told = [plan.price(renderer, quality=quality) for plan in self._plans]
        known = [one for one in told if one is not None]
        return round(sum(known), 12) if len(known) == len(told) else None

    # --- how it shows ---

    def _title(self) -> str:
        count = len(self._plans)
        return f"{count:,} image plan{'' if count == 1 else 's'}"

    def _facts(self) -> list[str]:
        named = {plan.model or "sketch" for plan in self._plans}
        told = price_text(next(iter(named)), self.price()) if len(named) == 1 else ""
        alike = [str(getattr(self._plans[0], name)) for name in _KINDS if name not in self._different() and self._plans]
        return [*super()._facts(), *alike, f"to render: {told}" if told else ""]

    def _different(self) -> list[str]:
        """Return which of type, size and style are not the same for all plans."""
        return [name for name in _KINDS if len({getattr(plan, name) for plan in self._plans}) > 1]

    def _body(self) -> str:
        shown = self.frame.assign(enhanced_prompt=[cut(text, 150) for text in self.frame["enhanced_prompt"]])
        return table(shown[["item", *self._different(), "original_prompt", "enhanced_prompt"]])


def the_plan(plans: ImagePlans) -> ImagePlan:
    """Return the one plan of a result.

    Raises:
        PlanningError: None came.
    """
    if len(plans):
        return plans[0]
    first = plans.errors.iloc[0]
    raise PlanningError(
        f"no plan came of {first['item']}: {first['message']}",
        hint="Nothing was rendered; plan again, or .result.retry().",
        result=plans,
    )
