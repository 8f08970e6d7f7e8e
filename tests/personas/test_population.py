from __future__ import annotations

import pandas as pd
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Attribute, Population

ADULTS = Population.load("us-adults-2012")
TOML = """
title = "Town"
year = 2020
table = "town.csv"
id = "who"
weight = "w"

[attributes.age]
kind = "number"
unit = "years"
bands = [18, 40, 60]

[attributes.sex]
levels = ["female", "male"]

[attributes.commute]
kind = "number"
bands = [1, 30]
missing = "does not commute"

[attributes.party]
levels = ["left", "right"]
missing = "none"

[derived.age_band]
rule = "band"
from = "age"

[derived.birth_year]
rule = "year_minus"
from = "age"

[derived.locale]
rule = "constant"
value = "en-US"
"""
CSV = "who,age,sex,commute,party,w\na1,20,female,5,left,1\na2,45,male,,,3\na3,70,female,40,right,0\n"


def town(folder, toml=TOML, csv=CSV):
    (folder / "town.csv").write_text(csv, encoding="utf-8")
    (folder / "town.toml").write_text(toml, encoding="utf-8")
    return Population.load(folder / "town.toml")


def test_shipped_population_holds_adults_with_their_source_and_licence():
    assert len(ADULTS) == 1561
    assert ADULTS.frame["age"].min() == 18
    assert ADULTS.source.year == 2012
    assert "Public domain" in ADULTS.source.licence
    assert "Census Bureau" in ADULTS.source.citation
    assert list(ADULTS.attributes)[-4:] == ["age_band", "wage_band", "birth_year", "locale"]


def test_derived_fields_follow_from_the_sampled_ones():
    frame = ADULTS.frame
    assert (frame["birth_year"] == 2012 - frame["age"]).all()
    assert set(frame["locale"]) == {"en-US"}
    assert ((frame["age_band"] == "18-24") == (frame["age"] < 25)).all()
    assert ((frame["wage_band"] == "0") == (frame["wages"] == 0)).all()


def test_empty_values_stay_empty_and_count_as_a_level_of_their_own():
    empty = ADULTS.frame["hours_worked"].isna()
    assert empty.sum() == 610
    shares = ADULTS.targets().query("attribute == 'hours_worked'").set_index("level")["share"]
    assert shares["did not work in the past year"] == pytest.approx(610 / 1561)
    assert shares.sum() == pytest.approx(1)


def test_levels_are_ordered_categoricals():
    assert ADULTS.frame["education"].cat.ordered
    assert list(ADULTS.frame["education"].cat.categories) == ["no college degree", "college degree", "graduate degree"]


