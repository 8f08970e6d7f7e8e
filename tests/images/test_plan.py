import json
import pickle

import pytest

import toolkit as tk
from toolkit.errors import InvalidInput
from toolkit.images import ImagePlan

WHOLE = {
    "enhanced_prompt": "A red fox in fresh snow, low winter sun from the left",
    "image_type": "beast",
    "style": "woodcut",
    "size": "1024x768",
    "session_id": "wave-1",
    "metadata": {"persona": "p0001", "tags": ["cold", "quiet"]},
    "original_prompt": "a fox in winter",
    "n": 2,
    "seed": 11,
    "negative_prompt": "people",
    "model": "sketch",
}


def test_plan_comes_back_equal_from_dict_and_from_json():
    """S3-01."""
    plan = ImagePlan(**WHOLE)
    body = plan.to_dict()
    assert {name: body[name] for name in WHOLE} == WHOLE
    for back in (ImagePlan.from_dict(body), ImagePlan.from_dict(json.loads(json.dumps(body)))):
        assert back == plan
        assert back.to_dict() == body


def test_unknown_key_is_rejected_and_known_ones_are_named():
    """S3-01."""
    with pytest.raises(InvalidInput, match=r"no field 'stlye'.*style"):
        ImagePlan.from_dict({"enhanced_prompt": "A fox", "stlye": "woodcut"})
    with pytest.raises(InvalidInput, match="no field 'colour'"):
        ImagePlan("A fox").replace(colour="red")


def test_plan_id_is_of_the_picture_and_of_nothing_else():
    """S3-01, S3-16: session and metadata do not change the picture; every other field does."""
    plan = ImagePlan(**WHOLE)
    assert len(plan.plan_id) == 64
    assert plan.replace(session_id="wave-2", metadata={}).plan_id == plan.plan_id
    changes = {
        "enhanced_prompt": "A hare", "image_type": "scene", "style": "oil", "size": "512", "original_prompt": "a hare",
        "n": 3, "seed": 12, "negative_prompt": "", "model": "",
    }  # fmt: skip
    ids = {plan.replace(**{name: value}).plan_id for name, value in changes.items()}
    assert len(ids | {plan.plan_id}) == len(changes) + 1


def test_plan_id_is_the_same_on_every_machine():
    assert ImagePlan("A red fox").plan_id == "6ae7889a77bf3433835f29048a4a49fe280f0e71e5b9e92cc50ff1a20dd85926"


def test_dict_whose_id_belongs_to_another_content_is_rejected():
    body = ImagePlan("A red fox").to_dict() | {"style": "woodcut"}
    with pytest.raises(InvalidInput, match="Leave plan_id out"):
        ImagePlan.from_dict(body)


def test_plan_cannot_be_changed_in_place():
    plan = ImagePlan("A red fox", metadata={"persona": "p0001"})
    with pytest.raises(AttributeError):
        plan.style = "oil"
    with pytest.raises(TypeError):
        plan.metadata["persona"] = "p0002"
    assert plan.replace(style="oil").style == "oil"
    assert plan.style == ""


def test_equal_plans_are_one_in_a_set_and_survive_pickling():
    plan = ImagePlan(**WHOLE)
    assert {plan, plan.replace(session_id="elsewhere")} == {plan}
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301  # our own bytes
    assert plan != "a plan"


@pytest.mark.parametrize(
    ("given", "size"),
    [("1024", "1024x1024"), (512, "512x512"), (" 640 X 480 ", "640x480"), ("640\u00d7480", "640x480")],
)
def test_size_is_width_by_height_or_a_square(given, size):
    plan = ImagePlan("A fox", size=given)
    assert plan.size == size
    assert f"{plan.width}x{plan.height}" == size


@pytest.mark.parametrize(
    "wrong",
    [
        {"enhanced_prompt": "  "}, {"enhanced_prompt": None}, {"enhanced_prompt": "x" * 32_001},
        {"enhanced_prompt": "half \ud800"}, {"image_type": "photo"}, {"size": "big"}, {"size": "32x32"},
        {"size": "9000x16"}, {"size": True}, {"size": None}, {"n": 0}, {"n": 11}, {"n": "2"}, {"n": True},
        {"seed": -1}, {"seed": 1.5}, {"metadata": []}, {"metadata": {"f": object()}}, {"session_id": 7},
        {"style": "x" * 1001},
    ],
)  # fmt: skip
def test_what_no_renderer_could_use_is_refused(wrong):
    with pytest.raises(InvalidInput):
        ImagePlan(**{"enhanced_prompt": "A fox", **wrong})


@pytest.mark.parametrize("wrong", [None, [], {}, {"style": "oil"}])
def test_dict_that_is_no_plan_is_refused(wrong):
    with pytest.raises(InvalidInput):
        ImagePlan.from_dict(wrong)


def test_price_is_nothing_for_a_sketch_known_by_table_and_otherwise_unknown():
    """Unknown is unknown, never 0."""
    plan = ImagePlan("A fox", n=2)
    assert plan.price() == plan.price("sketch") == 0.0
    one, more = plan.replace(n=1).price("openai:gpt-image-1.5"), plan.price("openai:gpt-image-1.5")
    assert more == pytest.approx(2 * one)
    assert one == pytest.approx(1056 * 32e-6, rel=0.01)  # tokens of a medium square by the table, USD a token
    assert plan.price("openai:gpt-image-1.5", quality="high") > 3 * more
    assert plan.price("openai:gpt-image-2.5-flare") is None
    assert plan.price("dots:any") is None
    assert "unknown" in plan.price_told("openai:gpt-image-2.5-flare")


def test_plan_shows_as_a_small_card_that_holds_no_markup_and_no_key():
    plan = ImagePlan(
        "<b>A fox</b> " + "and snow " * 3000, metadata={"persona_name": "Ann Lee"}, style="sk-proj-" + "a" * 48
    )
    shown = plan._repr_mimebundle_()
    assert len(shown["text/html"].encode()) < 64_000
    assert "&lt;b&gt;A fox" in shown["text/html"]
    assert "<b>A fox" not in shown["text/html"]
    assert "Ann Lee" in shown["text/plain"]
    assert "sk-proj-aaaa" not in shown["text/html"] + shown["text/plain"]


def test_making_a_plan_writes_nothing(tmp_path):
    """S3-02."""
    ImagePlan(**WHOLE)._repr_mimebundle_()
    assert list(tmp_path.iterdir()) == []
    assert tk.__version__
