"""Descriptions of images for models without eyes, read by a machine where the researcher gave none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from toolkit.bridge import bridge
from toolkit.errors import InvalidInput
from toolkit.lab import Lab
from toolkit.media import Image
from toolkit.models import Call, Message, Picture
from toolkit.models.reader import PROVIDER, ReaderModel
from toolkit.models.recorded import RecordedModel
from toolkit.questions.condition import Condition
from toolkit.study import open_further

__all__ = ["described", "description_notes"]

_STAGE = "images.description"
_READ = "Images without an alt text were read by a machine: text and colours, not what they show."
_UNREAD = (
    "Images without an alt text were told by size and colours only: install dramatis-toolkit[embedded] to have the "
    "text in them read, or give tk.Image(path, alt='…')."
)


def described(lab: Lab, conditions: Iterable[Condition]) -> dict[str, str]:
    """Return a description for each image that has none of its own and is asked of a model without eyes, by digest.

    Each image is read once a study: descriptions are kept like replies, and stand in capsules.

    Args:
        lab: Where.
        conditions: The questions as they are put.
    """
    missing: dict[str, Image] = {}
    for condition in conditions:
        engine = lab.engine.others[condition.model] if condition.model else lab.engine
        if engine.model.abilities.images:
            continue
        images = [one.image for one in condition.stimuli]
        images += [image for several in condition.answer.pictures for image in several]
        missing.update({image.digest: image for image in images if not image.alt})
    reader = _reader(lab) if missing else ""
    return {digest: _read(lab, reader, image) for digest, image in missing.items()} if reader else {}


def description_notes(told: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a result must say about images that were described."""
    if not told:
        return ()
    return (_UNREAD if any("was not read" in one for one in told.values()) else _READ,)


def _reader(lab: Lab) -> str:
    """Return the name of what reads; empty for a recording made before there was such a thing."""
    if not isinstance(lab.engine.model, RecordedModel):
        return open_further(lab.engine, lab.settings, ReaderModel())
    try:
        return open_further(lab.engine, lab.settings, PROVIDER)
    except InvalidInput:
        return ""


def _read(lab: Lab, reader: str, image: Image) -> str:
    asked = Call((Message("user", (Picture(image),)),), stage=_STAGE, item=image.digest[:12], model=reader)
    return bridge().submit(lab.engine.of(asked).outermost.complete(asked)).result().text
