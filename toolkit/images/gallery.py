"""A grid of pictures, newest first: what was asked, who drew it, for how much; failed ones with plan and retry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, overload

from toolkit.display.html import LARGEST_REPR, card, cut, fit
from toolkit.errors import InvalidInput
from toolkit.images.plan import one_type
from toolkit.images.result import ImageResult, shown_picture
from toolkit.images.results import ImageResults
from toolkit.images.store import ImageStore
from toolkit.lab import Lab, current_lab

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Gallery", "gallery", "grid"]

_MOST = 48
"""Cards of a grid in a repr."""
_WORDS = 700
"""Characters a card takes beside its picture."""
_BORDER = "border:1px solid #8a8f9855;border-radius:6px;padding:8px"
_FAILED = "border:1px solid #D55E00;border-radius:6px;padding:8px"


class Gallery(Sequence[ImageResult]):
    """Pictures, newest first. Filter it, retry what failed, look at it as a grid or, with buttons, as ``widget()``.

    Example:
        >>> from toolkit.images import ImagePlan, render_images
        >>> pictures = render_images([ImagePlan("A red fox", size="256", image_type="beast")], lab=lab)
        >>> len(pictures.gallery(type="beast")), len(pictures.gallery(type="portrait"))
        (1, 0)
    """

    def __init__(self, pictures: Iterable[ImageResult], *, lab: Lab | None = None) -> None:
        self._pictures = tuple(pictures)
        self.lab = lab

    def __len__(self) -> int:
        """Return how many there are, failed ones included."""
        return len(self._pictures)

    @overload
    def __getitem__(self, place: int) -> ImageResult: ...

    @overload
    def __getitem__(self, place: slice) -> Gallery: ...

    def __getitem__(self, place: int | slice) -> ImageResult | Gallery:
        """Return one picture, or a gallery of several."""
        found = self._pictures[place]
        return found if isinstance(found, ImageResult) else Gallery(found, lab=self.lab)

    def __iter__(self) -> Iterator[ImageResult]:
        """Yield them, newest first."""
        return iter(self._pictures)

    @property
    def failed(self) -> tuple[ImageResult, ...]:
        """Those without a picture."""
        return tuple(one for one in self._pictures if not one.success)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a picture: the values of ``ImageResult.to_dict()``."""
        import pandas as pd

        return pd.DataFrame([one.to_dict() for one in self._pictures])

    def filter(self, *, type: str | None = None, persona: str | None = None) -> Gallery:  # noqa: A002  # the field's word
        """Return the pictures of one type, of one persona, or both.

        Args:
            type: ``portrait``, ``scene`` …
            persona: A persona's id or name.

        Raises:
            InvalidInput: There is no such type.
        """
        kind = None if type is None else one_type(type)
        found = [
            one
            for one in self._pictures
            if (kind is None or one.plan.image_type == kind) and (persona is None or persona in _shown_in(one))
        ]
        return Gallery(found, lab=self.lab)

    def retry(self, *, renderer: str | None = None) -> Gallery:
        """Render the plans of failed pictures again, without planning, and return the gallery with what came.

        Args:
            renderer: Another one; by default the one that failed.

        Raises:
            RenderError: Of kind ``no_provider``.
        """
        from toolkit.images.render import render_images

        groups: dict[tuple[Any, ...], list[ImageResult]] = {}
        for one in self.failed:
            asked = one.asked | ({"renderer": renderer} if renderer is not None else {})
            groups.setdefault(tuple(asked.items()), []).append(one)
        drawn: dict[tuple[Any, ...], ImageResult] = {}
        for group, failed in groups.items():
            plans = list(dict.fromkeys(one.plan for one in failed))
            for one in render_images(plans, **dict(group), lab=self.lab):
                drawn[one.plan, one.variation, group] = one
        found = {id(one): drawn[one.plan, one.variation, group] for group, failed in groups.items() for one in failed}
        return Gallery([found.get(id(one), one) for one in self._pictures], lab=self.lab)

    def widget(self) -> Any:
        """Return the gallery with a button on each failed card that renders its plan again, in the background.

        Raises:
            InvalidInput: ipywidgets is not installed.
        """
        from toolkit.images.buttons import gallery_widget

        return gallery_widget(self)

    # --- how it shows ---

    def _facts(self) -> list[str]:
        failed, sketches = len(self.failed), sum(one.success and one.service == "sketch" for one in self._pictures)
        facts = [f"{len(self._pictures) - failed:,} pictures", f"{failed:,} failed" if failed else ""]
        return [fact for fact in (*facts, f"{sketches:,} of them sketches" if sketches else "") if fact]

    def __repr__(self) -> str:
        """Return the gallery as plain text, a line a picture."""
        lines = [f"Gallery: {' · '.join(self._facts())}"]
        for one in self._pictures[:_MOST]:
            said = one.storage_path if one.success else f"! {one.kind}: {cut(one.error, 120)}"
            lines.append(f"  {one.plan.image_type} {cut(one.plan.original_prompt, 60)}: {said}")
        more = len(self._pictures) - _MOST
        return "\n".join([*lines, *([f"  … and {more:,} more"] if more > 0 else [])])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        notes = ["gallery.retry() renders failed plans again, without planning."] if self.failed else []
        brief = card("Gallery", self._facts(), notes=notes)
        full = card("Gallery", self._facts(), grid(self._pictures, room=LARGEST_REPR - 4_000), notes=notes)
        return {"text/plain": repr(self), "text/html": fit(full, brief)}


