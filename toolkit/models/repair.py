r"""From the text of a reply to its JSON: strictly where a schema was held to, leniently where it was only told.

Half a surrogate pair, as models write it in the middle of an emoji (``"\ud83d"``), is JSON but no text that can be
stored: it becomes U+FFFD wherever a reply is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["loads", "mended", "read_json", "repaired"]

_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""What may be half a surrogate pair: written as an escape, or as it stands."""
_THOUGHT = "</think>"
"""Ends what reasoning models behind some servers think aloud before they answer."""


def read_json(text: str, *, lenient: bool = False) -> tuple[Any, str]:
    """Return the JSON value of a reply, and the text that holds just that value, which memory reads it from again.

    Args:
        text: The reply.
        lenient: Put JSON right that is not quite JSON, and take it out of the prose around it. Not for a text that was
            cut off: a repair would make an answer of half a one.

    Raises:
        ValueError: It holds no JSON value, or leniently no object.

    Example:
        >>> read_json("Sure: {'choice': 'tea',}", lenient=True)
        ({'choice': 'tea'}, '{"choice":"tea"}')
    """
    bare = _bare(text)
    try:
        return orjson.loads(bare), bare
    except ValueError:
        try:
            value = _with_halves(bare)
        except ValueError:
            value = repaired(text) if lenient else None
            if value is None:
                raise
    try:
        text = orjson.dumps(value).decode()
    except TypeError as error:  # a whole number beyond 64 bits
        raise ValueError(str(error)) from error
    return orjson.loads(text), text


def loads(text: str | bytes) -> Any:
    r"""Return a JSON value, half surrogate pairs mended.

    Raises:
        ValueError: It is not JSON.

    Example:
        >>> loads(b'{"why": "nice \\ud83d"}') == {"why": "nice \N{REPLACEMENT CHARACTER}"}
        True
    """
    try:
        return orjson.loads(text)
    except ValueError:
        return _with_halves(text)


def repaired(text: str) -> Any:
    """Return the object that a text nearly is, or ``None`` where it holds none.

    Of several of one form, as models write when they correct themselves, the last counts; else the first.

    Example:
        >>> repaired('{"n": 1,} No, wait: {"n": 2}'), repaired("I would rather not say.")
        ({'n': 2}, None)
    """
    said = text.rpartition(_THOUGHT)[2]
    if "{" not in said:  # prose, of which a repair would make something up
        return None
    from json_repair import repair_json

    try:
        found: Any = repair_json(said[said.index("{") :], return_objects=True)
    except RecursionError:
        return None
    if isinstance(found, list):
        found = next((one for one in found if isinstance(one, Mapping)), None)
    return mended(found) if isinstance(found, Mapping) else None


def mended(value: Any) -> Any:
    r"""Return a JSON value that can be stored: half a surrogate pair becomes U+FFFD, two halves one character.

    Example:
        >>> mended(["ok", "\ud83d"]) == ["ok", "\N{REPLACEMENT CHARACTER}"]
        True
    """
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, Mapping):
        return {_whole(key): mended(one) for key, one in value.items()}
    return [mended(one) for one in value] if isinstance(value, list) else value


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _with_halves(text: str | bytes) -> Any:
    """Return a JSON value that orjson refuses for nothing but half a surrogate pair."""
    told = text.decode() if isinstance(text, bytes) else text
    if not _HALF.search(told):
        raise ValueError("it is not JSON")
    try:
        return mended(json.loads(told, parse_constant=_refused))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _bare(text: str) -> str:
    """Return the text without the Markdown fence some models put around JSON."""
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```") and "\n" in stripped:
        return stripped[stripped.index("\n") + 1 : -3]
    return text
