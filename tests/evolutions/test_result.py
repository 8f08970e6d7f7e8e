"""Evolutions as tables, figures and in a notebook."""

import pytest

from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput
from toolkit.evolutions import Evolutions, evolve_services


@pytest.fixture
def made(lab):
    return evolve_services("town", catalogues=["applications", "data"], max_services=3, lab=lab)


def test_frame_has_one_row_a_feature_and_documented_columns(made):
    frame = made.frame
    assert len(frame) == 3 * 5 * 4 * 3
    assert list(frame.columns) == made.codebook()["column"].tolist()
    assert frame["plateau"].cat.ordered
    assert frame["plateau"].cat.categories[0] == "Foundational"
    assert frame["level"].between(1, 5).all()
    assert frame["label"].cat.categories.tolist()[3] == "Quantitatively Managed"
    assert frame["applications"].str.startswith("APP-").all()


def test_links_have_one_row_an_item_with_facets(made):
    links = made.links
    assert len(links) == sum(one["links"] for one in made.mapping().values())
    assert links.query("set == 'applications'")["facets"].str.contains('"change":').all()
    assert links["item_name"].str.len().min() > 0


def test_matrix_has_features_over_plateaus(made):
    table = made.matrix()
    assert list(table.columns) == list(made.plateaus)
    assert table.index.names == ["service", "role", "feature"]
    assert table.count().sum() == len(made.frame.drop_duplicates(["service", "role", "feature", "plateau"]))


def test_coverage_tells_used_from_unused(open_lab, planner, small, services):
    planner.says |= {f"s{n}/{p}/apps": {"features": {}} for n in (1, 2, 3) for p in (1, 2)}
    one = [{"item": "A2", "facets": {"change": "new"}}]
    planner.says["s1/1/apps"] = {"features": {"f1": one, "f2": one}}
    told = evolve_services(services, **small, lab=open_lab(planner)).coverage()
    assert told[["item", "features", "services", "status"]].values.tolist() == [
        ["A1", 0, 0, "unused"],
        ["A2", 2, 1, "used"],
        ["A3", 0, 0, "unused"],
    ]


def test_usage_is_by_service_and_stage_and_sums_to_the_report(made):
    """S1-17, S1-20"""
    usage = made.usage()
    assert usage["calls"].sum() == made.report.calls
    assert usage["input_tokens"].sum() == made.report.usage.input
    assert usage["output_tokens"].sum() == made.report.usage.output
    assert usage.set_index(["service", "stage"]).loc[("lib-loans", "mapping"), "calls"] == 10


def test_repr_is_small_and_says_what_matters(made):
    html = made._repr_mimebundle_()["text/html"]
    assert len(html.encode()) < LARGEST_REPR
    assert "3 services at 5 plateaus, 180 features" in html
    assert "mean maturity" in html
    assert "3 ok · 0 failed" in repr(made)
    assert "scripted:default makes replies up" in repr(made)


def test_repr_of_hundreds_stays_small(made):
    lines = made._lines * 100
    many = Evolutions(lines, catalogues=made.catalogues, plateaus=made.plateaus)
    assert len(many._repr_mimebundle_()["text/html"].encode()) < LARGEST_REPR


def test_figures_are_drawn_without_pyplot(made, tmp_path):
    maturity, heat = made.plot(), made.plot("mapping", mapping_set="data")
    assert [one.get_label() for one in maturity.axes[0].lines] == ["frontline", "managers", "public", "specialists"]
    assert len(heat.axes[0].get_yticklabels()) == 10
    for fig in (maturity, heat):
        fig.savefig(tmp_path / "one.png")
    with pytest.raises(InvalidInput, match="no mapping set 'colours'"):
        made.plot("mapping", mapping_set="colours")
    with pytest.raises(InvalidInput, match="no picture 'pie'"):
        made.plot("pie")


def test_saved_records_load_again_and_show_the_same(made, tmp_path):
    """S1-53"""
    again = Evolutions.load(made.save(tmp_path / "e.jsonl"), catalogues=["applications", "data"])
    assert again.to_jsonl() == made.to_jsonl()
    assert again.frame.equals(made.frame)
    assert again.coverage().equals(made.coverage())
    assert again.plateaus == made.plateaus
    assert again["lib-loans"] == made[0]
    with pytest.raises(KeyError):
        again["nobody"]
    with pytest.raises(InvalidInput, match="came from a file"):
        again.usage()
    with pytest.raises(InvalidInput, match="no run stands behind"):
        again.retry()


def test_tampered_line_is_named(made, tmp_path):
    path = made.save(tmp_path / "e.jsonl")
    path.write_text(path.read_text().replace('"level":', '"rank":', 1))
    with pytest.raises(InvalidInput, match=r"line 1 of e.jsonl: plateaus\.0\.features"):
        Evolutions.load(path)


def test_file_without_records_is_an_empty_result(tmp_path):
    (tmp_path / "e.jsonl").write_text("")
    empty = Evolutions.load(tmp_path / "e.jsonl")
    assert (len(empty), len(empty.frame), len(empty.links), empty.matrix().size) == (0, 0, 0, 0)
    assert "0 services" in repr(empty)
    assert len(empty.plot().axes[0].lines) == 0
    assert empty._repr_mimebundle_()["text/html"]


def test_run_and_mapping_are_events(lab, small, services):
    seen = []
    lab.events.subscribe(seen.append, "evolutions.mapping")
    evolve_services(services, **small, lab=lab)
    told = seen[0].data["metrics"]
    assert told["toolkit_mapping_features"] == 12
    assert all(name.startswith("toolkit_mapping_") for name in told)
