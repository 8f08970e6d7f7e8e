"""Questions: answer types, asking a panel, and what came back."""

from toolkit.questions.answer import (
    Allocation,
    Answer,
    Choice,
    Matrix,
    MultiChoice,
    Number,
    Option,
    Ranking,
    Scale,
    Text,
)
from toolkit.questions.answers import Answers
from toolkit.questions.ask import ask
from toolkit.questions.survey import Question, survey
from toolkit.questions.survey_answers import SurveyAnswers

__all__ = [
    "Allocation",
    "Answer",
    "Answers",
    "Choice",
    "Matrix",
    "MultiChoice",
    "Number",
    "Option",
    "Question",
    "Ranking",
    "Scale",
    "SurveyAnswers",
    "Text",
    "ask",
    "survey",
]
