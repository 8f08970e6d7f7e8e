import json
import re

import pytest

from tests.rounds.ensemble import EMPTY, Ensemble, move, plan, says, update
from toolkit.errors import InvalidReply, ProviderDown
from toolkit.rounds import continue_round, run_rounds
from toolkit.rounds.chronicle import EVENTS
from toolkit.rounds.state import FLAGS


@pytest.fixture
def play(open_lab, trio):
    """Play the trio by a script; gives the play, the ensemble and the events."""

    def player(script=None, *, rounds=1, scene=None, **given):
        ensemble = Ensemble(script)
        lab = open_lab(ensemble)
        seen = []
        lab.events.subscribe(
            lambda event: seen.append((event.kind.removeprefix("rounds."), dict(event.data))), "rounds."
        )
        return run_rounds(scene or trio, rounds=rounds, lab=lab, **given), ensemble, seen

    return player


# --- the director decides, characters act ---


def test_first_character_sees_what_the_director_changed_before_anyone_acts(play):
    """S4-16."""
    script = {
        "r1/director": plan(
            "Ada", "Ben", stateUpdates=[update("Ben", location="on the roof"), update("Ada", mood="grim")]
        )
    }
    _, ensemble, _ = play(script)
    assert "Ben: location on the roof" in ensemble.prompt("r1/Ada")
    assert "Ada (you): mood grim" in ensemble.prompt("r1/Ada")


def test_director_wins_before_the_turn_the_character_during_it_the_second_pass_after_it(play):
    """S4-17."""
    script = {
        "r1/director": plan("Ada", stateUpdates=[update("Ada", mood="glad", location="here")]),
        "r1/Ada": says("Well.", mood="sad", location="there"),
        "r1/director-2": plan(stateUpdates=[update("Ada", mood="torn")]),
    }
    found, _, _ = play(script)
    state = found.state.characters["Ada"]
    assert (state["mood"], state["location"]) == ("torn", "there")
    assert found.timeline[0]["characterResponses"][0]["state"] == {"mood": "sad", "location": "there"}


def test_prose_gives_what_the_reply_does_not_state(play):
    """S4-22: what is stated wins, "default" says nothing."""
    script = {"r1/Ada": says("*walks to the door* I am nervous. I will leave.", mood="default", location="by the door")}
    found, _, _ = play(script)
    one = found.timeline[0]["characterResponses"][0]
    assert one["inferred"] == {"location": "the door", "mood": "nervous", "intentions": "leave"}
    state = found.state.characters["Ada"]
    assert (state["mood"], state["location"], state["intentions"]) == ("nervous", "by the door", "leave")


def test_each_actor_is_told_its_own_directive_only(play):
    """S4-21."""
    script = {
        "r1/director": plan(
            {"name": "Ada", "guidance": "ADAONLY"}, {"name": "Ben", "guidance": "BENONLY"}, openGuidance="FORALL"
        )
    }
    _, ensemble, _ = play(script)
    for name, own, other in (("Ada", "ADAONLY", "BENONLY"), ("Ben", "BENONLY", "ADAONLY")):
        prompt = ensemble.prompt(f"r1/{name}")
        assert own in prompt
        assert other not in prompt
        assert "FORALL" in prompt


def test_guidance_is_in_the_timeline_and_in_no_later_prompt(play):
    """S4-34, F18."""
    script = {
        "r1/director": plan(
            {"name": "Ada", "guidance": "WHISPER"}, openGuidance="SHOUT", activations=[move("Cleo", "CREEPIN")]
        ),
        "r1/director-2": plan(openGuidance="LATER"),
    }
    found, ensemble, _ = play(script, rounds=2)
    for item in ensemble.items:
        told = {word for word in ("WHISPER", "SHOUT", "CREEPIN", "LATER") if word in ensemble.prompt(item)}
        assert told == ({"WHISPER", "SHOUT"} if item == "r1/Ada" else set()), item
    record = found.timeline[0]
    assert record["characterResponses"][0]["guidance"] == {"openGuidance": "SHOUT", "directive": "WHISPER"}
    assert record["directorPass1"]["plan"]["openGuidance"] == "SHOUT"


