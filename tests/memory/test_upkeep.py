from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import InvalidInput
from toolkit.memory import REPLIES, Entry, SealedStore
from toolkit.memory.rows import kept_key


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as opened:
        yield opened


def put(store: SealedStore, *keys: str, size: int = 100, **rest: Any) -> None:
    for key in keys:
        store.put(Entry(REPLIES, key, b'"' + b"x" * (size - 2) + b'"', **rest)).result()


def keys(store: SealedStore) -> list[str]:
    return [entry.key for entry in store.entries()]


def damage(store: SealedStore, *names: str) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        for name in names:
            sql = "UPDATE entries SET body=replace(body, 'xx', 'yy') WHERE key=?"
            connection.execute(sql, (kept_key(name),))


def test_least_recently_used_leave_first(store: SealedStore) -> None:
    """S1-29: reads, single and in bulk, and writes all count as use."""
    put(store, "a", "b", "c", "d", "e")
    store.get(REPLIES, "a")
    store.get_many(REPLIES, ["c", "b"])
    put(store, "d")
    assert store.reduce_size(items_limit=4) == 1
    assert keys(store) == ["a", "b", "c", "d"]
    store.get(REPLIES, "a")
    assert store.reduce_size(items_limit=2) == 2
    assert keys(store) == ["a", "d"]


def test_use_is_remembered_over_a_restart(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        put(store, "a", "b", "c")
        store.get(REPLIES, "a")
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        store.reduce_size(items_limit=1)
        assert keys(store) == ["a"]


def test_bytes_limit_is_kept_to(store: SealedStore) -> None:
    put(store, "a", "b", "c", size=1000)
    put(store, "d", size=300)
    assert store.reduce_size(bytes_limit=1300) == 2
    assert keys(store) == ["c", "d"]
    assert store.stats().size == 1300
    assert store.reduce_size(bytes_limit=1299) == 1
    assert keys(store) == ["d"]
    assert store.reduce_size(bytes_limit=0) == 1


def test_age_limit_counts_from_the_last_use(store: SealedStore) -> None:
    put(store, "a", "b", created=1.0)
    assert store.reduce_size(age_limit=timedelta(days=1)) == 0
    time.sleep(0.05)
    store.get(REPLIES, "b")
    assert store.reduce_size(age_limit=0.04) == 1
    assert keys(store) == ["b"]


def test_limits_that_hold_remove_nothing(store: SealedStore) -> None:
    put(store, "a", "b")
    assert store.reduce_size(bytes_limit=10_000, items_limit=2, age_limit=timedelta(days=1)) == 0
    assert store.reduce_size() == 0


@pytest.mark.parametrize("limit", [{"bytes_limit": -1}, {"items_limit": -1}, {"age_limit": timedelta(-1)}])
def test_negative_limit_is_refused(store: SealedStore, limit: dict[str, Any]) -> None:
    put(store, "a")
    with pytest.raises(InvalidInput, match="-1"):
        store.reduce_size(**limit)
    assert keys(store) == ["a"]


def test_disk_gets_its_space_back(store: SealedStore) -> None:
    put(store, *map(str, range(200)), size=20_000)
    before = store.stats().file_size
    store.reduce_size(items_limit=10)
    assert store.stats().file_size < before / 5


def test_purge_counts_exactly(store: SealedStore) -> None:
    """S1-02, S1-31: exact counts of what was removed, by damage, age and stage."""
    put(store, "old-1", "old-2", stage="questions", created=time.time() - 1000)
    put(store, "old-3", stage="personas", created=time.time() - 1000)
    put(store, "new-1", "new-2", stage="questions")
    damage(store, "old-1", "new-1")
    assert store.validate().damaged == 2
    assert store.purge(damaged=True, older_than=500) == 1
    assert store.purge(older_than=timedelta(seconds=500), stage="questions") == 1
    assert store.purge(damaged=True) == 1
    assert keys(store) == ["new-2", "old-3"]
    assert store.purge(stage="personas") == 1
    assert store.purge(damaged=True) == 0
    assert store.counts.dropped == 2
    assert store.counts.damaged == 0


@pytest.mark.parametrize("wrong", [{}, {"older_than": -5}, {"older_than": float("nan")}])
def test_purge_without_a_sound_condition_is_refused(store: SealedStore, wrong: dict[str, Any]) -> None:
    put(store, "a")
    with pytest.raises(InvalidInput):
        store.purge(**wrong)
    assert keys(store) == ["a"]


def test_validate_counts_exactly_and_changes_nothing(store: SealedStore) -> None:
    """S1-02: exact counts of ok and damaged."""
    put(store, *map(str, range(1200)), stage="questions", item="7")
    damage(store, *map(str, range(0, 1200, 100)))
    for _ in range(2):
        result = store.validate()
        assert (result.ok, result.damaged, result.file) == (1188, 12, "ok")
    assert len(result.examples) == 10
    assert result.examples[0] == "stage 'questions', item '7', key '0'"


def test_validate_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        put(store, *map(str, range(200)), size=2000)
    content = bytearray(path.read_bytes())
    content[4096 * 30 : 4096 * 60] = os.urandom(4096 * 30)
    path.write_bytes(content)
    with SealedStore(path, heal=False, read_only=True) as store:
        assert store.validate().file != "ok"
    assert path.read_bytes() == content


def test_stats_say_how_much_there_is(store: SealedStore) -> None:
    put(store, "a", "b", stage="questions", created=5.0)
    put(store, "c", stage="personas", created=9.0)
    store.put(Entry("own/f", "d", b"1")).result()
    stats = store.stats()
    assert (stats.entries, stats.size, stats.oldest) == (4, 301, 5.0)
    assert stats.by_stage == {"": 1, "personas": 1, "questions": 2}
    assert stats.by_func == {"own/f": 1, REPLIES: 3}
    assert stats.file_size >= 301
    assert stats.used is not None
    assert stats.used > 9.0


def test_clear_removes_one_function_or_all(store: SealedStore) -> None:
    put(store, "a", "b")
    store.put(Entry("own/f", "d", b"1")).result()
    store.keep_code("own/f", "def f(): ...")
    assert store.clear("own/f") == 1
    assert store.code("own/f") is None
    assert keys(store) == ["a", "b"]
    assert store.clear() == 2
    assert store.stats().entries == 0
