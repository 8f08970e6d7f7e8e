import asyncio

import orjson
import pytest

import toolkit as tk
from toolkit import prompts
from toolkit.errors import Incomplete, InvalidInput, ReplayMiss
from toolkit.images import (
    ImagePlan,
    ImageStore,
    PlanningError,
    plan_image,
    plan_images,
    plan_portrait,
    plan_portraits,
    portrait_prompt,
)
from toolkit.models import Abilities
from toolkit.personas import Persona
from toolkit.personas.attribute import Wording
from toolkit.testing import WireServer

ANN = Persona("p0001", "Ann Lee", {"age": 34, "sex": "female"}, wording={"age": Wording("Age", "years")})


def over_the_wire(open_lab, wire, **settings):
    return open_lab("openai:wire-model", base_url=wire.url, api_key=wire.key, **settings)


def test_planning_makes_no_picture_and_asks_no_renderer(open_lab):
    """S3-02."""
    with WireServer(keep_bodies=True) as wire:
        lab = over_the_wire(open_lab, wire)
        plan = plan_image("a reading room", model="openai:gpt-image-2.5-flare", lab=lab)
        assert isinstance(plan, ImagePlan)
        assert [body["model"] for body in wire.bodies] == ["wire-model"]
    assert not ImageStore.of(lab).root.exists()
    assert {row.stage for row in lab.ledger.rows()} == {"images.plan"}


def test_plain_and_function_call_give_the_same_kind_of_plan(open_lab):
    """S3-03."""
    with WireServer(keep_bodies=True) as wire:
        lab = over_the_wire(open_lab, wire)
        plain = plan_image("a reading room", style="gouache", lab=lab)
        called = plan_image("a reading room", style="gouache", tools=True, lab=lab)
        asked, offered = wire.bodies
    assert type(plain) is type(called) is ImagePlan
    (function,) = [one["function"] for one in offered["tools"]]
    assert function["parameters"] == asked["response_format"]["json_schema"]["schema"]
    assert (function["name"], offered["tool_choice"]["function"]["name"]) == ("plan_image", "plan_image")
    assert "enhanced_prompt: what an image model is to draw" in function["description"]
    assert "response_format" not in offered
    assert "tools" not in asked
    kept = ("image_type", "style", "size", "original_prompt", "seed", "n", "session_id", "model")
    assert [getattr(plain, name) for name in kept] == [getattr(called, name) for name in kept]


def test_blocking_and_awaited_function_calls_are_the_same_bytes(open_lab):
    """S0-06"""
    with WireServer(keep_bodies=True) as wire:
        asked = {"style": "gouache", "persona": ANN, "tools": True}
        blocking = plan_image("at home", **asked, lab=over_the_wire(open_lab, wire, folder="one"))

        async def twin():
            return await plan_image.aio("at home", **asked, lab=over_the_wire(open_lab, wire, folder="two"))

        assert asyncio.run(twin()) == blocking
        first, second = wire.bodies
    assert orjson.dumps(first) == orjson.dumps(second)


def test_function_that_was_not_called_is_asked_for_once_more(open_lab):
    """S3-03: content that is refused is asked for again, whichever way it comes."""
    with WireServer(script=["no_call"]) as wire:
        lab = over_the_wire(open_lab, wire)
        assert isinstance(plan_image("a reading room", tools=True, lab=lab), ImagePlan)
        assert wire.requests.total == 2
    assert [row.kind for row in lab.ledger.rows()] == ["invalid_reply", ""]


def test_plan_by_function_call_is_remembered_like_any_other(open_lab):
    with WireServer() as wire:
        lab = over_the_wire(open_lab, wire)
        first, again = (plan_image("a reading room", tools=True, lab=lab) for _ in range(2))
        assert wire.requests.total == 1
    assert first.to_dict() == again.to_dict()


