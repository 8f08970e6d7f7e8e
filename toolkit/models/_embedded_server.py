"""The parent's side of the embedded model: one child process per order, shared by all models of this process."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from toolkit.errors import ModelUnavailable, ProviderDown
from toolkit.redact import scrub

__all__ = ["Order", "Server", "release", "shared"]

_CHILD = Path(__file__).with_name("_embedded_child.py")
_STARTS = 2  # FACTS: one start out of about 20 never came back
_STOP_SECONDS = 2.0
_LOG_LINES = 40
_LOG_WIDTH = 300
_LEVEL = re.compile(r"^[0-9.]+ E ")
_PRIVATE = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be served; equal orders share a process."""

    weights: Path
    alias: str
    context: int
    """Tokens."""
    threads: int
    jinja: bool
    """Use the template in the weights; without it llama.cpp's own, which recognises the common families."""
    defaults: tuple[tuple[str, Any], ...]
    """Sampling values for calls that do not say."""
    start_seconds: float
    """How long a start may take before it is given up."""
    command: tuple[str, ...] = field(default=(sys.executable, "-P", str(_CHILD)))


class Server:
    """One child process: started once by ``start``, ended by ``stop``, its parent's end or an accident.

    Attributes:
        key: What a request must show.
        users: The models that use it now.
    """

    def __init__(self, order: Order) -> None:
        self.key = secrets.token_urlsafe(32)
        self.users: WeakSet[object] = WeakSet()
        self._order = order
        self._address: Future[str] = Future()
        self._ended: Future[int | None] = Future()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._stopping = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return the process and its state, never the key."""
        return f"<Server of {self._order.alias}, process {self.pid}, {'ended' if self.ended else 'running'}>"

    @property
    def pid(self) -> int | None:
        """The child's process id, once there is one."""
        return self._process.pid if self._process else None

    @property
    def ended(self) -> bool:
        """True when there is no process any more, nor one to come."""
        return self._ended.done()

    @property
    def exit_code(self) -> int | None:
        """How the process ended, negative for a signal."""
        return self._ended.result() if self._ended.done() else None

    def start(self) -> None:
        """Begin to start; returns at once."""
        # Linux's parent-death signal follows the thread that started the child: this one lives as long as the child.
        threading.Thread(target=self._keep, name="embedded-model", daemon=True).start()

    async def address(self) -> str:
        """Return the server's address, ``http://127.0.0.1:<port>``, as soon as it answers.

        A caller that is cancelled while waiting does not disturb the start.

        Raises:
            ModelUnavailable: The weights cannot be loaded.
            ProviderDown: It did not start in time, twice.
        """
        if not self._address.done():
            await _settled(self._address)
        return self._address.result()

    async def gone(self, seconds: float) -> bool:
        """Tell whether the process has ended, waiting up to ``seconds`` for that."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_settled(self._ended), seconds)
        return self.ended

    def last_words(self) -> str:
        """Return the last line of the child's log, scrubbed."""
        return self._clean(self._log[-1]) if self._log else "it left no message"

    def stop(self) -> None:
        """End the process and wait until it is gone; harmless when it is."""
        with self._lock:
            self._stopping = True
            process = self._process
        if process is not None:
            _end(process)
        self._ended.result()

    def _keep(self) -> None:
        """Start the child, hand out its address, and stay until it is gone."""
        process = None
        try:
            for _ in range(_STARTS):
                process = self._spawn()
                if process is None or self._greet(process):
                    break
                _end(process)
                _close(process)
            else:
                self._refuse(self._late())
            if process is not None:
                process.wait()
        except BaseException as error:  # noqa: BLE001  # this thread has nobody to raise to; callers wait on the future
            self._refuse(ModelUnavailable(f"the embedded model could not be started: {self._clean(str(error))}"))
        finally:
            self._refuse(ProviderDown("the embedded model was closed while it started", hint="Ask again."))
            if process is not None:
                _end(process)
                _close(process)
            self._ended.set_result(process.returncode if process else None)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        """Start one child and give it its order; None when it is not wanted any more."""
        with self._lock:
            if self._stopping:
                return None
            self._process = process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
                self._order.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                **_OWN_GROUP,
            )
        self._listener = threading.Thread(
            target=self._listen, args=(process.stderr,), name="embedded-model-log", daemon=True
        )
        self._listener.start()
        return process

    def _greet(self, process: subprocess.Popen[bytes]) -> bool:
        """Send the order and take the address; False when the time is over."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._order.start_seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            self._write_order(process)
            answer = process.stdout.readline() if process.stdout else b""
        finally:
            timer.cancel()
        if late.is_set() and not answer:
            return False
        said = _read(answer)
        if "address" in said:
            self._address.set_result(said["address"])
        elif not self._stopping:
            _end(process)
            self._refuse(self._broken(said.get("error", ""), process.returncode))
        return True

    def _write_order(self, process: subprocess.Popen[bytes]) -> None:
        order = {
            "parent": os.getpid(),
            "weights": str(self._order.weights),
            "alias": self._order.alias,
            "key": self.key,
            "context": self._order.context,
            "threads": self._order.threads,
            "jinja": self._order.jinja,
            "defaults": dict(self._order.defaults),
        }
        if process.stdin is None:
            return
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:  # it ended at once; what it says on stdout and stderr tells why
            return

    def _listen(self, stream: IO[bytes] | None) -> None:
        """Read the child's stderr so that it never blocks, and keep the last lines."""
        if stream is None:
            return
        with stream:
            for line in stream:
                text = line.decode("utf-8", errors="replace").strip()
                if text:
                    self._log.append(text[:_LOG_WIDTH])

    def _refuse(self, error: Exception) -> None:
        if not self._address.done():
            self._address.set_exception(error)

    def _late(self) -> ProviderDown:
        return ProviderDown(
            f"the embedded model did not start within {self._order.start_seconds:g} s, {_STARTS} times",
            hint="Wait until the machine is less busy and ask again.",
        )

    def _broken(self, error: str, code: int) -> ModelUnavailable:
        if self._listener is not None:
            self._listener.join(_STOP_SECONDS)
        # llama.cpp's first error is the cause; those after it only say that something had failed.
        causes = [line for line in self._log if _LEVEL.match(line)]
        why = causes[0] if causes else error or (self._log[-1] if self._log else f"the process ended with {code}")
        return ModelUnavailable(
            f"the embedded model cannot be loaded from {self._order.weights.name}: {self._clean(why)}",
            hint="Run `toolkit model install` to put the standard weights in place.",
        )

    def _clean(self, text: str) -> str:
        text = text.replace(self.key, "[key]").replace(str(self._order.weights), self._order.weights.name)
        return scrub(_LEVEL.sub("", text))[:_LOG_WIDTH].rstrip(".")


