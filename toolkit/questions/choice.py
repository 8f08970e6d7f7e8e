"""Choosing: exactly one option, or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions._kind import AGAIN, ASKS_WHY, short, whole
from toolkit.questions._listed import Listed, distinct
from toolkit.questions.option import BETWEEN, Option, to_options

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Schema

__all__ = ["Choice", "MultiChoice"]


@dataclass(frozen=True)
class Choice(Listed):
    """One of several options.

    Args:
        choices: At least two different labels, texts, numbers or ``Option``, in the order in which frames and plots
            list them.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: Not a list, fewer than two options, an empty one, one given twice (case does not matter), or one
            that holds ``" | "``, which stands between options in frames.

    Example:
        >>> Choice(["plain", "bold"]).read({"choice": "bold"})
        {'answer': 'bold'}
    """

    choices: Sequence[str | Option]
    why: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", to_options("Choice", self.choices))

    @cached_property
    def schema(self) -> Schema:
        """``{"choice": label}``, and ``why``."""
        return self._reasoned({"choice": {"type": "string", "enum": list(self.options)}}, "choice")

    @property
    def instruction(self) -> str:
        """Tell how to choose."""
        return "Choose exactly one of the options." + (ASKS_WHY if self.why else "")

    def read(self, value: Any) -> dict[str, Any]:
        """Return the chosen label; case and spaces do not matter, and an id stands for its option."""
        said = value.get("choice") if isinstance(value, Mapping) else None
        return self._with_why({"answer": self._option(said, "chooses")}, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return the answers as an ordered categorical in declared order, reasons as text."""
        import pandas as pd

        if column.name == "why":
            return column.astype("str")
        return column.astype(pd.CategoricalDtype(list(self.options), ordered=True))

    def values(self, column: str) -> str:
        """List the options."""
        return ", ".join(self.options) if column == "answer" else ""


