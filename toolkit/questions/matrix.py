"""The same question for several rows: each rated on one scale, or put into one of several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions._kind import AGAIN, ASKS_WHY, short
from toolkit.questions._listed import Listed
from toolkit.questions._parts import each, schema_of_each
from toolkit.questions.option import Option, keys_of, normal, to_options
from toolkit.questions.scale import Scale

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.models import Schema

__all__ = ["Matrix", "row_column"]


@dataclass(frozen=True)
class Matrix(Listed):
    """One answer for each of several rows, all of the same kind.

    In frames there is one column a row, ``answer_<row>``. The rows are what the respondent is shown as options, in an
    order of their own.

    Args:
        choices: The rows: at least one label, text, number or ``Option``.
        levels: What is said of each row: a ``Scale``, or at least two labels in their order.
        why: Ask for one reason for all rows as well.

    Raises:
        InvalidInput: What ``Choice`` refuses of rows or levels, levels that are an ``Option``, or a scale with a reason
            of its own.

    Example:
        >>> matrix = Matrix(["the taste", "the look"], Scale(1, 5))
        >>> matrix.read({"rows": {"the_taste": 4, "the_look": 2}})
        {'answer_the taste': 4, 'answer_the look': 2}
        >>> Matrix(["tea", "rum"], ["never", "often"]).read({"rows": {"tea": "often", "rum": "never"}})
        {'answer_tea': 'often', 'answer_rum': 'never'}
        >>> Matrix(["tea", "rum"], ["never"])
        Traceback (most recent call last):
        toolkit.errors.InvalidInput: the levels of Matrix has 1 option(s): ['never']. Give at least two.
    """

    choices: Sequence[str | Option]
    levels: Scale | Sequence[str]
    why: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", to_options("Matrix", self.choices, least=1))
        if isinstance(self.levels, Scale):
            if self.levels.why:
                raise InvalidInput("the Scale of a Matrix asks why for each row", hint="Give Matrix(…, why=True).")
            return
        levels = to_options("the levels of Matrix", self.levels)
        if any(isinstance(level, Option) for level in levels):
            raise InvalidInput("the levels of Matrix hold an Option", hint="Give levels as texts.")
        object.__setattr__(self, "levels", levels)

    @cached_property
    def schema(self) -> Schema:
        """``{"rows": {key: level, …}}`` with a key made of each row, and ``why``."""
        levels = self.levels
        part = levels.point if isinstance(levels, Scale) else {"type": "string", "enum": list(levels)}
        return self._reasoned({"rows": schema_of_each(self._keys, self.options, part)}, "matrix")

    @property
    def instruction(self) -> str:
        """Tell what to say of each row."""
        if isinstance(self.levels, Scale):
            asks = f"a whole number {self.levels.points}"
        else:
            asks = f"exactly one of: {' / '.join(self.levels)}"
        return f"Answer for each of the options listed, with {asks}.{ASKS_WHY if self.why else ''}"

    def read(self, value: Any) -> dict[str, Any]:
        """Return the answer of each row."""
        said = value.get("rows") if isinstance(value, Mapping) else None
        parts = each(said, self._keys, self.options, self._found)
        return self._with_why({row_column(label): self._level(one) for label, one in parts.items()}, value)

    @property
    def columns(self) -> tuple[str, ...]:
        """One column a row, and ``why``."""
        return (*map(row_column, self.options), *(("why",) if self.why else ()))

    def typed(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Return whole numbers or ordered categoricals, and reasons as text."""
        import pandas as pd

        if column.name == "why":
            return column.astype("str")
        if isinstance(self.levels, Scale):
            return column.astype("Int64")
        return column.astype(pd.CategoricalDtype(list(self.levels), ordered=True))

    def values(self, column: str) -> str:
        """Say what a row can be."""
        if column == "why":
            return ""
        return self.levels.values("answer") if isinstance(self.levels, Scale) else ", ".join(self.levels)

    def meaning(self, column: str) -> str:
        """Say which row it is."""
        return {row_column(label): label for label in self.options}.get(column) or super().meaning(column)

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return keys_of(self.options, "row")

    def _level(self, said: Any) -> Any:
        if isinstance(self.levels, Scale):
            return self.levels.rated(said)
        found = {normal(level): level for level in self.levels}.get(normal(said)) if isinstance(said, str) else None
        if found is None:
            raise InvalidReply(
                f"the reply answers {short(said)}, which is none of the {len(self.levels)} levels", hint=AGAIN
            )
        return found


def row_column(label: str) -> str:
    """Return the column that holds a row's answer.

    Example:
        >>> row_column("the taste")
        'answer_the taste'
    """
    return f"answer_{label}"
