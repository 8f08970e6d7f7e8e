"""One rendered picture, or the plan of one that failed: where it lies, who drew it, and how it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from toolkit.display.html import card, cut, fit
from toolkit.display.report import seconds_text, usd_text
from toolkit.errors import DramatisError, InvalidInput
from toolkit.images.errors import Kind, RenderError
from toolkit.images.plan import ImagePlan
from toolkit.images.renderers.sketch import LABEL
from toolkit.images.store import ImageStore, Stored

if TYPE_CHECKING:
    from toolkit.media import Image

__all__ = ["ImageResult", "shown_picture"]

_SIDES = ((420, 82), (300, 75), (200, 70), (120, 60))
"""Longest side in pixels and JPEG quality of what a repr shows: the first that fits."""
_ROOM = 40_000
"""Characters of a picture in a repr; the words have the rest."""
_ALT = 600
"""Characters of a description for models without eyes."""
_SAID = 300
"""Of these, in a repr."""
_OFFLINE = "sketch"


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """A picture as it came of a plan. Give it to ``ask(images=[…])`` as it is.

    ``to_dict()`` has the keys that older callers know: ``success``, ``image_url``, ``local_path`` …

    Example:
        >>> from toolkit.images import ImagePlan, render_image
        >>> result = render_image(ImagePlan("A red fox in snow", size="256"), lab=lab)
        >>> result.success, result.service, result.width, result.storage_path.startswith("media/images/default/scenes/")
        (True, 'sketch', 256, True)
    """

    plan: ImagePlan
    variation: int = 0
    """Which of the plan's ``n`` pictures, from 0."""
    renderer: str = _OFFLINE
    """``provider:model`` that drew it, or was asked."""
    stored: Stored | None = None
    """The file; none where it failed."""
    latency_s: float | None = None
    """Seconds of the rendering, also of a stored one's when it was drawn."""
    cost: float | None = None
    """USD it cost when it was drawn; ``None`` where that is unknown."""
    reused: bool = False
    """True where it was there already, or another request of the same moment drew it."""
    error: str = ""
    """Why there is no picture."""
    kind: Kind | None = None
    """Which kind of failure."""
    request_id: str | None = None
    """The provider's id of the request."""
    notes: tuple[str, ...] = ()
    """What the reader should know."""
    quality: str = "medium"
    format: str = "png"
    source: Image | None = None
    """The picture it is an edit of."""
    mask: Image | None = None
    """Where that was to be changed."""
    store: ImageStore | None = None
    recorded: str = ""
    """SHA-256 of the recorded picture, where a replay on other software drew other bytes from the same plan."""

    @property
    def asked(self) -> dict[str, Any]:
        """How it was asked for beside its plan, as ``render_images`` takes it."""
        return {
            "renderer": self.renderer,
            "quality": self.quality,
            "format": self.format,
            "edit_of": self.source,
            "mask": self.mask,
        }

    @property
    def success(self) -> bool:
        """True where there is a picture."""
        return self.stored is not None

    @property
    def service(self) -> str:
        """Who drew it: the provider."""
        return self.renderer.partition(":")[0]

    @property
    def model(self) -> str:
        """Its model."""
        return self.renderer.partition(":")[2]

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            RenderError: It failed, so there is none.
        """
        return self._file.path

    @property
    def storage_path(self) -> str:
        """``media/images/<session>/<type>s/<file>``; empty where it failed."""
        return self.stored.storage_path if self.stored is not None else ""

    @property
    def image_url(self) -> str:
        """Its address: whole while ``ImageStore.of(lab).serve()`` runs, else the path that such a server answers."""
        if self.stored is None:
            return ""
        return self.store.url_of(self.storage_path) if self.store is not None else self.stored.proxy_url

    @property
    def proxy_url(self) -> str:
        """Its path on any server of the store; empty where it failed."""
        return self.stored.proxy_url if self.stored is not None else ""

    @property
    def width(self) -> int:
        """In pixels, of the file; 0 where it failed."""
        return self.stored.width if self.stored is not None else 0

    @property
    def height(self) -> int:
        """In pixels, of the file; 0 where it failed."""
        return self.stored.height if self.stored is not None else 0

    @property
    def sha256(self) -> str:
        """Of the file, 64 hex digits; empty where it failed."""
        return self.stored.sha256 if self.stored is not None else ""

    @property
    def created_at(self) -> str:
        """When it was stored, UTC; empty where it failed."""
        return self.stored.created_at if self.stored is not None else ""

    @property
    def alt(self) -> str:
        """What can be told without looking: what was planned, or ``metadata["alt"]``, and that a sketch is one."""
        told = str(self.plan.metadata.get("alt") or self.plan.enhanced_prompt)  # an edit keeps the original prompt
        planned = told if len(told) <= _ALT else f"{told[: _ALT - 1]}…"
        return f"A sketch, not a photograph: {planned}" if self.service == _OFFLINE else planned

    def failure(self, result: Any = None) -> RenderError:
        """Return why there is no picture, with the plan.

        Args:
            result: The run's result, for ``error.result``.

        Raises:
            InvalidInput: There is a picture.
        """
        if self.stored is not None:
            raise InvalidInput("this picture did not fail", hint="Look at .success first.")
        return RenderError(
            self.error.rstrip(".") or "the picture was not rendered",
            kind=self.kind or "provider_failed",
            plan=self.plan,
            hint="render_image(error.plan) tries again, without planning.",
            result=result,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, under the keys that older callers know and newer ones."""
        stored = self.stored
        return {
            "success": self.success,
            "image_url": self.image_url,
            "proxy_url": self.proxy_url,
            "local_path": str(stored.path) if stored is not None else "",
            **self.about(),
            "storage_path": self.storage_path,
            "storage_bucket": stored.bucket if stored is not None else "",
            "storage_filename": stored.path.name if stored is not None else "",
            "mime_type": stored.mime if stored is not None else "",
            "gcs_uploaded": bool(stored is not None and stored.bucket),
            "size_bytes": stored.size_bytes if stored is not None else 0,
            "width": self.width,
            "height": self.height,
            "sha256": self.sha256,
            "created_at": self.created_at,
            "reused": self.reused,
            "error": self.error or None,
            "kind": self.kind,
        }

    def about(self) -> dict[str, Any]:
        """Return what a sidecar says of it beside the file's own facts."""
        return {
            "prompt": self.plan.enhanced_prompt,
            "original_prompt": self.plan.original_prompt,
            "type": self.plan.image_type,
            "style": self.plan.style,
            "service": self.service,
            "model": self.model,
            "variation": self.variation,
            "quality": self.quality,
            "format": self.format,
            "latency_s": self.latency_s,
            "cost": self.cost,
            "request_id": self.request_id,
            "notes": list(self.notes),
            "plan": self.plan.to_dict(),
        }

    @classmethod
    def of_sidecar(cls, body: Mapping[str, Any], store: ImageStore) -> Self:
        """Return the picture that a sidecar tells of.

        Raises:
            InvalidInput: It tells of none.
        """
        try:
            stored = Stored(
                sha256=str(body["sha256"]),
                mime=str(body["mime_type"]),
                size_bytes=int(body["size_bytes"]),
                width=int(body["width"]),
                height=int(body["height"]),
                path=Path(body["local_path"]),
                storage_path=str(body["storage_path"]),
                created_at=str(body["created_at"]),
                bucket=str(body.get("bucket") or ""),
            )
            return cls(
                plan=ImagePlan.from_dict(body["plan"]),
                variation=int(body["variation"]),
                renderer=f"{body['service']}:{body['model']}",
                stored=stored,
                latency_s=body.get("latency_s"),
                cost=body.get("cost"),
                reused=True,
                request_id=body.get("request_id"),
                notes=tuple(map(str, body.get("notes") or ())),
                quality=str(body.get("quality") or "medium"),
                format=str(body.get("format") or "png"),
                store=store,
            )
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidInput(f"a sidecar tells of no picture: {error}", hint="Render its plan again.") from error

    def __image__(self) -> Image:
        """Return the picture for questions: ``ask(panel, …, images=[result])``.

        Raises:
            RenderError: It failed, so there is none.
        """
        from toolkit.media import Image
        from toolkit.media.content import Content, Source

        source: Any = self._file.path
        if self.recorded:  # what was asked about the recorded picture is found again by its digest
            source = Source(Content(source.read_bytes(), self.recorded), label=source.name)
        return Image(source, alt=self.alt, name=f"{self.plan.image_type}-{self.plan.plan_id[:8]}")

    @property
    def _file(self) -> Stored:
        if self.stored is None:
            raise self.failure()
        return self.stored

    # --- how it shows ---

    def facts(self) -> list[str]:
        """Return who drew it, for how much, and how long it took, as short texts."""
        paid = "" if self.cost is None else usd_text(self.cost) if self.cost else "nobody is paid"
        facts = [
            self.plan.image_type,
            f"{self.width} x {self.height}" if self.success else self.plan.size,
            LABEL if self.service == _OFFLINE else self.renderer,
            paid if self.cost is not None or not self.success else "cost unknown",
            "from the store" if self.reused else seconds_text(self.latency_s) if self.latency_s is not None else "",
        ]
        return [fact for fact in facts if fact]

    def _title(self) -> str:
        what = cut(self.plan.original_prompt, 160)
        number = f" ({self.variation + 1} of {self.plan.n})" if self.plan.n > 1 else ""
        return f"{what}{number}" if self.success else f"No picture: {what}{number}"

    def __repr__(self) -> str:
        """Return it as a few lines of plain text."""
        lines = [self._title(), "  " + " · ".join(self.facts())]
        lines += [f"  {self.storage_path}"] if self.success else [f"  ! {cut(self.error, 300)}"]
        return "\n".join([*lines, *(f"  ! {cut(note, 300)}" for note in self.notes)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        where = f'<div style="opacity:.75">{escape(self.storage_path)}</div>' if self.success else ""
        told = f'<div style="margin:4px 0">{escape(cut(self.plan.enhanced_prompt, 600))}</div>'
        notes = [*self.notes, *([] if self.success else [f"{self.kind}: {self.error}"])]
        brief = card(self._title(), self.facts(), told, where, notes=notes)
        full = card(self._title(), self.facts(), shown_picture(self), told, where, notes=notes)
        return {"text/plain": repr(self), "text/html": fit(full, brief)}


def shown_picture(result: ImageResult, *, room: int = _ROOM, largest: int = 420, wide: str = "max-width:100%") -> str:
    """Return the picture of a result as HTML, as large as there is room for; empty where there is none to show.

    Args:
        result: Whose.
        room: Characters it may take.
        largest: Longest side, in pixels.
        wide: How wide it lies in its place, as CSS.
    """
    if not result.success:
        return ""
    try:
        image = result.__image__()
        for side, quality in _SIDES:
            if side > largest:
                continue
            blob = image.normal(side)
            if len(blob.data_uri) > room:
                blob = image.normal(side, format="jpeg", quality=quality)
            if len(blob.data_uri) <= room:
                said = escape(cut(result.alt, _SAID))
                return (
                    f'<img src="{blob.data_uri}" width="{blob.width}" height="{blob.height}" alt="{said}" '
                    f'style="margin:6px 0;{wide};height:auto">'
                )
    except DramatisError:
        return '<div style="opacity:.75">the file is not there any more</div>'
    return ""
