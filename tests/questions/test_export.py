from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pydantic import BaseModel

import toolkit as tk
from tests.questions.edge import EdgeModel
from toolkit.errors import InvalidInput
from toolkit.models import Reply, Usage
from toolkit.personas import Persona
from toolkit.questions._export_cells import guarded, is_formula
from toolkit.questions.export import to_csv, to_jsonl, to_parquet
from toolkit.questions.report_html import report_html
from toolkit.resources import data_file

FORMULAS = ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1+1"]  # noqa: RUF001
HARMLESS = ["tea", "-5", "+3.5", "5 - 3", "a=b", "", "-10%"]
PACK = data_file("images/package-plain.png")


@pytest.fixture
def asked(open_lab):
    """Ask people of hostile names for a text; each says one of the texts."""

    def ask(texts, **rest):
        def answer(call):
            value = {"answer": texts[int(call.item[1:]) - 1]}
            return Reply(json.dumps(value), "edge:edge", value=value, usage=Usage(10, output=5))

        lab = open_lab(EdgeModel(answer))
        people = [Persona(f"p{n:04}", f"Person {n}", {"sex": "f"}) for n in range(1, len(texts) + 1)]
        return tk.ask(people, "Why?", answer=tk.Text(max_characters=100_000), lab=lab, **rest)

    return ask


@pytest.fixture
def scored(open_lab, people):
    lab = open_lab(EdgeModel(lambda call: {"score": 9 if call.item == "p0003" else 1 + int(call.item[1:]) % 5}))
    return tk.ask(people(12), "How good?", answer=tk.Scale(1, 5), images=tk.Image(PACK, alt="A <b>box</b>"), lab=lab)


# --- formulas ---


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_is_guarded(text):
    assert is_formula(text)
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays_as_it_is(text):
    assert guarded(text) == text


def test_no_cell_of_a_csv_starts_a_formula(asked, tmp_path):
    said = asked([f"{one}x" for one in FORMULAS])
    rows = list(csv.reader(io.StringIO(said.to_csv(tmp_path / "said.csv").read_bytes().decode(), newline="")))
    assert len(rows) == len(FORMULAS) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]  # noqa: RUF001


def test_no_cell_of_a_workbook_is_a_formula(asked, tmp_path):
    said = asked([f"{one}x" for one in FORMULAS])
    book = openpyxl.load_workbook(said.to_excel(tmp_path / "said.xlsx"))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    values = [cell.value for cell in cells]
    assert "=1+1x" in values  # as it was said, without an apostrophe
    assert next(cell for cell in cells if cell.value == "=1+1x").quotePrefix


# --- what comes back ---


def test_csv_comes_back_with_missing_values_missing(scored, tmp_path):
    path = scored.to_csv(tmp_path / "deep" / "said.csv")
    back = pd.read_csv(path)
    assert back.columns.tolist() == scored.frame.columns.tolist()
    assert back["answer"].isna().tolist() == scored.frame["answer"].isna().tolist()
    assert back["answer"].dropna().tolist() == scored.frame["answer"].dropna().tolist()
    assert path.read_bytes() == scored.to_csv(tmp_path / "again.csv").read_bytes()


def test_parquet_keeps_types(open_lab, people, tmp_path):
    said = tk.ask(people(6), "Which?", answer=tk.Choice(["b", "a"], why=True), lab=open_lab())
    back = pd.read_parquet(said.to_parquet(tmp_path / "said.parquet"))
    assert back["answer"].cat.categories.tolist() == ["b", "a"]
    assert back["answer"].tolist() == said.frame["answer"].tolist()
    assert back["repeat"].dtype == np.int64
    assert back["why"].tolist() == said.frame["why"].tolist()


