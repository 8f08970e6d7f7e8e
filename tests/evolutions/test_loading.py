"""Loaders are protocols (S1-42): these are of the test, and no file is read."""

import pytest

from tests.evolutions.planner import service
from toolkit.errors import InvalidInput
from toolkit.evolutions import Catalogue, FolderPrompts, Reference, evolve_services
from toolkit.prompts import parse


class Prompts:
    def __init__(self):
        self.asked = []

    def load(self, name):
        self.asked.append(name)
        return parse(name, f"=== user ===\n{name} in short: {{{{ service }}}}")


class Mappings:
    def catalogues(self):
        item = {"id": "I1", "name": "one", "description": "the only one"}
        return [Catalogue.model_validate({"field": "mine", "items": [item]})]


def test_prompts_and_catalogues_come_from_loaders(open_lab, planner, small):
    """S1-42"""
    given = {**small, "catalogues": Mappings(), "prompts": Prompts()}
    made = evolve_services([service(1)], **given, lab=open_lab(planner))
    assert made.sets == ("mine",)
    assert {one.messages[0].text.partition(" in short")[0] for one in planner.asked} == {
        "evolutions.descriptions",
        "evolutions.features",
        "evolutions.mapping",
    }


def test_prompt_of_a_folder_stands_in_for_the_shipped_one(open_lab, planner, small, tmp_path):
    (tmp_path / "evolutions.features.md.j2").write_text("=== user ===\nMine: {{ service_name }}")
    prompts = FolderPrompts(tmp_path)
    evolve_services([service(1)], **small, prompts=prompts, lab=open_lab(planner))
    texts = {one.item: one.messages[0].text for one in planner.asked}
    assert texts["s1/1"] == "Mine: Service 1"
    assert texts["s1"].startswith("You help an organisation")
    with pytest.raises(InvalidInput, match="there is no folder"):
        FolderPrompts(tmp_path / "absent")


def test_prompt_of_ones_own_is_another_run(open_lab, planner, small):
    lab = open_lab(planner)
    ids = {
        evolve_services([service(1)], **small, prompts=prompts, lab=lab)[0]["meta"]["run_id"]
        for prompts in (None, Prompts())
    }
    assert len(ids) == 2


def test_situation_and_inspirations_are_told(open_lab, planner, small):
    reference = Reference.load("town", context_id="town", inspirations=["neighbours"])
    evolve_services([service(1)], **{**small, "reference": reference}, max_services=1, lab=open_lab(planner))
    system = planner.asked[0].messages[0].text
    assert "Marlow Ford" in system
    assert "neighbouring town" in system
    assert "Words used here" in system
    with pytest.raises(InvalidInput, match="There are town"):
        Reference.load("town", context_id="city")


def test_context_may_be_a_text_or_a_file(open_lab, planner, small, tmp_path):
    (tmp_path / "context.md").write_text("We are an island.\n")
    for place, context in enumerate(["We are an island.", tmp_path / "context.md"]):
        evolve_services([service(1)], **small, context=context, lab=open_lab(planner, f"{place}"))
    assert {one.messages[0].text for one in planner.asked if one.item == "s1"} != set()
    assert len({one.messages[0].text for one in planner.asked if one.item == "s1"}) == 1


def test_large_catalogue_is_named_once_in_the_schema(open_lab, planner, small):
    items = [{"id": f"I{n:03}", "name": f"item {n}", "description": "x"} for n in range(300)]
    given = {**small, "catalogues": [{"field": "many", "items": items}]}
    made = evolve_services([service(1)], **given, lab=open_lab(planner))
    call = next(one for one in planner.asked if one.stage == "evolutions.mapping")
    assert call.schema.json.count(b'"I000"') == 1
    assert len(made.errors) == 0
    assert len(made.links)


def test_huge_catalogue_is_in_the_prompt_alone(open_lab, planner, small):
    items = [{"id": f"I{n:04}", "name": f"item {n}", "description": "x"} for n in range(1200)]
    given = {**small, "catalogues": [{"field": "many", "items": items}]}
    made = evolve_services([service(1)], **given, lab=open_lab(planner))
    call = next(one for one in planner.asked if one.stage == "evolutions.mapping")
    assert b'"I0000"' not in call.schema.json
    assert '"I0000"' in call.messages[0].text
    assert made.mapping()["many"]["unknown_ids"] > 0  # a model may then name what is not there