@dataclass(frozen=True)
class MultiChoice(Listed):
    """Several of several options, or none.

    In frames ``answer`` holds the chosen labels in declared order, joined by ``" | "``, and an empty text where nothing
    was chosen; ``indicators`` makes one column an option of it.

    Args:
        choices: At least two different labels, texts, numbers or ``Option``.
        at_least: How many must be chosen.
        at_most: How many may be chosen; all when not given.
        exclusive: Options that can only stand alone, whatever ``at_least`` says, for example ``("none of these",)``.
        why: Ask for a reason in a sentence as well.

    Raises:
        InvalidInput: What ``Choice`` refuses, bounds that nothing fits, an exclusive option that is none of the
            options.

    Example:
        >>> drinks = MultiChoice(["tea", "coffee", "none of these"], exclusive=("none of these",))
        >>> drinks.read({"choices": ["coffee", "tea"]})
        {'answer': 'tea | coffee'}
        >>> MultiChoice(["tea", "coffee"], exclusive=("neither",))
        Traceback (most recent call last):
        toolkit.errors.InvalidInput: the exclusive option 'neither' of MultiChoice is none of its 2 options. Add it ...
    """

    choices: Sequence[str | Option]
    at_least: int = 0
    at_most: int | None = None
    exclusive: Sequence[str] = ()
    why: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", to_options("MultiChoice", self.choices))
        object.__setattr__(self, "exclusive", self._alone())
        together = len(self.choices) - len(self.exclusive)
        if not together:
            raise InvalidInput("every option of MultiChoice is exclusive", hint="Use Choice instead.")
        if not whole(self.at_least) or not 0 <= self.at_least <= together:
            raise InvalidInput(
                f"MultiChoice(at_least={self.at_least!r}) where {together} options can be chosen together",
                hint=f"Give a whole number from 0 to {together}.",
            )
        if self.at_most is not None and (not whole(self.at_most) or not max(1, self.at_least) <= self.at_most):
            raise InvalidInput(
                f"MultiChoice(at_least={self.at_least}, at_most={self.at_most!r}) lets nothing be chosen",
                hint="Give a whole number from 1, no less than at_least.",
            )
        if self.at_most is not None and self.at_most > together:
            raise InvalidInput(
                f"MultiChoice(at_most={self.at_most}) where {together} options can be chosen together",
                hint="Leave at_most out to let all be chosen.",
            )

    @cached_property
    def schema(self) -> Schema:
        """``{"choices": [label, …]}``, and ``why``."""
        together = [label for label in self.options if label not in self.exclusive]
        several: dict[str, Any] = _list_of(together, self.at_least, self.at_most or len(together))
        if self.exclusive:
            several = {"anyOf": [several, _list_of(list(self.exclusive), 1, 1)]}
        return self._reasoned({"choices": several}, "multi_choice")

    @property
    def instruction(self) -> str:
        """Tell how many to choose, and what stands alone."""
        alone = ", ".join(f'"{label}"' for label in self.exclusive)
        asks = f" {alone} can only be chosen alone." if alone else ""
        return f"{self._how_many()}{asks}{ASKS_WHY if self.why else ''}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the chosen labels in declared order, joined."""
        said = value.get("choices") if isinstance(value, Mapping) else None
        if not isinstance(said, list):
            raise InvalidReply(f"the reply holds {short(said)} where a list of options was asked for", hint=AGAIN)
        chosen = [self._option(one, "chooses") for one in said]
        distinct(chosen, "chooses")
        alone = [label for label in chosen if label in self.exclusive]
        if alone and len(chosen) > 1:
            raise InvalidReply(f"the reply chooses {short(alone[0])} together with other options", hint=AGAIN)
        most = self.at_most or len(self.choices)
        if not alone and not self.at_least <= len(chosen) <= most:
            raise InvalidReply(
                f"the reply chooses {len(chosen)} options where {self.at_least} to {most} are allowed", hint=AGAIN
            )
        return self._with_why({"answer": BETWEEN.join(one for one in self.options if one in chosen)}, value)

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return text."""
        return column.astype("str")

    def values(self, column: str) -> str:
        """List the options, and how they are joined."""
        return f"any of {', '.join(self.options)}, joined by {BETWEEN!r}" if column == "answer" else ""

    def indicators(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return one column an option: true where it was chosen, missing where there is no valid answer.

        Args:
            frame: A frame of answers, or any with the column ``answer``.

        Example:
            >>> import pandas as pd
            >>> said = pd.DataFrame({"answer": ["tea | rum", "", None]})
            >>> MultiChoice(["tea", "rum"]).indicators(said)["rum"].tolist()
            [True, False, <NA>]
        """
        import pandas as pd

        given = [None if pd.isna(one) else one.split(BETWEEN) for one in frame["answer"]]
        return pd.DataFrame(
            {
                label: pd.array([pd.NA if chosen is None else label in chosen for chosen in given], dtype="boolean")
                for label in self.options
            },
            index=frame.index,
        )

    def _alone(self) -> tuple[str, ...]:
        """Return the exclusive labels as they stand among the options."""
        given: Any = self.exclusive
        if isinstance(given, str):
            given = (given,)
        if not isinstance(given, Iterable):
            raise InvalidInput(f"exclusive={short(given)} of MultiChoice is no list", hint="Give labels of options.")
        labels = []
        for one in given:
            label = self._found(one)
            if label is None:
                raise InvalidInput(
                    f"the exclusive option {short(one)} of MultiChoice is none of its {len(self.choices)} options",
                    hint="Add it to the options as well.",
                )
            labels.append(label)
        return tuple(label for label in self.options if label in labels)

    def _how_many(self) -> str:
        least, most = self.at_least, self.at_most
        if most is None:
            return (
                "Choose all options that apply; it may be none."
                if not least
                else f"Choose at least {least} of the options."
            )
        if not least:
            return f"Choose at most {most} of the options; it may be none."
        return f"Choose {least if least == most else f'{least} to {most}'} of the options."


def _list_of(labels: list[str], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": labels}, "minItems": least, "maxItems": most}
