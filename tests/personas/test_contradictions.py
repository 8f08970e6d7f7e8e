from __future__ import annotations

import pytest

from toolkit.personas import Persona, Population

ADULTS = Population.load("us-adults-2012")
WORDS = Persona.from_row("p0000", "X", {"row": 1, **ADULTS.frame.loc[1].to_dict()}, ADULTS)
MARIA = Persona(
    "p0001",
    "Maria Lopez",
    {"age": 34, "sex": "female", "education": "no college degree", "marital_status": "married",
     "wages": 41600, "commute": None, "employment": "employed", "disability": "no"},
    wording=WORDS.wording,
    levels=WORDS.levels,
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Maria is a 43-year-old nurse.",
        "Maria Lopez is 43 years old and lives in Ohio.",
        "Maria Lopez, a 43-year-old nurse, lives in Ohio.",
        "Maria, 43, works nights.",
        "Maria Lopez (43) works nights.",
        "Maria, aged 43, works nights.",
        "I'm 43, and I like tea.",
        "I am 43 years old.",
        "She is 43.",
        "I\u2019m a married 43-year-old nurse.",
        "43-year-old nurse from Ohio.",
        "A hard-working 43-year-old mother from Ohio.",
        "As a 43-year-old woman, I care about price.",
        "Age: 43",
        "A 43-year-old nurse who moved to Ohio.",
        "Maria is forty-three years old.",
        "She is in her sixties.",
        "Maria is in her early 40s.",
        "I am in my late thirties.",
        "Maria is a nurse in her fifties.",
        "A woman in her sixties.",
        "A nurse aged 43.",
        "Maria lives in Ohio. She is 43 years old.",
        "I'm only 19 years old.",
    ],
)
def test_another_age_is_found(text):
    reasons = MARIA.contradictions(text)
    assert len(reasons) == 1
    assert "age was sampled as 34" in reasons[0]


@pytest.mark.parametrize(
    "text",
    [
        "Maria is a 34-year-old nurse.",
        "Maria, 34, works nights.",
        "I am in my mid-thirties.",
        "Maria is thirty-four years old.",
        "Maria is in her early thirties.",
        "She has 5 years of experience.",
        "I have worked here for 12 years.",
        "Maria has been married for 43 years.",
        "Her 9-year-old son plays chess.",
        "She lives with her two sons, aged 9 and 11.",
        "Maria's mother is 70 years old.",
        "Maria's 70-year-old mother lives nearby.",
        "Her father Juan Lopez is 70 years old.",
        "Maria likes her street. A 70-year-old man lives next door.",
        "Maria is raising 9-year-old twins.",
        "She is a single parent raising 9-year-old twins.",
        "She is dating a 43-year-old man.",
        "Her mother Ana lives nearby. She is 70 years old.",
        "Her daughter is nine. She is 9 years old.",
        "She drives a 20-year-old car.",
        "Maria lives in a 100-year-old house.",
        "She is a fan of 12-year-old whisky.",
        "At the age of 19 she moved to Ohio.",
        "As a 19-year-old student, she moved to Ohio.",
        "In her twenties she travelled.",
        "She cares for her father, who is in his eighties.",
        "I am 43 minutes from work.",
        "Maria is 5 feet tall.",
        "She is 100% sure.",
        "She is number 1,200 on the list.",
        "She works 40 hours a week and earns 41,600 dollars.",
        'Her aunt says "I am 70 years old" to anyone.',
        "The town is 200 years old.",
        "Born in 1978, she grew up in Ohio.",
        "Maria is one of 43 nurses on her ward.",
        "She is on the 43 bus by six.",
        "She is turning 35 next month.",
        "20-year-old Toyota, a bike.",
        "",
    ],
)
def test_text_about_other_things_raises_no_alarm(text):
    assert MARIA.contradictions(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Maria is a 34-year-old man.",
        "I am a single father of two.",
        "She is a married man.",
        "As a man, I care about price.",
        "Maria is a quiet gentleman.",
        "Mr. Maria Lopez works nights.",
        "He works nights. He likes tea. He votes.",
    ],
)
def test_another_sex_is_found(text):
    reasons = MARIA.contradictions(text)
    assert len(reasons) == 1
    assert "sex was sampled as 'female'" in reasons[0]


@pytest.mark.parametrize(
    "text",
    [
        "She is a mother of two.",
        "She lives with her husband, who is a quiet man.",
        "Her son is a boy of nine. He plays chess. He likes tea.",
        "Maria is a friend to every man in town.",
        "As a woman, I care about price.",
        "She is a man's tailor.",
        "Ms. Maria Lopez works nights.",
        "Her boss is a man. He is strict. He is loud.",
        "Maria is the daughter of a quiet man.",
        "I'm a man-hater, my friends joke.",
    ],
)
def test_other_peoples_sex_raises_no_alarm(text):
    assert MARIA.contradictions(text) == []


def test_man_is_checked_as_well():
    john = Persona("p0002", "John Hill", {"age": 61, "sex": "male"})
    assert john.contradictions("He is a widow.")
    assert john.contradictions("John is a proud grandmother.")
    assert john.contradictions("Mrs. John Hill is retired.")
    assert john.contradictions("He is a widower of 61. His wife was a nurse.") == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"age": 34}, False),
        ({"Age": "34 years"}, False),
        ({"age": 35}, True),
        ({"age": "35"}, True),
        ({"age": "in between"}, True),
        ({"sex": "Woman"}, False),
        ({"sex": "male"}, True),
        ({"education": "No college degree"}, False),
        ({"education": "graduate degree"}, True),
        ({"Marital status": "happily married"}, False),
        ({"marital_status": "not married"}, True),
        ({"marital status": "divorced"}, True),
        ({"wages": "41,600 US dollars"}, False),
        ({"wages": 0}, True),
        ({"commute": None}, False),
        ({"commute": "does not commute"}, False),
        ({"commute": 20}, True),
        ({"bio": "Maria, 43, works nights."}, True),
        ({"traits": ["calm", "I am 43 years old."]}, True),
        ({"life": {"now": "She is 43."}}, True),
        ({"traits": ["calm"], "score": 43, "bio": "Maria likes tea."}, False),
    ],
)
def test_fields_that_repeat_an_attribute_must_agree(fields, found):
    assert bool(MARIA.contradictions(fields)) is found


def test_reason_names_the_field_and_both_values():
    assert MARIA.contradictions({"employment": "unemployed"}) == [
        "employment is 'unemployed', but employment was sampled as 'employed'"
    ]
    assert MARIA.contradictions({"bio": "Maria is 43."}) == ["bio: the text says '43', but age was sampled as 34"]


def test_nothing_is_checked_where_nothing_was_sampled():
    assert Persona("p0003", "Ann Lee", {}).contradictions("Ann is a 43-year-old man.") == []


def test_name_with_signs_of_a_pattern_is_taken_literally():
    odd = Persona("p0004", "A.(b Lee+", {"age": 34, "sex": "female"})
    assert odd.contradictions("A.(b is 43 years old.") != []
    assert odd.contradictions("Axxb is 43 years old.") == []
