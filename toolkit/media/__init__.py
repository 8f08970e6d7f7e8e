"""Images: one identity by source, one normal form that models get, made once however many people look at it."""

from __future__ import annotations

from toolkit.media.header import MAX_BYTES, MAX_PIXELS
from toolkit.media.image import Image, to_image
from toolkit.media.normal import NORMAL_FORM, Blob

__all__ = ["MAX_BYTES", "MAX_PIXELS", "NORMAL_FORM", "Blob", "Image", "to_image"]
