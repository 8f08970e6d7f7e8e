"""Names that are safe to write: whatever a session or a file is called, it stays inside the store's root."""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["file_name", "session_name"]

_LONGEST = 80
"""Characters; with a mark and a suffix still below what any file system takes."""
_MARK = 8
"""Hex digits that tell names apart which are alike once they are safe."""
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{one}" for one in range(10)), *(f"lpt{one}" for one in range(10))}
)
"""Names that mean devices on Windows, whatever their suffix."""
_UNSAFE = re.compile(r"[^\w.\- ]")
_EDGES = " ."


def session_name(session: str) -> str:
    """Return the folder of a session: its own name where that is safe, else a safe one that no other session gets.

    Example:
        >>> session_name("wave-1"), session_name("../x")
        ('wave-1', 'x-d6b96a97')
    """
    return _safe(session, "session")


def file_name(name: str) -> str:
    r"""Return the base name of a file, safe to write.

    Example:
        >>> file_name("../../etc/fox.png"), file_name("C:\\temp\\fox.png")
        ('fox.png', 'fox.png')
    """
    base = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    stem, dot, suffix = base.rpartition(".")
    if not dot or not suffix.isalnum():
        return _safe(base, "image")
    return f"{_safe(stem, 'image')}.{suffix[:_MARK].lower()}"


def _safe(name: str, otherwise: str) -> str:
    text = unicodedata.normalize("NFKC", name.encode(errors="replace").decode())
    text = re.split(r"[/\\]", text)[-1] if text.strip("/\\") else ""
    text = _UNSAFE.sub("-", "".join(one for one in text if one.isprintable())).strip(_EDGES)[:_LONGEST].strip(_EDGES)
    if text.partition(".")[0].strip().lower() in _RESERVED:
        text = f"_{text}"
    if text and text == name:
        return text
    mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_MARK]
    return f"{text or otherwise}-{mark}"
