import dataclasses
import inspect
import re

import orjson
import pytest

from toolkit.errors import InvalidInput
from toolkit.rounds import ENVELOPE_FIELDS, Envelope, Lore, Need, Rules, Scene, build_context
from toolkit.rounds.production import Production
from toolkit.rounds.profile import profiles_of
from toolkit.rounds.state import Said, Summary

CONTRACT = {
    "requestType",
    "sceneId",
    "roundNumber",
    "historyWindow",
    "summarizationTrigger",
    "history",
    "summarizedHistory",
    "perRoundSummaries",
    "lastRoundMessages",
    "lore",
    "formattedLore",
    "memories",
    "scenarioNotes",
    "persona",
    "characters",
    "characterStates",
    "worldState",
    "trackers",
    "directorGuidance",
    "tokenBudget",
    "directorPass",
    "recentCharacterResponses",
    "actedThisRound",
}


def production(scene, **rules):
    return Production(scene, Rules(**rules), profiles_of(None), seed=7)


def talk(*rounds):
    return tuple(Said(number, who, text) for number, lines in enumerate(rounds, start=1) for who, text in lines)


@pytest.fixture
def state(trio):
    """Forty rounds in: history, summary, bullets, all of it known by its words."""
    spoken = talk(*([("Ada", f"bread word{number}"), ("Ben", f"van word{number}")] for number in range(1, 41)))
    bullets = tuple(Summary(number, (f"bullet{number}",)) for number in range(1, 41))
    return dataclasses.replace(
        trio.start(),
        round=40,
        history=spoken,
        summary="The summary so far.",
        bullets=bullets,
        notes={"scene": "A room."},
    )


def need(trio, name="Ada", **more):
    return Need("character", 41, "continuation", character=trio.company().find(name), **more)


def text_of(context):
    return "\n".join(one.text for one in context.messages)


# --- the envelope ---


def test_envelope_has_every_field_of_the_contract_documented():
    """S4-01: JSON name, default, whether it may be absent, meaning."""
    assert {one.json for one in ENVELOPE_FIELDS.values()} == CONTRACT
    assert [one.name for one in dataclasses.fields(Envelope)] == list(ENVELOPE_FIELDS)
    assert all(one.default and one.meaning for one in ENVELOPE_FIELDS.values())


def test_documented_defaults_are_the_defaults():
    """S4-01."""
    told = Envelope("user", "s", 1).to_dict()
    for one in ENVELOPE_FIELDS.values():
        if one.default.startswith(("none", "absent")):
            continue
        assert orjson.dumps(told[one.json]).decode() == one.default, one.json
    absent = {one.json for one in ENVELOPE_FIELDS.values() if one.json not in told}
    assert absent == {one.json for one in ENVELOPE_FIELDS.values() if one.default == "absent"}
    assert all(one.may_be_absent for one in ENVELOPE_FIELDS.values() if one.json in absent)


def test_equal_calls_give_equal_bytes(trio, state):
    """S4-05: one function for all agents."""
    for one in (
        need(trio),
        Need("director", 41, "user", director_pass=2, acted=("Ada",)),
        Need("world", 41, "continuation"),
    ):
        first, second = (build_context(production(trio), state, one) for _ in range(2))
        assert first.envelope.json == second.envelope.json
        assert first.messages == second.messages
        assert set(orjson.loads(first.envelope.json)) <= CONTRACT


def test_overrides_are_injected_into_envelope_and_prompt(trio, state):
    """S4-05."""
    changed = {
        "worldState": {"sky": "green"},
        "scenario_notes": {"scene": "On the moon."},
        "formatted_lore": "Nobody breathes.",
    }
    context = build_context(production(trio), state, need(trio), changed)
    for said in ("green", "On the moon.", "Nobody breathes."):
        assert said in text_of(context)
        assert said in context.envelope.json.decode()
    assert "A room." not in text_of(context)
    with pytest.raises(InvalidInput, match=r"no field 'wrldState'.*nearest: 'worldState'"):
        build_context(production(trio), state, need(trio), {"wrldState": {}})


