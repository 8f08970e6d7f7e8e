"""Where entries stand: found from the moment of their commit, before and after they are taken into the index."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import MemoryCorrupt
from toolkit.memory import REPLIES, Entry, MemoryWarning, SealedStore
from toolkit.memory.places import RECENT
from toolkit.memory.rows import row_of
from toolkit.memory.schema import PAGE


def entry(number: int, text: str = "yes", **rest: Any) -> Entry:
    given = {"stage": "questions", "item": f"p{number:05}", "created": 1e9 + number} | rest
    return Entry(REPLIES, f"{number:064x}", f'{{"text":"{text}"}}'.encode(), **given)


def fill(store: SealedStore, numbers: range) -> list[Entry]:
    made = [entry(number) for number in numbers]
    for one in made:
        store.put(one)
        if one is made[len(made) // 2]:
            store.flush()
    store.flush()
    return made


def listed(path: Path) -> int:
    """Return how many entries are not in the index yet."""
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT count(*) FROM entries WHERE id > coalesce((SELECT number FROM marks WHERE name='indexed'), 0)"
        return int(connection.execute(sql).fetchone()[0])


@pytest.mark.parametrize("number", [1, 700, RECENT, RECENT + 1, 2 * RECENT + 7])
def test_each_entry_is_found_however_many_are_in_the_index(tmp_path: Path, number: int) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store, SealedStore(path, heal=True) as other:
        made = fill(store, range(number))
        for one in (store, other):
            assert one.get_many(REPLIES, [entry.key for entry in made]) == {entry.key: entry for entry in made}
            assert all(one.get(REPLIES, made[place].key) == made[place] for place in (0, number // 2, -1))
            assert one.get(REPLIES, "f" * 64) is None
        assert list(store.absent(REPLIES, [made[-1].key, "f" * 64])) == ["f" * 64]
        assert listed(path) < RECENT
    assert listed(path) == 0
    with SealedStore(path, heal=False, read_only=True) as store:
        assert store.get_many(REPLIES, [entry.key for entry in made]) == {entry.key: entry for entry in made}


def test_another_process_finds_what_was_just_stored(tmp_path: Path) -> None:
    code = (
        "import sys; from toolkit.memory import REPLIES, SealedStore\n"
        "with SealedStore(sys.argv[1], heal=True) as store: print(len(store.get_many(REPLIES, sys.argv[2].split())))"
    )
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        made = fill(store, range(40))
        keys = " ".join(one.key for one in made)
        told = subprocess.run(
            [sys.executable, "-c", code, str(store.path), keys], check=True, capture_output=True, text=True
        )
    assert told.stdout.strip() == "40"


def test_what_a_killed_process_left_listed_is_found(tmp_path: Path) -> None:
    code = (
        "import os, sys; from toolkit.memory import REPLIES, Entry, SealedStore\n"
        "store = SealedStore(sys.argv[1], heal=True)\n"
        "for n in range(30): store.put(Entry(REPLIES, f'{n:064x}', b'{}')).result()\n"
        "os._exit(9)"
    )
    path = tmp_path / "m.sqlite"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert listed(path) == 30
    with SealedStore(path, heal=True) as store:
        assert len(store.get_many(REPLIES, [f"{number:064x}" for number in range(30)])) == 30


@pytest.mark.parametrize("indexed", [False, True])
def test_item_is_found_by_its_newest_place_when_an_entry_is_made_anew(tmp_path: Path, indexed: bool) -> None:  # noqa: FBT001
    path = tmp_path / "m.sqlite"
    store = SealedStore(path, heal=True)
    fill(store, range(5))
    if indexed:
        store.close()
        store = SealedStore(path, heal=True)
    anew = entry(3, "no", item="elsewhere", stage="personas")
    store.put(anew).result()
    assert store.get(REPLIES, anew.key) == anew
    assert store.of_item("elsewhere") == [anew]
    assert store.latest("personas", "elsewhere") == anew
    assert store.of_item("p00003") == []
    assert store.of_item("p00002", "questions") == [entry(2)]
    assert len(list(store.entries())) == 5
    store.close()
    with SealedStore(path, heal=True) as store:
        assert store.of_item("elsewhere") == [anew]
        assert store.of_item("p00003") == []
        assert store.get(REPLIES, anew.key) == anew


def test_key_stored_twice_in_one_commit_has_the_later_reply(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        for text in ("one", "two", "three"):
            store.put(entry(1, text))
        store.flush()
        assert store.get(REPLIES, entry(1).key) == entry(1, "three")
        assert len(list(store.entries())) == 1


def test_keys_come_back_as_they_were_whatever_they_look_like(tmp_path: Path) -> None:
    """A digest is kept by its bytes; what only looks like one is kept as text."""
    keys = ["ab" * 32, "AB" * 32, "ab" * 16, "abc", "ab cd", "0", "00", "é", "key-1", "ab" * 31 + "zz"]
    made = [Entry(REPLIES, key, b"{}", created=1e9 + place) for place, key in enumerate(keys)]
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        for one in made:
            store.put(one)
        store.flush()
        assert store.get_many(REPLIES, keys) == {one.key: one for one in made}
        assert [one.key for one in store.entries()] == sorted(keys)
        assert [one.key for one in store.entries(REPLIES, after="ab" * 16)] == sorted(keys)[
            sorted(keys).index("ab" * 16) + 1 :
        ]
        assert not any(store.put(one, overwrite=False).result() for one in made)
        assert all(store.delete(REPLIES, key).result() for key in keys)
        assert store.stats().entries == 0


def test_use_is_known_before_and_after_the_index_has_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        fill(store, range(10))
        assert listed(path) == 10
        assert store.measure().items == 10
        assert (store.stats().used or 0.0) > 1e9 + 10
        assert store.get(REPLIES, entry(0).key) is not None
        assert store.reduce_size(items_limit=1) == 9
        assert [one.key for one in store.entries()] == [entry(0).key]


def test_index_that_misses_entries_is_found_and_made_anew(tmp_path: Path) -> None:
    """No row of it is damaged, so only a look at the whole tells; what is there is not paid for again."""
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        made = fill(store, range(50))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM places WHERE id IN (3, 30)")
    with SealedStore(path, heal=False, read_only=True) as store:
        assert store.validate().file == "its index does not lead to all entries"
    with SealedStore(path, heal=True) as store:
        assert len(store.get_many(REPLIES, [one.key for one in made])) == 48
        with pytest.warns(MemoryWarning, match="its index does not lead to all entries"):
            assert store.purge(damaged=True) == 0
        assert store.get_many(REPLIES, [one.key for one in made]) == {one.key: one for one in made}
        assert store.validate().file == "ok"


def test_row_whose_number_is_damaged_hides_no_other_when_a_file_is_begun_anew(tmp_path: Path) -> None:
    """Rows are read from both ends of the damage, and a wrong number must not look like the end of the way."""
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        made = fill(store, range(300))
    content = bytearray(path.read_bytes())
    lies = content.find(bytes.fromhex(made[149].key)) - 60
    lies = content.find(b"\x81\x16", lies, lies + 60)  # SQLite's varint of 150
    content[lies : lies + 2] = b"\x81\x47"  # 199, which there is as well
    page = content.find(bytes.fromhex(made[169].key)) // PAGE * PAGE
    content[page] = 0  # no kind of page
    path.write_bytes(content)
    gone = {one.key for one in made if content.find(bytes.fromhex(one.key)) // PAGE * PAGE == page}
    assert 0 < len(gone) < 10
    with SealedStore(path, heal=True) as store:
        with pytest.warns(MemoryWarning, match=f"with the {300 - len(gone)} entries"):
            store.purge(damaged=True)
        assert store.get_many(REPLIES, [one.key for one in made]).keys() == {one.key for one in made} - gone


def test_damage_met_in_one_row_has_the_whole_file_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        made = fill(store, range(50))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM places WHERE id = 30")
        connection.execute("UPDATE entries SET body='{}' WHERE id = 7")
    with SealedStore(path, heal=True) as store:
        assert store.get(REPLIES, made[6].key) is None
        with pytest.warns(MemoryWarning, match="with the 49 entries"):
            store.flush()
        assert store.get_many(REPLIES, [one.key for one in made]).keys() == {one.key for one in made} - {made[6].key}


def test_entry_stored_after_the_newest_left_is_found_by_those_who_knew_that_one(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store, SealedStore(path, heal=True) as reader:
        made = fill(store, range(10))
        assert len(reader.get_many(REPLIES, [one.key for one in made])) == 10
        for one in made[5:]:
            assert store.delete(REPLIES, one.key).result() is True
        others = fill(store, range(20, 25))
        assert reader.get_many(REPLIES, [one.key for one in others]) == {one.key: one for one in others}
        assert reader.get_many(REPLIES, [one.key for one in made[5:]]) == {}
        assert store.clear() == 10
        again = fill(store, range(30, 33))
        assert reader.get_many(REPLIES, [one.key for one in again]) == {one.key: one for one in again}
        assert reader.counts.quarantined == store.counts.quarantined == 0


def test_entry_that_left_the_list_and_came_back_behind_a_reader_is_found(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store, SealedStore(path, heal=True) as reader:
        (known,) = fill(store, range(1))
        assert reader.get(REPLIES, known.key) == known
        store.delete(REPLIES, known.key).result()
        store.put(known)
        fill(store, range(1, RECENT + 100))
        assert reader.get(REPLIES, known.key) == known
        assert len(reader.get_many(REPLIES, [f"{number:064x}" for number in range(50)])) == 50


V2 = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE, func TEXT NOT NULL, key TEXT NOT NULL,
    size INTEGER NOT NULL, created REAL NOT NULL, stage TEXT NOT NULL, item TEXT NOT NULL,
    template TEXT NOT NULL, model TEXT NOT NULL, sha BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE uses (id INTEGER PRIMARY KEY, used REAL NOT NULL, size INTEGER NOT NULL);
CREATE INDEX entries_by_item ON entries (stage, item, created);
CREATE TABLE functions (func TEXT PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE imports (source TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
PRAGMA application_id=1146244436; PRAGMA user_version=33686018;
"""


