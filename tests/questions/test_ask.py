from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from io import BytesIO

import orjson
import pandas as pd
import pytest
from PIL import Image as Pictures
from pydantic import BaseModel
from scipy import stats

import toolkit as tk
from tests.models.saying import Saying
from tests.questions.edge import EdgeModel
from toolkit.errors import ContentRefused, Incomplete, InvalidInput, ProviderDown
from toolkit.models import Abilities, Reply
from toolkit.models.scripted import ScriptedModel
from toolkit.personas import Panel
from toolkit.resources import data_file
from toolkit.testing import WireServer

PACKS = [data_file("images/package-plain.png"), data_file("images/package-bold.png")]
TEA = tk.Choice(["tea", "coffee", "neither"])


class Note(BaseModel):
    word: str


def png(colour, size=(40, 30)):
    held = BytesIO()
    Pictures.new("RGB", size, colour).save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def wired(open_lab):
    """Give a lab behind a real HTTP server, and the bodies of what it asked."""

    def open_(folder="wired", options=None, **settings):
        wire = WireServer(keep_bodies=True, **(options or {})).start()
        wires.append(wire)
        return open_lab("openai:m", folder, base_url=wire.url, api_key=wire.key, **settings), wire

    wires = []
    yield open_
    for wire in wires:
        wire.stop()


