"""Nothing damaged is ever served (S1-01): bodies, seals, columns, pages, whole files, in every way they can break."""

from __future__ import annotations

import os
import pickle
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.errors import MemoryCorrupt
from toolkit.memory import REPLIES, Entry, MemoryWarning, SealedStore

pytestmark = pytest.mark.filterwarnings("ignore::toolkit.memory.MemoryWarning")


def text(number: int) -> str:
    return f"answer {number} " + "x" * (number % 700)


def fill(path: Path, number: int) -> dict[str, Entry]:
    entries = {
        f"key-{one}": Entry(
            REPLIES,
            f"key-{one}",
            orjson.dumps({"text": text(one)}),
            "questions",
            str(one),
            "questions.ask@1",
            "openai:x",
            1e9 + one,
        )
        for one in range(number)
    }
    with SealedStore(path, heal=True) as store:
        for entry in entries.values():
            store.put(entry)
    return entries


def edit(path: Path, sql: str, *parameters: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(sql, parameters).rowcount == 1


TAMPERED: dict[str, tuple[str, Any]] = {
    "edited": ("UPDATE entries SET body=? WHERE key='key-1'", b'{"text":"forged"}'),
    "same length": ("UPDATE entries SET body=replace(body, ?, 'A') WHERE key='key-1'", "a"),
    "truncated": ("UPDATE entries SET body=substr(body, 1, ?) WHERE key='key-1'", 9),
    "garbage": ("UPDATE entries SET body=? WHERE key='key-1'", os.urandom(64)),
    "empty": ("UPDATE entries SET body=? WHERE key='key-1'", b""),
    "a number": ("UPDATE entries SET body=? WHERE key='key-1'", 7),
    "no seal": ("UPDATE entries SET sha=? WHERE key='key-1'", b""),
    "another's body and seal": (
        "UPDATE entries SET (body, sha, size) = (SELECT body, sha, size FROM entries WHERE key=?) WHERE key='key-1'",
        "key-2",
    ),
    "older than it is": ("UPDATE entries SET created=? WHERE key='key-1'", 2e9),
    "another item's": ("UPDATE entries SET item=? WHERE key='key-1'", "2"),
    "another stage's": ("UPDATE entries SET stage=? WHERE key='key-1'", "personas"),
    "another model's": ("UPDATE entries SET model=? WHERE key='key-1'", "openai:y"),
    "another prompt's": ("UPDATE entries SET template=? WHERE key='key-1'", "questions.ask@2"),
    "moved text": ("UPDATE entries SET stage='question', item=? WHERE key='key-1'", "s1"),
    "wrong size": ("UPDATE entries SET size=? WHERE key='key-1'", 5),
    "no Unicode": ("UPDATE entries SET item=CAST(? AS TEXT) WHERE key='key-1'", b"\xff\xfe"),
    "wrong type": ("UPDATE entries SET created=? WHERE key='key-1'", "now"),
    "renamed": ("UPDATE entries SET key=? WHERE key='key-3'", "key-x"),
}


@pytest.mark.parametrize("kind", [kind for kind in TAMPERED if kind != "renamed"])
def test_tampered_entry_is_never_served_and_made_anew(tmp_path: Path, kind: str) -> None:
    """S1-01: found on read, counted once, dropped, recomputed."""
    path = tmp_path / "m.sqlite"
    entries = fill(path, 4)
    edit(path, *TAMPERED[kind])
    with SealedStore(path, heal=True) as store:
        assert store.validate().damaged == 1
        assert store.get(REPLIES, "key-1") is None
        assert store.get_many(REPLIES, entries) == {key: entries[key] for key in entries if key != "key-1"}
        counts = store.counts
        assert (counts.damaged, counts.dropped, counts.hits, counts.misses) == (1, 1, 3, 2)
        assert store.validate().damaged == 0
        store.put(entries["key-1"]).result()
        assert store.get(REPLIES, "key-1") == entries["key-1"]


@pytest.mark.parametrize("kind", [kind for kind in TAMPERED if kind != "renamed"])
def test_tampered_entry_raises_where_it_may_not_be_healed(tmp_path: Path, kind: str) -> None:
    """S1-01 and F2: an error that names the entry, in replay, and nothing is changed."""
    path = tmp_path / "m.sqlite"
    fill(path, 4)
    edit(path, *TAMPERED[kind])
    before = path.read_bytes()
    with SealedStore(path, heal=False, read_only=True) as store:
        for ask in (store.get, lambda func, key: store.get_many(func, [key]), store.contains):
            with pytest.raises(MemoryCorrupt, match=r"damaged entry: stage .*, item .*, key 'key-1'") as caught:
                ask(REPLIES, "key-1")
            assert "\n" not in str(caught.value)
            assert caught.value.hint
        assert store.get(REPLIES, "key-2") is not None
        assert store.counts.damaged == 1
    assert path.read_bytes() == before


def test_renamed_entry_is_found_by_validate_and_served_under_no_key(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    fill(path, 4)
    edit(path, *TAMPERED["renamed"])
    with SealedStore(path, heal=True) as store:
        assert (store.validate().ok, store.validate().damaged) == (3, 1)
        assert store.get(REPLIES, "key-x") is None
        assert store.get(REPLIES, "key-3") is None
        assert store.counts.dropped == 1


def move(path: Path, key: str, onto: str) -> None:
    """Put the row of one key at the place of another, as a damaged index does: all that is in it still verifies."""
    columns = "func, key, size, created, stage, item, template, model, sha, body"
    sql = f"UPDATE entries SET ({columns}) = (SELECT {columns} FROM entries WHERE key=?) WHERE key=?"  # noqa: S608
    edit(path, sql, key, onto)


@pytest.mark.parametrize("in_bulk", [False, True])
def test_index_that_leads_astray_serves_nothing_wrong_and_is_made_anew(tmp_path: Path, in_bulk: bool) -> None:  # noqa: FBT001
    path = tmp_path / "m.sqlite"
    entries = fill(path, 4)
    move(path, "key-1", onto="key-3")
    with SealedStore(path, heal=False, read_only=True) as store, pytest.raises(MemoryCorrupt, match="index"):
        store.get_many(REPLIES, entries) if in_bulk else store.get(REPLIES, "key-3")
    with SealedStore(path, heal=True) as store:
        if not in_bulk:
            assert store.get(REPLIES, "key-3") is None
        assert store.get_many(REPLIES, entries) == {key: entries[key] for key in ("key-0", "key-1", "key-2")}
        assert store.counts.quarantined == 1
        assert store.put(entries["key-3"], overwrite=False).result() is True
        assert store.get_many(REPLIES, entries) == entries
        assert store.validate().damaged == 0


def test_body_sealed_by_a_forger_must_still_be_json(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    fill(path, 2)
    forged = Entry(REPLIES, "key-1", b"not json", "questions", "1", "questions.ask@1", "openai:x", 1e9 + 1)
    edit(path, "UPDATE entries SET body=?, sha=?, size=8 WHERE key='key-1'", forged.body, forged.seal())
    with SealedStore(path, heal=True) as store:
        assert store.get(REPLIES, "key-1") is None
        assert store.counts.dropped == 1


def test_keeping_what_is_there_replaces_a_damaged_entry(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    entries = fill(path, 2)
    edit(path, *TAMPERED["garbage"])
    with SealedStore(path, heal=True) as store:
        assert store.put(entries["key-1"], overwrite=False).result() is True
        assert store.put(entries["key-0"], overwrite=False).result() is False
        assert store.get(REPLIES, "key-1") == entries["key-1"]


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_pickle_bomb_never_runs(tmp_path: Path) -> None:
    path, mark = tmp_path / "m.sqlite", tmp_path / "exploded"
    fill(path, 3)
    bomb = pickle.dumps(Bomb(mark))
    sealed = Entry(REPLIES, "key-1", bomb, "questions", "1", "questions.ask@1", "openai:x", 1e9 + 1)
    edit(path, "UPDATE entries SET body=?, sha=?, size=? WHERE key='key-1'", bomb, sealed.seal(), len(bomb))
    with SealedStore(path, heal=True) as store:
        assert store.get(REPLIES, "key-1") is None
        assert len(list(store.entries())) == 2
    path.write_bytes(bomb)
    with SealedStore(path, heal=True) as store:
        assert store.get(REPLIES, "key-1") is None
        assert store.counts.quarantined == 1
    assert not mark.exists()


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER planted AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
        "CREATE VIEW planted AS SELECT 1",
        "DROP TABLE places",
        "PRAGMA application_id=1",
        "PRAGMA user_version=0",
        "PRAGMA user_version=33686019",  # one bit away from ours
    ],
)
def test_file_with_other_tables_than_ours_is_moved_aside(tmp_path: Path, planted: str) -> None:
    path = tmp_path / "m.sqlite"
    fill(path, 3)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(planted)
    with pytest.raises(MemoryCorrupt):
        SealedStore(path, heal=False)
    with pytest.warns(MemoryWarning, match="moved to"):
        store = SealedStore(path, heal=True)
    with store:
        assert store.counts.quarantined == 1
        store.put(Entry("f", "k", b"1")).result()
        assert store.get("f", "k") is not None
    assert len(list((tmp_path / "quarantine").glob("m-*.sqlite"))) == 1


@pytest.mark.parametrize("content", [b"garbage" * 2000, b"SQLite format 3\0" + b"\xff" * 5000, b"x" * 600])
def test_garbage_file_is_moved_aside_and_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.sqlite"
    path.write_bytes(content)
    with pytest.raises(MemoryCorrupt, match="is damaged"):
        SealedStore(path, heal=False)
    assert path.read_bytes() == content
    with pytest.warns(MemoryWarning, match="is damaged|was damaged"):
        store = SealedStore(path, heal=True)
    with store:
        assert store.counts.quarantined == 1
        store.put(Entry("f", "k", b"1")).result()
    assert [file.read_bytes() for file in (tmp_path / "quarantine").iterdir()] == [content]


def test_emptied_file_is_an_empty_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    fill(path, 3)
    path.write_bytes(b"")
    with SealedStore(path, heal=True) as store:
        assert store.get(REPLIES, "key-1") is None
        assert store.put(Entry("f", "k", b"1")).result() is True


def test_file_damaged_while_open_is_healed_and_keeps_what_verifies(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    entries = fill(path, 2000)
    with SealedStore(path, heal=True) as store:
        assert store.get(REPLIES, "key-1") is not None
        content = bytearray(path.read_bytes())
        for start in range(4096 * 40, 4096 * 60):
            content[start] = 0xFF
        with path.open("r+b") as file:
            file.write(content)
        found = {}
        for key in entries:
            one = store.get(REPLIES, key)
            if one is not None:
                found[key] = one
        assert all(one == entries[key] for key, one in found.items())
        assert len(found) > 1000
        assert store.put(entries["key-7"]).result() is True
        assert store.validate().file == "ok"
        assert store.counts.quarantined <= 1


def check(path: Path, entries: dict[str, Entry]) -> None:
    """Nothing wrong is served by any door, and the memory works afterwards."""
    with SealedStore(path, heal=True) as store:
        for key, right in entries.items():
            assert store.get(REPLIES, key) in (None, right)
        assert all(one == entries[key] for key, one in store.get_many(REPLIES, entries).items())
        assert all(one == entries.get(one.key) for one in store.entries())
        for entry in list(entries.values())[:3]:
            assert store.put(entry).result() is True
            assert store.get(REPLIES, entry.key) == entry
        store.purge(damaged=True)
        assert store.validate().damaged == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=12))
def test_bit_flips_anywhere_in_the_file_never_serve_a_wrong_value(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[float, int]]
) -> None:
    path = tmp_path_factory.mktemp("flips") / "m.sqlite"
    entries = fill(path, 40)
    content = bytearray(path.read_bytes())
    for place, bit in flips:
        content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    check(path, entries)


