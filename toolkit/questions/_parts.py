"""Replies that say one thing for each of several options or rows, under keys that every provider takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.errors import InvalidReply
from toolkit.questions._kind import AGAIN, closed, short

__all__ = ["each", "schema_of_each"]


def schema_of_each(keys: Sequence[str], labels: Sequence[str], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with one part for each label, which stands there as the key's description."""
    return closed({key: {**part, "description": label} for key, label in zip(keys, labels, strict=True)})


def each(said: Any, keys: Sequence[str], labels: Sequence[str], named: Callable[[Any], str | None]) -> dict[str, Any]:
    """Return what a reply says for each label, in declared order.

    Args:
        said: The reply's object.
        keys: The schema's key of each label.
        labels: What must all be there.
        named: Finds the label that a key means which is none of the schema's.

    Raises:
        InvalidReply: A label is missing or there twice, or a key means none.
    """
    if not isinstance(said, Mapping):
        raise InvalidReply(f"the reply holds {short(said)} where one answer an option was asked for", hint=AGAIN)
    known = dict(zip(keys, labels, strict=True))
    found: dict[str, Any] = {}
    for key, part in said.items():
        label = known.get(key) or named(key)
        if label is None:
            raise InvalidReply(
                f"the reply answers for {short(key)}, which is none of the {len(labels)} options", hint=AGAIN
            )
        if label in found:
            raise InvalidReply(f"the reply answers for {short(label)} twice", hint=AGAIN)
        found[label] = part
    for label in labels:
        if label not in found:
            raise InvalidReply(f"the reply leaves out {short(label)}", hint=AGAIN)
    return {label: found[label] for label in labels}
