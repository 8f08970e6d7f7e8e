# ruff: noqa: INP001  # the folder holds pages; this file is the site builder's
"""A hook of MkDocs: what lies outside ``docs/`` and is linked from its pages.

Pictures are in ``data/``, the one place for data: the site carries them. Other files of the repository are named on
the site, not linked, for they are not there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
_PICTURE = re.compile(r"(!\[[^\]]*\]\()(?:\.\./)+data/images/([\w.-]+)\)")
_FILE = re.compile(r"(?<!!)\[([^\]]*)\]\((?:\.\./)+((?:data|notebooks|tests|toolkit)/[^)\s]*)\)")


def on_files(files: Files, config: Any) -> Files:
    """Take the pictures of ``data/images`` in."""
    for path in sorted((ROOT / "data" / "images").glob("*.png")):
        files.append(File.generated(config, f"images/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make links that are right in the repository right on the site as well."""
    up = "../" * page.file.src_uri.count("/")
    shown = _PICTURE.sub(rf"\g<1>{up}images/\g<2>)", markdown)
    return _FILE.sub(_named, shown)


def _named(link: re.Match[str]) -> str:
    text, path = link.groups()
    return f"`{path}`" if text.strip("./") in path else f"{text} (`{path}`)"
