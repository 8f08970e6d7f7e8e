"""Image files for the tests, made by Pillow in memory, and a web server on loopback that hands them out."""

from __future__ import annotations

import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as Pillow


@pytest.fixture
def pictures() -> ModuleType:
    """Everything in this file: tests are no package, so they cannot import it."""
    return sys.modules[__name__]


def photo(width: int = 120, height: int = 90, seed: int = 0) -> np.ndarray:
    """Pixels like a photo's: soft shapes with noise, hardly any two equal."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = np.stack([np.sin(5 * x + 3 * y), np.cos(4 * y - x), np.sin(7 * x * y)], axis=2)
    noise = np.random.default_rng(seed).normal(0, 0.06, waves.shape)
    return np.clip((0.5 + 0.4 * waves + noise) * 255, 0, 255).astype(np.uint8)


def drawing(width: int = 120, height: int = 90) -> np.ndarray:
    """Pixels like a drawing's: three flat areas."""
    pixels = np.full((height, width, 3), 250, np.uint8)
    pixels[height // 3 :, : width // 2] = (20, 60, 200)
    pixels[: height // 2, width // 2 :] = (220, 40, 40)
    return pixels


def encode(pixels: np.ndarray | Pillow.Image, kind: str = "PNG", **more: object) -> bytes:
    """Bytes of an image file."""
    picture = pixels if isinstance(pixels, Pillow.Image) else Pillow.fromarray(pixels)
    file = BytesIO()
    picture.save(file, format=kind, **more)
    return file.getvalue()


def animated(kind: str) -> bytes:
    """An animation of three different frames."""
    frames = [Pillow.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def turned(pixels: np.ndarray, orientation: int, kind: str = "JPEG") -> bytes:
    """An image file whose EXIF block asks for a turn."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretCameraMaker"
    return encode(pixels, kind, exif=exif)


def huge_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """A few hundred bytes whose header promises billions of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 300)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@contextmanager
def web(routes: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Serve fixed answers on loopback; yields the base address and the list of paths asked so far."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            asked.append(self.path)
            status, headers, body = routes[self.path.partition("?")[0]]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
