"""A JupyterLab server of a test's own, with a copy of one notebook."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PATIENCE = 90.0
_PAUSE = threading.Event()


class JupyterLab:
    """One server with one notebook."""

    def __init__(self, notebook: Path, base: str, token: str) -> None:
        self.notebook = notebook
        self.base = base
        self.token = token

    def address(self, path: str) -> str:
        """Return an address with the token."""
        return f"{self.base}{path}?token={self.token}"

    def asked(self, path: str) -> Any:
        """Return what the server says as JSON; nothing where it does not answer, which it may fail to do once."""
        try:
            with urllib.request.urlopen(self.address(path), timeout=10) as answer:  # noqa: S310  # our own server
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def saved(self) -> dict[str, Any]:
        """Return the notebook as it is on disk."""
        return json.loads(self.notebook.read_text())

    def run_all(self, page: Page) -> None:
        """Open the notebook and run all cells, once the kernel is connected: the indicator says idle before that."""
        page.goto(self.address(f"/lab/tree/{self.notebook.name}"))
        until(lambda: ready(self.asked("/api/kernels")))
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()


def ready(kernels: Any) -> bool:
    """Tell whether the notebook's kernel is idle and somebody is connected to it."""
    return bool(kernels) and kernels[0]["execution_state"] == "idle" and kernels[0]["connections"] >= 1


def until(true: Callable[[], object]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline
        _PAUSE.wait(0.2)


@contextmanager
def jupyterlab(root: Path, notebook: Path, *, dark: bool = False) -> Iterator[JupyterLab]:
    """Serve a copy of a notebook, with settings of its own.

    Args:
        root: Folder for the copy, the settings and whatever the notebook writes.
        notebook: What to copy.
        dark: JupyterLab's dark theme.
    """
    copy = Path(shutil.copy(notebook, root))
    for place, settings in _SETTINGS.items():
        path = root / "settings" / "@jupyterlab" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings | ({"theme": "JupyterLab Dark"} if dark and "themes" in place else {})))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    own = {
        "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"),
        **{f"JUPYTER_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")},
        "JUPYTER_TOKEN": token,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"],
        cwd=root,
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lab = JupyterLab(copy, f"http://127.0.0.1:{port}", token)
    try:
        until(lambda: lab.asked("/api/status"))
        yield lab
    finally:
        for kernel in lab.asked("/api/kernels") or ():
            gone = urllib.request.Request(lab.address(f"/api/kernels/{kernel['id']}"), method="DELETE")  # noqa: S310
            urllib.request.urlopen(gone, timeout=10).close()  # noqa: S310  # our own server
        server.terminate()
        server.wait(30)


_SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes.jupyterlab-settings": {"theme": "JupyterLab Light"},
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},  # cells out of sight are drawn as well
}
