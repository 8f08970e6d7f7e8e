"""Notebooks as they lie in the repository: short, executed, small, and clean. nbval checks what they say."""

import configparser
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.plugin import find_comment_markers

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 300_000
"""Bytes of a notebook with its outputs."""
LONGEST = 15
"""Cells of a notebook."""

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def code_of(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@each
def test_notebook_is_valid_and_numbered(path: Path) -> None:
    nbformat.validate(read(path))  # type: ignore[no-untyped-call]
    assert re.fullmatch(r"\d{2}_[a-z0-9_]+\.ipynb", path.name)


@each
def test_notebook_is_small_and_short(path: Path) -> None:
    assert path.stat().st_size <= LARGEST
    assert len(read(path).cells) <= LONGEST


@each
def test_notebook_begins_with_prose(path: Path) -> None:
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")


@each
def test_notebook_was_run_from_top_to_bottom_without_an_error(path: Path) -> None:
    cells = code_of(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@each
def test_notebook_uses_the_package_as_installed(path: Path) -> None:
    code = "\n".join(cell.source for cell in code_of(path))
    for word in ("sys.path", "%pip", "!pip", "os.chdir", "importlib.reload"):
        assert word not in code
    assert not re.search(r"^(async )?def |^class ", code, re.MULTILINE), (
        "what the package should have does not stand here"
    )


@each
def test_notebook_carries_no_widget_state_and_nothing_of_a_machine(path: Path) -> None:
    notebook = read(path)
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    text = path.read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget" not in text
    assert str(Path.home()) + "/" not in text
    assert "/tmp/" not in text  # noqa: S108  # looked for, not used


@each
def test_every_output_is_small(path: Path) -> None:
    for cell in code_of(path):
        for output in cell.outputs:
            for kind, shown in output.get("data", {}).items():
                assert len(str(shown).encode()) <= 100_000, f"{kind} of {cell.source[:40]!r}"


@each
def test_marks_for_nbval_are_ones_that_it_knows(path: Path) -> None:
    """nbval takes a mark only if it is all there is on its line, and passes over a misspelt one without a word."""
    for cell in code_of(path):
        for line in cell.source.splitlines():
            if "nbval" in line.lower():
                assert line == "# NBVAL_IGNORE_OUTPUT"
        assert not cell.metadata.get("tags")  # nbval obeys tags too, but nobody who reads the notebook sees them


def test_nbval_knows_the_mark() -> None:
    assert list(find_comment_markers("# NBVAL_IGNORE_OUTPUT\n# why\n1")) == [("check", False)]
    assert not list(find_comment_markers("# NBVAL_IGNORE_OUTPUT: why\n1"))


@each
def test_notebook_replays_or_says_who_answers(path: Path) -> None:
    code = "\n".join(cell.source for cell in code_of(path))
    assert "tk.Lab(" in code
    assert re.search(r"capsule=|\"scripted", code), "a notebook in the gate asks no model"


def rules() -> list[tuple[str, str]]:
    parser = configparser.ConfigParser()
    parser.read(Path(__file__).with_name("sanitize.cfg"), encoding="utf-8")
    return [(parser[name]["regex"], parser[name]["replace"]) for name in parser.sections()]


def sanitised(text: str) -> str:
    for pattern, replacement in rules():
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<Lab at 0x7f583d161350>", "<Lab at 0x7f4cc1560050>"),
        ('src="data:image/png;base64,iVBORw0KGgo="', 'src="data:image/png;base64,AAAA+/="'),
        ("24 calls · 0.3 s", "24 calls · 12 s"),
        ("1 min 15 s", "2 min 3 s"),
        ("2026-11-21 14:07:36+00:00", "2026-12-01 09:00:00.5+00:00"),
        ("9,412.5 replies/s", "12,001 replies/s"),
    ],
)
def test_what_differs_between_two_runs_is_masked(one: str, other: str) -> None:
    assert sanitised(one) == sanitised(other)


@pytest.mark.parametrize(
    "kept", ["0.583  0.32 0.807", "Age: 58 years", "12 ok · 0 failed", "p0001", "seed 7", "7 asked"]
)
def test_results_are_not_masked(kept: str) -> None:
    assert sanitised(kept) == kept
