"""Bits that flip in the file of a memory: never a wrong reply, and healed or raised as the mode says (S1-01, F2)."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from toolkit.errors import MemoryCorrupt
from toolkit.memory import REPLIES, Entry, SealedStore

pytestmark = pytest.mark.filterwarnings("ignore::toolkit.memory.MemoryWarning")

AT_ONCE = 20


def entries(number: int) -> dict[str, Entry]:
    draw = random.Random(number)
    made = {}
    for one in range(number):
        key = f"{draw.getrandbits(256):064x}"
        body = orjson.dumps({"text": f"answer {one} " + "x" * draw.randrange(600), "usage": {"input": one}})
        made[key] = Entry(REPLIES, key, body, "questions", f"p{one:04}", "questions.ask@1", "openai:m", 1e9 + one)
    return made


def flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(AT_ONCE):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def read_as_replay(path: Path, right: dict[str, Entry]) -> None:
    """Read as mode ``replay`` does: right, an error, or a miss, which is an error of the engine's; nothing changes."""
    before = path.read_bytes()
    try:
        with SealedStore(path, heal=False, read_only=True) as store:
            for key, entry in right.items():
                try:
                    assert store.get(REPLIES, key) in (None, entry)
                except MemoryCorrupt as error:
                    assert "damaged" in str(error)  # noqa: PT017  # only where it is raised
    except MemoryCorrupt as error:
        assert "is damaged" in str(error)  # noqa: PT017
    assert path.read_bytes() == before


def read_and_make_anew(path: Path, right: dict[str, Entry]) -> int:
    """Read as mode ``read`` does: what is not served is asked again; return how many those were."""
    made = 0
    with SealedStore(path, heal=True) as store:
        for _ in range(3):
            found = store.get_many(REPLIES, right)
            assert all(entry == right[key] for key, entry in found.items())
            lost = [right[key] for key in right if key not in found]
            for entry in lost:
                store.put(entry)
            store.flush()
            made += len(lost)
            if not lost and not store.purge(damaged=True):
                break
        assert store.get_many(REPLIES, right) == right
        assert store.validate().damaged == 0
    return made


def flip_and_heal(folder: Path, flips: int, number: int) -> None:
    path, right = folder / "m.sqlite", entries(number)
    read_and_make_anew(path, right)
    draw = random.Random(flips)
    healed = 0
    for _ in range(flips // AT_ONCE):
        flip(path, draw)
        read_as_replay(path, right)
        healed += read_and_make_anew(path, right)
    assert healed > 0


def test_five_hundred_flips_serve_nothing_wrong_and_are_healed(tmp_path: Path) -> None:
    flip_and_heal(tmp_path, 500, 150)


@pytest.mark.slow
def test_ten_thousand_flips_serve_nothing_wrong_and_are_healed(tmp_path: Path) -> None:
    """The issue: 10,000 random bit flips over a store, 0 wrong replies served, all healed or raised by mode."""
    flip_and_heal(tmp_path, 10_000, 300)