def test_plan_by_function_call_replays_from_a_recording(open_lab, tmp_path):
    with WireServer() as wire:
        lab = over_the_wire(open_lab, wire)
        made = plan_image("a reading room", tools=True, lab=lab)
        lab.freeze(tmp_path / "plans.capsule")
    with tk.Lab(capsule=tmp_path / "plans.capsule") as replayed:
        assert plan_image("a reading room", tools=True, lab=replayed).to_dict() == made.to_dict()
        with pytest.raises(ReplayMiss):
            plan_image("a reading room", lab=replayed)  # asked without functions it is another call


def test_model_that_calls_no_functions_is_refused_before_anything_is_billed(open_lab):
    lab = open_lab("scripted", abilities=Abilities(tools=False))
    for plan in (lambda: plan_image("a", tools=True, lab=lab), lambda: plan_portraits([ANN], tools=True, lab=lab)):
        with pytest.raises(InvalidInput, match=r"scripted:default calls no functions\. Leave tools=True out"):
            plan()
    assert len(lab.ledger) == 0
    assert isinstance(plan_image("a", lab=lab), ImagePlan)


def test_what_was_asked_for_stands_whatever_the_model_writes(lab):
    given = {
        "type": "item",
        "style": "flat colours",
        "size": 512,
        "n": 3,
        "negative": "text",
        "session": "w1",
        "model": "sketch",
    }
    plan = plan_image("a blue bowl", **given, metadata={"study": "bowls"}, lab=lab)
    assert (plan.image_type, plan.style, plan.size, plan.n) == ("item", "flat colours", "512x512", 3)
    assert (plan.negative_prompt, plan.session_id, plan.model) == ("text", "w1", "sketch")
    assert (plan.original_prompt, plan.metadata["study"]) == ("a blue bowl", "bowls")
    assert plan.enhanced_prompt != "a blue bowl"


def test_planning_again_is_free_and_the_same(lab):
    first, again = (plan_image("a reading room", lab=lab) for _ in range(2))
    assert first.to_dict() == again.to_dict()
    assert [row.status for row in lab.ledger.rows()] == ["ok", "cached"]


def test_facts_of_the_person_go_into_the_prompt_after_what_is_the_same_for_all(lab):
    seen = tk.preview(plan_image, "at home", persona=ANN, lab=lab)
    system, user = seen.call.messages
    assert "Ann Lee" not in system.text
    assert user.text.index("Age: 34 years") < user.text.index("Request: at home")


def test_request_without_a_plan_is_a_planning_error_that_can_be_tried_again(open_lab):
    """S3-09: nothing was rendered, and retry asks the planner."""
    with WireServer(script=["malformed", "malformed"]) as wire:
        lab = over_the_wire(open_lab, wire)
        with pytest.raises(PlanningError, match="no plan came of the request") as caught:
            plan_image("a reading room", lab=lab)
        assert caught.value.result.errors["kind"].tolist() == ["invalid_reply"]
        assert isinstance(caught.value.result.retry()[0], ImagePlan)
    assert not ImageStore.of(lab).root.exists()


def test_lost_requests_are_rows_and_the_others_keep_their_order(open_lab):
    with WireServer(script=["ok", "bad_schema"]) as wire:
        lab = over_the_wire(open_lab, wire, concurrency=1)
        plans = plan_images(["one", "two", "three"], lab=lab)
    assert [plan.original_prompt for plan in plans] == ["one", "three"]
    assert plans.errors["item"].tolist() == ["request 2"]
    assert plans.frame["item"].tolist() == ["request 1", "request 3"]


def test_strict_raises_at_the_end_with_what_came(open_lab):
    with WireServer(script=["bad_schema"]) as wire:
        lab = over_the_wire(open_lab, wire, concurrency=1)
        with pytest.raises(Incomplete) as caught:
            plan_images(["one", "two"], strict=True, lab=lab)
    assert len(caught.value.result) == 1


