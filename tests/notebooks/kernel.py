"""A Jupyter kernel for tests, spoken to as JupyterLab speaks to it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PATIENCE = 60.0
"""Seconds after which a kernel that says nothing has failed the test."""


@dataclass
class Cell:
    """What came out of a cell."""

    status: str = ""
    ename: str = ""
    evalue: str = ""
    printed: str = ""
    warned: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    """Display data and results: MIME type to text."""

    @property
    def value(self) -> Any:
        """What the cell printed, as JSON."""
        assert self.status == "ok", f"{self.ename}: {self.evalue}\n{self.warned}"
        return json.loads(self.printed)


class Kernel:
    """One running kernel."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client

    def run(self, code: str) -> Cell:
        """Run a cell and wait for its end."""
        return self.wait(self.start(code))

    def start(self, code: str) -> str:
        """Start a cell."""
        started: str = self._client.execute(code)
        return started

    def interrupt(self) -> None:
        """Press ■."""
        self.manager.interrupt_kernel()

    def wait(self, started: str) -> Cell:
        """Wait until the kernel is idle again after a cell."""
        cell = Cell()
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != started:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream" if content["name"] == "stdout":
                    cell.printed += content["text"]
                case "stream":
                    cell.warned += content["text"]
                case "display_data" | "execute_result" | "update_display_data":
                    cell.shown.append(content["data"])
                case "status" if content["execution_state"] == "idle":
                    break
        reply = self._client.get_shell_msg(timeout=PATIENCE)
        while reply["parent_header"].get("msg_id") != started:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
        content = reply["content"]
        cell.status, cell.ename, cell.evalue = content["status"], content.get("ename", ""), content.get("evalue", "")
        return cell


@contextmanager
def running_kernel(folder: Path) -> Iterator[Kernel]:
    """Start a kernel of this Python in a folder, without settings of the machine."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env=bare)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def until(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.005)
