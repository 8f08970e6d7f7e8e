"""Clicks while a cell runs: JupyterLab sends them to a thread of their own, if the kernel does not call them back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

__all__ = ["kernel_hears_while_busy", "let_clicks_pass"]


def let_clicks_pass(widgets: Iterable[Any]) -> None:
    """Let clicks on these widgets be handled beside a cell that runs.

    ipykernel 7.4 notes at a comm which shell last sent on it, and hands replies to that one: for a widget that a cell
    made this is the main shell, which is busy as long as a cell runs. Without the note, clicks go to the subshell that
    JupyterLab names. Other kernels make no such note, and nothing changes.

    Args:
        widgets: Those that people click on; call it after each change of them.
    """
    for one in widgets:
        held = getattr(getattr(one, "comm", None), "__dict__", {})
        held.pop("_reply_subshell_id", None)


def kernel_hears_while_busy() -> bool:
    """Tell whether this kernel takes messages of widgets on threads of their own while a cell runs (ipykernel 7).

    Example:
        >>> kernel_hears_while_busy()
        False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    return bool(getattr(kernel, "_supports_kernel_subshells", False))
