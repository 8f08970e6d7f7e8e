"""The job behind ``render_image`` and ``render_images``: one call a picture, equal ones once."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.engine import Budget, Outcome
from toolkit.errors import CallError, InvalidReply
from toolkit.images.errors import PersistFailed, kind_of
from toolkit.images.painter import Painter, Picture, looked_at
from toolkit.images.renderer import Order
from toolkit.images.renderers.sketch import Sketch, drawn
from toolkit.images.result import ImageResult
from toolkit.images.results import ImageResults
from toolkit.verbs import Job
from toolkit.verbs.forecasts import Forecasts
from toolkit.verbs.job import run_blocking

if TYPE_CHECKING:
    from toolkit.display import Report
    from toolkit.engine import Engine
    from toolkit.images.store import ImageStore, Stored
    from toolkit.lab import Lab
    from toolkit.models import Call, Reply

__all__ = ["Piece", "Rendering"]

_SKETCHES = "Sketches show a composition for the type of image and the words of the plan; they are not photographs."
_OTHER_BYTES = (
    "Drawn again from the recorded plan by other versions of Pillow or of its fonts: the bytes are not the same."
)
_LOSSES = 100
"""How often the stored picture of one plan may be lost and drawn again; each time has a key of its own."""
_log = logging.getLogger(__name__)
_Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One picture that was asked for."""

    order: Order
    painter: str
    """``provider:model`` of the renderer."""
    mark: str
    """SHA-256 of the order whatever its generation."""

    @property
    def key(self) -> _Key:
        """What equal pictures share."""
        return self.painter, self.order.text, self.order.variation

    @property
    def item(self) -> str:
        """Its row: whose it is, or which plan's, and the variation where there are several."""
        plan = self.order.plan
        name = str(plan.metadata.get("persona") or plan.plan_id[:12])
        return f"{name}/{self.order.variation + 1}" if plan.n > 1 else name


@dataclass(slots=True)
class _Placed:
    """Where a picture lies, by session, or why it could not be put there."""

    by_session: dict[str, Stored | PersistFailed]


class _Billed(Forecasts):
    """Counts the pictures that somebody may bill."""

    def __init__(self, engine: Engine, of: int | None = None) -> None:
        super().__init__(engine, of)
        self._local = {name for name, one in engine.others.items() if getattr(one.model, "local", False)}

    def add(self, call: Call) -> None:
        """Count one call in, unless it is drawn on this machine."""
        if call.model not in self._local:
            super().add(call)