def parts(body):
    """Return the parts of a request's user message."""
    content = body["messages"][-1]["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


# --- rows ---


def test_one_row_for_each_person_and_repeat_in_order(lab, people):
    frame = tk.ask(people(5), "Tea?", answer=TEA, repeats=3, lab=lab).frame
    assert frame["persona"].tolist() == [one.id for one in people(5) for _ in range(3)]
    assert frame["repeat"].tolist() == [1, 2, 3] * 5
    assert list(frame.columns) == ["persona", "name", "repeat", "answer", "status", "shown", "model"]


def test_order_of_rows_does_not_hang_on_the_order_of_replies(open_lab, people):
    labs = [open_lab(folder="a", concurrency=1), open_lab(ScriptedModel(latency=0.001), "b", concurrency=40)]
    frames = [tk.ask(people(80), "Tea?", answer=TEA, lab=lab).frame for lab in labs]
    pd.testing.assert_frame_equal(*frames)


def test_repeats_have_keys_of_their_own_and_may_differ(open_lab, people):
    lab = open_lab(model := EdgeModel())
    frame = tk.ask(people(20), "Tea?", answer=TEA, repeats=5, lab=lab).frame
    assert len({call.key(model.identity) for call in model.calls}) == len(model.calls) == 100
    assert not frame[["persona", "answer"]].drop_duplicates()["persona"].is_unique
    assert {call.item for call in model.calls if call.item.startswith("p0001")} == {f"p0001/{n}" for n in range(1, 6)}


def test_fewer_repeats_are_a_part_of_more(open_lab, people):
    lab = open_lab(model := EdgeModel())
    three = tk.ask(people(4), "Tea?", answer=TEA, repeats=3, lab=lab).frame
    one = tk.ask(people(4), "Tea?", answer=TEA, lab=lab).frame
    assert len(model.calls) == 12
    assert one["answer"].tolist() == three[three["repeat"] == 1]["answer"].tolist()


# --- who is asked ---


def test_one_persona_several_and_a_panel_are_asked_alike(lab, people):
    everyone = people(3)
    frames = [tk.ask(who, "Tea?", answer=TEA, lab=lab).frame for who in (everyone, tuple(everyone), Panel(everyone))]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    pd.testing.assert_frame_equal(frames[0], frames[2])
    single = tk.ask(everyone[0], "Tea?", answer=TEA, lab=lab).frame
    pd.testing.assert_frame_equal(single, frames[0][:1])


def test_person_is_told_with_facts_and_portrait(open_lab):
    lab = open_lab(model := EdgeModel())
    panel = tk.generate_personas(3, "us-adults-2012", detail="brief", lab=lab)
    model.calls.clear()
    tk.ask(panel, "Tea?", lab=lab)
    for one, call in zip(panel, sorted(model.calls, key=lambda call: call.item), strict=True):
        text = call.messages[-1].text
        assert all(told in text for told in (one.name, one.fields["bio"], *one.facts()))


def test_incomplete_panel_is_refused_unless_a_part_is_enough(open_lab):
    lab = open_lab(model := EdgeModel(pause=0.01), concurrency=1)
    run = tk.start(tk.generate_personas, 40, "us-adults-2012", detail="brief", lab=lab)
    while len(model.calls) < 5:
        pass
    run.stop()
    panel = run.result(timeout=30)
    model.calls.clear()
    with pytest.raises(Incomplete, match="are not") as caught:
        tk.ask(panel, "Tea?", lab=lab)
    assert "allow_partial=True" in caught.value.hint
    assert caught.value.result is panel
    assert model.calls == []
    assert len(tk.ask(panel, "Tea?", allow_partial=True, lab=lab)) == len(panel)


def test_panel_of_which_all_failed_says_so(open_lab):
    lab = open_lab(EdgeModel(lambda call: ProviderDown("the server is down")))
    panel = tk.generate_personas(2, "us-adults-2012", detail="brief", lab=lab)
    with pytest.raises(InvalidInput, match=r"panel is empty.*panel\.errors"):
        tk.ask(panel, "Tea?", lab=lab)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"panel": []}, "the panel is empty"),
        ({"panel": Panel([])}, "the panel is empty"),
        ({"panel": None}, "the panel is NoneType"),
        ({"panel": 5}, "the panel is int"),
        ({"panel": "everyone"}, "item 0 of the panel is of type str"),
        ({"panel": [{"id": "p1"}]}, "item 0 of the panel is of type dict"),
        ({"panel": pd.DataFrame({"id": ["p1"]})}, "item 0 of the panel is of type str"),
        ({"question": ""}, "asks nothing"),
        ({"question": " \n"}, "asks nothing"),
        ({"question": None}, "asks nothing"),
        ({"question": ["a", "b"]}, "asks nothing"),
        ({"repeats": 0}, "repeats=0"),
        ({"repeats": "2"}, "repeats='2'"),
        ({"repeats": 1.5}, "repeats=1.5"),
        ({"repeats": True}, "repeats=True"),
        ({"seed": "x"}, "seed='x'"),
        ({"seed": 0.5}, "seed=0.5"),
        ({"answer": ["a", "b"]}, "is no answer type"),
        ({"images": "no-such.png"}, "no-such.png"),
        ({"images": b"not an image"}, "not an image"),
        ({"images": [5]}, "int"),
        ({"images": "https://example.org/a.png"}, "example.org"),
        ({"images": PACKS[0], "max_side": 0}, "max_side"),
    ],
)
def test_bad_input_is_one_clear_line_and_bills_nothing(open_lab, people, arguments, says):
    lab = open_lab(model := EdgeModel())
    with pytest.raises(InvalidInput) as caught:
        tk.ask(**{"panel": people(2), "question": "Tea?", **arguments}, lab=lab)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert model.calls == []


def test_two_personas_of_one_id_are_refused(lab, people):
    with pytest.raises(InvalidInput, match="2 personas share an id"):
        tk.ask([*people(3), *people(2)], "Tea?", lab=lab)


# --- honest answers ---


def test_reply_that_is_no_answer_is_an_invalid_row_and_no_default(open_lab, people):
    """S0-20: invalid answers are flagged and excluded from totals."""
    said = {"p0001": {"choice": "tea"}, "p0002": {"choice": "rum"}, "p0003": {}, "p0004": {"choice": "coffee"}}
    answers = tk.ask(people(4), "Tea?", answer=TEA, lab=open_lab(EdgeModel(lambda call: said[call.item])))
    assert answers.frame["status"].tolist() == ["ok", "invalid", "invalid", "ok"]
    assert answers.frame["answer"].isna().tolist() == [False, True, True, False]
    assert answers.summary()["n"].tolist() == [1, 1, 0]
    assert answers.errors["item"].tolist() == ["p0002", "p0003"]
    assert set(answers.errors["kind"]) == {"invalid_reply"}
    assert "2 invalid" in repr(answers)
    assert "2 invalid" in answers._repr_mimebundle_()["text/html"]


