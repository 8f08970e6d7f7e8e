"""Pictures of answers, as matplotlib figures in the house style."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from toolkit.errors import InvalidInput
from toolkit.questions._plot_bars import plot_allocation, plot_choice, plot_ranking, plot_several
from toolkit.questions._plot_matrix import plot_matrix
from toolkit.questions._plot_numbers import plot_number, plot_scale
from toolkit.questions.answer import Allocation, Answer, Choice, Matrix, MultiChoice, Number, Ranking, Scale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_answers", "plot_choice", "plot_scale"]


def plot_answers(question: str, answer: Answer, frame: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Draw answers as their kind asks for: bars with intervals, a scale about its middle, Borda's count, a histogram.

    Args:
        question: Stands above the picture.
        answer: What kind of answer the frame holds.
        frame: The answers; only rows with status ``ok`` count.
        summary: As ``summarise(answer, frame)`` makes it.

    Raises:
        InvalidInput: Texts and the fields of a model have no picture.

    Example:
        >>> import pandas as pd
        >>> from toolkit.questions.summary import summarise
        >>> said = pd.DataFrame({"status": ["ok"] * 3, "answer": [10.0, 12.5, 30.0]})
        >>> price = Number(0, 100, unit="euros")
        >>> plot_answers("What would you pay?", price, said, summarise(price, said)).axes[0].get_xlabel()
        'euros'
    """
    valid = frame[frame["status"] == "ok"]
    for kind, draw in _DRAWN.items():
        if isinstance(answer, kind):
            return draw(question, answer, valid, summary)
    raise InvalidInput(f"answers of type {type(answer).__name__} have no plot", hint="Look at .frame or .summary().")


_DRAWN: dict[type[Answer], Callable[[str, Any, pd.DataFrame, pd.DataFrame], Figure]] = {
    Choice: lambda question, _answer, _valid, summary: plot_choice(question, summary),
    MultiChoice: lambda question, _answer, valid, summary: plot_several(question, summary, len(valid)),
    Scale: lambda question, answer, valid, summary: plot_scale(question, answer, valid["answer"], summary),
    Number: lambda question, answer, valid, summary: plot_number(question, answer, valid["answer"], summary),
    Ranking: lambda question, _answer, _valid, summary: plot_ranking(question, summary),
    Allocation: lambda question, answer, _valid, summary: plot_allocation(question, answer, summary),
    Matrix: plot_matrix,
}
