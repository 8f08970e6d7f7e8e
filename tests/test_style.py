"""What holds for the whole house: sizes, names, docstrings whose examples run, and documents that tell the truth."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import toolkit
import toolkit as tk
import toolkit.lab as lab_module

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    one.name for one in pkgutil.walk_packages(toolkit.__path__, "toolkit.") if not one.name.endswith("__main__")
)
SOURCES = sorted((ROOT / "toolkit").rglob("*.py"))
LONGEST = 400
"""Lines of a module: STYLE splits by concern before that."""
FORBIDDEN = {"common", "handlers", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
DOCUMENTS = ("README.md", "CONTRIBUTING.md")


# --- modules ---


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = [part.strip("_") for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts]
    assert FORBIDDEN.intersection(names) == set()


def test_nothing_is_left_undone() -> None:
    undone = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|breakpoint\(\)")
    found = [f"{path.name}: {hit.group()}" for path in SOURCES for hit in undone.finditer(path.read_text())]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [path.as_posix() for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_every_list_of_public_names_is_true() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        assert [one for one in getattr(module, "__all__", []) if not hasattr(module, one)] == [], name


# --- docstrings ---


def public_names() -> list[str]:
    return [name for name in tk.__all__ if not isinstance(getattr(tk, name), ModuleType)]


@pytest.mark.parametrize("name", public_names())
def test_public_name_is_documented(name: str) -> None:
    value = getattr(tk, name)
    assert inspect.getdoc(value)
    assert value.__doc__ is not object.__doc__


@pytest.mark.parametrize(
    "name",
    [
        one
        for one in public_names()
        if not (inspect.isclass(getattr(tk, one)) and issubclass(getattr(tk, one), BaseException))
    ],
)
def test_public_name_has_an_example(name: str) -> None:
    value = getattr(tk, name)
    if inspect.isclass(value) and inspect.isabstract(value):
        pytest.skip("abstract: its subclasses have the examples")
    assert ">>> " in (inspect.getdoc(value) or "")


@pytest.fixture
def example_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names that examples may use: the toolkit's, ``lab`` (scripted), ``tmp`` and ``Path``."""
    for name in os.environ:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    lab = tk.Lab("scripted", study=tmp_path / "study")
    monkeypatch.setattr(lab_module, "_notebook_lab", lab)
    names = {name: getattr(tk, name) for name in tk.__all__}
    yield {**names, "tk": tk, "lab": lab, "tmp": tmp_path, "Path": Path}
    lab.close()


def run_examples(tests: list[doctest.DocTest]) -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    for one in tests:
        runner.run(one, out=said.append)
    close_labs(tests)
    assert not said, "".join(said)


def close_labs(tests: list[doctest.DocTest]) -> None:
    for one in tests:
        for value in one.globs.values():
            if isinstance(value, tk.Lab):
                value.close()


def with_examples() -> list[str]:
    """The modules that have examples, by a look at their source."""
    places = {name: importlib.util.find_spec(name) for name in MODULES}
    return [name for name, spec in places.items() if spec and ">>> " in Path(str(spec.origin)).read_text()]


@pytest.mark.parametrize("name", with_examples())
def test_examples_of_a_module_run(name: str, example_names: dict[str, Any]) -> None:
    module = importlib.import_module(name)
    globs = {**example_names, **vars(module)}
    globs.update({key: example_names[key] for key in ("lab", "tmp")})
    run_examples(
        [one for one in doctest.DocTestFinder().find(module, globs=globs, extraglobs=example_names) if one.examples]
    )


@pytest.mark.parametrize("name", [name for name in public_names() if hasattr(getattr(tk, name), "job")])
def test_examples_of_a_verb_run(name: str, example_names: dict[str, Any]) -> None:
    """A verb is made by a decorator of another module, so the walk over modules does not see it."""
    found = doctest.DocTestFinder().find(getattr(tk, name), name, module=False, globs=dict(example_names))
    assert [one for one in found if one.examples]
    run_examples(found)


# --- documents ---


def blocks(document: str, *languages: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return [
        body
        for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        if language in languages
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_python_block_runs(document: str, example_names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """S0-25: as a reader would run them, one after the other, with the scripted model in the embedded one's place."""
    monkeypatch.setenv("TOOLKIT_MODEL", "scripted")
    for folder in ("data", "notebooks"):
        Path(folder).symlink_to(ROOT / folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for number, block in enumerate(blocks(document, "python"), start=1):
            exec(compile(block, f"{document}, block {number}", "exec"), names)  # noqa: S102  # our own document
    finally:
        for lab in {id(one): one for one in names.values() if isinstance(one, tk.Lab)}.values():
            lab.close()
    assert example_names


def commands(document: str) -> list[str]:
    lines = "\n".join(blocks(document, "", "sh", "bash", "console", "shell")).splitlines()
    told = (line.split("  #")[0].removeprefix("$ ").strip() for line in lines if not line.startswith("#"))
    return [command.strip() for line in told for command in line.split("&&") if command.strip()]


def unwrapped(words: list[str]) -> list[str]:
    """Return what ``uv run`` runs."""
    if words[:2] != ["uv", "run"]:
        return words
    rest = words[2:]
    while rest and rest[0].startswith("-"):
        rest = rest[2 if rest[0] in {"--extra", "--group", "--with", "--python"} else 1 :]
    return rest


@pytest.mark.parametrize(("document", "command"), [(one, line) for one in DOCUMENTS for line in commands(one)])
def test_every_command_is_real(document: str, command: str) -> None:
    words = unwrapped(shlex.split(command))
    match words:
        case ["toolkit", *rest]:
            assert_parses(rest)
        case ["python" | "python3", "-m", module, *_]:
            assert importlib.util.find_spec(module), f"{document}: no module {module}"
        case ["python" | "python3", script, *_]:
            assert (ROOT / script).is_file(), f"{document}: no {script}"
        case [tool, *_] if tool.startswith((".", "/")) and (ROOT / tool).is_file():
            assert os.access(ROOT / tool, os.X_OK), f"{document}: {tool} cannot be run"
        case [tool, *_]:
            assert tool in {"pip", "uv", "pytest", "git", "jupyter", "ruff", "mypy", "lint-imports"}, (
                f"{document}: {tool}?"
            )
    for word in words:
        if word.startswith(("data/", "notebooks/", "tests/")):
            assert (ROOT / word.split("::")[0]).exists(), f"{document}: no {word}"


def assert_parses(words: list[str]) -> None:
    """Check a ``toolkit`` command line with the parser that will read it."""
    import typer.main

    from toolkit.cli.app import app

    command: Any = typer.main.get_command(app)
    context = command.make_context("toolkit", list(words))
    rest = list(words)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        assert command is not None, name
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [one for one in targets if one and not one.startswith(("http:", "https:")) and not (ROOT / one).exists()]
    assert missing == []


# --- the repository ---


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_names_a_registry_or_a_path_of_this_machine() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "conda." + "anaconda.org"]
    shared = {Path("/"), Path(tempfile.gettempdir())}  # every machine has these; a clone may lie right in one
    places = [f"{place}/" for place in (ROOT, ROOT.parent, Path.home()) if place not in shared]
    found = []
    for path in tracked():
        content = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {one}" for one in (*hosts, *places) if one.encode() in content]
    assert found == []


def test_no_tracked_file_holds_a_key() -> None:
    real = re.compile(rb"\b(sk-(?:proj-)?[A-Za-z0-9]{40,}|ghp_[A-Za-z0-9]{36}|AKIA[A-Z0-9]{16})\b")
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if "tests" not in path.parts and real.search(path.read_bytes())
    ]
    assert found == []