def test_content_is_asked_once_and_retry_asks_the_invalid_again(open_lab, people):
    lab = open_lab(model := EdgeModel(lambda call: {"choice": "rum"} if call.attempt == 0 else {"choice": "tea"}))
    answers = tk.ask(people(3), "Tea?", answer=TEA, lab=lab)
    assert len(model.calls) == 3
    healed = answers.retry()
    assert len(model.calls) == 6
    assert healed.frame["answer"].tolist() == ["tea"] * 3
    assert answers.frame["status"].tolist() == ["invalid"] * 3


def test_failure_of_a_call_is_a_failed_row(open_lab, people):
    faults = {"p0001": ProviderDown("the server is down"), "p0002": ContentRefused("the model refused")}
    answers = tk.ask(people(3), "Tea?", answer=TEA, lab=open_lab(EdgeModel(lambda call: faults.get(call.item))))
    assert answers.frame["status"].tolist() == ["failed", "failed", "ok"]
    assert answers.frame["model"].tolist() == ["", "", "scripted:default"]
    assert answers.errors["kind"].tolist() == ["provider_down", "content_refused"]
    assert answers.complete


def test_nothing_made_up_is_stored_when_the_model_fails(wired, people):
    """S0-21: after a failure memory holds nothing under the call's key, and the next run asks anew."""
    lab, wire = wired(options={"script": ["server_error"] * 3}, concurrency=1)
    answers = tk.ask(people(3), "Tea?", answer=TEA, lab=lab)
    assert answers.frame["status"].tolist() == ["failed"] * 3
    assert tk.estimate(tk.ask, people(3), "Tea?", answer=TEA, lab=lab).remembered == 0
    again = tk.ask(people(3), "Tea?", answer=TEA, lab=lab)
    assert again.frame["status"].tolist() == ["ok"] * 3
    assert again.report.live == 3
    assert wire.requests.total == 6


def test_malformed_json_over_the_wire_is_an_invalid_row(wired, people):
    """S0-20: what cannot be read is invalid."""
    lab, _ = wired(options={"script": ["malformed", "ok"]}, concurrency=1)
    frame = tk.ask(people(2), "Tea?", answer=TEA, lab=lab).frame
    assert frame["status"].tolist() == ["invalid", "ok"]
    assert frame["answer"].isna().tolist() == [True, False]


def test_strict_raises_with_the_answers(open_lab, people):
    lab = open_lab(EdgeModel(lambda call: {"choice": "rum"} if call.item == "p0002" else None))
    with pytest.raises(Incomplete, match="1 of 3 items failed, the first p0002") as caught:
        tk.ask(people(3), "Tea?", answer=TEA, strict=True, lab=lab)
    assert caught.value.result.frame["status"].tolist() == ["ok", "invalid", "ok"]


# --- options in another order ---


def test_order_shown_is_the_order_in_the_prompt_and_is_mapped_back(open_lab, people):
    first = EdgeModel(lambda call: {"choice": options(call)[0]})
    answers = tk.ask(people(40), "Tea?", answer=TEA, lab=open_lab(first))
    by_item = {call.item: options(call) for call in first.calls}
    assert answers.frame["shown"].tolist() == [" | ".join(by_item[one.id]) for one in people(40)]
    assert answers.frame["answer"].astype(str).tolist() == [by_item[one.id][0] for one in people(40)]
    assert list(answers.frame["answer"].cat.categories) == list(TEA.options)


def options(call):
    return [line.removeprefix("- ") for line in call.messages[-1].text.split("\n") if line.startswith("- ")]


def test_every_option_stands_at_every_place_equally_often(lab, people):
    """Over 1,200 people each of the six orders is as likely as another (chi-square, p > 0.001)."""
    shown = tk.ask(people(1200), "Tea?", answer=TEA, lab=lab).frame["shown"]
    counts = Counter(shown)
    assert len(counts) == 6
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