class Rendering(Job[ImageResults]):
    """One call a picture.

    Args:
        lab: Where.
        rows: What is asked for, in order.
        store: Where pictures are kept.
        name: The verb's name.
        strict: Whether failures raise.
        budget: What the run may spend.
    """

    name = "render_images"

    def __init__(
        self,
        lab: Lab,
        rows: Sequence[Piece],
        store: ImageStore,
        *,
        name: str,
        strict: bool,
        budget: str | Budget | None,
    ) -> None:
        super().__init__(lab, seed=None, strict=strict)
        self.budget = Budget.of(budget)  # the base class would hold it against the price of the lab's own model
        self.name = name
        self.attempts = 1 if lab.mode == "replay" else _LOSSES
        self._rows = tuple(rows)
        self._store = store

    @cached_property
    def _pieces(self) -> dict[_Key, list[Piece]]:
        """The pictures to draw, each with all who asked for it."""
        found: dict[_Key, list[Piece]] = {}
        for piece in self._rows:
            found.setdefault(piece.key, []).append(piece)
        return found

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say about who draws."""
        return (_SKETCHES,) if any(piece.painter.startswith("sketch:") for piece in self._rows) else ()

    def forecast(self, of: int | None = None) -> Forecasts:
        """Return what adds up what calls will take; what is drawn on this machine takes nothing."""
        return _Billed(self.lab.engine, of)

    def calls(self) -> Iterator[Call]:
        """Make one call a picture, in order."""
        for first, *_ in self._pieces.values():
            yield first.order.call(item=first.item, model=first.painter)

    def accept(self, call: Call, reply: Reply) -> Any:
        """Put a picture that is on the disk into the folder of each session that asked for it.

        Raises:
            InvalidReply: It was drawn once and is not there any more, so it has to be drawn again.
        """
        asked = self._pieces[call.model, call.messages[0].text, call.repeat]
        picture = Picture(reply.text)
        if reply.cached and not self._store.holds(picture.sha256, picture.mime):
            picture = self._again(asked[0])
        placed = _Placed({})
        for piece in asked:
            session = piece.order.plan.session_id
            if session not in placed.by_session:
                placed.by_session[session] = self._placed(piece, picture, reply)
        self._begun(asked[0])
        stored = next((one for one in placed.by_session.values() if not isinstance(one, PersistFailed)), None)
        if not reply.cached and stored is not None:
            self._tell(asked[0], stored)
        return placed

    def assemble(self, outcomes: Sequence[Outcome], report: Report) -> ImageResults:
        """Put the pictures into a result, one for each row, failed ones too."""
        ended = dict(zip(self._pieces, outcomes, strict=True))
        pictures: list[ImageResult] = []
        rows: list[Outcome] = []
        first: set[_Key] = set()
        for piece in self._rows:
            outcome = self._of_row(piece, ended[piece.key])
            pictures.append(self._result(piece, outcome, again=piece.key in first))
            rows.append(outcome)
            first.add(piece.key)
        names = sorted({piece.painter for piece in self._rows})
        local = all(self._painter(name).local for name in names)
        told = dataclasses.replace(report, model=" and ".join(names), expected=None if local else report.expected)
        return ImageResults(pictures, outcomes=rows, report=told, lab=self.lab, again=self)

    def retry(self, outcomes: Sequence[Outcome]) -> ImageResults:  # noqa: ARG002  # memory knows what is there
        """Draw what failed; the others come from the store."""
        self._needs_memory("retry")
        return run_blocking(self)

    # --- one picture ---

    def _placed(self, piece: Piece, picture: Picture, reply: Reply) -> Stored | PersistFailed:
        plan = piece.order.plan
        parts = [plan.plan_id[:10], picture.sha256[:10]]
        try:
            return self._store.place(
                picture.sha256,
                picture.mime,
                session=plan.session_id,
                image_type=plan.image_type,
                size=(picture.width, picture.height),
                name="-".join(parts),
                about=self._drawn(piece, reply).about(),
            )
        except OSError as error:
            return PersistFailed(
                f"the picture of {piece.item} could not be put into its folder: {error.strerror or error}",
                hint="Look at the folder images of the study, then retry().",
            )

    def _again(self, piece: Piece) -> Picture:
        """Draw a lost picture again on the spot where that is free and gives the same, else ask for it again."""
        if isinstance(self._painter(piece.painter).renderer, Sketch) and self.lab.mode == "replay":
            data = drawn(piece.order)
            mime, size = looked_at(data)
            with self._store.scratch() as scratch:
                digest = self._store.keep(data, mime, scratch)
            return Picture(Picture.told(digest, mime, size))
        raise InvalidReply(
            f"the picture of {piece.item} was drawn once and its file is not there, or damaged",
            fault="lost_image",
            hint="A recording holds what was drawn, not the pictures: take the study's folder images along."
            if self.lab.mode == "replay"
            else "It is drawn again.",
        )

    def _begun(self, piece: Piece) -> None:
        """Note a later generation, so that the plan gives this picture from now on."""
        try:
            if piece.order.generation:
                self._store.begin_generation(piece.mark, piece.order.generation)
        except OSError as error:
            _log.warning("a picture was drawn anew, and the next asking will give the one before: %s", error.strerror)

    def _tell(self, piece: Piece, stored: Stored) -> None:
        plan = piece.order.plan
        self.lab.events.emit(
            "image_rendered",
            url=stored.proxy_url,
            local_path=str(stored.path),
            prompt=plan.enhanced_prompt,
            type=plan.image_type,
            plan_id=plan.plan_id,
            session=plan.session_id,
            renderer=piece.painter,
            sha256=stored.sha256,
        )

    # --- one row ---

    def _of_row(self, piece: Piece, outcome: Outcome) -> Outcome:
        """Return how it ended for one who asked."""
        placed = outcome.value.by_session[piece.order.plan.session_id] if isinstance(outcome.value, _Placed) else None
        error: CallError | None = placed if isinstance(placed, PersistFailed) else outcome.error
        return dataclasses.replace(outcome, item=piece.item, value=None if error is not None else placed, error=error)

    def _result(self, piece: Piece, outcome: Outcome, *, again: bool) -> ImageResult:
        told: dict[str, Any]
        if outcome.error is not None:
            told = {"error": str(outcome.error), "kind": kind_of(outcome.error), "request_id": outcome.error.request_id}
        elif outcome.reply is None:
            told = {"error": "the budget was reached first" if outcome.left == "budget" else "it was stopped first"}
        else:
            drawn, stored = self._drawn(piece, outcome.reply), outcome.value
            recorded = Picture(outcome.reply.text).sha256
            other = recorded != stored.sha256
            notes = (*drawn.notes, *([stored.note] if stored.note else []), *([_OTHER_BYTES] if other else []))
            told = {"stored": stored, "reused": drawn.reused or again, "notes": notes}
            return dataclasses.replace(drawn, **told, recorded=recorded if other else "")
        return dataclasses.replace(self._drawn(piece, None), **told)

    def _drawn(self, piece: Piece, reply: Reply | None) -> ImageResult:
        """Return what is known of a picture beside its file."""
        order = piece.order
        base = ImageResult(
            order.plan,
            order.variation,
            piece.painter,
            quality=order.quality,
            format=order.format,
            source=order.source,
            mask=order.mask,
            store=self._store,
        )
        if reply is None:
            return base
        cost = self.lab.ledger.prices.cost(reply.model, reply.usage, reply.started if reply.cached else None)
        known: Mapping[str, Any] = {
            "latency_s": round(reply.latency, 3) if reply.latency is not None else None,
            "cost": cost.usd if cost is not None else None,
            "reused": reply.cached,
            "request_id": reply.request_id,
            "notes": reply.notes,
        }
        return dataclasses.replace(base, **known)

    def _painter(self, name: str) -> Painter:
        painter = self.lab.engine.others[name].model
        assert isinstance(painter, Painter)  # noqa: S101  # put there by painter_of
        return painter
