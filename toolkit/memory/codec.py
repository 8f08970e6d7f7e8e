"""Results of a researcher's own functions as JSON and back, exactly; what JSON cannot hold stands under a ``$`` tag."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import orjson

__all__ = ["Unreadable", "decode", "encode"]

_INT64, _UINT64 = -(2**63), 2**64 - 1


class Unreadable(ValueError):
    """A body whose JSON is not what ``encode`` writes."""


def encode(value: Any, where: str = "the result") -> bytes:
    """Return a value as UTF-8 JSON.

    JSON values, tuples, numbers beyond JSON (NaN, infinities, large integers), dates and datetimes, numpy arrays and
    scalars, pandas frames, series and indexes, nested in lists, tuples and dicts with text keys.

    Args:
        value: What to encode.
        where: Whose value it is, for the message.

    Raises:
        TypeError: Anything else; a subclass counts as something else, since it would not come back as itself.

    Example:
        >>> encode({"n": 3, "pair": (1, 2)})
        b'{"n":3,"pair":{"$tuple":[1,2]}}'
    """
    try:
        return orjson.dumps(pack(value))
    except _Unstorable as error:
        raise TypeError(f"{where} holds {error}; memory keeps JSON values, tuples, arrays and DataFrames") from None
    except RecursionError:
        raise TypeError(f"{where} is nested too deeply to be remembered, or holds itself") from None
    except TypeError as error:  # orjson.JSONEncodeError, for text that is no Unicode
        raise TypeError(f"{where} cannot be remembered: {error}") from None


def decode(body: bytes) -> Any:
    """Return the value ``encode`` was given.

    Raises:
        Unreadable: The bytes are not what ``encode`` writes.

    Example:
        >>> decode(b'{"n":3,"pair":{"$tuple":[1,2]}}')
        {'n': 3, 'pair': (1, 2)}
    """
    try:
        return unpack(orjson.loads(body))
    except Unreadable:
        raise
    except Exception as error:  # data from a file may break any constructor in any way
        raise Unreadable(f"not a remembered value: {error}") from error


def packed_json(value: Any, where: str) -> bytes:
    """Return a value that is JSON already, as it stands and without tags: the form of replies.

    Raises:
        TypeError: It is not made of JSON values alone.
    """
    try:
        plain = _is_json(value)
        body = orjson.dumps(value) if plain else b""
    except (RecursionError, TypeError):
        plain = False
    if not plain:
        raise TypeError(f"{where} is not made of JSON values alone; a reply keeps text, numbers, lists and dicts")
    return body


def _is_json(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and _is_json(one) for key, one in value.items())
    if kind is list:
        return all(map(_is_json, value))
    if kind is float:
        return math.isfinite(value)
    return value is None or kind in (bool, int, str)


class _Unstorable(TypeError):
    pass


def unstorable(value: Any, why: str = "") -> TypeError:
    """Return the error for a value memory does not keep."""
    kind = type(value)
    return _Unstorable(f"a value of type {kind.__module__}.{kind.__qualname__}{why}".replace("builtins.", ""))


def pack(value: Any) -> Any:
    """Return a value as JSON values only."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    packer = _PACKERS.get(kind)
    if packer is not None:
        return packer(value)
    if kind.__module__.partition(".")[0] in ("numpy", "pandas") and "numpy" in sys.modules:
        from toolkit.memory import tables

        return tables.pack(value)
    raise unstorable(value)


def unpack(value: Any) -> Any:
    """Return what ``pack`` was given."""
    if type(value) is list:
        return [unpack(one) for one in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((tag, content),) = value.items()
        if tag.startswith("$"):
            return _unpack_tagged(tag, content)
    return {key: unpack(one) for key, one in value.items()}


def _unpack_tagged(tag: str, content: Any) -> Any:
    unpacker = _UNPACKERS.get(tag)
    if unpacker is not None:
        return unpacker(content)
    from toolkit.memory import tables

    return tables.unpack(tag, content)


def _pack_int(value: int) -> Any:
    return value if _INT64 <= value <= _UINT64 else {"$int": hex(value)}


def _pack_float(value: float) -> Any:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _pack_dict(value: Mapping[Any, Any]) -> Any:
    packed = {}
    escape = False
    for key, one in value.items():
        if type(key) is not str:
            raise unstorable(key, " as a key of a dict (text keys only)")
        escape = escape or key.startswith("$")
        packed[key] = pack(one)
    return {"$dict": packed} if escape else packed


def _pack_datetime(value: dt.datetime) -> Any:
    if value.tzinfo is not None and type(value.tzinfo) is not dt.timezone:
        raise unstorable(value.tzinfo, " as a time zone (use datetime.timezone, or a pandas column)")
    if value.fold:
        raise unstorable(value, " with fold=1")
    return {"$datetime": value.isoformat()}


_PACKERS: dict[type, Callable[[Any], Any]] = {
    int: _pack_int,
    float: _pack_float,
    list: lambda value: [pack(one) for one in value],
    tuple: lambda value: {"$tuple": [pack(one) for one in value]},
    dict: _pack_dict,
    dt.datetime: _pack_datetime,
    dt.date: lambda value: {"$date": value.isoformat()},
}
_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "$int": lambda content: int(content, 16),
    "$float": float,
    "$tuple": lambda content: tuple(unpack(one) for one in content),
    "$dict": lambda content: {key: unpack(one) for key, one in content.items()},
    "$datetime": dt.datetime.fromisoformat,
    "$date": dt.date.fromisoformat,
}