@pytest.mark.parametrize("seed", range(12))
def test_flips_in_header_and_schema_never_serve_a_wrong_value(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "m.sqlite"
    entries = fill(path, 40)
    content = bytearray(path.read_bytes())
    draw = random.Random(seed)
    for _ in range(3):
        content[draw.randrange(100 if seed % 2 else 4096)] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    check(path, entries)


@pytest.mark.parametrize("seed", range(12))
def test_torn_and_overwritten_files_never_serve_a_wrong_value(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "m.sqlite"
    entries = fill(path, 60)
    content = path.read_bytes()
    draw = random.Random(seed)
    cut = draw.randrange(len(content))
    if seed % 3 == 0:
        content = content[:cut]
    elif seed % 3 == 1:
        content = content[:cut] + draw.randbytes(3000) + content[cut + 3000 :]
    else:
        content = content[:cut] + content[cut + draw.randrange(1, 5000) :]
    path.write_bytes(content)
    check(path, entries)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_journal_never_serves_a_wrong_value(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "m.sqlite"
    entries = fill(path, 10)
    with SealedStore(path, heal=True) as store:
        more = {f"new-{one}": Entry(REPLIES, f"new-{one}", orjson.dumps({"text": text(one)})) for one in range(30)}
        for entry in more.values():
            store.put(entry)
        store.flush()
        files = {tail: Path(f"{path}{tail}").read_bytes() for tail in ("", "-wal")}
    copy = tmp_path / "copy" / "m.sqlite"
    copy.parent.mkdir()
    draw = random.Random(seed)
    log = bytearray(files["-wal"])
    for _ in range(5):
        log[draw.randrange(len(log))] ^= 1 << draw.randrange(8)
    copy.write_bytes(files[""])
    Path(f"{copy}-wal").write_bytes(log[: draw.randrange(len(log))] if seed % 2 else log)
    check(copy, entries | more)
