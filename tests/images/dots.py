"""A renderer of the tests' own: small pictures at once, and whatever trouble is asked for."""

import asyncio
import hashlib
from io import BytesIO

from PIL import Image

from toolkit.images import Rendered
from toolkit.models import Abilities, Identity, Usage


class Dots:
    """Draws a picture of one colour.

    Args:
        name: Its model.
        seconds: How long a picture takes.
        trouble: What the first renderings meet, in order: an exception to raise, bytes to send, or None.
        usd: What a picture costs; ``None`` is unknown.
        noise: Whether the pictures cannot be compressed.
        to_file: Whether it answers with a file in the order's scratch folder.
    """

    abilities = Abilities(concurrency=8)

    def __init__(self, name="dots", *, seconds=0.0, trouble=(), usd=0.25, noise=False, to_file=False, where=None):
        self.identity = Identity("dots", name)
        self.orders = []
        self.scratches = []
        self._seconds, self._trouble, self._usd = seconds, list(trouble), usd
        self._noise, self._to_file, self._where = noise, to_file, where

    def price(self, usage: Usage):
        return self._usd

    async def render(self, order):
        self.orders.append(order)
        self.scratches.append(order.scratch)
        if self._to_file:
            (order.scratch / "half.tmp").write_bytes(b"half a picture")
        if self._seconds:
            await asyncio.sleep(self._seconds)
        trouble = self._trouble.pop(0) if self._trouble else None
        if isinstance(trouble, BaseException):
            raise trouble
        data = trouble if isinstance(trouble, bytes) else self.picture(order)
        if self._where is not None or self._to_file:
            path = self._where or order.scratch / "whole.tmp"
            path.write_bytes(data)
            return Rendered(path=path)
        return Rendered(data, usage=Usage(input=5, output=10), request_id=f"dots-{len(self.orders)}")

    async def close(self):
        """Nothing to give back."""

    def picture(self, order):
        told = f"{order.plan.plan_id} {order.variation} {order.generation}"
        digest = hashlib.sha256(told.encode()).digest()
        size = order.plan.width, order.plan.height
        if self._noise:
            length = size[0] * size[1] * 3
            image = Image.frombytes("RGB", size, hashlib.shake_256(digest).digest(length))
        else:
            image = Image.new("RGB", size, tuple(digest[:3]))
        file = BytesIO()
        image.save(file, format=order.format.upper())
        return file.getvalue()
