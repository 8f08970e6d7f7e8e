from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Persona, Population, draw, fit
from toolkit.resources import data_file, data_names

VOTERS = Population.load("us-voters-1996")
SHIPPED = data_names("populations", ".toml")


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(("n", "floor"), [(300, 0.02), (5_000, 0.002)])
def test_panels_of_300_and_5000_match_every_attribute_on_its_fixed_levels(name, n, floor):
    """The issue's line: TVD <= the larger of 0.02 (0.002 for 5,000) and 1.5 x the best that rounding allows."""
    population = Population.load(name)
    for seed in (1, 7):
        table = fit(draw(population, n, seed), population)
        assert len(table) == len(population.measured)
        assert (table["tvd"] <= np.maximum(floor, 1.5 * table["best"]) + 1e-12).all()


def test_only_populations_are_listed():
    assert SHIPPED == ["us-adults-2012", "us-voters-1996"]


def test_voters_are_those_of_the_survey():
    assert len(VOTERS) == 944
    shares = VOTERS.targets().set_index(["attribute", "level"])["count"]
    assert shares["vote"].to_dict() == {"Bill Clinton": 551, "Bob Dole": 393}
    assert shares["party"].tolist() == [200, 180, 108, 37, 94, 150, 175]
    assert shares["ideology"].tolist() == [16, 103, 147, 256, 170, 218, 34]
    assert shares["education"].tolist() == [13, 52, 248, 187, 90, 227, 127]
    assert shares["tv_news"].tolist() == [161, 100, 112, 101, 66, 84, 32, 288]
    assert shares["place", "under 1,000 people"] == 228
    assert (VOTERS.weights == 1).all()
    assert any("no survey weights" in note for note in VOTERS.notes)
    assert "public domain" in VOTERS.source.licence.lower()


def test_what_a_voter_can_be_asked_is_not_told():
    told = {name for name, one in VOTERS.attributes.items() if one.told}
    assert told == {"age", "party", "ideology", "education", "income", "tv_news", "place"}
    row = draw(VOTERS, 1, 7).to_dict("records")[0]
    person = Persona.from_row("p0001", "Ann Lee", row, VOTERS)
    assert person.attributes["vote"] == row["vote"]
    assert not any("Clinton" in fact or "Dole" in fact for fact in person.facts())
    assert any(fact.startswith("Party: ") for fact in person.facts())


def test_held_back_attributes_are_drawn_and_not_told():
    silent = VOTERS.hold_back("party", "ideology")
    assert silent.digest == VOTERS.digest
    row = draw(silent, 1, 7).to_dict("records")[0]
    person = Persona.from_row("p0001", "Ann Lee", row, silent)
    assert person.attributes["party"] == row["party"]
    assert not any(fact.startswith(("Party", "Political")) for fact in person.facts())
    with pytest.raises(InvalidInput, match="nearest: 'party'"):
        VOTERS.hold_back("prty")


def test_every_survey_question_can_be_asked_again():
    for one in VOTERS.attributes.values():
        assert one.derived or one.name == "place" or one.question.endswith("?")
    assert VOTERS.attributes["vote"].levels == ("Bill Clinton", "Bob Dole")


def test_groups_take_in_every_level():
    frame = VOTERS.frame
    sides = frame.groupby("party", observed=True)["party_side"].agg(set)
    assert sides["independent, leans Democratic"] == {"Democrat"}
    assert frame["party_side"].value_counts().to_dict() == {"Democrat": 488, "Republican": 419, "independent": 37}
    assert frame["income_band"].isna().sum() == 0
    assert len(VOTERS.where(income_band="under $15,000")) == 151


def test_party_tells_the_vote():
    """What the notebook shows beside a model's answers: the party rule, and the base rate."""
    frame = VOTERS.frame[VOTERS.frame["party_side"] != "independent"]
    right = (frame["party_side"] == "Democrat") == (frame["vote"] == "Bill Clinton")
    assert right.mean() > 0.9
    assert (VOTERS.frame["vote"] == "Bill Clinton").mean() == pytest.approx(0.584, abs=0.001)


def test_table_is_what_the_script_writes(tmp_path):
    """The script, on codes made back from the shipped words, writes the shipped table again."""
    script = runpy.run_path(str(Path(__file__).parents[2] / "data/populations/convert_anes96.py"))
    words = script["WORDS"]
    lines = ["\t".join(f"'{name}'" for name in ("popul", "TVnews", "age", *(one[0] for one in words.values())))]
    for row in VOTERS.frame.to_dict("records"):
        codes = [str(levels.index(row[name]) + first) for name, (_, first, levels) in words.items()]
        place = "0" if row["place"] != row["place"] else f"{row['place']:.0f}"
        lines.append("\t".join([place, str(row["tv_news"]), str(row["age"]), *codes]))
    (tmp_path / "anes96.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert script["convert"](tmp_path / "anes96.csv", tmp_path / "out.csv") == 944
    assert (tmp_path / "out.csv").read_bytes() == data_file("populations/us-voters-1996.csv").read_bytes()


TOML = """
table = "t.csv"
[attributes.party]
levels = ["left", "centre", "right"]
missing = "none"
[attributes.age]
bands = [18, 40]
[derived.side]
rule = "group"
from = "party"
groups = { reds = ["left"], others = ["centre", "right"] }
"""


def load(folder, toml):
    (folder / "t.csv").write_text("party,age\nleft,20\nright,50\n,60\n", encoding="utf-8")
    (folder / "t.toml").write_text(toml, encoding="utf-8")
    return Population.load(folder / "t.toml")


def test_group_keeps_what_is_missing_as_its_own_level(tmp_path):
    assert load(tmp_path, TOML).frame["side"].tolist() == ["reds", "others", "none"]
    taken_in = TOML.replace('["centre", "right"]', '["centre", "right", "none"]')
    assert load(tmp_path, taken_in).frame["side"].tolist() == ["reds", "others", "others"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["left"]', '["lft"]', "name 'lft', which is no level of party"),
        ('["left"]', "[]", "hold 'left' 0 times"),
        ('["left"]', '["left", "right"]', "hold 'right' 2 times"),
        ('["left"]', '"left"', "the groups of 'side' are"),
        ('from = "party"', 'from = "age"', "groups 'age', which is no category"),
        ('rule = "group"', 'rule = "gruop"', "nearest: 'group'"),
        ('rule = "group"', 'rule = "group"\ntold = "maybe"', "has told = 'maybe'"),
        ("[derived.side]", '[derived.openness]\nrule="constant"\nvalue="x"\n[derived.side]', ""),
        (
            "[derived.side]",
            "[attributes.openness]\nlevels=['a']\n[derived.big_five]\nrule='big_five'\n[derived.side]",
            "both",
        ),
    ],
)
def test_derived_declaration_that_cannot_be_used_says_what_is_wrong(tmp_path, old, new, said):
    changed = TOML.replace(old, new, 1)
    if not said:
        assert "openness" in load(tmp_path, changed).attributes
        return
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, changed)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_adults_are_the_ones_they_have_always_been():
    """The committed capsules replay panels whose seeds come from this digest."""
    digest = Population.load("us-adults-2012").digest
    assert digest == "bbf4eb28270d0016e9d79c00d53a7a1a9a171b5bd7741713ea42825df3a4de2e"