def test_actors_act_in_the_contracts_order_each_hearing_the_one_before(play, trio):
    """S4-18."""
    names = ["Charlie", "Bravo", "Alpha", "Delta"]
    acting = [
        {"name": "Charlie", "priority": 1},
        {"name": "Bravo", "priority": 3},
        {"name": "Alpha", "priority": 3, "order": 2},
        {"name": "Delta", "order": 1},
    ]
    scene = trio.replace(cast=(), present=(), user=None).with_cast([{"name": name} for name in names])
    found, ensemble, _ = play({"r1/director": plan(*acting)}, scene=scene)
    assert [one["character"] for one in found.timeline[0]["characterResponses"]] == [
        "Delta",
        "Alpha",
        "Bravo",
        "Charlie",
    ]
    assert ensemble.prompt("r1/Charlie").endswith(
        "Delta: Delta in round 1.\nAlpha: Alpha in round 1.\nBravo: Bravo in round 1."
    )


def test_parallel_group_does_not_hear_each_other(play):
    script = {"r1/director": plan({"name": "Ada", "parallel": "x"}, {"name": "Ben", "parallel": "x"})}
    found, ensemble, _ = play(script)
    assert "Ada in round 1." not in ensemble.prompt("r1/Ben")
    assert [one["character"] for one in found.timeline[0]["characterResponses"]] == ["Ada", "Ben"]
    assert "Ben in round 1." in ensemble.prompt("r1/director-2")


# --- who is there ---


def test_entering_and_leaving_change_who_is_present_and_only_they_are_told_how(play):
    """S4-19, S4-20."""
    script = {
        "r1/director": plan("Ada", "Ben", "Cleo", activations=[move("cleo", "slowly")], deactivations=[move("BEN")])
    }
    found, ensemble, _ = play(script)
    assert found.state.present == ("Ada", "Cleo")
    told = {one["character"]: one["guidance"] for one in found.timeline[0]["characterResponses"]}
    assert told["Cleo"] == {"entry": "You are out of breath. slowly"}
    assert told["Ben"] == {"exit": "This is your last turn before you leave. Let it show how you go."}, (
        "a deactivated actor acts its exit turn"
    )
    assert told["Ada"] == {}
    assert "out of breath" in ensemble.prompt("r1/Cleo")
    assert "out of breath" not in ensemble.prompt("r1/Ada")


def test_flags_are_right_each_round_and_taken_off_in_the_next(play):
    """S4-23."""
    script = {
        "r1/director": plan("Ada", activations=[move("Cleo")], deactivations=[move("Ben")]),
        "r2/director": plan("Cleo"),
        "r2/director-2": plan(newActivations=[move("Ben")]),
        "r3/director": plan("Ben"),
    }
    found, _, _ = play(script, rounds=3)
    told = [record["roundMetadata"]["characterStates"] for record in found.timeline]
    flags = [{name: tuple(held[flag] for flag in FLAGS) for name, held in states.items()} for states in told]
    no = (False, False, False)
    assert flags[0] == {"Ada": (True, False, False), "Ben": (False, False, True), "Cleo": (False, True, False)}
    assert flags[1] == {"Ada": no, "Ben": (False, True, False), "Cleo": (True, False, False)}
    assert flags[2] == {"Ada": no, "Ben": (True, False, False), "Cleo": no}
    assert found.timeline[2]["characterResponses"][0]["guidance"]["entry"].startswith("You have just come in")


def test_user_persona_never_acts_though_the_director_says_so(play):
    """S4-19."""
    raw = json.dumps({**EMPTY, "actingCharacters": ["Uma", "Uma_implied", "Ada"]})
    found, ensemble, _ = play({"r1/director": raw}, user="Hello.")
    assert ensemble.of("r1/Ada")
    assert not ensemble.of("r1/Uma")
    assert found.timeline[0]["directorPass1"]["dropped"] == ["Uma", "Uma_implied"]