def test_orders_are_seeded_by_person_and_question(lab, people):
    """S0-18: same seed, same orders; whoever else is asked does not matter."""

    def shown(n=30, question="Tea?", **more):
        return tk.ask(people(n), question, answer=TEA, lab=lab, **more).frame["shown"].tolist()

    assert shown() == shown()
    assert shown(10) == shown(30)[:10]
    assert shown(seed=8) != shown()
    assert shown(question="Coffee?") != shown()
    assert set(shown(shuffle=False)) == {"tea | coffee | neither"}


def test_repeats_of_one_person_see_one_order(lab, people):
    frame = tk.ask(people(10), "Tea?", answer=TEA, repeats=3, lab=lab).frame
    assert len(frame[["persona", "shown"]].drop_duplicates()) == 10


# --- images ---


def test_images_go_out_in_order_labelled_and_as_they_were_normalised(wired, people):
    """S0-19: the picture in the body is the normal form of the file, at most max_side pixels."""
    lab, wire = wired()
    tk.ask(people(2), "Which one?", images=PACKS, answer=tk.Choice(["1", "2"]), max_side=200, lab=lab)
    for body in wire.bodies:
        kinds = [part["type"] for part in parts(body)]
        assert kinds == ["text", "image_url", "text", "image_url", "text"]
        texts = [part["text"] for part in parts(body) if part["type"] == "text"]
        assert texts[0].strip() == "Image 1:"
        assert texts[1].strip() == "Image 2:"
        sent = [part["image_url"]["url"] for part in parts(body) if part["type"] == "image_url"]
        for uri, path in zip(sent, PACKS, strict=True):
            head, _, data = uri.partition(",")
            raw = base64.b64decode(data)
            assert max(Pictures.open(BytesIO(raw)).size) == 200
            assert head.startswith("data:image/")
            assert raw == tk.Image(path).normal(200).data


def test_image_bytes_change_the_key_and_the_file_s_name_does_not(open_lab, people, tmp_path):
    """S0-23: keys change with any input, image bytes included."""
    lab = open_lab(model := EdgeModel())

    def asked(**more):
        before = len(model.calls)
        tk.ask(people(1), "Which?", answer=TEA, lab=lab, **more)
        return len(model.calls) - before

    red, blue = tmp_path / "a.png", tmp_path / "b.png"
    red.write_bytes(png("red"))
    blue.write_bytes(png("blue"))
    (tmp_path / "c.png").write_bytes(png("red"))
    assert asked(images=red) == 1
    assert asked(images=str(red)) == 0
    assert asked(images=tmp_path / "c.png") == 0
    assert asked(images=blue) == 1
    assert asked(images=[red, blue]) == 1
    assert asked(images=[blue, red]) == 1
    assert asked() == 1
    assert asked(images=tk.Image(red, alt="a red field")) == 1
    assert asked(images=red, max_side=20) == 1
    red.write_bytes(png("green"))
    assert asked(images=red) == 1


@pytest.mark.parametrize("change", [{"question": "Rum?"}, {"answer": tk.Text()}, {"seed": 8}, {"shuffle": False}])
def test_any_other_input_changes_the_key(open_lab, people, change):
    """S0-23."""
    lab = open_lab(model := EdgeModel())
    given = {"question": "Tea?", "answer": TEA}
    tk.ask(people(8), **given, lab=lab)
    tk.ask(people(8), **{**given, **change}, lab=lab)
    assert len({call.key(model.identity) for call in model.calls}) > 8


def test_one_image_several_or_a_generator_of_them(open_lab, people):
    lab = open_lab(model := EdgeModel())
    shapes = {"path": PACKS[0], "bytes": png("red"), "pil": Pictures.new("RGB", (9, 9)), "none": None, "empty": ()}
    for given in (*shapes.values(), (path for path in PACKS), tuple(PACKS)):
        tk.ask(people(1), "Which?", images=given, answer=TEA, lab=lab)
    assert [len(call.pictures) for call in model.calls] == [
        1,
        1,
        1,
        0,
        2,
    ]  # none and empty are one call; so are the last


