import re
from html.parser import HTMLParser

import pytest

from tests.rounds.ensemble import Ensemble, move, plan, says
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput
from toolkit.rounds import Play, Scene, Transcript, run_rounds

HOSTILE = "<script>alert(1)</script> & <img src=x onerror=alert(2)> *waves* sk-proj-" + "a" * 40


class Balanced(HTMLParser):
    """Says which tags are open at the end, and which there were."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in {"br", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def guided(open_lab, trio) -> Play:
    """A play with guidance for all and for one, an entrance, an exit, a turn that failed and a judgement."""
    script = {
        "r1/director": plan(
            {"name": "Ada", "guidance": "Mention bread."},
            "Ben",
            "Cleo",
            openGuidance="Be brief.",
            activations=[move("Cleo", "Slam the door.")],
        ),
        "r1/Ada": says("*smiles* Bread, anyone?"),
        "r1/Ben": "no JSON",
        "r2/director": plan("Ada", deactivations=[move("Ben", "Go quietly.")]),
        "r2/until": {"why": "They said so.", "holds": True},
    }
    return run_rounds(trio, rounds=2, user=["Good morning."], until="They agree.", lab=open_lab(Ensemble(script)))


# --- what it says ---


def test_text_holds_what_was_said_and_no_guidance(guided):
    """S4-28: who spoke, in order, with who came and went."""
    assert guided.transcript.text.splitlines() == [
        "Three in a room",
        "",
        "Round 1",
        "Uma: Good morning.",
        "Ada: *smiles* Bread, anyone?",
        "Ben: [no turn: failed_json_validation; $: no JSON object]",
        "Cleo (enters): Cleo in round 1.",
        "[“They agree.” was judged not true yet: nothing shows it]",
        "",
        "Round 2",
        "Ada: Ada in round 2.",
        "[Ben leaves.]",
        "[“They agree.” was judged true: They said so.]",
    ]
    assert str(guided.transcript) == guided.transcript.text


def test_markdown_quotes_guidance_below_its_round(guided):
    markdown = guided.transcript.markdown
    assert markdown.startswith("# Three in a room\n")
    assert "**Ada**: *smiles* Bread, anyone?" in markdown
    assert "> - to everybody: Be brief.\n> - to Ada: Mention bread.\n" in markdown
    assert "> - to Cleo: on entering: You are out of breath. Slam the door." in markdown
    assert markdown.index("> - to Ada") < markdown.index("## Round 2")


def test_html_folds_rounds_opens_the_last_and_keeps_guidance_apart(guided):
    html = guided.transcript._repr_mimebundle_()["text/html"]
    rounds = re.findall(r"<details( open)? style=\"margin:6px 0\">", html)
    assert rounds == ["", " open"]
    assert "<summary" in html
    assert "Round 1 · Uma, Ada, Ben, Cleo · 9 words" in html
    assert "<i" in html
    assert ">smiles</i> Bread, anyone?" in html
    said, _, told = html.partition("told by the director")
    assert "Mention bread." not in said
    assert "Mention bread." in told
    assert Balanced(html).open == []


def test_play_shows_who_said_how_much_and_its_transcript(guided):
    html = guided._repr_mimebundle_()["text/html"]
    assert "7 words in 2 turns" in html
    assert "Round 2 · Ada" in html
    assert Balanced(html).open == []


def test_rounds_can_be_looked_at_one_by_one(guided):
    transcript = guided.transcript
    assert len(transcript) == len(transcript[:]) == 2
    first = transcript[0]
    assert [one.speaker for one in first.turns] == ["Uma", "Ada", "Ben", "Cleo"]
    assert first.guidance[0] == ("everybody", "Be brief.")
    assert (first.turns[3].moved, first.turns[2].text, first.words) == ("enters", None, 9)


def test_unreadable_director_is_told(open_lab, trio):
    transcript = run_rounds(trio, rounds=1, lab=open_lab(Ensemble({"r1/director": "?"}))).transcript
    assert "spoke in a fixed order" in transcript.text
    quiet = run_rounds(trio, rounds=1, director=False, lab=open_lab(Ensemble())).transcript
    assert "fixed order" not in quiet.text


def test_transcript_of_nothing_is_empty_and_does_not_fail(lab, trio):
    transcript = run_rounds(trio, rounds=1, lab=lab).branch(0, rounds=1).timeline[:0]
    empty = Transcript("Nothing", transcript, [])
    assert empty.text == "Nothing\n"
    assert Balanced(empty.html()).open == []
    assert len(empty) == 0


# --- it is harmless and small ---


def test_hostile_text_neither_runs_nor_leaks(open_lab, trio):
    """S1-21: keys are masked in every form; nothing of a reply is markup."""
    script = {"r1/Ada": says(HOSTILE), "r1/director": plan({"name": "Ada", "guidance": HOSTILE}, openGuidance=HOSTILE)}
    scene = trio.replace(title=HOSTILE)
    play = run_rounds(scene, rounds=1, user=HOSTILE, lab=open_lab(Ensemble(script)))
    transcript = play.transcript
    for text in (transcript.text, transcript.markdown, transcript.page, transcript.html(), repr(play)):
        assert "a" * 40 not in text
    for html in (transcript.page, transcript.html(), play._repr_mimebundle_()["text/html"]):
        assert not {"script", "img"} & set(Balanced(html).seen)
        assert "&lt;script&gt;" in html
    assert "<script>" not in transcript.markdown.replace("\\<script\\>", "")


def test_own_patterns_of_the_study_are_masked(open_lab, trio, monkeypatch):
    monkeypatch.setenv("TOOLKIT_REDACTION_PATTERNS", '["P-[0-9]+"]')
    play = run_rounds(trio, rounds=1, lab=open_lab(Ensemble({"r1/Ada": says("I am P-17.")})))
    assert "P-17" not in play.transcript.text + play.transcript.html() + play.transcript.page
    assert "[masked]" in play.transcript.text


def test_markdown_cannot_be_formatted_by_what_is_said(open_lab, trio):
    lab = open_lab(Ensemble({"r1/Ada": says("# Loud\n\n[link](http://x) `code` | a_b")}))
    markdown = run_rounds(trio, rounds=1, lab=lab).transcript.markdown
    assert "**Ada**: \\# Loud \\[link\\](http://x) \\`code\\` \\| a\\_b" in markdown


@pytest.mark.parametrize(("rounds", "words"), [(40, 60), (3, 9000)])
def test_long_play_stays_under_the_limit_and_says_what_is_left_out(open_lab, trio, rounds, words, tmp_path):
    script = {
        f"r{n}/{who}": says(f"{who}{n} <&>" + " word" * words) for n in range(1, rounds + 1) for who in ("Ada", "Ben")
    }
    play = run_rounds(trio, rounds=rounds, lab=open_lab(Ensemble(script)))
    for html in (play._repr_mimebundle_()["text/html"], play.transcript._repr_mimebundle_()["text/html"]):
        assert len(html.encode()) <= LARGEST_REPR
        assert f"Ben{rounds}" in html
        assert Balanced(html).open == []
    small = play.transcript.html(9_000)
    assert len(small.encode()) <= 9_000
    assert Balanced(small).open == []
    if rounds == 40:
        assert re.search(r"\d+ of 40 rounds are left out", small)
    assert len(repr(play.transcript).encode()) <= LARGEST_REPR
    page = play.transcript.save(tmp_path / "all.html").read_text()
    assert all(f"Ada{n} " in page for n in range(1, rounds + 1))


# --- files ---


def test_transcript_is_written_in_three_forms(guided, tmp_path):
    for suffix, whole in ((".md", guided.transcript.markdown), (".txt", guided.transcript.text)):
        path = guided.transcript.save(tmp_path / "deep" / f"talk{suffix}")
        assert path.read_text(encoding="utf-8") == whole
    page = guided.transcript.save(tmp_path / "talk.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert Balanced(page).open == []
    with pytest.raises(InvalidInput, match=r"cannot be written as '\.docx'"):
        guided.transcript.save(tmp_path / "talk.docx")


def test_transcript_of_a_saved_play_is_the_same(guided, tmp_path):
    again = Play.load(guided.save(tmp_path / "talk.jsonl"))
    assert again.transcript.text == guided.transcript.text


def test_half_a_surrogate_pair_can_be_shown_and_written(open_lab, trio, tmp_path):
    said = '{"response": "half a pair: \\ud83d"}'
    play = run_rounds(trio, rounds=1, user="broken \ud800 text", lab=open_lab(Ensemble({"r1/Ada": said})))
    assert play.frame["text"].tolist()[:2] == ["broken ? text", "half a pair: \ufffd"]
    assert "broken" in play._repr_mimebundle_()["text/html"]
    play.transcript.save(tmp_path / "odd.md").read_text(encoding="utf-8")


# --- the picture ---


def test_picture_has_a_row_a_speaker_and_a_bar_a_turn(guided):
    axes = guided.plot().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Uma", "Ada", "Ben", "Cleo"]
    bars = {round(held.get_paths()[0].vertices[:, 1].mean()): held.get_paths() for held in axes.collections}
    assert {place: len(paths) for place, paths in bars.items()} == {0: 1, 1: 2, 3: 1}
    texts = [one.get_text() for one in axes.texts]
    assert texts[:4] == [
        "2 words, 15%, 1 turn",
        "7 words, 54%, 2 turns",
        "did not speak, 1 failed",
        "4 words, 31%, 1 turn",
    ]
    assert texts[4:] == ["round 1", "round 2"]


def test_picture_takes_many_people_long_names_and_hostile_titles(open_lab):
    cast = [{"name": f"Somebody With Quite A Long Name {place}"} for place in range(40)]
    scene = Scene.from_dict({"id": "crowd", "title": r"$\frac{1}{2} & <b>", "cast": cast})
    play = run_rounds(scene, rounds=8, director=False, lab=open_lab())
    fig = play.plot()
    assert len(fig.axes[0].get_yticklabels()) == 24
    assert fig.axes[0].get_yticklabels()[-1].get_text() == "17 others"
    assert fig._repr_png_().startswith(b"\x89PNG")


def test_play_without_rounds_has_no_picture_and_still_shows(open_lab, trio):
    play = run_rounds(trio, rounds=1, budget="1 requests", lab=open_lab(Ensemble()))
    assert len(play) == 0
    assert "0 rounds" in play._repr_mimebundle_()["text/html"]
    assert play.transcript.text == "Three in a room\n"
    with pytest.raises(InvalidInput, match="no round was played"):
        play.plot()


def test_scene_shows_what_it_is(trio):
    bundle = trio._repr_mimebundle_()
    assert "3 in the cast" in bundle["text/plain"]
    assert "scene</b>: A room." in bundle["text/html"]
    hostile = trio.replace(title="<script>", notes={"scene": HOSTILE})._repr_mimebundle_()
    assert "<script>" not in hostile["text/html"]
    assert "a" * 40 not in hostile["text/html"] + hostile["text/plain"]
    assert len(Scene.load("story").replace(script=("x" * 900,) * 500)._repr_mimebundle_()["text/html"]) < LARGEST_REPR