_lock = threading.Lock()
_running: dict[
    Order, Server
] = {}  # one a process: loading the same weights for each lab would cost 210 MB each (FACTS)


def shared(order: Order, user: object) -> Server:
    """Return the server for an order, starting it when there is none or it has ended; returns at once."""
    with _lock:
        server = _running.get(order)
        if server is None or server.ended:
            server = _running[order] = Server(order)
            server.start()
        server.users.add(user)
        return server


def release(order: Order, user: object) -> None:
    """Say that a model uses the server no more; the last one to go ends it."""
    with _lock:
        server = _running.get(order)
        if server is None or user not in server.users:
            return
        server.users.discard(user)
        if server.users:
            return
        del _running[order]
    server.stop()


@atexit.register
def _stop_all() -> None:
    with _lock:
        servers = list(_running.values())
        _running.clear()
    for server in servers:
        server.stop()


def _forget() -> None:
    """Leave the parent's servers to the parent: a forked process starts its own."""
    global _lock  # noqa: PLW0603  # the parent's may be held by a thread that does not exist here
    _lock = threading.Lock()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

_OWN_GROUP: dict[str, Any] = (
    {"creationflags": 0x00000200 | 0x08000000}  # CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW
    if sys.platform == "win32"
    else {"process_group": 0}  # an interrupt of the notebook goes to its whole group, and is not meant for the model
)


def _environment() -> dict[str, str]:
    """Return this process's environment without what looks like a secret; waiting threads of the child sleep."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith(_PRIVATE)}
    return {**kept, "OMP_WAIT_POLICY": "passive"}


async def _settled(future: Future[Any]) -> None:
    """Wait for a thread's future without being chained to it: neither a cancelled caller nor a closed loop matters."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def tell(_: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(tell)
    await done.wait()


def _read(answer: bytes) -> dict[str, str]:
    """Return the child's one line; empty when it ended without one or something else spoke."""
    try:
        said = json.loads(answer)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the child's stdin, which ends it, and kill it when it does not go."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # what was still to be written has no reader any more
            process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.close()