V3 = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, func TEXT NOT NULL, key TEXT NOT NULL,
    size INTEGER NOT NULL, created REAL NOT NULL, stage TEXT NOT NULL, item TEXT NOT NULL,
    template TEXT NOT NULL, model TEXT NOT NULL, sha BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE uses (id INTEGER PRIMARY KEY, used REAL NOT NULL, size INTEGER NOT NULL, hash INTEGER NOT NULL);
CREATE TABLE marks (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE places (hash INTEGER PRIMARY KEY, id INTEGER NOT NULL);
CREATE TABLE items (stage TEXT, item TEXT, id INTEGER, PRIMARY KEY (stage, item, id)) WITHOUT ROWID;
CREATE TABLE functions (func TEXT PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE imports (source TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
PRAGMA application_id=1146244436; PRAGMA user_version=50529027;
"""


@pytest.fixture(params=[V2, V3], ids=["format 2", "format 3"])
def earlier(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file as an earlier version of the format had it, with 30 entries, whose keys it held as text."""
    path = tmp_path / "m.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(request.param)
        made = [entry(number) for number in range(30)]
        rows = [(place, *row_of(one)[:2], one.key, *row_of(one)[3:]) for place, one in enumerate(made, 1)]
        connection.executemany(f"INSERT INTO entries VALUES ({','.join('?' * 12)})", rows)  # noqa: S608
    return path


def test_file_of_an_earlier_version_is_taken_over_with_all_its_entries(earlier: Path) -> None:
    with (
        pytest.warns(MemoryWarning, match=r"written by an earlier version \(format [23]\).*with the 30 entries"),
        SealedStore(earlier, heal=True) as store,
    ):
        assert list(store.entries()) == [entry(number) for number in range(30)]
    with SealedStore(earlier, heal=True) as store:
        assert store.counts.quarantined == 0
        assert store.get(REPLIES, entry(7).key) == entry(7)


def test_file_of_an_earlier_version_is_left_alone_by_a_replay(earlier: Path) -> None:
    before = earlier.read_bytes()
    with pytest.raises(MemoryCorrupt, match=r"written by an earlier version \(format [23]\)"):
        SealedStore(earlier, heal=False, read_only=True)
    assert earlier.read_bytes() == before
