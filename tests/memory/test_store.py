from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import DramatisError, InvalidInput
from toolkit.memory import REPLIES, Counts, Entry, MemoryWarning, SealedStore, Writer
from toolkit.memory.schema import STAMP, VERSION


def entry(key: str, text: str = "yes", **rest: Any) -> Entry:
    return Entry(REPLIES, key, f'{{"text":"{text}"}}'.encode(), **rest)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with SealedStore(tmp_path / "memory.sqlite", heal=True) as opened:
        yield opened


def test_entry_comes_back_exactly(store: SealedStore) -> None:
    kept = entry(
        "k", "ü€\\n", stage="questions", item="3", template="questions.ask@12", model="openai:x", created=1.2345678901
    )
    assert store.put(kept).result() is True
    assert store.get(REPLIES, "k") == kept
    assert store.get(REPLIES, "other") is None
    assert store.get("other", "k") is None
    assert store.counts == Counts(hits=1, misses=2, written=1)


def test_what_is_committed_is_there_after_reopening(tmp_path: Path) -> None:
    for number in range(3):
        with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
            assert [found.key for found in store.entries()] == [f"k{one}" for one in range(number)]
            store.put(entry(f"k{number}"))


def test_files_are_private(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "study" / "m.sqlite", heal=True) as store:
        store.put(entry("k")).result()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "study").iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_overwriting_and_keeping(store: SealedStore) -> None:
    assert store.put(entry("k", "first")).result() is True
    assert store.put(entry("k", "second"), overwrite=False).result() is False
    assert store.put(entry("new"), overwrite=False).result() is True
    assert store.put(entry("k", "third")).result() is True
    found = store.get(REPLIES, "k")
    assert found is not None
    assert found.json() == {"text": "third"}
    assert store.counts.written == 3


def test_get_many_finds_all_and_counts_exactly(store: SealedStore) -> None:
    for number in range(1203):
        store.put(entry(f"{number:05d}", str(number)))
    store.flush()
    wanted = [f"{number:05d}" for number in range(0, 2406, 2)]
    found = store.get_many(REPLIES, [*wanted, *wanted, "\ud800", "'; DROP TABLE entries; --", "\0"])
    assert {key: one.json()["text"] for key, one in found.items()} == {
        f"{number:05d}": str(number) for number in range(0, 1203, 2)
    }
    assert store.counts.hits == 602
    assert store.counts.misses == 1203 - 602 + 3


def test_contains_and_delete(store: SealedStore) -> None:
    store.put(entry("k")).result()
    assert store.contains(REPLIES, "k")
    assert store.delete(REPLIES, "k").result() is True
    assert store.delete(REPLIES, "k").result() is False
    assert not store.contains(REPLIES, "k")
    assert store.counts.hits == store.counts.misses == 0


def test_entries_stream_in_the_order_of_keys_from_anywhere(store: SealedStore) -> None:
    for number in reversed(range(1101)):
        store.put(entry(f"{number:05d}"))
        store.put(Entry("own/f", f"{number:05d}", b"1"))
    store.flush()
    keys = [f"{number:05d}" for number in range(1101)]
    assert [one.key for one in store.entries(REPLIES)] == keys
    assert [one.key for one in store.entries(REPLIES, after="00999")] == keys[1000:]
    assert [(one.func, one.key) for one in store.entries()] == [
        (func, key) for func in ("own/f", REPLIES) for key in keys
    ]
    assert [one.key for one in store.entries(after=(REPLIES, "01098"))] == ["01099", "01100"]


def test_latest_explains_a_miss(store: SealedStore) -> None:
    for at, template in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        store.put(entry(template, stage="questions", item="7", template=template, created=at))
    store.flush()
    found = store.latest("questions", "7")
    assert found is not None
    assert found.template == "c"
    assert store.latest("questions", "8") is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe", b'{"a":NaN}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_body_that_is_no_json_is_refused_before_it_is_stored(store: SealedStore, body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"stage 'questions', item '7'.* is not JSON"):
        store.put(Entry(REPLIES, "k", body, "questions", "7"))
    assert store.stats().entries == 0


