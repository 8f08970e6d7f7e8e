"""Masks for edits: a picture of the same size whose transparent places are to be drawn anew."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from toolkit.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

    from toolkit.media import Image

__all__ = ["check_mask", "mask_png", "open_places"]


def check_mask(source: Image | None, mask: Image | None) -> None:
    """Refuse a mask that cannot be used.

    Raises:
        InvalidInput: There is nothing to edit, the sizes differ, or no place of the mask is transparent.

    Example:
        >>> import numpy as np
        >>> from toolkit.media import Image
        >>> check_mask(Image(np.zeros((8, 8))), Image(np.zeros((8, 8, 4))))
    """
    if mask is None:
        return
    if source is None:
        raise InvalidInput("there is a mask and nothing to edit", hint="Give the picture as edit_of=.")
    if source.size != mask.size:
        raise InvalidInput(
            f"the mask is {mask.size[0]} x {mask.size[1]} pixels and the picture {source.size[0]} x {source.size[1]}",
            hint="Give a mask of the picture's own size.",
        )
    if open_places(mask).getbbox() is None:
        raise InvalidInput("no place of the mask is transparent", hint="Make transparent what is to be drawn anew.")


def open_places(mask: Image) -> Pixels:
    """Return where a mask is transparent: a grey picture, white there and black elsewhere."""
    from PIL import ImageChops

    return ImageChops.invert(_pixels(mask).getchannel("A"))


def mask_png(mask: Image) -> bytes:
    """Return a mask as PNG, transparency included: the normal form of images would fill it with white."""
    file = BytesIO()
    _pixels(mask).save(file, format="PNG")
    return file.getvalue()


def _pixels(mask: Image) -> Pixels:
    return mask._source.open().convert("RGBA")  # noqa: SLF001  # the one place that needs more than the normal form