def test_raw_history_and_summaries_are_both_told(trio, state):
    """S4-08."""
    envelope = build_context(production(trio), state, need(trio)).envelope
    assert envelope.history
    assert envelope.summarized_history == ("The summary so far.",)
    assert envelope.per_round_summaries[-1] == {"roundNumber": 40, "bullets": ["bullet40"]}


def test_second_pass_knows_responses_and_actors_and_no_guidance(trio, state):
    """S4-24, S4-34."""
    spoken = (Said(41, "Uma", "Well?"), Said(41, "Ada", "Yes."))
    one = Need(
        "director", 41, "user", said=spoken, director_pass=2, acted=("Ada",), guidance={"openGuidance": "SECRET"}
    )
    told = build_context(production(trio), state, one).envelope.to_dict()
    assert told["directorPass"] == 2
    assert list(told["recentCharacterResponses"]) == [{"character": "Ada", "response": "Yes."}]
    assert tuple(told["actedThisRound"]) == ("Ada",)
    assert "directorGuidance" not in told
    assert "SECRET" not in text_of(build_context(production(trio), state, one))


def test_what_only_others_know_of_themselves_stays_theirs(trio, state):
    context = build_context(production(trio), state, need(trio, "Ben"))
    assert "sell bread" not in text_of(context)
    assert "sell bread" not in context.envelope.json.decode()
    assert "sell bread" in text_of(build_context(production(trio), state, need(trio, "Ada")))
    assert "The oven broke" not in text_of(context)


# --- the budget ---


@pytest.mark.parametrize("total", [1600, 2000, 3000, 8192])
def test_prompt_and_reply_never_pass_the_budget(trio, state, total):
    """S4-06, S4-13."""
    made = production(trio, max_context_tokens=total, completion_tokens=300)
    for one in (need(trio), Need("director", 41, "continuation"), Need("world", 41, "continuation")):
        context = build_context(made, state, one)
        sent = sum(made.count(message.text) for message in context.messages) + made.count(
            made.schema(one.agent).json.decode()
        )
        assert context.overflow == max(0, context.tokens["fixed"] + context.tokens["lastRound"] + 300 - total)
        if not context.overflow:
            assert sent <= context.total <= total - 300


def test_newest_history_is_kept_in_whole_messages(trio, state):
    """S4-06."""
    context = build_context(production(trio, max_context_tokens=1200, completion_tokens=200), state, need(trio))
    kept = [one["text"] for one in context.envelope.history]
    everything = [one.text for one in state.history[:-2]]
    assert 0 < len(kept) < len(everything)
    assert kept == everything[-len(kept) :]


def test_newest_bullets_are_kept(trio, state):
    """S4-06, S4-08."""
    context = build_context(production(trio, max_context_tokens=1700, completion_tokens=200), state, need(trio))
    kept = [one["roundNumber"] for one in context.envelope.per_round_summaries]
    assert 0 < len(kept) < 40
    assert kept == list(range(41 - len(kept), 41))


def test_notes_are_cut_to_their_share_the_nearest_kept_first(trio, state):
    """S4-06."""
    notes = {"world": "far " * 400, "scene": "near " * 20}
    context = build_context(
        production(trio, max_context_tokens=2400, completion_tokens=100),
        dataclasses.replace(state, notes=notes),
        need(trio),
    )
    kept = context.envelope.scenario_notes
    assert kept["scene"] == notes["scene"]
    assert kept.get("world", "…").endswith("…")
    assert context.tokens["notes"] <= context.envelope.token_budget["allocations"]["notes"]


def test_last_round_is_verbatim_and_last_however_little_room_there_is(trio, state):
    """S4-07."""
    for total in (400, 900, 1700, 8192):
        context = build_context(production(trio, max_context_tokens=total, completion_tokens=100), state, need(trio))
        last = "Ada: bread word40\nBen: van word40"
        assert text_of(context).endswith(last)
        assert [one["text"] for one in context.envelope.last_round_messages] == ["bread word40", "van word40"]


def test_last_round_larger_than_the_budget_is_flagged_and_sent_whole(trio):
    """S4-07."""
    long = "word " * 4000
    state = dataclasses.replace(trio.start(), history=talk([("Ada", long)]))
    context = build_context(production(trio, max_context_tokens=2000), state, need(trio))
    assert context.overflow > 2000
    assert context.envelope.token_budget["overflow"] == context.overflow
    assert long.strip() in text_of(context)
    assert not context.envelope.history


