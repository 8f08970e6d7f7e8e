"""What ``docs/`` says is true: its blocks run, its commands exist, its links lead somewhere, it names everything."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml
from typer.exceptions import TyperException

import toolkit as tk
from tests.pages import DOCS, PAGES, ROOT, Block, blocks, commands, run, same
from toolkit.cli.app import app
from toolkit.engine._semconv import METRICS

WITH_BLOCKS = [page for page in PAGES if {"python", "console", "sh"} & {one.language for one in blocks(page)}]
REFERENCE = [page for page in PAGES if page.startswith("reference/")]


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


# --- blocks ---


@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_every_block_of_a_page_runs_and_gives_what_the_page_shows(page: str, tmp_path: Path) -> None:
    """S0-25: as a reader would run them, one after the other, in a fresh folder."""
    for block, given, shown in run(page, tmp_path):
        assert shown is None or same(shown, given), f"docs/{page}, line {block.line} gives:\n{given}"


@pytest.mark.parametrize("page", PAGES)
def test_every_fenced_block_is_of_a_kind_that_is_checked(page: str) -> None:
    known = {"python", "console", "sh", "text", "toml", "yaml", "json"}
    assert {block.language for block in blocks(page)} <= known


def test_the_seven_jobs_of_the_readme_give_what_stands_below_them(tmp_path: Path) -> None:
    """Issue 7: each job with its output; at most six lines each."""
    jobs = [(block, given, shown) for block, given, shown in run("../README.md", tmp_path) if shown is not None]
    assert len(jobs) == 7
    for block, given, shown in jobs:
        assert same(shown or "", given), f"README.md, line {block.line} gives:\n{given}"
        assert len(block.body.splitlines()) <= 6


def test_a_block_that_gives_something_else_is_noticed() -> None:
    assert same("[1, ..., 3]\n", "[1, 2, 3]\n")
    assert not same("[1, 2]\n", "[1, 2, 3]\n")


# --- commands ---


def console() -> list[tuple[str, tuple[str, ...]]]:
    return [
        (page, one.ours)
        for page in PAGES
        for block in blocks(page)
        if block.language in {"console", "sh"}
        for one in commands(block)
        if one.ours is not None
    ]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))


def command_of(words: tuple[str, ...]) -> tuple[str, ...] | None:
    return next((words[:n] for n in (1, 2) if words[:n] in COMMANDS), None)


def parse(words: tuple[str, ...]) -> None:
    """Read a command line with the parser that will read it."""
    path = command_of(words)
    assert path is not None, f"there is no command: toolkit {' '.join(words)}"
    COMMANDS[path].make_context(" ".join(path), list(words[len(path) :]))


@pytest.mark.parametrize("words", ["cash stats", "cache stats --studie s", "personas --n many"])
def test_a_command_that_cannot_be_is_noticed(words: str) -> None:
    with pytest.raises((AssertionError, TyperException)):
        parse(tuple(words.split()))


@pytest.mark.parametrize(("page", "words"), console())
def test_every_command_of_a_block_exists_with_its_options(page: str, words: tuple[str, ...]) -> None:
    """Issue 7: whoever copies a command finds it there."""
    if words[:1] in {("--help",), ("--version",)}:
        return
    parse(words)
    missing = [word for word in words if word.startswith(("data/", "notebooks/")) and not (ROOT / word).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_in_a_sentence_exists(page: str) -> None:
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    for told in re.findall(r"`toolkit ([a-z][^`]*)`", prose):
        words = tuple(told.split())
        path = command_of(words)
        group = words[:1] in {one[:1] for one in COMMANDS if len(one) > 1}
        assert path is not None or (group and len(words) == 1), f"toolkit {told}"
        if path is not None:
            options = {flag for one in COMMANDS[path].params for flag in (*one.opts, *one.secondary_opts)} | {"--help"}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, f"toolkit {told}"


@pytest.mark.parametrize("path", sorted(COMMANDS), ids=" ".join)
def test_every_command_can_be_copied_from_a_page(path: tuple[str, ...]) -> None:
    """Issue 7: a reader can go from the README to each documented command by copying."""
    assert path in {command_of(words) for _, words in console()}


# --- links, pages and the site ---


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    folder = (DOCS / page).parent
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page))]
    local = [one for one in targets if one and not one.startswith(("http:", "https:", "mailto:"))]
    assert [one for one in local if not (folder / one).exists()] == []


def site() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8")))


def in_navigation(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from in_navigation(inner)


def test_every_page_is_in_the_navigation() -> None:
    assert sorted(in_navigation(site()["nav"])) == PAGES


def test_the_site_fetches_nothing_when_it_is_read() -> None:
    assert site()["theme"]["font"] is False


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Issue 7: ``mkdocs build --strict`` is clean."""
    if importlib.util.find_spec("material") is None or importlib.util.find_spec("mkdocstrings") is None:
        pytest.skip("the site's builder is not installed: uv run --group docs pytest tests/test_docs.py")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").is_file()
    shutil.rmtree(tmp_path / "site")


# --- what the pages list ---


def documented() -> dict[str, str]:
    """What the reference documents: page by dotted name."""
    return {name: page for page in REFERENCE for name in re.findall(r"^::: (\S+)", text_of(page), re.MULTILINE)}


def value_of(dotted: str) -> Any:
    for split in range(dotted.count("."), 0, -1):
        parts = dotted.split(".")
        try:
            value: Any = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for name in parts[split:]:
            value = getattr(value, name)
        return value
    raise AssertionError(dotted)


@pytest.mark.parametrize("name", sorted(documented()))
def test_every_name_of_the_reference_exists(name: str) -> None:
    assert value_of(name) is not None


@pytest.mark.parametrize("name", [one for one in tk.__all__ if not isinstance(getattr(tk, one), ModuleType)])
def test_every_public_name_is_in_the_reference(name: str) -> None:
    public = getattr(tk, name)
    assert any(value_of(one) is public for one in documented() if one.rpartition(".")[2] == name)


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, cells stripped of backticks."""
    below = text_of(page).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_operations_list_every_metric_as_the_code_has_it() -> None:
    """S1-09, S2-14"""
    listed = {name: (form, unit, told) for name, form, unit, told in rows("operations.md", "Metrics")}
    assert listed == {name: (one.form, one.unit, one.told) for name, one in METRICS.items()}


def test_every_name_of_a_metric_in_the_code_stands_in_operations_and_no_other() -> None:
    """S1-09"""
    name = re.compile(r"\btoolkit_(?:queue|engine|mapping|cache|cost)_[a-z_]*[a-z]\b")
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "toolkit").rglob("*.py"))
    assert set(name.findall(text_of("operations.md"))) == set(name.findall(sources))


def test_operations_name_every_setting() -> None:
    """S2-14"""
    from toolkit.settings import Settings

    listed = {cells[0] for cells in rows("operations.md", "Settings")}
    assert listed == set(Settings.model_fields)


def test_operations_name_every_error_of_a_call() -> None:
    from toolkit import errors

    kinds = {
        name for name in errors.__all__ if issubclass(getattr(errors, name), errors.CallError) and name != "CallError"
    }
    listed = {cells[1] for cells in rows("operations.md", "When calls fail")}
    assert kinds <= listed


def test_a_block_knows_its_place(tmp_path: Path) -> None:
    found = [block for block in blocks("index.md") if block.language == "python"]
    assert found
    assert all(isinstance(one, Block) and one.line > 0 for one in found)
