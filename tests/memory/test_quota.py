"""Quotas: what was used longest ago leaves in the background, what is in use stays, and nobody waits."""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

import pytest

from toolkit.errors import InvalidInput
from toolkit.memory import REPLIES, Entry, SealedStore
from toolkit.memory.eviction import Bounds, evict, victims
from toolkit.memory.places import settle


def entry(number: int, size: int = 500) -> Entry:
    return Entry(REPLIES, f"{number:06d}", b'"' + b"x" * (size - 2) + b'"')


def fill(store: SealedStore, numbers: range, size: int = 500) -> None:
    for number in numbers:
        store.put(entry(number, size))
    store.flush()


def keys(store: SealedStore) -> list[int]:
    return [int(one.key) for one in store.entries()]


def test_items_stay_under_their_limit_and_the_oldest_leave(tmp_path: Path) -> None:
    """S1-29"""
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        store.limit(items=1000)
        fill(store, range(3000))
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        left = keys(store)
        assert 900 <= len(left) <= 1000
        assert left == list(range(3000 - len(left), 3000))


def test_file_stays_under_its_limit_on_disk(tmp_path: Path) -> None:
    """S1-29: under the cap, bytes of the disk meant."""
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        store.limit(disk=1_000_000)
        for start in range(0, 6000, 500):
            fill(store, range(start, start + 500), size=random.Random(start).randrange(100, 3000))
    assert path.stat().st_size <= 1_000_000
    with SealedStore(path, heal=True) as store:
        assert store.stats().size > 400_000
        assert store.validate().damaged == 0


def test_limit_is_kept_to_when_a_store_is_opened_over_it(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        fill(store, range(2000))
    with SealedStore(path, heal=True) as store:
        store.limit(disk=500_000)
    assert path.stat().st_size <= 500_000


def test_file_is_made_small_at_the_end_though_it_holds_little_enough_already(tmp_path: Path) -> None:
    """S1-29: while a study runs, freed pages wait for new entries; what is left of them goes back at the end."""
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        fill(store, range(2000))
        assert store.fit(disk=200_000, shrink=False) > 1000
        assert store.fit(disk=200_000, shrink=False) == 0
        store.limit(disk=200_000)
    assert path.stat().st_size <= 200_000


def test_what_is_read_all_the_time_never_leaves(tmp_path: Path) -> None:
    """S1-29: never an entry in use."""
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        fill(store, range(50))
        store.limit(items=500)
        for start in range(100, 4000, 100):
            fill(store, range(start, start + 100))
            assert len(store.get_many(REPLIES, [f"{number:06d}" for number in range(50)])) == 50
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        assert set(range(50)) <= set(keys(store))
        assert len(keys(store)) <= 500


def test_entry_used_after_it_was_chosen_stays(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        fill(store, range(100))
        store._do(settle)
        (step,) = victims(store._reads.read, Bounds(items=90))
        assert len(step) == 10
        assert store.get(REPLIES, "000003") is not None
        store.put(entry(4)).result()
        store.flush()
        assert store._do(lambda connection: evict(connection, step)) == 8
        assert {3, 4} <= set(keys(store))


def test_replies_are_stored_while_room_is_made(tmp_path: Path) -> None:
    """Each put ends while the quota works, and the event loop goes on."""

    async def work(store: SealedStore, share: int) -> int:
        done = 0
        for number in range(share, 4000, 16):
            done += await store.put(entry(number))
        return done

    async def main(store: SealedStore) -> int:
        return sum(await asyncio.gather(*(work(store, share) for share in range(16))))

    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        store.limit(items=300)
        assert asyncio.run(main(store)) == 4000
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        assert len(keys(store)) <= 300


def test_limit_that_one_session_outgrows_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        fill(store, range(20))
        store.limit(items=100)
        fill(store, range(100, 600))
        fill(store, range(600, 1200))
    (told,) = [record.message for record in caplog.records if record.name == "toolkit.memory.quota"]
    assert told.startswith("memory's limit is smaller than what this study uses")
    assert "Raise memory_limit or memory_items." in told


@pytest.mark.parametrize("limits", [{"disk": 0}, {"items": 0}, {"items": -3}])
def test_limit_of_nothing_is_refused(tmp_path: Path, limits: dict[str, int]) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store, pytest.raises(InvalidInput, match=r"memory_\w+ is"):
        store.limit(**limits)


def test_read_only_store_takes_no_limit(tmp_path: Path) -> None:
    with (
        SealedStore(tmp_path / "m.sqlite", heal=False, read_only=True) as store,
        pytest.raises(InvalidInput, match="reading only"),
    ):
        store.limit(items=3)


def test_quota_over_two_stores_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as one, SealedStore(path, heal=True) as other:
        one.limit(items=200)
        other.limit(items=200)
        for start in range(0, 2000, 200):
            fill(one, range(start, start + 100))
            fill(other, range(start + 100, start + 200))
    with SealedStore(path, heal=True) as store:
        assert len(keys(store)) <= 200
        assert store.validate().damaged == 0