def test_what_was_said_this_round_stands_behind_the_last_round(trio, state):
    """S4-07."""
    context = build_context(production(trio), state, need(trio, said=(Said(41, "Uma", "And now?"),)))
    assert text_of(context).endswith("Ben: van word40\nUma: And now?")


def test_completion_and_fixed_text_are_subtracted_first_and_shown(trio, state):
    """S4-13, F18."""
    made = production(trio)
    budget = build_context(made, state, need(trio)).envelope.token_budget
    room = 8192 - 800 - budget["fixed"] - budget["lastRound"]
    assert sum(budget["allocations"].values()) <= room
    assert budget["completion"] == 800
    assert budget["fixed"] > 200


def test_hard_caps_hold_and_lore_has_one_of_its_own(trio, state):
    """S4-14, S4-32."""
    lore = tuple(Lore(f"Fact {place}: " + "bread and butter " * 20, ("bread",)) for place in range(60))
    scene = trio.replace(lore=lore)
    context = build_context(production(scene, caps={"history": 40}, lore_tokens=300), state, need(scene))
    assert context.tokens["history"] <= 40
    assert 0 < context.tokens["lore"] <= 300
    assert context.envelope.token_budget["caps"] == {"history": 40, "lore": 300}
    assert all(one["text"] in [entry.text for entry in lore] for one in context.envelope.lore), "whole entries"


def test_sections_that_have_nothing_to_say_get_nothing(trio):
    """S4-13."""
    context = build_context(production(trio), trio.start(), need(trio))
    given = context.envelope.token_budget["allocations"]
    assert given["history"] == given["lore"] == given["memories"] == 0
    assert given["notes"] > 0


def test_tokenizer_counts_where_there_is_one(trio, state):
    words = build_context(production(trio, tokenizer=str.split), state, need(trio))
    ratio = build_context(production(trio), state, need(trio))
    assert words.tokens["fixed"] != ratio.tokens["fixed"]


# --- the prompt ---


def test_prefix_is_byte_identical_across_rounds_and_characters(trio, state):
    """Fixed text first, varying text last: one system message for a family, and notes right behind it."""
    made = production(trio)
    contexts = [
        build_context(made, trio.start(), need(trio)),
        build_context(made, state, need(trio)),
        build_context(made, state, need(trio, "Ben")),
    ]
    assert len({one.messages[0].text for one in contexts}) == 1
    assert len({made.call("character", "r1/x", one.messages).family for one in contexts}) == 1
    starts = {one.messages[1].text[: one.messages[1].text.index("A room.") + 7] for one in contexts}
    assert len(starts) == 1
    passes = [
        build_context(made, state, Need("director", number, "continuation", director_pass=which))
        for number, which in ((1, 1), (9, 1), (9, 2))
    ]
    assert len({one.messages[0].text for one in passes}) == 1


def test_directive_is_the_actors_own(trio, state):
    """S4-21."""
    told = {"openGuidance": "Hurry.", "directive": "Ask Ben.", "entry": "", "exit": ""}
    context = build_context(production(trio), state, need(trio, guidance=told))
    assert "Hurry." in text_of(context)
    assert "Ask Ben." in text_of(context)
    assert context.envelope.director_guidance == {"openGuidance": "Hurry.", "directive": "Ask Ben."}


def test_prompts_leave_no_jinja_and_no_empty_headings(trio, state):
    bare = Scene.from_dict({"id": "bare", "cast": [{"name": "Ada"}]})
    for scene, where in ((trio, state), (bare, bare.start())):
        for one in (need(scene), Need("director", 1, "continuation"), Need("world", 1, "continuation")):
            text = text_of(build_context(production(scene), where, one))
            assert "{" not in re.sub(r"\{.*\}", "", text)
            assert "None" not in text
            assert not re.search(r":\n\n\n", text)
            assert "\n\n\n" not in text


def test_every_public_function_of_the_context_says_what_it_does():
    assert inspect.getdoc(build_context)
