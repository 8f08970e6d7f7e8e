from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput, InvalidReply
from toolkit.questions.structured import Structured, to_answer


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    colour: Colour = Field(description="what is seen first")
    sizes: set[int]


class Whole(BaseModel):
    """A model with all that is awkward."""

    part: Part = Field(description="the main part")
    parts: list[Part] = Field(max_length=3)
    title: str
    default: int = 3
    properties: list[str] = []
    side: Literal["left", "right"]
    note: str | None = None
    when: dt.date
    price: Decimal
    sure: bool
    weight: float = Field(alias="how_heavy")


class Leaf(BaseModel):
    kind: Literal["leaf"]


class Node(BaseModel):
    kind: Literal["node"]
    children: list[Node | Leaf] = Field(max_length=2)


class Tree(BaseModel):
    root: Node | Leaf = Field(discriminator="kind")


def objects(schema):
    """Yield every object schema inside a schema."""
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema.get("required"), list):
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


@pytest.mark.parametrize("model", [Part, Whole, Node, Tree])
def test_schema_is_valid_and_what_strict_modes_take(model):
    body = Structured(model).schema.body
    Draft202012Validator.check_schema(body)
    assert body["type"] == "object"
    found = list(objects(body))
    assert found
    for one in found:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
    text = Structured(model).schema.json.decode()
    assert '"oneOf"' not in text
    assert '"discriminator"' not in text
    assert '"uniqueItems"' not in text
    assert '"default":3' not in text


def test_fields_named_like_words_of_the_schema_are_kept():
    assert {"title", "default", "properties"} <= set(Structured(Whole).schema.body["properties"])


def test_reference_with_words_of_its_own_is_put_in_place():
    part = Structured(Whole).schema.body["properties"]["part"]
    assert part["description"] == "the main part"
    assert "$ref" not in part


def test_recursive_model_stays_finite_and_can_be_answered(lab, people):
    schema = Structured(Node).schema.body
    assert "$ref" not in schema
    assert set(schema["$defs"]) == {"Leaf", "Node"}
    answers = tk.ask(people(5), "Draw a tree.", answer=Tree, lab=lab)
    assert answers.frame["status"].eq("ok").all()


def test_schema_is_compiled_once_and_the_same_every_time():
    answer = Structured(Whole)
    assert answer.schema is answer.schema
    assert answer.schema.json == Structured(Whole).schema.json


def test_name_of_the_schema_is_one_a_provider_takes():
    for awkward in ("Größe und so", "List[int]" * 20):
        model = type(awkward, (Part,), {"__module__": __name__})
        name = Structured(model).schema.name
        assert len(name) <= 64
        assert name.isascii()
        assert all(one.isalnum() or one in "_-" for one in name)


class Mapped(BaseModel):
    scores: dict[str, int]


class Tupled(BaseModel):
    pair: tuple[int, str]


class Anything(BaseModel):
    value: Any


class Deep(BaseModel):
    inner: list[Mapped]


class Called(BaseModel):
    f: Callable[[int], int]


class Bare(BaseModel):
    pass


class Rooted(RootModel[list[int]]):
    pass


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Mapped, r"Mapped\.scores is a mapping"),
        (Tupled, r"Tupled\.pair is a tuple"),
        (Anything, r"Anything\.value is a value of any type"),
        (Deep, r"Mapped\.scores is a mapping"),
        (Called, "Called has no JSON schema"),
        (Bare, "Bare has no named fields"),
        (Rooted, "Rooted has no named fields"),
    ],
)
def test_model_no_strict_schema_can_say_is_refused_before_any_call(open_lab, people, model, says):
    """Issue 2: a schema the provider refuses is a one-line error, nothing billed."""
    lab = open_lab(asked := EdgeModel())
    with pytest.raises(InvalidInput, match=says) as caught:
        tk.ask(people(2), "Well?", answer=model, lab=lab)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert asked.calls == []


def test_field_named_like_a_column_of_the_frame_gets_a_column_of_its_own(open_lab, people):
    class Product(BaseModel):
        name: str
        status: str
        model: str
        answer: str
        why: int

    said = {"name": "Tea", "status": "sold", "model": "T1", "answer": "yes", "why": 3}
    frame = tk.ask(people(1), "Which product?", answer=Product, lab=open_lab(EdgeModel(lambda _: said))).frame
    row = frame.iloc[0]
    assert (row["name"], row["status"], row["model"]) == ("Person 1", "ok", "edge:edge")
    assert (row["answer_name"], row["answer_status"], row["answer_model"]) == ("Tea", "sold", "T1")
    assert (row["answer"], row["why"]) == ("yes", 3)


def test_two_fields_for_one_column_are_refused():
    class Doubled(BaseModel):
        name: str
        answer_name: str

    with pytest.raises(InvalidInput, match="answer_name"):
        Structured(Doubled)


def test_frame_has_a_typed_column_a_field(lab, people):
    frame = tk.ask(people(30), "Describe it.", answer=Whole, lab=lab).frame
    frame = frame[frame["status"] == "ok"].reset_index()  # some made-up prices are no numbers
    assert len(frame) > 5
    assert frame["default"].dtype == pd.Int64Dtype()
    assert frame["sure"].dtype == pd.BooleanDtype()
    assert frame["weight"].dtype == "float64"
    assert list(frame["side"].cat.categories) == ["left", "right"]
    assert frame["side"].cat.ordered
    assert isinstance(frame["part"].iloc[0], dict)
    assert isinstance(frame["parts"].iloc[0], list)
    assert frame["note"].isna().any()


def test_model_s_own_validators_make_invalid_rows(open_lab, people):
    """S0-20."""

    class Even(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def even(cls, n):
            if n % 2:
                raise ValueError("an odd\nnumber")
            return n

    lab = open_lab(EdgeModel(lambda call: {"n": int(call.item[1:])}))
    answers = tk.ask(people(4), "A number?", answer=Even, lab=lab)
    assert answers.frame["status"].tolist() == ["invalid", "ok", "invalid", "ok"]
    assert answers.frame["n"].tolist() == [pd.NA, 2, pd.NA, 4]
    assert "n: Value error, an odd number" in answers.errors["message"].iloc[0]
    assert "\n" not in answers.errors["message"].iloc[0]


def test_number_beyond_64_bits_does_not_break_the_frame(open_lab, people):
    class Big(BaseModel):
        n: int

    lab = open_lab(EdgeModel(lambda _: {"n": 10**19}))
    assert int(tk.ask(people(1), "How many stars?", answer=Big, lab=lab).frame["n"].iloc[0]) == 10**19


def test_aliases_excluded_fields_and_serialisation_settings_do_not_lose_columns():
    class Odd(BaseModel):
        model_config = ConfigDict(serialize_by_alias=True)

        a: int = Field(alias="alpha")
        b: int = Field(exclude=True)

    assert Structured(Odd).read({"alpha": 1, "b": 2}) == {"a": 1, "b": None}


@pytest.mark.parametrize("given", [None, "yes", ["a", "b"], int, tk.Choice, Part(colour="red", sizes={1}), "x" * 9_000])
def test_what_is_no_answer_type_is_refused_with_those_there_are(given):
    with pytest.raises(InvalidInput, match="is no answer type") as caught:
        to_answer(given)
    assert "Choice" in caught.value.hint
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("value", [None, [], {}, {"colour": "green", "sizes": []}, {"colour": "red"}])
def test_reply_that_does_not_fit_is_refused_with_the_place(value):
    with pytest.raises(InvalidReply, match="does not fit Part"):
        Structured(Part).read(value)