def gallery(
    of: Any = None,
    *,
    type: str | None = None,  # noqa: A002  # the field's word
    persona: str | None = None,
) -> Gallery:
    """Return pictures as a grid, newest first.

    Args:
        of: What ``render_images`` returned, several of these or of single pictures, an ``ImageStore``, or a lab for all
            that its study keeps; the current lab when not given.
        type: Only this type of image.
        persona: Only pictures of this persona, by id or name.

    Raises:
        InvalidInput: It holds no pictures, or there is no such type.

    Example:
        >>> from toolkit.images import ImagePlan, render_image
        >>> picture = render_image(ImagePlan("A red fox", size="256"), lab=lab)
        >>> gallery(lab)[0].sha256 == picture.sha256
        True
    """
    lab, pictures = _gathered(current_lab() if of is None else of)
    made = Gallery(pictures, lab=lab)
    return made if type is None and persona is None else made.filter(type=type, persona=persona)


def grid(pictures: Sequence[ImageResult], *, room: int) -> str:
    """Return pictures as a grid of cards in HTML.

    Args:
        pictures: Which, in order.
        room: Characters it may take; pictures are shown smaller, and then fewer, to fit.
    """
    shown = pictures[:_MOST]
    if not shown:
        return ""
    each = room // len(shown) - _WORDS
    cards = []
    used = 0
    for one in shown:
        piece = _card(one, each)
        used += len(piece)
        if used > room:
            break
        cards.append(piece)
    more = len(pictures) - len(cards)
    tail = f'<div style="opacity:.75">… and {more:,} more</div>' if more else ""
    columns = "display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:10px;margin:8px 0"
    return f'<div style="{columns}">{"".join(cards)}</div>{tail}'


def _card(one: ImageResult, room: int) -> str:
    said = f'<div style="font-weight:600">{escape(cut(one.plan.original_prompt, 80))}</div>'
    facts = f'<div style="opacity:.75">{escape(" · ".join(one.facts()))}</div>'
    if one.success:
        return (
            f'<div style="{_BORDER}">{shown_picture(one, room=room, largest=300, wide="width:100%")}{said}{facts}</div>'
        )
    why = f"<div>{escape(one.kind or 'not run')}: {escape(cut(one.error, 160))}</div>"
    plan = f'<div style="margin-top:6px">{escape(cut(one.plan.enhanced_prompt, 300))}</div>'
    mark = f'<div style="opacity:.75;margin-top:6px">plan {one.plan.plan_id[:12]}</div>'
    return f'<div style="{_FAILED}">{said}{why}{plan}{mark}{facts}</div>'


def _gathered(of: Any) -> tuple[Lab | None, list[ImageResult]]:
    """Return whose pictures these are, and the pictures, newest first."""
    if isinstance(of, Lab):
        return of, _of_store(ImageStore.of(of))
    if isinstance(of, ImageStore):
        return None, _of_store(of)
    if isinstance(of, Gallery):
        return of.lab, list(of)
    groups = [of] if isinstance(of, ImageResults | ImageResult) else of
    if isinstance(groups, str) or not isinstance(groups, Iterable):
        raise InvalidInput(f"{of!r} holds no pictures", hint="Give what render_images returned, or a lab.")
    found: list[ImageResult] = []
    lab: Lab | None = None
    for one in groups:
        if isinstance(one, ImageResults | Gallery):
            lab = lab or one.lab
            found += list(one)
        elif isinstance(one, ImageResult):
            found.append(one)
        else:
            raise InvalidInput(f"{one!r} is no picture", hint="Give what render_image or render_images returned.")
    numbered = list(enumerate(found))
    numbered.sort(key=lambda pair: (pair[1].created_at or "9", pair[0]), reverse=True)
    return lab, [one for _, one in numbered]


def _of_store(store: ImageStore) -> list[ImageResult]:
    found = []
    for body in store.sidecars():
        try:
            found.append(ImageResult.of_sidecar(body, store))
        except InvalidInput:  # one damaged sidecar must not hide the others
            continue
    return found


def _shown_in(one: ImageResult) -> set[str]:
    return {str(one.plan.metadata.get(name)) for name in ("persona", "persona_name")}
