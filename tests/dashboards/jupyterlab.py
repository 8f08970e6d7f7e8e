"""A JupyterLab server of a test's own, and the browser that looks at it."""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
"""Where the system's browser is."""
_SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PATIENCE = 90.0
_PAUSE = threading.Event()


class JupyterLab:
    """One server with one notebook."""

    def __init__(self, root: Path, base: str, token: str) -> None:
        self.root = root
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
        return json.loads((self.root / "board.ipynb").read_text())

    def run_all(self, page: Page) -> None:
        """Open the notebook and run all cells, once the kernel is connected: the indicator says idle before that."""
        page.goto(self.address("/lab/tree/board.ipynb"))
        until(lambda: ready(self.asked("/api/kernels")))
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()


def ready(kernels: Any) -> bool:
    """Tell whether the notebook's kernel is idle and somebody is connected to it."""
    return bool(kernels) and kernels[0]["execution_state"] == "idle" and kernels[0]["connections"] >= 1


def until(true: Any) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline
        _PAUSE.wait(0.2)


@contextmanager
def browser() -> Iterator[Page]:
    """Open the system's browser."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_SWITCHES)
        yield chromium.new_page(viewport={"width": 1240, "height": 1150})
        chromium.close()


@contextmanager
def jupyterlab(root: Path, cells: list[str], *, dark: bool = False) -> Iterator[JupyterLab]:
    """Serve a notebook of some cells, with settings of its own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / "board.ipynb")
    settings = root / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    (settings / "themes.jupyterlab-settings").write_text(f'{{"theme": "JupyterLab {"Dark" if dark else "Light"}"}}')
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
    lab = JupyterLab(root, f"http://127.0.0.1:{port}", token)
    try:
        until(lambda: lab.asked("/api/status"))
        yield lab
    finally:
        for kernel in lab.asked("/api/kernels") or ():
            gone = urllib.request.Request(lab.address(f"/api/kernels/{kernel['id']}"), method="DELETE")  # noqa: S310
            urllib.request.urlopen(gone, timeout=10).close()  # noqa: S310  # our own server
        server.terminate()
        server.wait(30)