# --- passes ---


def test_second_pass_comes_once_after_the_characters(play):
    """S4-24."""
    _, ensemble, _ = play()
    assert ensemble.items == ["r1/director", "r1/Ada", "r1/Ben", "r1/director-2"]
    prompt = ensemble.prompt("r1/director-2")
    assert "Ada, Ben acted" in prompt
    assert "Ada: Ada in round 1." in prompt


@pytest.mark.parametrize(("passes", "directors", "followed"), [(1, 1, 0), (2, 2, 0), (3, 3, 1), (4, 4, 2)])
def test_each_pass_above_two_brings_one_more_pass_of_characters(play, passes, directors, followed):
    """S4-25."""
    script = {
        "r1/director": plan("Ada"),
        "r1/director-2": plan(remainingActors=["Ben"]),
        "r1/director-3": plan(remainingActors=["Cleo"], newActivations=[]),
        "r1/director-4": plan(remainingActors=["Cleo"]),
    }
    script["r1/director-2"]["newActivations"] = [move("Cleo")]
    found, ensemble, _ = play(script, rules={"max_director_passes": passes})
    assert sum("director" in one for one in ensemble.items) == directors
    acted = [one["character"] for one in found.timeline[0]["characterResponses"]]
    assert acted == ["Ada", "Ben", "Cleo"][: 1 + followed]
    follow = found.timeline[0]["followupCharacterPass"]
    assert follow["queued"] == (followed > 0)
    assert follow["actors"] == ["Ben", "Cleo"][:followed]
    assert (follow["reason"] == "guardrail") == (passes in (2, 3))


def test_who_acted_is_not_queued_again(play):
    """S4-25."""
    found, ensemble, _ = play({"r1/director-2": plan(remainingActors=["Ada", "Ben"])}, rules={"max_director_passes": 3})
    assert ensemble.items.count("r1/Ada") == 1
    assert found.timeline[0]["followupCharacterPass"] == {"queued": False, "actors": [], "reason": "nobody remains"}


# --- when something cannot be read ---


def test_without_a_director_everyone_acts_in_a_fixed_order_and_nobody_directs(play):
    """S4-36."""
    found, ensemble, _ = play(user="Ben, what about you?", director=False)
    assert ensemble.items == ["r1/Ben", "r1/Ada"]
    assert found.timeline[0]["directorPass1"]["fallback"] == "the director is off"
    assert found.timeline[0]["directorPass2"] == {"enabled": False, "reason": "the director is off"}


@pytest.mark.parametrize("reply", ["not JSON at all", '{"openGuidance": 7}', plan(), plan("Cleo")])
def test_unreadable_director_is_replaced_by_the_fixed_order_and_its_error_reaches_the_user(play, reply):
    """S4-10, S4-36, F18."""
    found, ensemble, _ = play({"r1/director": [reply, reply]}, user="Ben?")
    record = found.timeline[0]["directorPass1"]
    if reply == plan():  # nobody acts: the director may say so
        assert ensemble.items == ["r1/director", "r1/director-2"]
        assert found.errors.empty
        return
    assert ensemble.items == ["r1/director", "r1/director", "r1/Ben", "r1/Ada", "r1/director-2"]
    assert record["orderedActors"] == ["Ben", "Ada"]
    assert record["error"] in {"failed_json_validation", "invalid_reply"}
    assert record["errors"]
    assert found.errors["item"].tolist() == ["r1/director"]
    assert "\n" not in found.errors["message"][0]