def test_toml_beside_a_table_is_read_with_weights_ids_and_missing_values(tmp_path):
    people = town(tmp_path)
    assert people.frame.index.tolist() == ["a1", "a2", "a3"]
    assert people.weights.tolist() == [1, 3, 0]
    shares = people.targets().set_index(["attribute", "level"])["share"]
    assert shares["sex", "male"] == 0.75
    assert shares["party", "none"] == 0.75
    assert shares["commute", "does not commute"] == 0.75
    assert people.frame["birth_year"].tolist() == [2000, 1975, 1950]
    assert people.attributes["age"].levels == ("18-39", "40-59", "60 and over")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a2,45,male", "a2,45,mal", "sex is 'mal' in row 'a2'"),
        ("a2,45,male", "a2,,male", "age is empty in row 'a2'"),
        ("a2,45,male", "a2,old,male", "age is 'old' in row 'a2'"),
        ("a2,45,male", "a2,inf,male", "age is 'inf' in row 'a2'"),
        ("a2,45,male", "a2,17,male", "age is 17 in row 'a2', below its first band 18"),
        ("a2,45", "a1,45", "ids in column 'who' of town repeat"),
        ("sex,commute", "gender,commute", "town has no column 'sex'"),
        (",left,1", ",left,-1", "weight of row 1 is '-1'"),
        (",left,1", ",left,", "weight of row 1"),
        ("party,w", "party,v", "no weight column 'w'"),
    ],
)
def test_table_that_breaks_its_declaration_names_the_row(tmp_path, old, new, said):
    with pytest.raises(InvalidInput) as caught:
        town(tmp_path, csv=CSV.replace(old, new, 1))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Town"', "title = ", "not valid TOML"),
        ('title = "Town"', 'titel = "Town"', "nearest: 'title'"),
        ('table = "town.csv"', "", "names no table"),
        ('table = "town.csv"', 'table = "gone.csv"', "cannot be read"),
        ("bands = [18, 40, 60]", "bands = [18, 18]", "the bands of 'age'"),
        ("bands = [18, 40, 60]", 'bands = ["x"]', "the bands of 'age'"),
        ('levels = ["female", "male"]', "levels = []", "'sex' has no levels"),
        ('levels = ["female", "male"]', 'levels = ["female", "female"]', "repeat"),
        ('unit = "years"', 'units = "years"', "nearest: 'unit'"),
        ('kind = "number"', 'kind = "numeric"', "of kind 'numeric'"),
        ('rule = "band"', 'rule = "bend"', "the rule 'bend'"),
        ('from = "age"', 'from = "agee"', "nearest: 'age'"),
        ("[derived.locale]", "[derived.sex]", "both sampled and derived"),
        ("year = 2020", "", "needs the year of the survey"),
    ],
)
def test_declaration_that_cannot_be_used_says_what_is_wrong(tmp_path, old, new, said):
    with pytest.raises(InvalidInput) as caught:
        town(tmp_path, toml=TOML.replace(old, new, 1))
    assert said in str(caught.value)


def test_unknown_population_names_those_that_are_shipped():
    with pytest.raises(InvalidInput, match="us-adults-2012"):
        Population.load("us-adults")
    with pytest.raises(InvalidInput, match="no population at"):
        Population.load("nowhere/gone.toml")


def test_where_takes_closed_ranges_levels_and_lists():
    young = ADULTS.where(age=(18, 34), sex="female", education=["college degree", "graduate degree"])
    frame = young.frame
    assert frame["age"].between(18, 34).all()
    assert {18, 34} <= set(ADULTS.where(age=(18, 34)).frame["age"])
    assert set(frame["sex"]) == {"female"}
    assert "no college degree" not in set(frame["education"])
    assert len(ADULTS.where(age=40)) == (ADULTS.frame["age"] == 40).sum()
    assert set(ADULTS.where(age=[40, 50]).frame["age"]) == {40, 50}
    assert len(ADULTS.where(commute=None)) == 783
    assert ADULTS.where(age=(None, 20)).frame["age"].max() == 20
    assert ADULTS.where(age_band="75 and over", birth_year=(None, 1930)).frame["age"].min() >= 82
    assert ADULTS.where() is ADULTS


def test_where_keeps_weights_with_their_rows(tmp_path):
    assert town(tmp_path).where(age=(40, None)).weights.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"agee": (18, 34)}, "nearest: 'age'"),
        ({"sex": "femal"}, "nearest: 'female'"),
        ({"sex": ["female", "x"]}, "no level 'x'"),
        ({"sex": (18, 34)}, "no level 18"),
        ({"age": (34, 18)}, "low end is above"),
        ({"age": (1, 2, 3)}, "closed range"),
        ({"age": "34"}, "is a number and was given '34'"),
        ({"age": True}, "was given True"),
        ({"age": (120, 130)}, "nobody in us-adults-2012 satisfies age=(120, 130)"),
    ],
)
def test_filter_that_cannot_be_used_is_one_line_with_the_next_step(filters, said):
    with pytest.raises(InvalidInput) as caught:
        ADULTS.where(**filters)
    assert said in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_filter_that_leaves_only_people_of_weight_zero_leaves_nobody(tmp_path):
    with pytest.raises(InvalidInput, match="nobody"):
        town(tmp_path).where(age=(60, None))


def test_frame_given_out_is_a_copy():
    frame = ADULTS.frame
    frame.loc[1, "age"] = 99
    frame["age"] = 0
    assert ADULTS.frame.loc[1, "age"] == 68
    with pytest.raises(ValueError, match="read-only"):
        ADULTS.weights[0] = 5


