"""The embedded model's process: llama.cpp's OpenAI-compatible server on loopback, gone when its parent is.

Run by path, not by name, so that nothing of the toolkit is imported: it is to start fast and stay small. Its order
comes as one JSON line on stdin, never on the command line, which other users can read. One JSON line goes back on
stdout: ``{"address": …}`` or ``{"error": …}``. When stdin ends, the parent is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import threading
from typing import IO, Any

_LOOK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_FAILED = 3


def main() -> int:
    """Serve until the parent closes stdin or is gone."""
    answer = _take_stdout()
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        order = json.loads(stdin.readline() or b"null")
    if order is None:
        return _FAILED
    _die_with_parent(order["parent"])
    watch = threading.Thread(target=_watch, args=(order["parent"],), name="parent-watch", daemon=True)
    watch.start()
    try:
        server = _serve(order)
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent is to say it
        _send(answer, {"error": f"{type(error).__name__}: {error}"})
        return _FAILED
    _send(answer, {"address": server.listening_address})
    watch.join()
    return 0


def _take_stdout() -> IO[bytes]:
    """Keep stdout for the one line of ours; what libraries print goes to stderr."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answer


def _send(answer: IO[bytes], body: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError), answer:
        answer.write(json.dumps(body).encode() + b"\n")


def _die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when the thread that started it ends; works even while a load hangs."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request
        os._exit(_FAILED)


def _watch(parent: int) -> None:
    """Return or exit when stdin ends or, where a fork of the parent keeps stdin open, when the parent is another."""
    if sys.platform == "win32":
        while os.read(0, 1024):
            pass
        os._exit(0)
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _LOOK_SECONDS)
        if readable and not os.read(0, 1024):
            break
    os._exit(0)  # the server's threads have nothing to save, and a load that hangs would never end


def _serve(order: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["weights"]
    params.model_alias = {order["alias"]}  # without it the model's id is its path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.cors_origins = "https://closed.invalid"  # RFC 6761: no page is ever served from there
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.n_ctx = order["context"]
    params.n_parallel = 1
    params.n_gpu_layers = 0  # the same numbers on every machine of a kind
    params.fit_params = False
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    params.cache_ram_mib = 0  # the slot's own prefix cache serves; the default keeps up to 8 GB
    params.warmup = False
    params.verbosity = 2  # warnings and errors: prompts are never in them
    params.use_jinja = order["jinja"]
    for name, value in order["defaults"].items():
        setattr(params if name == "n_predict" else params.sampling, name, value)
    return xllamacpp.Server(params)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt in the notebook stops the run, not the model
    os._exit(main())
