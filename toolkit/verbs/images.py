"""What each image of a run takes: how large it is sent, for how many tokens, and for what money."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.display.report import usd_text
from toolkit.engine import Engine
from toolkit.engine.tokens import image_tokens
from toolkit.models import Call, Picture, Usage

__all__ = ["ImageCost", "ImageCosts"]

_Place = tuple[Picture, str]


@dataclass(frozen=True, slots=True)
class ImageCost:
    """One image as one model gets it.

    Example:
        >>> str(ImageCost("a.png", "openai:gpt-4o", 1024, 1024, "high", 765, 30, 0.057))
        'a.png, 1024 x 1024, detail high: 765 tokens, sent 30 times, $0.057'
    """

    name: str
    """Its name, or the beginning of its digest."""
    model: str
    """``provider:model`` that it is sent to."""
    width: int
    """In pixels, as sent."""
    height: int
    """In pixels, as sent."""
    detail: str
    tokens: int
    """Of one sending, by the provider's published rule; with detail ``auto`` as if it looked closely."""
    times: int
    """How often it is sent."""
    money: float | None
    """USD for all sendings, uncached; ``None`` where the price is unknown."""

    def __str__(self) -> str:
        """Return the image as one line."""
        cost = "price unknown" if self.money is None else usd_text(self.money) if self.money else "nobody is paid"
        return (
            f"{self.name}, {self.width} x {self.height}, detail {self.detail}: {self.tokens:,} tokens, "
            f"sent {self.times:,} times, {cost}"
        )


class ImageCosts:
    """Adds up the images of calls; each is looked at once.

    Args:
        engine: The study's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._times: dict[_Place, int] = {}

    def add(self, call: Call) -> None:
        """Count the images of one call in."""
        if not self._engine.of(call).model.abilities.images:
            return
        for picture in call.pictures:
            place = (picture, call.model)
            self._times[place] = self._times.get(place, 0) + 1

    def told(self) -> tuple[ImageCost, ...]:
        """Return what each image takes, those sent first leading."""
        return tuple(self._cost(picture, model, times) for (picture, model), times in self._times.items())

    def _cost(self, picture: Picture, model: str, times: int) -> ImageCost:
        engine = self._engine.others[model] if model else self._engine
        identity = engine.model.identity
        blob = picture.image.normal(picture.max_side)
        tokens = image_tokens(blob.width, blob.height, identity.model, picture.detail)
        price = engine.ledger.prices.price(str(identity))
        each = price.of(Usage(input=tokens)) if price is not None else None
        return ImageCost(
            name=picture.image.name or picture.image.digest[:12],
            model=str(identity),
            width=blob.width,
            height=blob.height,
            detail=picture.detail,
            tokens=tokens,
            times=times,
            money=each * times if each is not None else None,
        )