def test_json_lines_hold_values_and_nulls(scored, tmp_path):
    rows = [json.loads(line) for line in scored.to_jsonl(tmp_path / "said.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in rows] == [None if pd.isna(one) else one for one in scored.frame["answer"]]
    assert rows[2]["status"] == "invalid"


def test_lists_and_mappings_survive_every_form(open_lab, people, tmp_path):
    class Visit(BaseModel):
        tags: list[str]
        minutes: int

    lab = open_lab(EdgeModel(lambda _: {"tags": ["=x", "ü"], "minutes": 4}))
    said = tk.ask(people(2), "What?", answer=Visit, lab=lab)
    assert json.loads(said.to_jsonl(tmp_path / "s.jsonl").read_text().splitlines()[0])["tags"] == ["=x", "ü"]
    assert json.loads(pd.read_csv(said.to_csv(tmp_path / "s.csv"))["tags"][0]) == ["=x", "ü"]
    assert json.loads(pd.read_parquet(said.to_parquet(tmp_path / "s.parquet"))["tags"][0]) == ["=x", "ü"]
    sheet = openpyxl.load_workbook(said.to_excel(tmp_path / "s.xlsx"))["answers"]
    assert '["=x","ü"]' in [cell.value for cell in sheet[2]]
    assert "=x" in said.to_html(tmp_path / "s.html").read_text()


def test_workbook_has_codebook_summary_and_errors(scored, tmp_path):
    book = openpyxl.load_workbook(scored.to_excel(tmp_path / "said.xlsx"))
    assert book.sheetnames == ["answers", "codebook", "summary", "errors"]
    assert [cell.value for cell in book["codebook"][1]] == ["column", "type", "values", "meaning"]
    assert book["answers"].max_row == 13
    assert book["answers"]["A1"].font.bold
    assert book["answers"].freeze_panes == "A2"
    assert book["errors"].max_row == 2


def test_texts_no_file_can_hold_are_mended_and_not_lost(asked, tmp_path):
    """A workbook takes no control characters and 32,767 characters a cell."""
    said = asked(["tea", "bell \x07 rings", "x" * 40_000, "ok"])
    assert said.frame["status"].eq("ok").all()
    assert len(pd.read_csv(said.to_csv(tmp_path / "s.csv"))["answer"][2]) == 40_000
    column = [row[3].value for row in openpyxl.load_workbook(said.to_excel(tmp_path / "s.xlsx"))["answers"]]
    assert column[2] == "bell � rings"
    assert len(column[3]) == 32_767
    assert column[3].endswith("…")


class Held:
    """Any result, as far as files are concerned."""

    def __init__(self, frame):
        self.frame = frame


def test_half_a_surrogate_pair_has_no_bytes_and_is_replaced(tmp_path):
    held = Held(pd.DataFrame({"a": pd.Series(["half \ud800 pair", {"k": "\udfff"}, None, 4], dtype=object)}))
    rows = [json.loads(line)["a"] for line in to_jsonl(held, tmp_path / "s.jsonl").read_text().splitlines()]
    assert rows == ["half ? pair", {"k": "?"}, None, 4]
    assert pd.read_csv(to_csv(held, tmp_path / "s.csv"))["a"][0] == "half ? pair"
    assert pd.read_parquet(to_parquet(held, tmp_path / "s.parquet"))["a"].tolist()[:2] == ["half ? pair", '{"k":"?"}']


# --- the report ---


class Reader(HTMLParser):
    """Collects what a browser would see as elements."""

    def __init__(self):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


def elements(html):
    reader = Reader()
    reader.feed(html)
    return reader.elements


def test_report_says_what_was_asked_what_came_and_where_from(scored):
    html = report_html(scored)
    for heading in (
        "What was asked",
        "Images",
        "Picture",
        "Summary",
        "Answers",
        "Errors",
        "Columns",
        "Where it comes from",
    ):
        assert f"<h2>{heading}</h2>" in html
    assert "11 valid answers · 1 invalid" in html
    assert "edge:edge" in html
    assert f"Dramatis</th><td>{tk.__version__}<" in html
    assert ">seed<" in html
    assert len([one for one in elements(html) if one[0] == "img"]) == 2


def test_report_loads_nothing_and_runs_nothing(scored):
    html = report_html(scored)
    found = elements(html)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & {tag for tag, _ in found}
    sources = [value for _, attributes in found for name, value in attributes.items() if name in {"src", "href"}]
    assert sources
    assert all(one.startswith("data:image/") for one in sources)
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    assert not re.search(r"https?://|@import|url\(", html)
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in found)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "</td></table><h1>x", "&lt;b>"]
)
def test_report_escapes_whatever_was_said(open_lab, text):
    lab = open_lab(EdgeModel(lambda _: {"choice": text, "why": text}))
    shown = tk.Image(PACK, alt=text)
    said = tk.ask([Persona("p1", text, {})], text, images=shown, answer=tk.Choice([text, "b"], why=True), lab=lab)
    found = elements(report_html(said))
    tags = [tag for tag, _ in found]
    assert "script" not in tags
    assert tags.count("h1") == 1
    assert tags.count("img") == 2
    assert not any("onerror" in attributes for _, attributes in found)


