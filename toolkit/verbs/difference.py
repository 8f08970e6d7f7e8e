"""How one prompt differs from another, as people read it."""

from __future__ import annotations

import difflib
from html import escape

from toolkit.display.style import PALETTE

__all__ = ["diff_html", "difference"]

_COLOURS = {"+": PALETTE[2], "-": PALETTE[5], "@": PALETTE[4]}


def difference(before: str, after: str) -> str:
    r"""Return a unified diff of two texts, without a heading; empty where they are equal.

    Example:
        >>> print(difference("Hello\nAda", "Hello\nBob"))
        @@ -1,2 +1,2 @@
         Hello
        -Ada
        +Bob
    """
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
    return "\n".join(list(lines)[2:])


def diff_html(diff: str) -> str:
    """Return a diff as HTML, what is new and what is gone in colours of their own.

    Example:
        >>> "Ada &amp; co" in diff_html("-Ada & co")
        True
    """
    lines = (
        f'<span style="color:{_COLOURS.get(line[:1], "inherit")}">{escape(line)}</span>' for line in diff.splitlines()
    )
    return f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0">{chr(10).join(lines)}</pre>'