def test_content_is_asked_for_once_more_and_then_the_turn_is_lost_not_the_round(play):
    """S4-10: retries 1, then the error reaches the user."""
    found, ensemble, seen = play({"r1/Ada": ['{"response": 7}', '{"respnse": "x"}']})
    assert ensemble.items.count("r1/Ada") == 2
    assert [one.attempt for one in ensemble.of("r1/Ada")] == [0, 1]
    assert found.frame["status"].tolist() == ["failed", "ok"]
    assert found.errors[["item", "kind"]].to_numpy().tolist() == [["r1/Ada", "invalid_reply"]]
    assert "the character's reply fails its schema at $: " in found.errors["message"][0]
    lost = found.timeline[0]["characterResponses"][0]
    assert lost["response"] is None
    assert lost["error"] == "failed_json_validation"
    assert lost["errors"][0].startswith("$: ")
    assert found.state.characters["Ada"]["hasActedThisRound"] is False
    assert "Ada:" not in ensemble.prompt("r1/director-2").split("word for word:")[-1]
    assert found.complete
    assert [data["error"] for kind, data in seen if kind == "characterRunCompleted" and "error" in data] == [
        "failed_json_validation"
    ]


def test_second_asking_that_fits_is_kept(play):
    """S4-10."""
    found, _, _ = play({"r1/Ada": ["no JSON", says("Now.")]})
    assert found.errors.empty
    assert found.frame["text"][0] == "Now."


@pytest.mark.parametrize("reply", ['```json\n{"response": "Hi."}\n```', '{"response": "Hi.",}', "{'response': 'Hi.'}"])
def test_reply_that_is_nearly_right_costs_no_further_asking(play, reply):
    """S4-10: what the provider's schema check refused is put right where that can be done."""
    found, ensemble, _ = play({"r1/Ada": reply})
    assert ensemble.items.count("r1/Ada") == 1
    assert found.frame["text"][0] == "Hi."
    assert found.errors.empty


def test_character_in_prose_is_not_asked_for_json_and_never_validated(play):
    """S4-04."""
    prose = {"name": "character", "prompt": "rounds.character"}
    found, ensemble, _ = play({"r1/Ada": "{ I am nervous."}, profiles={"character": prose})
    assert "JSON" not in ensemble.prompt("r1/Ada")
    assert ensemble.of("r1/Ada")[0].schema is None
    assert found.frame["text"][0] == "{ I am nervous."
    assert found.state.characters["Ada"]["mood"] == "nervous"


def test_turn_that_transport_fails_is_a_row_and_the_round_goes_on(play):
    found, _, _ = play({"r1/Ada": lambda _: ProviderDown("gone"), "r1/Ben": says("Still here.")})
    assert found.errors["kind"].tolist() == ["provider_down"]
    assert found.frame["text"].tolist()[1] == "Still here."


def test_refused_content_is_kept_in_quarantine(open_lab, trio):
    lab = open_lab(Ensemble({"r1/Ada": "nothing of the kind"}))
    run_rounds(trio, rounds=1, lab=lab)
    assert set(lab.quarantine.frame["item"]) == {"r1/Ada"}
    assert InvalidReply.kind == "invalid_reply"


# --- the world ---


def test_world_is_not_asked_unless_it_is_switched_on(play):
    """S4-26."""
    found, ensemble, seen = play()
    assert not [one for one in ensemble.items if "world" in one]
    assert found.timeline[0]["worldAgent"] == {"enabled": False, "reason": "off"}
    assert not [kind for kind, _ in seen if kind.startswith("world")]


def test_world_keeps_state_and_the_scenes_trackers_after_reconciliation(play):
    """S4-26, S4-27."""
    reply = {"worldState": [{"name": "rain", "value": "heavy"}], "trackers": [{"name": "votes", "value": 3}]}
    script = {"r1/world": reply, "r1/director-2": plan(stateUpdates=[update("Ada", mood="torn")])}
    found, ensemble, _ = play(script, rounds=2, world=True)
    assert ensemble.items.index("r1/world") == ensemble.items.index("r1/director-2") + 1
    assert "mood torn" in ensemble.prompt("r1/world")
    assert "Reply with one JSON object that satisfies" in ensemble.prompt("r1/world")
    assert found.at(1).world == {"rain": "heavy"}
    assert found.at(1).trackers == {"votes": 3}
    assert "rain: heavy" in ensemble.prompt("r2/Ada")


