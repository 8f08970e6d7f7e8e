import json

import pytest

from toolkit.errors import InvalidReply
from toolkit.evolutions.loading import Reference
from toolkit.evolutions.reading import feature_id, read_descriptions, read_features

REFERENCE = Reference.load("town")
NAMES = [one.name for one in REFERENCE.plateaus]


def described(given):
    return read_descriptions(json.dumps({"descriptions": given}), REFERENCE.plateaus)


def test_list_and_object_of_descriptions_are_read_alike():
    rows = [{"plateau": n, "plateau_name": name, "description": f"text {n}"} for n, name in enumerate(NAMES, 1)]
    texts, faults = described(rows)
    assert texts == [f"text {n}" for n in range(1, 6)]
    assert faults == []
    assert described({f"plateau_{n}": f"text {n}" for n in range(1, 6)})[0] == texts
    assert described({name.upper(): f"text {n}" for n, name in enumerate(NAMES, 1)})[0] == texts


def test_missing_and_blank_description_is_empty_and_a_fault():
    texts, faults = described({"plateau_1": "a", "plateau_2": "  ", "plateau_4": "d", "plateau_5": "e"})
    assert texts == ["a", "", "", "d", "e"]
    assert [(one.kind, one.message) for one in faults] == [
        ("missing_description", "plateau 2 (Connected): its description is blank"),
        ("missing_description", "plateau 3 (Anticipating): its description is missing"),
    ]


def test_unknown_and_second_plateau_are_faults():
    _, faults = described([{"plateau": n, "description": "x"} for n in (1, 2, 3, 4, 5, 5, 9)])
    assert [one.kind for one in faults] == ["duplicate_id", "unknown_ids"]


@pytest.mark.parametrize(
    "said",
    [
        "The desk is open.",
        "Sure! Here is the description of plateau 2: The desk is open.",
        "Here's the plateau:\n\nThe desk is open.",
        "Description: The desk is open.",
        "Plateau 2 (Connected): The desk is open.",
    ],
)
def test_preamble_is_stripped(said):
    assert described({"plateau_1": said})[0][0] == "The desk is open."


@pytest.mark.parametrize(
    "said", ["Here people read: quietly, all day.", "This is a house of books.", "Here is where people meet: a desk."]
)
def test_text_that_only_looks_like_a_preamble_keeps_its_sense(said):
    assert described({"plateau_1": said})[0][0] == said


@pytest.mark.parametrize("text", ["", "no", "[]", "{}", '{"descriptions": 3}'])
def test_reply_that_is_no_such_object_is_refused(text):
    with pytest.raises(InvalidReply):
        read_descriptions(text, REFERENCE.plateaus)
    with pytest.raises(InvalidReply):
        read_features(text, REFERENCE.roles, "Shared", None)


def row(name="Lockers", level=3, label="Defined", **more):
    return {"name": name, "description": "d", "score": {"level": level, "label": label, "justification": "j"}, **more}


def read(given, plateau="Shared"):
    return read_features(json.dumps({"features": given}), REFERENCE.roles, plateau, "readers")


def test_feature_id_is_six_base32_characters_of_name_role_and_plateau():
    import base64
    import uuid

    told = base64.b32encode(uuid.uuid5(uuid.NAMESPACE_URL, "Lockers|public|Shared").bytes).decode()[:6]
    assert feature_id("Lockers", "public", "Shared") == told
    found, _ = read({"public": [row()]})
    assert found[0]["feature_id"] == told
    assert found[0]["customer_type"] == "readers"
    assert read({"public": [row()]}, "Connected")[0][0]["feature_id"] != told


def test_features_stand_by_id_whatever_their_order():
    names = ["a", "b", "c", "d"]
    one = read({"public": [row(name) for name in names]})[0]
    assert one == read({"public": [row(name) for name in reversed(names)]})[0]
    assert [feature["feature_id"] for feature in one] == sorted(feature["feature_id"] for feature in one)


@pytest.mark.parametrize(
    "wrong",
    [
        row(level=3, label="Managed"),
        row(level=6, label="Optimizing"),
        row(level="3"),
        row(extra=1),
        row(name=""),
        "text",
    ],
)
def test_feature_that_does_not_fit_is_left_out_and_the_others_stay(wrong):
    found, faults = read(
        {"public": [wrong, row("Bench")], "frontline": [row()], "specialists": [row()], "managers": [row()]}
    )
    assert len(found) == 4
    assert [one.kind for one in faults] == ["schema_mismatch"]


def test_unknown_role_second_feature_and_role_without_any_are_faults():
    found, faults = read({"public": [row(), row()], "cats": [row()]})
    assert len(found) == 1
    assert [one.kind for one in faults] == ["unknown_ids", "duplicate_id", *["missing_features"] * 3]


def test_reply_without_one_good_feature_is_refused():
    with pytest.raises(InvalidReply, match="no feature that can be used"):
        read({"public": [row(level=9)]})
