"""DESIGN 5.7: every result says what the columns of its frame hold."""

from __future__ import annotations

import pytest

import toolkit as tk
from toolkit.display import Result
from toolkit.images import plan_images, render_images
from toolkit.questions import Choice
from toolkit.questions.adherence import adherence
from toolkit.rounds import run_worlds

YES = Choice(["yes", "no"])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    lab = tk.Lab("scripted", study=tmp_path_factory.mktemp("study"), seed=7)
    panel = tk.generate_personas(3, "us-adults-2012", detail="standard", lab=lab)
    play = tk.run_rounds("negotiation", rounds=1, lab=lab)
    worlds = run_worlds("negotiation", conditions={"calm": {}, "tense": {}}, rounds=1, lab=lab)
    plans = plan_images(["a red fox"], lab=lab)
    made: dict[str, Result] = {
        "panel": panel,
        "voters": tk.generate_personas(3, "us-voters-1996", detail="facts", lab=lab),
        "answers": tk.ask(panel, "Tea?", answer=YES, lab=lab),
        "survey": tk.survey(panel, [tk.Question("tea", "Tea?", YES)], lab=lab),
        "adherence": adherence(panel, lab=lab),
        "play": play,
        "extracted": play.extract(YES, "Did they agree?", lab=lab),
        "worlds": worlds,
        "of worlds": worlds.extract(YES, "Did they agree?"),
        "plans": plans,
        "pictures": render_images([plan.replace(size="64x64") for plan in plans], renderer="sketch", lab=lab),
        "evolutions": tk.evolve_services("town", catalogues=["data"], max_services=1, lab=lab),
    }
    lab.close()
    return made


@pytest.mark.parametrize(
    "name",
    [
        *("panel", "voters", "answers", "survey", "adherence", "play", "extracted", "worlds", "of worlds", "plans"),
        *("pictures", "evolutions"),
    ],
)
def test_every_column_of_every_result_is_explained(results: dict[str, Result], name: str) -> None:
    result = results[name]
    book = result.codebook()
    assert book["column"].tolist() == list(result.frame.columns)
    assert book["type"].tolist() == [str(dtype) for dtype in result.frame.dtypes]
    assert (book["meaning"] != "").all(), book[book["meaning"] == ""]["column"].tolist()
    assert {"column", "type", "values", "meaning"} <= set(book.columns)
