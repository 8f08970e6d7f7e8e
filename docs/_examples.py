# ruff: noqa: INP001  # the folder holds pages; this file is the site builder's
"""An extension of Griffe: our docstrings head their one example ``Example:``, which it knows as ``Examples:`` only."""

from __future__ import annotations

import re
from typing import Any

import griffe

_HEAD = re.compile(r"^Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Shows the example of each docstring as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section's head."""
        if obj.docstring is not None:
            obj.docstring.value = _HEAD.sub("Examples:", obj.docstring.value)