def test_model_without_eyes_gets_the_words_and_the_result_says_so(wired, people):
    """S0-07: images are not sent, the text says so, and a note stands in the result; what has no words is read."""
    lab, wire = wired(abilities=Abilities(images=False))
    shown = [tk.Image(PACKS[0], alt="A pale box of tea"), PACKS[1]]
    answers = tk.ask(people(3), "Which?", images=shown, answer=TEA, lab=lab)
    for body in wire.bodies:
        text = body["messages"][-1]["content"]
        assert isinstance(text, str)
        assert "A pale box of tea" in text
        assert "read by a machine" in text
        assert "not sent" in text
        assert "package-bold" not in text
    assert any("described in words" in note for note in answers._notes())
    assert "described in words" in answers._repr_mimebundle_()["text/html"]
    assert answers.report.live == 3
    again = tk.ask(people(3), "Which?", images=shown, answer=TEA, lab=lab)
    assert again._notes() == answers._notes()


# --- two doors, one message ---


def test_blocking_and_awaited_requests_are_the_same_bytes(wired, people):
    """S0-06: sync and async captured bodies are equal, with image parts."""
    given = ("Which?",)
    options = {"images": PACKS, "answer": tk.Choice(["1", "2"], why=True), "max_side": 200}
    bodies = []
    blocking, wire = wired("blocking", concurrency=1)
    tk.ask(people(3), *given, **options, lab=blocking)
    bodies.append(wire.bodies)
    awaited, wire = wired("awaited", concurrency=1)
    asyncio.run(_await(tk.aio.ask(people(3), *given, **options, lab=awaited)))
    bodies.append(wire.bodies)
    assert orjson.dumps(bodies[0]) == orjson.dumps(bodies[1])
    assert len(bodies[0]) == 3


async def _await(awaitable):
    return await awaitable


def test_prompt_begins_with_what_everyone_shares(wired, people):
    """S0-04: question and images first, the person and the order of options last; one cache key."""
    lab, wire = wired(prompt_cache=True)
    tk.ask(people(6), "Which of these?", images=PACKS, answer=TEA, max_side=100, lab=lab)
    assert len({body["prompt_cache_key"] for body in wire.bodies}) == 1
    heads = {json.dumps([body["messages"][0], parts(body)[:-1]]) for body in wire.bodies}
    assert len(heads) == 1
    assert len({parts(body)[-1]["text"].partition("The person who answers:")[0] for body in wire.bodies}) == 1
    assert len({json.dumps(body["response_format"]) for body in wire.bodies}) == 1


def test_request_reminds_once_of_the_form_a_model_takes_no_schema_for(people, tmp_path):
    """S0-16, S0-17: once, at the end of the first system message, however long the conversation."""
    answer = '{"choice": "red"}'
    with Saying(lambda _: answer) as server:
        settings = {"base_url": server.url, "study": tmp_path / "s", "seed": 7}
        with tk.Lab("openai:m", abilities=Abilities(schema=False), **settings) as lab:
            red = tk.Choice(["red", "green"])
            asked = {"answer": red, "vary": {"price": [1, 2, 3]}, "memory": "full"}
            said = tk.ask(people(1), "Tea at {price}?", **asked, lab=lab)
            shown = tk.preview(tk.ask, people(1), "Tea at {price}?", **asked, lab=lab)
    assert said.complete
    assert len(server.bodies) == 3
    for body in server.bodies:
        assert json.dumps(body["messages"]).count("JSON schema") == 1
        assert body["messages"][0]["content"].endswith(red.schema.json.decode())
        assert [message["role"] for message in body["messages"]].count("system") == 1
    assert len(server.bodies[2]["messages"]) == 6
    assert shown.call.messages[0].text in server.bodies[0]["messages"][0]["content"]


