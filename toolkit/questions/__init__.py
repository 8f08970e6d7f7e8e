"""Questions: answer types, asking a panel, and what came back."""

from toolkit.questions.answer import Answer, Choice, Scale, Text
from toolkit.questions.answers import Answers
from toolkit.questions.ask import ask

__all__ = ["Answer", "Answers", "Choice", "Scale", "Text", "ask"]