@pytest.mark.parametrize("bad", [{"item": None}, {"model": "\ud800"}, {"created": float("nan")}, {"stage": 3}])
def test_field_that_cannot_be_kept_is_refused(store: SealedStore, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        store.put(entry("k", **bad))
    assert store.put(entry("k")).result() is True


def test_put_is_awaited_by_many_tasks_of_one_loop(store: SealedStore) -> None:
    async def work(number: int) -> None:
        for step in range(20):
            key = f"{number}-{step}"
            assert await store.put(entry(key, key)) is True
            found = store.get(REPLIES, key)
            assert found is not None
            assert found.json()["text"] == key

    async def main() -> None:
        await asyncio.gather(*map(work, range(64)))

    asyncio.run(main())
    assert store.counts == Counts(hits=1280, written=1280)


def test_threads_read_and_write_together(store: SealedStore) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        for step in range(100):
            key = str(step)
            store.put(entry(key, key), overwrite=number % 2 == 0).result()
            found = store.get(REPLIES, key)
            if found is None or found.json()["text"] != key:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.counts.hits == 600
    assert store.validate().ok == 100


def test_stores_share_one_writer(tmp_path: Path) -> None:
    with Writer() as writer:
        stores = [SealedStore(tmp_path / name, heal=True, writer=writer) for name in "ab"]
        for store in stores:
            store.put(entry(store.path.name)).result()
        stores[0].close()
        assert stores[1].put(entry("later")).result() is True
        stores[1].close()


def test_closed_store_says_so(tmp_path: Path) -> None:
    store = SealedStore(tmp_path / "m.sqlite", heal=True)
    store.put(entry("k")).result()
    assert store.get(REPLIES, "k") is not None
    store.close()
    store.close()
    with pytest.raises(DramatisError, match="is closed"):
        store.get(REPLIES, "k")
    with pytest.raises(DramatisError, match="is closed"):
        store.put(entry("k"))


def test_read_only_store_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        store.put(entry("k")).result()
    before = path.read_bytes()
    with SealedStore(path, heal=False, read_only=True) as store:
        assert store.get(REPLIES, "k") == store.get_many(REPLIES, ["k"])["k"]
        with pytest.raises(InvalidInput, match="reading only"):
            store.put(entry("new"))
        with pytest.raises(InvalidInput, match="reading only"):
            store.clear()
    assert path.read_bytes() == before


def test_read_only_store_of_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "none" / "m.sqlite", heal=False, read_only=True) as store:
        assert store.get(REPLIES, "k") is None
        assert store.stats().entries == 0
    assert list(tmp_path.iterdir()) == []


def test_rollback_journal_serves_the_same(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        store.put(entry("old")).result()
    with SealedStore(path, heal=True, journal="rollback") as store:
        store.put(entry("new")).result()
        assert set(store.get_many(REPLIES, ["old", "new"])) == {"old", "new"}
        assert store.stats().journal == "rollback"
        assert not path.with_name("m.sqlite-wal").exists()
        threads = [threading.Thread(target=store.get, args=(REPLIES, "old")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in range(50):
            store.put(entry(str(number))).result()
        for thread in threads:
            thread.join()
    with SealedStore(path, heal=True) as store:
        assert store.stats().journal == "wal"
        assert store.validate().ok == 52


def test_removed_folder_is_begun_anew_while_open(tmp_path: Path) -> None:
    path = tmp_path / "study" / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        store.put(entry("old")).result()
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
        assert store.put(entry("new")).result() is True
        assert store.get(REPLIES, "new") is not None
        assert store.get(REPLIES, "old") is None
    assert path.exists()


def test_memory_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    SealedStore(path, heal=True).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={STAMP // VERSION * (VERSION + 1)}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="newer version"):
        SealedStore(path, heal=True)
    assert path.read_bytes() == before


def test_folder_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DramatisError, match="cannot be used") as caught:
        SealedStore(tmp_path / "file" / "m.sqlite", heal=True)
    assert "\n" not in str(caught.value)


def test_another_process_holding_the_lock_only_delays(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with SealedStore(path, heal=True) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ticket = store.put(entry("k"))
        assert store.get(REPLIES, "k") is None
        time.sleep(0.2)
        assert not ticket.done()
        other.execute("COMMIT")
        other.close()
        assert ticket.result() is True


def test_warning_class_is_a_user_warning() -> None:
    assert issubclass(MemoryWarning, UserWarning)