def test_number_stays_a_number_and_unknown_trackers_are_not_kept(play):
    reply = {"worldState": [], "trackers": [{"name": "votes", "value": "many"}]}
    found, ensemble, _ = play({"r1/world": reply}, world=True)
    assert found.state.trackers == {"votes": 0}
    assert '"enum":["votes"]' in ensemble.of("r1/world")[0].schema.json.decode()


def test_unreadable_world_changes_nothing(play):
    found, _, _ = play({"r1/world": "?"}, world=True)
    assert found.timeline[0]["worldAgent"]["parsed"]["error"] == "failed_json_validation"
    assert found.state.world == {}
    assert found.errors["item"].tolist() == ["r1/world"]


# --- events ---


ORDER = [
    "roundStarted",
    "directorPassStarted",
    "directorPassCompleted",
    "activeCharactersUpdated",
    "stateUpdated",
    "characterRunStarted",
    "characterRunCompleted",
    "characterResponse",
    "directorPassStarted",
    "directorPassCompleted",
    "remainingActorsQueued",
    "characterRunStarted",
    "characterRunCompleted",
    "characterResponse",
    "directorPassStarted",
    "directorPassCompleted",
    "worldUpdateStarted",
    "worldUpdateCompleted",
    "sceneUpdated",
    "roundCompleted",
]


def test_events_come_in_their_order_with_common_fields(play):
    """S4-28."""
    script = {
        "r1/director": plan("Ada", activations=[move("Cleo")], stateUpdates=[update("Ada", mood="calm")]),
        "r1/director-2": plan(remainingActors=["Ben"]),
    }
    found, _, seen = play(script, rules={"max_director_passes": 3}, world=True)
    assert [kind for kind, _ in seen if kind != "agentStatus"] == ORDER
    assert {kind for kind, _ in seen} == set(EVENTS)
    for kind, data in seen:
        assert data["sceneId"] == "trio", kind
        assert data["roundNumber"] == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", data["timestamp"])
    told = dict(seen)
    assert told["roundCompleted"]["nextRoundNumber"] == 2
    assert told["roundCompleted"]["activeCharacters"] == ["Ada", "Ben", "Cleo"]
    assert [one["type"] for one in found.timeline[0]["auditLog"]] == [kind for kind, _ in seen]


def test_preview_of_a_response_is_short(play):
    """S4-28."""
    _, _, seen = play({"r1/Ada": says("long " * 100, mood="calm")})
    told = next(data for kind, data in seen if kind == "characterRunCompleted")
    assert len(told["responsePreview"]) == 120
    assert told["state"] == {"mood": "calm"}


def test_failing_listener_harms_nobody(open_lab, trio, caplog):
    """S4-28."""
    lab = open_lab(Ensemble())
    heard = []

    def fail(event):
        raise RuntimeError(event.kind)

    lab.events.subscribe(fail, "rounds.")
    lab.events.subscribe(lambda event: heard.append(event.kind), "rounds.")
    play = run_rounds(trio, rounds=1, lab=lab)
    assert heard[-1] == "rounds.roundCompleted"
    assert play.errors.empty
    assert "a listener" in caplog.text


def test_events_go_to_the_studys_journal(open_lab, trio, tmp_path):
    """S4-28: JSON lines."""
    lab = open_lab(Ensemble())
    run_rounds(trio, rounds=1, lab=lab)
    lab.close()
    assert '"kind":"rounds.characterResponse"' in (tmp_path / "study" / "events.jsonl").read_text()


# --- the user and continuations ---


