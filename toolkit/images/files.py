"""Files that are there whole or not at all, and temporary ones that nobody is at work on any more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
import time
from pathlib import Path

__all__ = ["HERE", "is_alive", "leads_to", "link", "write_whole"]

HERE = hashlib.sha256(os.uname().nodename.encode() if hasattr(os, "uname") else b"here").hexdigest()[:8]
"""Stands for this machine in the names of temporary folders."""
_STALE = 24 * 3600.0
"""Seconds after which a temporary folder is nobody's, whoever made it."""


def write_whole(target: Path, data: bytes, scratch: Path) -> None:
    """Write a file whole or not at all: its content is on the disk before its name is."""
    part = scratch / f"{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder
            handle = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def leads_to(target: Path, content: Path, digest: str) -> bool:
    """Tell whether a name in a session's folder leads to the bytes, or to a copy of them."""
    try:
        return target.samefile(content) or hashlib.sha256(target.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def link(content: Path, target: Path, scratch: Path) -> None:
    """Let a name in a session's folder lead to the bytes, whatever it led to."""
    part = scratch / f"{secrets.token_hex(8)}.link"
    try:
        part.hardlink_to(content)
    except OSError:  # a file system without links
        write_whole(target, content.read_bytes(), scratch)
    else:
        part.replace(target)


def is_alive(folder: Path) -> bool:
    """Tell whether the process that made a temporary folder may still be at work."""
    host, _, rest = folder.name.partition(".")
    try:
        if time.time() - folder.stat().st_mtime > _STALE:
            return False
        if host == HERE and sys.platform != "win32":  # on Windows, asking a process ends it
            os.kill(int(rest.partition(".")[0]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return True
