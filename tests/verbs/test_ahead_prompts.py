"""tk.preview of a prompt of one's own, and what tk.estimate says of images."""

import pytest

import toolkit as tk
from toolkit.engine.tokens import image_tokens
from toolkit.errors import InvalidInput
from toolkit.models import Abilities
from toolkit.models.scripted import ScriptedModel
from toolkit.personas import Persona
from toolkit.resources import data_file
from toolkit.testing import WireServer

OWN = (
    "=== system ===\nBe {{ persona }}.\n=== user ===\n{{ question }} {{ instruction }}"
    "{% for one in options %} [{{ one }}]{% endfor %}"
)
PACK = data_file("images/package-plain.png")
PEOPLE = [Persona(f"p{n}", f"Person {n}", {}) for n in range(1, 4)]
TEA = tk.Choice(["tea", "coffee"])


@pytest.fixture
def lab(tmp_path):
    lab = tk.Lab("scripted", study=tmp_path / "study", seed=7)
    yield lab
    lab.close()


def test_own_prompt_is_shown_as_a_diff_of_what_is_sent(lab):
    shown = tk.preview(tk.ask, PEOPLE, "Tea?", answer=TEA, prompt=OWN, lab=lab)
    assert "+Be Name: Person 1." in shown.diff
    assert "-You answer a survey as one particular person" in shown.diff
    html = shown._repr_mimebundle_()["text/html"]
    assert "how it differs from the shipped prompt" in html
    assert len(html) < 64_000
    assert tk.preview(tk.ask, PEOPLE, "Tea?", answer=TEA, lab=lab).diff == ""


def test_own_prompt_is_part_of_the_key_and_of_the_run(lab, tmp_path):
    tk.ask(PEOPLE, "Tea?", answer=TEA, lab=lab)
    own = tk.ask(PEOPLE, "Tea?", answer=TEA, prompt=OWN, lab=lab)
    assert own.report.live == 3
    file = tmp_path / "own.md.j2"
    file.write_text(OWN)
    assert tk.ask(PEOPLE, "Tea?", answer=TEA, prompt=file, lab=lab).report.cached == 3
    assert own.frame["status"].eq("ok").all()


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("Hello {{ persona }}", "text before its first section"),
        ("=== user ===\n{{ nobody }}", "'nobody' is undefined"),
        ("=== user ===\n{% for %}", "not a valid template"),
        ("=== user ===\n{{ ''.__class__.__mro__ }}", "cannot be filled in"),
        ("none.md.j2", "none.md.j2"),
        (5, "prompt=5"),
    ],
)
def test_prompt_that_cannot_be_used_is_one_clear_line(lab, prompt, says):
    with pytest.raises(InvalidInput) as caught:
        tk.preview(tk.ask, PEOPLE, "Tea?", prompt=prompt, lab=lab)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(lab.ledger) == 0


@pytest.mark.parametrize(("detail", "tokens"), [("low", 85), ("high", image_tokens(614, 768, "gpt-4o", "high"))])
def test_estimate_says_what_each_image_takes(tmp_path, detail, tokens):
    with WireServer() as wire:
        lab = tk.Lab(
            "openai:gpt-4o", study=tmp_path / "wired", base_url=wire.url, api_key=wire.key, price_as="openai:gpt-4o"
        )
        guess = tk.estimate(tk.ask, PEOPLE, "Which?", images=[PACK], detail=detail, lab=lab)
        assert wire.requests.total == 0
        lab.close()
    (image,) = guess.images
    assert (image.name, image.width, image.height, image.detail) == ("package-plain.png", 614, 768, detail)
    assert (image.tokens, image.times) == (tokens, 3)
    assert image.money == pytest.approx(3 * tokens * 2.5e-6)
    assert f"detail {detail}: {tokens} tokens, sent 3 times" in repr(guess)


def test_model_without_eyes_is_sent_no_image_and_none_is_counted(tmp_path):
    lab = tk.Lab(ScriptedModel(abilities=Abilities(images=False)), study=tmp_path / "blind")
    assert tk.estimate(tk.ask, PEOPLE, "Which?", images=[tk.Image(PACK, alt="x")], lab=lab).images == ()
    lab.close()