def test_user_round_and_continuation_go_the_same_way(play):
    """S4-33."""
    found, ensemble, _ = play(user="What does bread cost?")
    assert found.timeline[0]["roundMetadata"]["requestType"] == "user"
    assert "Uma: What does bread cost?" in ensemble.prompt("r1/director")
    assert "Bread costs four euros." in ensemble.prompt("r1/Ada")
    on = continue_round(found)
    record = on.timeline[1]
    assert record["roundMetadata"]["requestType"] == "continuation"
    assert record["roundMetadata"]["user"] is None
    assert ensemble.items[-4:] == ["r2/director", "r2/Ada", "r2/Ben", "r2/director-2"]
    assert "Ben: Ben in round 1." in ensemble.prompt("r2/director")
    assert len(found) == 1, "the play before stays as it is"


def test_scenes_script_speaks_where_no_user_is_given(play, trio):
    scene = trio.replace(script=("First?", "Second?"))
    found, _, _ = play(scene=scene, rounds=3)
    assert found.frame.loc[found.frame["role"] == "user", "text"].tolist() == ["First?", "Second?"]
    silent, _, _ = play(scene=scene, rounds=1, user="")
    assert "user" not in silent.frame["role"].tolist()


# --- summaries ---


def test_summary_is_made_once_the_messages_pass_the_trigger(play):
    """S4-08, S4-09."""
    found, ensemble, _ = play(rounds=6, rules={"summarization_trigger": 4})
    made = [one for one in ensemble.items if "summary" in one]
    assert made == ["r3/summary", "r6/summary"], "2 messages a round: more than 4 in round 3"
    assert "Round 1\nAda: Ada in round 1." in ensemble.prompt("r3/summary")
    assert "Ada in round 3." not in ensemble.prompt("r6/summary")
    assert "Up to round 3." in ensemble.prompt("r6/summary")
    assert "Up to round 3." in ensemble.prompt("r4/Ada")
    assert "- round 2: round 2 happened" in ensemble.prompt("r4/Ada")
    assert found.state.summary == "Up to round 6."
    assert [one.round for one in found.state.bullets] == [1, 2, 3, 4, 5, 6]


def test_window_keeps_the_last_messages(play):
    """S4-09."""
    found, ensemble, _ = play(rounds=5, rules={"history_window": 4, "summarization_trigger": 99})
    assert [one.text for one in found.state.history] == [
        "Ada in round 4.",
        "Ben in round 4.",
        "Ada in round 5.",
        "Ben in round 5.",
    ]
    assert "Ada: Ada in round 2." not in ensemble.prompt("r5/director")
    assert "(round 1) Ada in round 1." in ensemble.prompt("r5/Ada"), "what left the history can be remembered"


def test_messages_of_a_failed_summary_are_in_the_next_one(play):
    found, ensemble, _ = play({"r3/summary": "?"}, rounds=4, rules={"summarization_trigger": 4})
    assert found.errors["item"].tolist() == ["r3/summary"]
    assert "Ada in round 1." in ensemble.prompt("r4/summary")
    assert found.state.summary == "Up to round 4."


def test_summary_that_does_not_fit_is_made_in_chunks(play):
    script = {f"r{number}/Ada": says("word " * 400) for number in range(1, 9)}
    _, ensemble, _ = play(
        script, rounds=6, rules={"summarization_trigger": 11, "max_context_tokens": 2600, "completion_tokens": 300}
    )
    made = [one for one in ensemble.items if "summary" in one]
    assert made[:2] == ["r6/summary", "r6/summary-2"]
    assert all(len(ensemble.prompt(one)) / 4 < 2300 for one in made)


# --- log ---


def test_prompts_are_logged_only_where_asked_for_and_scrubbed(play, trio, caplog):
    """S4-11."""
    caplog.set_level("DEBUG", logger="toolkit.rounds")
    scene = trio.replace(notes={"scene": "Write to ada@example.org."})
    play(scene=scene)
    assert "example.org" not in caplog.text
    assert "Three in a room" not in caplog.text
    play(scene=scene, rules={"log_payloads": True})
    assert "Three in a room" in caplog.text
    assert "ada@example.org" not in caplog.text
    assert "[email]" in caplog.text
