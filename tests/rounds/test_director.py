import orjson
import pytest

from toolkit.errors import InvalidReply
from toolkit.rounds import Profile
from toolkit.rounds.director import Move, Update, apply_moves, apply_updates, read_plan

PROFILE = Profile.load("director")
BARE = {"openGuidance": "", "actingCharacters": [], "activations": [], "deactivations": [], "stateUpdates": []}


@pytest.fixture
def read(trio):
    """Read a director's reply about the trio, of whom Cleo is outside."""

    def reader(*, later=False, **value):
        body = value.pop("raw", None) or orjson.dumps({**BARE, **value}).decode()
        return read_plan(body, PROFILE, trio.company(), trio.start(), later=later)

    return reader


def names(some):
    return [one.name for one in some]


@pytest.mark.parametrize("missing", list(BARE))
def test_missing_key_is_refused(read, missing):
    """S4-15."""
    body = {key: value for key, value in BARE.items() if key != missing}
    with pytest.raises(InvalidReply, match=f"'{missing}' is a required property"):
        read(raw=orjson.dumps(body).decode())


@pytest.mark.parametrize("extra", [{"music": "loud"}, {"actingCharacters": [{"name": "Ada", "speed": 3}]}])
def test_extra_key_is_refused(read, extra):
    """S4-15."""
    with pytest.raises(InvalidReply, match="Additional properties are not allowed"):
        read(**extra)


def test_extra_keys_of_a_state_update_are_stripped(read):
    """S4-15: section B, JSON return template."""
    assert read(stateUpdates=[{"name": "Ada", "mood": "calm", "hair": "red"}]).updates == (
        Update("Ada", {"mood": "calm"}),
    )


def test_aliases_single_values_and_strings_are_normalised(read):
    """S4-15."""
    raw = {
        "guidance": "Go.",
        "characters": "Ada",
        "activations": "Cleo",
        "deactivations": {"id": "Ben", "exitGuidance": "Bow."},
        "stateUpdates": {"name": "Ada", "mood": "calm"},
        "remaining": "Ben",
        "nextActivations": None,
    }
    plan = read(raw=orjson.dumps(raw).decode())
    assert plan.open_guidance == "Go."
    assert names(plan.actors) == ["Ada"]
    assert plan.activations == (Move("Cleo"),)
    assert plan.deactivations == (Move("Ben", "Bow."),)
    assert plan.updates == (Update("Ada", {"mood": "calm"}),)


def test_user_never_acts(read):
    """S4-19: by name, by id, and as ``_implied``."""
    plan = read(
        actingCharacters=[{"name": "Uma"}, {"name": "uma_implied"}, {"name": "Ada"}],
        stateUpdates=[{"name": "Uma", "mood": "x"}],
    )
    assert names(plan.actors) == ["Ada"]
    assert plan.updates == ()
    assert plan.dropped == ("Uma", "uma_implied", "Uma")


def test_names_are_resolved_by_id_and_whatever_their_case(read):
    """S4-19."""
    plan = read(
        actingCharacters=[{"name": "ADA"}, {"name": "Ada"}, {"name": "someone", "id": "Ben"}, {"name": "ben_implied"}]
    )
    assert names(plan.actors) == ["Ada", "Ben"]


@pytest.mark.parametrize("acting", [[{"name": "Zoe"}], [{"name": "Cleo"}], [{"name": "Uma"}]])
def test_director_that_names_nobody_present_is_refused_in_one_line(read, acting):
    with pytest.raises(
        InvalidReply, match=r"the director named nobody who is present: '\w+'; present are Ada, Ben"
    ) as caught:
        read(actingCharacters=acting)
    assert "\n" not in str(caught.value)
    assert caught.value.fault == "unknown_ids"


def test_unknown_names_beside_known_ones_are_dropped_and_kept_for_audit(read):
    plan = read(actingCharacters=[{"name": "Zoe"}, {"name": "Ben"}, {"name": "Cleo"}])
    assert names(plan.actors) == ["Ben"]
    assert plan.dropped == ("Zoe", "Cleo")


def test_nobody_named_and_somebody_entering_lets_the_entering_act(read):
    """S4-19: section B, Apply."""
    assert names(read(activations=[{"name": "Cleo"}]).actors) == ["Cleo"]
    assert read().actors == ()


def test_who_enters_may_act_at_once(read):
    assert names(
        read(
            activations=[{"name": "Cleo"}], actingCharacters=[{"name": "Cleo", "order": 2}, {"name": "Ben", "order": 1}]
        ).actors
    ) == [
        "Ben",
        "Cleo",
    ]


def test_actors_come_in_the_contracts_order(read):
    """S4-18."""
    plan = read(actingCharacters=[{"name": "Ada", "priority": 1}, {"name": "Ben", "priority": 5}])
    assert names(plan.actors) == ["Ben", "Ada"]


def test_director_that_reports_an_error_is_unreadable(read):
    with pytest.raises(InvalidReply, match="the director gave up: no idea"):
        read(error="no\nidea")


def test_default_and_empty_values_say_nothing(read):
    """S4-22."""
    plan = read(
        openGuidance="none", stateUpdates=[{"name": "Ada", "mood": "Default", "location": "", "activity": "baking"}]
    )
    assert plan.open_guidance == ""
    assert plan.updates == (Update("Ada", {"activity": "baking"}),)
    assert read(stateUpdates=[{"name": "Ada", "mood": "unchanged"}]).updates == ()


def test_later_pass_reconciles_and_does_not_choose_actors_anew(read):
    """S4-24."""
    plan = read(
        later=True,
        actingCharacters=[{"name": "Ada"}],
        remainingActors=["ben", "Zoe"],
        newActivations=["Cleo", "Ada"],
        deactivations=["Ada"],
    )
    assert plan.actors == ()
    assert plan.remaining == ("Ben",)
    assert names(plan.new_activations) == ["Cleo"]
    assert names(plan.deactivations) == ["Ada"]


def test_moves_and_updates_give_a_new_state_and_leave_the_old_one(trio):
    """S4-19, S4-23."""
    state, company = trio.start(), trio.company()
    moved = apply_moves(state, company, [Move("Cleo")], [Move("Ada")])
    assert moved.present == ("Ben", "Cleo")
    assert moved.characters["Cleo"]["enteredThisRound"] is True
    assert moved.characters["Ada"]["exitedThisRound"] is True
    assert apply_updates(moved, [Update("Ben", {"mood": "glum"})]).characters["Ben"]["mood"] == "glum"
    assert state.present == ("Ada", "Ben")
    assert not any(
        held["enteredThisRound"] or held["exitedThisRound"] or held["mood"] for held in state.characters.values()
    )
