"""One of each kind of answer, and frames of what somebody said to it, without asking anybody."""

from __future__ import annotations

import pandas as pd

from toolkit.models._responder import respond
from toolkit.questions import Allocation, Choice, Matrix, MultiChoice, Number, Option, Ranking, Scale, Text

OPTIONS = ["the plain one", "the bold one", "größer & schöner", "чай"]

NEW = {
    "multi": MultiChoice(OPTIONS),
    "multi bounded": MultiChoice([*OPTIONS, "none"], at_least=2, at_most=3, exclusive=("none",)),
    "number": Number(),
    "price": Number(0, 99.5, unit="euros"),
    "count": Number(1, 12, unit="cups a day", whole=True),
    "ranking": Ranking(OPTIONS),
    "ranking of the best": Ranking(OPTIONS, top=2),
    "ranking with ties": Ranking(OPTIONS, ties=True),
    "best with ties": Ranking(OPTIONS, ties=True, top=3),
    "allocation": Allocation(OPTIONS),
    "few points": Allocation(OPTIONS, total=3),
    "matrix": Matrix(OPTIONS, Scale(-2, 2, labels=("bad", "good"))),
    "wide matrix": Matrix(OPTIONS, Scale(0, 100)),
    "matrix of levels": Matrix(OPTIONS, ["never", "at times", "daily"]),
    "options": Choice([Option("tea", id="T"), "rum"]),
}
ALL = {
    **NEW,
    "choice": Choice(OPTIONS),
    "scale": Scale(1, 7),
    "wide scale": Scale(0, 100),
    "text": Text(),
}


def reasoned(answer):
    """Return the same kind of answer with a reason asked for."""
    import dataclasses

    return dataclasses.replace(answer, why=True)


def framed(answer, said, people=None):
    """Return the frame of replies: JSON values as a model says them, None where there is no valid answer."""
    read = [None if one is None else answer.read(one) for one in said]
    frame = pd.DataFrame({"persona": people or [f"p{place}" for place in range(len(said))]})
    for name in answer.columns:
        given = pd.Series([None if one is None else one[name] for one in read], dtype=object, name=name)
        frame[name] = answer.typed(given)
    frame["status"] = ["invalid" if one is None else "ok" for one in read]
    return frame


def made_up(answer, n, people=None):
    """Return the frame of n seeded replies."""
    return framed(answer, [respond(answer.schema.body, 7, place) for place in range(n)], people)