def test_digest_follows_the_content():
    """S0-18: what enters the seeds is the content, not the file's name."""
    frame = pd.DataFrame({"sex": ["female", "male"], "age": [20, 30]})
    one = Population.from_frame(frame, name="one").digest
    assert one == Population.from_frame(frame, name="two").digest
    assert len(
        {
            one,
            Population.from_frame(frame, weights=[1, 2]).digest,
            Population.from_frame(frame.assign(age=[20, 31])).digest,
            Population.from_frame(frame, attributes={"age": {"bands": [0, 25]}}).digest,
            ADULTS.digest,
            ADULTS.where(age=(18, 34)).digest,
        }
    ) == 6  # fmt: skip


def test_from_frame_infers_categories_numbers_and_missing_values():
    frame = pd.DataFrame(
        {
            "income": [float(value) for value in range(100, 120)] + [None],
            "member": [True] * 20 + [False],
            "city": ["Ulm", "Bern"] * 10 + [None],
            "size": pd.Categorical(["s", "l", "m"] * 7, categories=["s", "m", "l"], ordered=True),
            "w": range(1, 22),
        }
    )
    people = Population.from_frame(frame, weights="w", name="mine")
    kinds = {name: (one.kind, len(one.levels), one.missing) for name, one in people.attributes.items()}
    assert kinds == {
        "income": ("number", 6, "not known"),
        "member": ("categorical", 2, None),
        "city": ("categorical", 2, "not known"),
        "size": ("categorical", 3, None),
    }
    assert people.attributes["member"].levels == ("no", "yes")
    assert people.attributes["size"].levels == ("s", "m", "l")
    assert people.frame["city"].iloc[-1] == "not known"
    declared = Population.from_frame(frame, weights="w", attributes={"income": {"bands": [0, 110], "missing": "none"}})
    assert declared.attributes["income"].all_levels == ("0-109", "110 and over", "none")
    own = Attribute("city", "City", levels=("Bern", "Ulm"), missing="abroad")
    assert Population.from_frame(frame[["city"]], attributes={"city": own}).attributes["city"].missing == "abroad"


@pytest.mark.parametrize(
    ("frame", "options", "said"),
    [
        (pd.DataFrame({"a": []}), {}, "holds nobody"),
        ([1, 2], {}, "holds nobody"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "repeat"),
        (pd.DataFrame({"a": [1, 2]}), {"weights": "b"}, "no weight column 'b'"),
        (pd.DataFrame({"a": [1, 2]}), {"weights": [1]}, "1 weights for 2 rows"),
        (pd.DataFrame({"a": [1, 2]}), {"weights": [0, 0]}, "all weights are 0"),
        (pd.DataFrame({"a": [1, 2]}), {"weights": [1, float("nan")]}, "weight of row 2 is nan"),
        (pd.DataFrame({"a": [1, 2]}), {"attributes": {"b": {"levels": ["1"]}}}, "no column 'b'"),
        (pd.DataFrame({"a": [f"text {i}" for i in range(90)]}), {}, "90 different texts"),
    ],
)
def test_frame_that_cannot_be_a_population_is_refused(frame, options, said):
    with pytest.raises(InvalidInput) as caught:
        Population.from_frame(frame, **options)
    assert said in str(caught.value)


def test_repr_is_small_and_says_the_filters():
    young = ADULTS.where(age=(18, 34))
    assert repr(young) == "Population('us-adults-2012', 417 people, 12 attributes, where age=(18, 34))"
    bundle = young._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert len(bundle["text/html"]) < 8_000
    assert "Public domain" in bundle["text/html"]


def test_describe_gives_one_row_an_attribute(tmp_path):
    table = ADULTS.describe().set_index("attribute")
    assert len(table) == len(ADULTS.attributes)
    assert table.loc["commute", "empty"] == pytest.approx(783 / 1561)
    assert table.loc["sex", "typical"] == "male"
    assert town(tmp_path).describe().set_index("attribute").loc["age", "typical"] == pytest.approx((20 + 3 * 45) / 4)