@pytest.mark.parametrize(
    ("answer", "said", "column"),
    [
        (tk.Text(), {"answer": "nice \ud83d"}, "answer"),
        (tk.Choice(["red", "green"], why=True), {"choice": "red", "why": "nice \ud83d"}, "why"),
        (tk.Scale(1, 5, why=True), {"score": 3, "why": "nice \ud83d"}, "why"),
        (tk.Ranking(["red", "green"], why=True), {"ranking": ["red", "green"], "why": "nice \ud83d"}, "why"),
        (Note, {"word": "nice \ud83d"}, "word"),
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_half_a_surrogate_pair_in_a_text_is_marked_and_the_answer_kept(tmp_path, people, answer, said, column, escaped):
    """A model that stops in the middle of an emoji gave an answer all the same; nothing can store half of one."""
    with Saying(lambda _: json.dumps(said, ensure_ascii=escaped)) as server:
        settings = {"base_url": server.url, "study": tmp_path / "s", "seed": 7}
        frames = []
        for _ in range(2):  # the second time from memory
            with tk.Lab("openai:m", **settings) as lab:
                answers = tk.ask(people(1), "Well?", answer=answer, lab=lab)
                frames.append(answers.frame)
                answers.frame.to_csv(tmp_path / "said.csv")
                assert answers._repr_mimebundle_()
    assert frames[0][column].tolist() == ["nice \N{REPLACEMENT CHARACTER}"]
    pd.testing.assert_frame_equal(*frames)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("answer", [tk.Text(), Note])
def test_half_a_surrogate_pair_of_another_provider_s_model_is_marked_as_well(open_lab, people, answer):
    field = "answer" if isinstance(answer, tk.Text) else "word"
    said = Reply("{}", "edge:edge", value={field: "nice \ud83d"})
    frame = tk.ask(people(1), "Well?", answer=answer, lab=open_lab(EdgeModel(lambda _: said))).frame
    assert frame[field].tolist() == ["nice \N{REPLACEMENT CHARACTER}"]


def test_text_that_poses_as_an_image_stays_text(wired, people):
    lab, wire = wired()
    tk.ask(people(1), "Is \ue0000\ue001 an image? {{ image(0) }} {% raw %}", images=PACKS[0], lab=lab)
    assert [part["type"] for part in parts(wire.bodies[0])] == ["text", "image_url", "text"]
    assert "{{ image(0) }} {% raw %}" in parts(wire.bodies[0])[-1]["text"]


# --- the same again ---


def test_second_time_everything_comes_from_memory_and_equal(open_lab, people):
    """S0-18: same answers, nothing asked."""
    lab = open_lab(model := EdgeModel())
    first = tk.ask(people(30), "Tea?", answer=tk.Choice(["a", "b"], why=True), lab=lab)
    again = tk.ask(people(30), "Tea?", answer=tk.Choice(["a", "b"], why=True), lab=lab)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert len(model.calls) == 30
    assert again.report.cached == 30


def test_replayed_capsule_gives_an_equal_frame(open_lab, people, tmp_path):
    """DESIGN 4: offline, to the same bytes, failures included."""
    lab = open_lab(ScriptedModel(faults={"malformed": 0.2}))
    given = (people(30), "Which?")
    options = {"images": PACKS[0], "answer": TEA, "repeats": 2}
    live = tk.ask(*given, **options, lab=lab)
    path = lab.freeze(tmp_path / "study.capsule")
    replay = tk.Lab(capsule=path)
    replayed = tk.ask(*given, **options, lab=replay)
    pd.testing.assert_frame_equal(live.frame, replayed.frame)
    pd.testing.assert_frame_equal(live.errors, replayed.errors)
    assert live.frame["status"].eq("invalid").any()
    assert replayed.report.live == 0
    replay.close()


def test_retry_asks_a_refused_question_again_and_the_same_cell_replays_it(open_lab):
    """A refusal is remembered, so asking again needs a key of its own."""
    with WireServer(script=["ok", "refusal", "ok"]) as wire:
        lab = open_lab("openai:test", base_url=wire.url, api_key=wire.key, concurrency=1)
        panel = tk.generate_personas(3, "us-adults-2012", detail="facts", lab=lab)
        first = tk.ask(panel, "Tea?", answer=tk.Choice(["yes", "no"]), lab=lab)
        assert list(first.errors["kind"]) == ["content_refused"]
        mended = first.retry()
        assert (len(mended.errors), wire.requests.total) == (0, 4)
        assert first.retry().frame.equals(mended.frame)
        assert wire.requests.total == 4
