"""Buckets: where copies of pictures go beside this machine's disk."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from toolkit.errors import InvalidInput

__all__ = ["Bucket", "open_bucket"]


@runtime_checkable
class Bucket(Protocol):
    """Takes pictures by their storage path."""

    def put(self, storage_path: str, data: bytes, mime: str) -> str:
        """Store bytes and return where they are; raise anything where that fails."""
        ...


class _FileSystem:
    """A bucket that fsspec, or one of its plug-ins, knows."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError as error:
            raise InvalidInput(
                f"the bucket {url!r} needs fsspec, which is not installed", hint="Install dramatis-toolkit[buckets]."
            ) from error
        try:
            self._files, self._base = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise InvalidInput(
                f"the bucket {url!r} cannot be opened: {error}", hint="Install fsspec's plug-in for it."
            ) from error
        self._url = url.rstrip("/")

    def put(self, storage_path: str, data: bytes, mime: str) -> str:  # noqa: ARG002  # not every file system knows types
        files: Any = self._files
        place = f"{self._base.rstrip('/')}/{storage_path}"
        files.makedirs(place.rpartition("/")[0], exist_ok=True)
        files.pipe_file(place, data)
        return f"{self._url}/{storage_path}"


def open_bucket(given: str | Bucket) -> Bucket:
    """Return a bucket by its URL, or as it was given.

    Raises:
        InvalidInput: It is none, or what it needs is not installed.

    Example:
        >>> open_bucket(7)
        Traceback (most recent call last):
        ...
        toolkit.errors.InvalidInput: bucket=7 is no bucket. Give a URL like "s3://bucket/images".
    """
    if isinstance(given, str) and given.strip():
        return _FileSystem(given)
    if isinstance(given, Bucket):
        return given
    raise InvalidInput(f"bucket={given!r} is no bucket", hint='Give a URL like "s3://bucket/images".')