def test_portrait_prompt_keeps_the_order_of_its_fields():
    """S3-11."""
    person = {
        "age": "old", "class": "ranger", "race": "elf", "gender": "woman", "name": "Mira", "additions": "ravens",
        "pose": "half turned", "mark": "a scar", "wearing": "a cloak", "features": "white hair", "expression": "wry",
    }  # fmt: skip
    assert portrait_prompt(person) == (
        "Mira, wry, woman, elf, old, ranger, wry expression, white hair, wearing a cloak, a scar, half turned, ravens"
    )
    assert portrait_prompt(ANN, expression="calm") == "Ann Lee, calm, female, 34 years old, calm expression"


def test_portrait_is_planned_of_a_persona_or_a_character(lab):
    """S3-11."""
    plan = plan_portrait(ANN, wearing="a raincoat", lab=lab)
    assert plan.image_type == "portrait"
    assert plan.original_prompt == "Ann Lee, female, 34 years old, wearing a raincoat"
    assert (plan.metadata["persona"], plan.metadata["persona_name"]) == ("p0001", "Ann Lee")
    assert plan_portrait({"name": "Mira", "race": "elf"}, lab=lab).style == "fantasy art"


def test_panel_of_six_is_planned_in_order(lab):
    panel = tk.generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
    plans = plan_portraits(panel, style="charcoal", lab=lab)
    assert [plan.metadata["persona"] for plan in plans] == [one.id for one in panel]
    assert plans.frame["style"].unique().tolist() == ["charcoal"]
    assert plans.price() == 0.0
    assert len({plan.plan_id for plan in plans}) == 6
    assert len(plans._repr_mimebundle_()["text/html"].encode()) < 64_000


def test_what_all_plans_share_is_said_once_and_what_differs_is_a_column(lab):
    plans = plan_images(["a red fox", "a snow hare"], type="beast", style="woodcut", size=128, lab=lab)
    html = plans._repr_mimebundle_()["text/html"]
    assert "beast \u00b7 128x128 \u00b7 woodcut" in html
    assert html.count("woodcut") == 1
    own = plan_images(["a red fox", "a snow hare"], type="beast", size=128, lab=lab)
    assert len({plan.style for plan in own}) == 2
    assert ">style</th>" in own._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lab: plan_image("", lab=lab),
        lambda lab: plan_image(None, lab=lab),
        lambda lab: plan_image("x" * 9_000, lab=lab),
        lambda lab: plan_image("a", type="photo", lab=lab),
        lambda lab: plan_image("a", size="big", lab=lab),
        lambda lab: plan_image("a", n=0, lab=lab),
        lambda lab: plan_image("a", persona="p0001", lab=lab),
        lambda lab: plan_image("a", metadata={"f": object()}, lab=lab),
        lambda lab: plan_images("a", lab=lab),
        lambda lab: plan_images([], lab=lab),
        lambda lab: plan_portraits([], lab=lab),
        lambda lab: plan_portraits("p0001", lab=lab),
        lambda lab: plan_portrait(7, lab=lab),
        lambda lab: plan_portrait({"race": "elf"}, lab=lab),
    ],
)
def test_bad_input_is_refused_before_anything_is_billed(wrong, lab):
    with pytest.raises(InvalidInput):
        wrong(lab)
    assert len(lab.ledger) == 0


def test_estimate_start_and_aio_work_as_on_any_verb(lab):
    assert tk.estimate(plan_image, "a reading room", lab=lab).calls == 1
    assert tk.start(plan_image, "a reading room", lab=lab).result(timeout=60)[0].original_prompt == "a reading room"

    async def twin():
        return await plan_image.aio("a reading room", lab=lab)

    assert asyncio.run(twin()).original_prompt == "a reading room"


@pytest.mark.parametrize(
    ("name", "most"),
    [("images.plan", 400), ("images.plan_call", 150), ("images.plan_function", 200), ("images.openai", 60)],
)
def test_prompts_stay_short(name, most):
    prompt = prompts.load(name)
    given = {"image_type": "scene", "size": "1024x768", "style": "", "avoid": "", "facts": (), "request": "a fox"}
    turns = prompt.render(plan=ImagePlan("A fox"), **given)
    text = "\n".join(str(part) for _, parts in turns for part in parts)
    assert 0 < len(text) / 4 < most
