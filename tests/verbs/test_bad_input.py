"""Issue 2, "bad input": each one line that names the value and the next step, and nothing billed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.errors import DramatisError, ImageInvalid, InvalidInput, KeyMissing, ModelUnknown, WeightsMissing
from toolkit.testing import WireServer

from .conftest import OpenLab

PICK = tk.Choice(["plain", "bold"])
PanelOf = Callable[[int], tk.Panel]


@pytest.fixture
def wire() -> Iterator[WireServer]:
    """A server that must not be asked."""
    with WireServer() as server:
        yield server
        assert server.requests.total == 0


def refused(kind: type[DramatisError], act: Callable[[], object]) -> str:
    """Return the one line of a refusal, after checking that it is one line with a next step."""
    with pytest.raises(kind) as caught:
        act()
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.hint.endswith((".", "?"))
    assert len(line) < 400
    return line


def test_unknown_model_string(wire: WireServer) -> None:
    line = refused(ModelUnknown, lambda: tk.Lab("opanai:gpt-5-mini", study="s", base_url=wire.url))
    assert "'opanai:gpt-5-mini'" in line
    assert "openai" in line


def test_missing_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("TOOLKIT_DATA_HOME", str(tmp_path / "empty"))
    line = refused(WeightsMissing, lambda: tk.Lab("embedded", study="s"))
    assert "weights are not installed" in line
    assert "toolkit model install" in line


def test_missing_key() -> None:
    line = refused(KeyMissing, lambda: tk.Lab("openai:gpt-5-mini", study="s"))
    assert "OPENAI_API_KEY" in line


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ("no-such-file.png", "no-such-file.png"),
        ("notes.txt", "notes.txt"),
        (b"not an image", "bytes"),
        (42, "int"),
        ("https://example.org/a.png", "example.org"),
    ],
)
def test_image_that_is_not_one(
    image: object, named: str, wire: WireServer, open_lab: OpenLab, panel_of: PanelOf, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    panel, lab = panel_of(2), open_lab(wire)
    for given in (image, [image]):
        line = refused(ImageInvalid, lambda given=given: tk.ask(panel, "Which?", images=given, answer=PICK, lab=lab))  # type: ignore[misc]
        assert named in line


def test_empty_panel(wire: WireServer, open_lab: OpenLab) -> None:
    lab = open_lab(wire)
    refused(InvalidInput, lambda: tk.ask([], "Which?", answer=PICK, lab=lab))
    refused(InvalidInput, lambda: tk.ask(tk.Panel(()), "Which?", answer=PICK, lab=lab))


def test_choice_with_one_option() -> None:
    assert "['plain']" in refused(InvalidInput, lambda: tk.Choice(["plain"]))


def test_population_filter_that_leaves_nobody() -> None:
    population = tk.Population.load("us-adults-2012")
    line = refused(InvalidInput, lambda: population.where(age=(120, 130)))
    assert "age" in line
    assert "120" in line


@pytest.mark.parametrize("n", [0, -3])
def test_nobody_asked_for(n: int, wire: WireServer, open_lab: OpenLab) -> None:
    lab = open_lab(wire)
    line = refused(InvalidInput, lambda: tk.generate_personas(n, "us-adults-2012", lab=lab))
    assert str(n) in line


@pytest.mark.parametrize("question", ["", "   ", None, 7])
def test_question_that_asks_nothing(question: object, wire: WireServer, open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel, lab = panel_of(2), open_lab(wire)
    assert repr(question) in refused(InvalidInput, lambda: tk.ask(panel, question, lab=lab))  # type: ignore[arg-type]


def test_unknown_population_names_those_there_are(wire: WireServer, open_lab: OpenLab) -> None:
    lab = open_lab(wire)
    line = refused(InvalidInput, lambda: tk.generate_personas(3, "us-adults", lab=lab))
    assert "'us-adults'" in line or "us-adults" in line
    assert "us-adults-2012" in line


def test_unknown_detail(wire: WireServer, open_lab: OpenLab) -> None:
    lab = open_lab(wire)
    line = refused(InvalidInput, lambda: tk.generate_personas(3, "us-adults-2012", detail="novel", lab=lab))  # type: ignore[arg-type]
    assert "'novel'" in line


def test_schema_the_provider_refuses_is_a_row_that_names_it(open_lab: OpenLab, panel_of: PanelOf) -> None:
    """The provider's own word, request id included, and no retry: nobody was billed."""
    with WireServer(faults={"bad_schema": 1.0}) as wire:
        lab = open_lab(wire)
        answers = tk.ask(panel_of(3), "Which?", answer=PICK, lab=lab)
    assert set(answers.errors["kind"]) == {"bad_request"}
    assert answers.errors["message"].str.contains("schema").all()
    assert answers.errors["request_id"].str.startswith("req_").all()
    assert set(answers.errors["tries"]) == {1}
    assert not answers.errors["message"].str.contains("\n").any()
    assert wire.requests.total == 3
    assert lab.report().usage.output == 0


def test_strict_raises_at_the_end_with_everything_attached(open_lab: OpenLab, panel_of: PanelOf) -> None:
    lab = open_lab(faults={"refused": 0.5}, seed=3)
    panel = panel_of(12)
    with pytest.raises(tk.Incomplete, match=r"ask: \d+ of 12 items failed, the first p\d{4}: ") as caught:
        tk.ask(panel, "Which?", answer=PICK, lab=lab, strict=True)
    result = caught.value.result
    assert lab.last is result
    assert 0 < len(result.errors) < 12
    assert len(result.frame) == 12


@pytest.mark.parametrize("mode", ["off", "write"])
def test_modes_that_keep_nothing_to_go_on_from_say_so(mode: str, open_lab: OpenLab, panel_of: PanelOf) -> None:
    answers = tk.ask(panel_of(2), "Which?", answer=PICK, lab=open_lab(mode=mode))
    for go_on in (answers.resume, answers.retry):
        assert f"mode '{mode}'" in refused(InvalidInput, go_on)