def test_report_of_texts_has_no_picture_and_of_many_rows_says_how_many_more(asked):
    html = report_html(asked(["because"] * 510))
    assert "<h2>Picture</h2>" not in html
    assert "and 10 more rows" in html


def test_report_of_nothing_valid_is_still_a_report(open_lab, people):
    said = tk.ask(people(2), "How good?", answer=tk.Scale(1, 5), lab=open_lab(EdgeModel(lambda _: {})))
    assert "2 invalid" in report_html(said)


# --- files ---


def test_existing_file_is_replaced_whole_and_nothing_is_left_beside(scored, tmp_path):
    path = tmp_path / "said.csv"
    path.write_text("old")
    assert scored.to_csv(path) == path
    assert path.read_text().startswith("persona,")
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["said.csv"]


@pytest.mark.parametrize(
    ("verb", "name", "match"),
    [
        ("to_csv", "said.xlsx", r"to_csv was given 'said.xlsx'. Use to_excel"),
        ("to_html", "a.parquet", r"Use to_parquet"),
    ],
)
def test_name_of_another_form_is_a_slip(scored, tmp_path, verb, name, match):
    with pytest.raises(InvalidInput, match=match):
        getattr(scored, verb)(tmp_path / name)


def test_place_that_cannot_be_written_is_one_clear_line(scored, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=r"'said.csv' cannot be written") as caught:
        scored.to_csv(tmp_path / "file" / "said.csv")
    assert "\n" not in str(caught.value)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidInput, match=r"'folder.csv' cannot be written"):
        scored.to_csv(tmp_path / "folder.csv")
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("package", "verb", "suffix"), [("pyarrow", "to_parquet", "parquet"), ("openpyxl", "to_excel", "xlsx")]
)
def test_missing_package_is_named_with_its_extra(tmp_path, package, verb, suffix):
    code = (
        f"import sys\nsys.modules[{package!r}] = None\n"
        "import toolkit as tk\nfrom toolkit.personas import Persona\n"
        f"lab = tk.Lab('scripted', study={str(tmp_path / 's')!r})\n"
        "said = tk.ask([Persona('p1', 'Ann', {})], 'Well?', answer=tk.Scale(1, 5), lab=lab)\n"
        f"try:\n    said.{verb}({str(tmp_path / f'x.{suffix}')!r})\n"
        "except tk.InvalidInput as error:\n    print(error)\nlab.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = f"need {package}, which is not installed. Install dramatis-toolkit[export]."
    assert done.stdout.strip().endswith(said)


def test_any_result_with_a_frame_can_be_written(open_lab, tmp_path):
    panel = tk.generate_personas(3, "us-adults-2012", detail="facts", lab=open_lab())
    assert len(pd.read_csv(to_csv(panel, tmp_path / "panel.csv"))) == 3
