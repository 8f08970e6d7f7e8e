"""What answer types over a list of options share: labels, ids and pictures, and finding the option a reply names."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidReply
from toolkit.questions._kind import AGAIN, Answer, short
from toolkit.questions.option import Option, normal

if TYPE_CHECKING:
    from toolkit.media import Image

__all__ = ["Listed", "distinct"]


class Listed(Answer, abc.ABC):
    """An answer over ``choices``: all texts, or all ``Option`` with an id, as ``to_options`` returns them."""

    choices: Sequence[str | Option]
    """The options, in declared order."""

    @property
    def options(self) -> tuple[str, ...]:
        """The labels, in declared order."""
        return tuple(one.label if isinstance(one, Option) else one for one in self.choices)

    @property
    def ids(self) -> tuple[str, ...]:
        """The options' ids in declared order; empty where the options were given as texts."""
        return tuple(str(one.id) for one in self.choices if isinstance(one, Option))

    @property
    def pictures(self) -> tuple[tuple[Image, ...], ...]:
        """For each option the images that belong to it."""
        return tuple(one.images if isinstance(one, Option) else () for one in self.choices)

    def _found(self, said: Any) -> str | None:
        """Return the label that a reply's word means: a label, or an id; None where it means none."""
        return self._names.get(normal(said)) if isinstance(said, str) else None

    def _option(self, said: Any, does: str) -> str:
        """Return the label that a reply's word means, or refuse the reply, saying what it does."""
        label = self._found(said)
        if label is None:
            raise InvalidReply(
                f"the reply {does} {short(said)}, which is none of the {len(self.choices)} options", hint=AGAIN
            )
        return label

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Each label and id in normal form, and the label that it means; a label goes before an id."""
        ids = {normal(one): label for one, label in zip(self.ids, self.options, strict=False)}
        return {**ids, **{normal(label): label for label in self.options}}


def distinct(labels: Sequence[str], does: str) -> None:
    """Refuse a reply that names an option twice, saying what it does."""
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise InvalidReply(f"the reply {does} {short(label)} twice", hint=AGAIN)
