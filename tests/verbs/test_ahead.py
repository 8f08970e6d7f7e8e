"""tk.preview and tk.estimate: look before you pay."""

import time
from collections.abc import Callable

import numpy as np
import pytest

import toolkit as tk
from toolkit.engine.tokens import image_tokens
from toolkit.errors import InvalidInput
from toolkit.models import Abilities, Tools
from toolkit.resources import data_file
from toolkit.testing import WireServer

from .conftest import OpenLab

QUESTION = "Which package would you take home?"
PICK = tk.Choice(["plain", "bold"], why=True)
PanelOf = Callable[[int], tk.Panel]


def packages() -> list[tk.Image]:
    return [
        tk.Image(data_file(f"images/package-{name}.png"), alt=f"A {name} carton", name=name)
        for name in ("plain", "bold")
    ]


def sent_texts(body: dict[str, object]) -> list[str]:
    found: list[str] = []
    for message in body["messages"]:  # type: ignore[attr-defined]
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [part["text"] for part in parts if part["type"] == "text"]
    return found


def test_preview_shows_word_for_word_what_is_then_sent(open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel = panel_of(3)
    with WireServer(keep_bodies=True) as wire:
        lab = open_lab(wire)
        shown = tk.preview(tk.ask, panel[1], QUESTION, images=packages(), answer=PICK, lab=lab)
        assert wire.requests.total == 0
        assert len(lab.ledger) == 0
        tk.ask(panel[1], QUESTION, images=packages(), answer=PICK, lab=lab)
    texts = sent_texts(wire.bodies[0])
    assert panel[1].name in "".join(texts)
    assert not [text for text in texts if text not in str(shown)]
    assert "[image: 640 x 800 pixels: A plain carton]" in str(shown)
    assert '"enum":["plain","bold"]' in str(shown)


def test_preview_shows_the_pictures_small_enough_for_a_notebook(open_lab: OpenLab, panel_of: PanelOf) -> None:
    shown = tk.preview(tk.ask, panel_of(1), QUESTION, images=packages(), answer=PICK, lab=open_lab())
    html = shown._repr_mimebundle_()["text/html"]
    assert html.count("<img ") == 2
    assert 'alt="640 x 800 pixels: A plain carton"' in html
    assert len(html.encode()) <= 64_000


def test_preview_of_many_busy_pictures_keeps_the_prompt_and_stays_small(open_lab: OpenLab, panel_of: PanelOf) -> None:
    rng = np.random.default_rng(0)
    noise = [tk.Image(rng.integers(0, 255, (400, 500, 3), np.uint8), alt=f"Noise {n}") for n in range(12)]
    shown = tk.preview(tk.ask, panel_of(1), QUESTION, images=noise, answer=PICK, lab=open_lab())
    html = shown._repr_mimebundle_()["text/html"]
    assert len(html.encode()) <= 64_000
    assert QUESTION in html
    assert "Noise 11" in html


def test_preview_of_an_endless_question_stays_small(open_lab: OpenLab, panel_of: PanelOf) -> None:
    shown = tk.preview(tk.ask, panel_of(1), "<b>why</b> " * 20_000, answer=PICK, lab=open_lab())
    bundle = shown._repr_mimebundle_()
    assert {kind: len(text.encode()) <= 64_000 for kind, text in bundle.items()} == dict.fromkeys(bundle, True)
    assert "cut; print() shows it all" in bundle["text/plain"]
    assert "<b>" not in bundle["text/html"]
    assert len(str(shown)) > 200_000


def test_preview_for_a_model_without_eyes_shows_the_description_it_gets(open_lab: OpenLab, panel_of: PanelOf) -> None:
    """S0-07: what is not sent is not shown as sent."""
    lab = open_lab(abilities=Abilities(images=False))
    shown = tk.preview(tk.ask, panel_of(1), QUESTION, images=packages(), answer=PICK, lab=lab)
    html = shown._repr_mimebundle_()["text/html"]
    assert "<img" not in html
    assert "A plain carton" in html
    assert "the picture itself is not sent" in html
    assert "the picture itself is not sent" in str(shown)


def test_preview_for_a_model_without_schemas_shows_the_schema_it_is_told_in_words(
    open_lab: OpenLab, panel_of: PanelOf
) -> None:
    """S0-16: a model that takes no schema reads it, and the preview shows what it reads."""
    plain = str(tk.preview(tk.ask, panel_of(1), QUESTION, answer=PICK, lab=open_lab()))
    told = str(tk.preview(tk.ask, panel_of(1), QUESTION, answer=PICK, lab=open_lab(abilities=Abilities(schema=False))))
    assert "Reply with one JSON object" in told
    assert "Reply with one JSON object" not in plain


def test_preview_of_a_function_shows_all_that_the_model_is_told_of_it(open_lab: OpenLab) -> None:
    """S3-03: planning by a function call."""
    shown = tk.preview(tk.plan_image, "A lighthouse at dusk", tools=True, lab=open_lab())
    assert isinstance(shown.call.schema, Tools)
    assert shown.call.schema.offered[0].description[:40] in str(shown)
    assert "the call of a function" in shown._repr_mimebundle_()["text/html"]


def test_preview_without_a_call_says_so(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="makes no call"):
        tk.preview(tk.generate_personas, 3, "us-adults-2012", detail="facts", lab=open_lab())


def test_estimate_counts_calls_and_calls_nothing(open_lab: OpenLab, panel_of: PanelOf) -> None:
    with WireServer() as wire:
        lab = open_lab(wire)
        guess = tk.estimate(tk.ask, panel_of(7), QUESTION, answer=PICK, repeats=3, lab=lab)
    assert (guess.calls, guess.remembered, guess.to_ask) == (21, 0, 21)
    assert wire.requests.total == 0
    assert wire.requests.connections == 0
    assert len(lab.ledger) == 0
    assert lab.last is None
    assert "ask: 21 calls to openai:wire-model" in str(guess)


def test_estimate_knows_what_is_remembered(open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel, lab = panel_of(8), open_lab()
    tk.ask(panel[:5], QUESTION, answer=PICK, lab=lab)
    guess = tk.estimate(tk.ask, panel, QUESTION, answer=PICK, lab=lab)
    assert (guess.calls, guess.remembered, guess.to_ask) == (8, 5, 3)
    tk.ask(panel, QUESTION, answer=PICK, lab=lab)
    done = tk.estimate(tk.ask, panel, QUESTION, answer=PICK, lab=lab)
    assert (done.to_ask, done.input_tokens, done.output_tokens) == (0, 0, (0, 0))


@pytest.mark.parametrize("mode", ["off", "refresh", "write"])
def test_estimate_counts_everything_in_modes_that_ask_anew(mode: str, open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel = panel_of(4)
    tk.ask(panel, QUESTION, answer=PICK, lab=open_lab())
    assert tk.estimate(tk.ask, panel, QUESTION, answer=PICK, lab=open_lab(mode=mode)).to_ask == 4


def test_estimate_comes_near_what_was_then_used(open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel, lab = panel_of(20), open_lab()
    guess = tk.estimate(tk.ask, panel, QUESTION, answer=PICK, lab=lab)
    used = tk.ask(panel, QUESTION, answer=PICK, lab=lab).report.usage
    assert guess.input_tokens == pytest.approx(used.input, rel=0.1)
    assert guess.output_tokens[0] <= used.output <= guess.output_tokens[1]


def test_estimate_counts_pictures_by_the_published_rule(open_lab: OpenLab, panel_of: PanelOf) -> None:
    square = tk.Image(np.zeros((512, 512, 3), np.uint8), alt="black")
    with WireServer() as wire:
        lab = open_lab(wire, model="openai:gpt-4o")
        panel = panel_of(10)
        without = tk.estimate(tk.ask, panel, QUESTION, answer=PICK, lab=lab).input_tokens
        both = tk.estimate(tk.ask, panel, QUESTION, answer=PICK, images=square, lab=lab).input_tokens
    assert both - without == pytest.approx(10 * image_tokens(512, 512, "gpt-4o"), rel=0.1)
    assert image_tokens(512, 512, "gpt-4o") == 85 + 170


@pytest.mark.parametrize(
    ("width", "height", "model", "tokens"),
    [
        (1024, 1024, "gpt-4o", 765),
        (1024, 1024, "gpt-5", 630),
        (2048, 4096, "gpt-4o", 1105),
        (2048, 4096, "gpt-4o-2024-08-06", 1105),
        (2048, 4096, "gpt-4.1", 1105),
        (2048, 4096, "gpt-5", 910),
        (1024, 1024, "gpt-4.1-mini", 1659),  # 1,024 patches x 1.62
        (1024, 1024, "gpt-5-mini", 1659),
        (1024, 1024, "o4-mini", 1762),  # x 1.72
        (1800, 2400, "gpt-5-nano", 3572),  # 1,452 patches x 2.46
        (2048, 4096, "gpt-5-mini", 2362),  # 1,458 patches x 1.62
        (1024, 1024, "gpt-4o-mini", 2833 + 4 * 5667),
        (100, 100, "somebody-elses-model", 85 + 170),
    ],
)
def test_image_tokens_are_those_of_the_published_rules(width: int, height: int, model: str, tokens: int) -> None:
    """FACTS, Tokens of an image: checks 765, 630; 1,452 and 1,458 patches; 1,105 and 910."""
    assert image_tokens(width, height, model) == tokens


def test_image_seen_closely_or_not_makes_the_published_difference() -> None:
    assert image_tokens(2048, 4096, "gpt-4o", "low") == 85
    assert image_tokens(2048, 4096, "gpt-4o", "high") == 1105


def test_estimating_ten_thousand_calls_costs_a_fraction_of_making_them(open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel, lab = panel_of(500), open_lab(concurrency=64)
    began = time.process_time()
    guess = tk.estimate(tk.ask, panel, QUESTION, answer=PICK, repeats=20, lab=lab)
    ahead = time.process_time() - began
    began = time.process_time()
    tk.ask(panel, QUESTION, answer=PICK, repeats=2, lab=lab)
    made = time.process_time() - began
    assert guess.calls == 10_000
    assert ahead < 10 * made  # ten times the calls, for less than their making would take


def test_estimate_refuses_what_the_verb_would_refuse(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="n is 0"):
        tk.estimate(tk.generate_personas, 0, "us-adults-2012", lab=open_lab())
