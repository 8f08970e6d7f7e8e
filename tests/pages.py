"""The pages of ``docs/``: their blocks, run in order as a reader would, against what the page shows.

``python -m tests.pages docs/tutorial.md`` runs one page and prints what each block really gives; with ``--write``
the page is made to show it, where it shows something else.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))

_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```[^\n]*$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_YOURS = {"services.jsonl"}
"""What pages call a file that only the reader has."""
_NOT_RUN = ("bench", "board", "cache import", "capsule rebuild", "demo", "model", "quarantine show")
"""Commands that take long, fetch something, take something of the user's away, or name what only the user has."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    body: str
    line: int
    file: str = ""
    """Name of the file that it is, where its title says one."""
    shown: str | None = None
    """What the page shows as its output, in the ``text`` block right below."""
    shown_at: tuple[int, int] = (0, 0)
    """Where that stands in the page."""


@dataclass(frozen=True)
class Command:
    """One command of a ``console`` or ``sh`` block."""

    words: tuple[str, ...]
    shown: str = ""
    """What the page shows below it on standard output; nothing is not compared."""

    @property
    def ours(self) -> tuple[str, ...] | None:
        """What follows ``toolkit``, or ``None`` where it is another program's."""
        words = self.words
        if words[:2] == ("uv", "run"):
            rest = list(words[2:])
            while rest and rest[0].startswith("-"):
                rest = rest[2 if rest[0] in {"--extra", "--group", "--with", "--python"} else 1 :]
            words = tuple(rest)
        return words[1:] if words[:1] == ("toolkit",) else None

    @property
    def cheap(self) -> bool:
        """Whether a test may run it: quick, offline, without a key."""
        ours = self.ours
        if ours is None or any(word in _YOURS or word.startswith(("openai:", "embedded")) for word in ours):
            return False
        return not " ".join(ours).startswith(_NOT_RUN)


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, each ``text`` block joined to the one right above it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        language, rest, body = match.groups()
        joined = language == "text" and bool(found) and not text[end : match.start()].strip()
        if joined and found[-1].language == "python":
            above = found[-1]
            found[-1] = replace(above, shown=body, shown_at=match.span(3))
        else:
            title = _TITLE.search(rest)
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(language, body, line, title[1] if title else ""))
        end = match.end()
    return found


def commands(block: Block) -> list[Command]:
    """Return the commands of a ``console`` block (lines after ``$``, with what stands below them) or a ``sh`` block."""
    found: list[Command] = []
    joined = block.body.replace("\\\n", " ")
    for line in (f"$ {one}" if block.language == "sh" else one for one in joined.splitlines()):
        if line.startswith("$ "):
            found += [Command(tuple(shlex.split(one, comments=True))) for one in line[2:].split(" && ")]
        elif found:
            found[-1] = Command(found[-1].words, f"{found[-1].shown}{line}\n")
    return found


@contextlib.contextmanager
def reader(folder: Path) -> Iterator[dict[str, Any]]:
    """Be a reader in a fresh folder of the repository's data, with the scripted model in the embedded one's place."""
    import toolkit as tk
    import toolkit.lab as lab_module

    before, env, notebook = Path.cwd(), dict(os.environ), lab_module._notebook_lab
    for name in env:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            del os.environ[name]
    os.environ |= {"TOOLKIT_MODEL": "scripted", "COLUMNS": "100", "NO_COLOR": "1"}
    shutil.copytree(ROOT / "data", folder / "data")  # not a link: options files may not point out of their folder
    (folder / "notebooks").symlink_to(ROOT / "notebooks")
    os.chdir(folder)
    lab_module._notebook_lab = None
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        yield names
    finally:
        current = lab_module._notebook_lab
        for lab in {id(one): one for one in (*names.values(), current) if isinstance(one, tk.Lab)}.values():
            lab.close()
        lab_module._notebook_lab = notebook
        os.chdir(before)
        os.environ.clear()
        os.environ.update(env)


def run_python(block: Block, page: str, names: dict[str, Any]) -> str:
    """Run a block and return what a notebook would show: what it printed, and its last line where that is a value."""
    place = f"docs/{page}"
    tree = ast.parse("\n" * block.line + block.body, place)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(tree, place, "exec"), names)  # noqa: S102  # our own page
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), place, "eval"), names)  # noqa: S307  # our own page
            if value is not None:
                said.write(f"{value}\n" if hasattr(value, "to_string") else f"{value!r}\n")
    return said.getvalue()


def run_command(command: Command) -> str:
    """Run a ``toolkit`` command in this process and return its standard output.

    Raises:
        AssertionError: It did not end with exit code 0.
    """
    from typer.testing import CliRunner

    from toolkit.cli.app import app

    done = CliRunner().invoke(app, list(command.ours or ()))
    assert done.exit_code == 0, f"{' '.join(command.words)}: {done.exit_code} {done.stderr} {done.exception!r}"
    return done.stdout


def same(shown: str, given: str) -> bool:
    """Say whether an output is what a page shows; ``...`` there stands for anything."""
    return doctest.OutputChecker().check_output(shown, given, _SAME)


def run(page: str, folder: Path) -> Iterator[tuple[Block, str, str | None]]:
    """Run all of a page in order; yield for each block or command what it gave, and what the page shows."""
    with reader(folder) as names:
        for block in blocks(page):
            if block.file:
                Path(block.file).write_text(block.body, encoding="utf-8")
            elif block.language == "python":
                yield block, run_python(block, page, names), block.shown
            elif block.language in {"console", "sh"}:
                for one in commands(block):
                    if one.cheap:
                        yield block, run_command(one), one.shown or None


def write(page: str, given: list[tuple[Block, str]]) -> None:
    """Make a page show what its blocks gave."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for block, output in reversed(given):
        begin, end = block.shown_at
        lines = "".join(f"{line.rstrip()}\n" for line in output.splitlines())
        text = text[:begin] + lines + text[end:]
    (DOCS / page).write_text(text, encoding="utf-8")


def main(words: list[str]) -> None:
    """Run pages and print what they give."""
    for name in (word for word in words if word != "--write"):
        page = Path(name).resolve().relative_to(DOCS).as_posix()
        other: list[tuple[Block, str]] = []
        with tempfile.TemporaryDirectory() as scratch:
            for block, given, shown in run(page, Path(scratch)):
                differs = shown is not None and not same(shown, given)
                told = "not compared" if shown is None else "NOT AS SHOWN" if differs else "as shown"
                sys.stdout.write(f"--- {page}, line {block.line}: {told}\n{given}")
                if differs and block.language == "python":
                    other.append((block, given))
        if "--write" in words and other:
            write(page, other)


if __name__ == "__main__":
    main(sys.argv[1:])
