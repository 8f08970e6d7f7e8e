"""Answer types: what a respondent may say, the schema that holds a model to it, and how it is read back."""

from __future__ import annotations

from toolkit.questions._kind import WHY_LENGTH, Answer
from toolkit.questions.allocation import Allocation
from toolkit.questions.choice import Choice, MultiChoice
from toolkit.questions.matrix import Matrix
from toolkit.questions.option import BETWEEN, Option
from toolkit.questions.ranking import Ranking
from toolkit.questions.scale import Number, Scale
from toolkit.questions.text import Text

__all__ = [
    "BETWEEN",
    "WHY_LENGTH",
    "Allocation",
    "Answer",
    "Choice",
    "Matrix",
    "MultiChoice",
    "Number",
    "Option",
    "Ranking",
    "Scale",
    "Text",
]
