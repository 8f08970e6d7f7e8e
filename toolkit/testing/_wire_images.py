"""The images a wire server sends: a plain PNG of the size asked for, its colour by the request, with faults."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import orjson

from toolkit.testing._wire_faults import Outcome, refusal

__all__ = ["IMAGE_PATHS", "image_request", "pictured"]

IMAGE_PATHS = frozenset({"/v1/images/generations", "/v1/images/edits"})
_FIELD = re.compile(rb'name="(?P<name>[^"]+)"(?:; *filename="[^"]*")?')
_TOKENS = {"low": 272, "medium": 1056, "high": 4160}
_SIDE = 16
"""Sides of a picture whose size is not said."""
_REFUSED = frozenset({"refusal", "content_filter"})
"""Faults of a chat's text that images meet as a refusal of the prompt."""


def image_request(path: str, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request; a file is told by the digest of its bytes.

    Args:
        path: One of ``IMAGE_PATHS``.
        body: JSON for a generation, a form in parts for an edit.

    Raises:
        ValueError, LookupError: It is no such request.
    """
    if path.endswith("generations"):
        told: dict[str, Any] = orjson.loads(body)
    else:
        border = body[: body.index(b"\r\n")]
        told = dict(_part(part) for part in body.split(border)[1:-1])
        if "image" not in told:
            raise LookupError("image")
    if not isinstance(told["prompt"], str) or not told["prompt"]:
        raise ValueError("prompt")
    return told


def pictured(
    body: dict[str, Any], digest: str, fault: str | None, headers: Iterable[tuple[str, str]], delay: float
) -> Outcome:
    """Return what is sent for a request: one picture, or what the fault makes of it.

    Args:
        body: The parameters.
        digest: Of the request; decides the colour.
        fault: ``malformed`` sends text in the picture's place, ``truncated`` half a picture, ``off_schema`` and
            ``empty`` none, ``refusal`` and ``content_filter`` HTTP 400; the others as for a chat.
        headers: To be sent with it.
        delay: Seconds before it goes.
    """
    if fault == "garbage":
        return Outcome(200, b"<html>gateway</html>", tuple(headers), delay)
    if fault == "disguised":
        error = {"error": {"message": "Provider returned error", "code": 502}}
        return Outcome(200, orjson.dumps(error), tuple(headers), delay)
    if fault in _REFUSED:
        status, said = refusal(400, "moderation_blocked", "Your request was rejected by the safety system", "prompt")
        return Outcome(status, orjson.dumps(said), tuple(headers), delay)
    picture = _png(str(body.get("size") or ""), digest)
    held = {"malformed": b"I cannot draw that, but here is a poem.", "truncated": picture[: len(picture) // 2]}
    data = [{"b64_json": base64.b64encode(held.get(fault or "", picture)).decode()}]
    tokens = _TOKENS.get(str(body.get("quality")), _TOKENS["high"])
    asked = len(body["prompt"]) // 4 + 1
    seen = 323 if "image" in body else 0
    answer = {
        "created": 1_700_000_000,  # fixed: equal requests get equal bytes
        "data": [] if fault == "empty" else data,
        "usage": {
            "input_tokens": asked + seen,
            "input_tokens_details": {"text_tokens": asked, "image_tokens": seen},
            "output_tokens": tokens,
            "total_tokens": asked + seen + tokens,
        },
    }
    told = {"unexpected": True} if fault == "off_schema" else answer
    ending = fault if fault in {"drop", "drop_mid", "hang"} else ""
    return Outcome(200, orjson.dumps(told), tuple(headers), delay, ending or "", digest)


def _part(part: bytes) -> tuple[str, str]:
    """Return name and value of one part of a form."""
    head, _, value = part.partition(b"\r\n\r\n")
    value = value.removesuffix(b"\r\n")
    found = _FIELD.search(head)
    if found is None:
        raise ValueError("a part without a name")
    is_file = b"filename=" in head
    return found["name"].decode(), hashlib.sha256(value).hexdigest() if is_file else value.decode()


def _png(size: str, digest: str) -> bytes:
    """Return a PNG of one colour."""
    sides = re.fullmatch(r"(\d+)x(\d+)", size)
    width, height = (int(sides[1]), int(sides[2])) if sides else (_SIDE, _SIDE)
    row = b"\0" + bytes.fromhex(digest[:6]) * width
    pieces = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height, 1)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in pieces
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
