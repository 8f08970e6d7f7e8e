"""Entries of before: the earlier program's folder and loose entries of our own, taken in once, counted (S2-09)."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from toolkit.errors import InvalidInput
from toolkit.memory import LEGACY, REPLIES, Entry, Imported, SealedStore, freeze, import_folder, open_memory
from toolkit.memory.capsule import Manifest


def key(number: int) -> str:
    return f"{number:032x}"


def earlier(folder: Path) -> Path:
    """A cache folder as the earlier program wrote it: sorted pretty JSON, mode 0600."""
    files: dict[str, Any] = {
        f"unknown/svc-1/{key(1)}.json": {"descriptions": [{"plateau": 1, "description": "ü"}]},
        f"unknown/svc-1/Foundational/{key(2)}.json": {"features": {"learners": []}},
        f"unknown/svc-1/Foundational/mappings/data/{key(3)}.json": {"features": [{"feature_id": "ABCDEF"}]},
        f"unknown/svc-2/{key(4)}.json": {"descriptions": []},
        f"{key(5)}.json": {"misplaced": True},
    }
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2, sort_keys=True))
        os.utime(path, (1.6e9, 1.6e9))
    return folder


def loose(folder: Path, entry: Entry, name: str) -> Path:
    """Write one entry of our own as a file: a line of a capsule."""
    capsule = freeze(folder.parent / "one.capsule", Manifest(), [entry])
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(capsule.read_bytes().splitlines()[1])
    return path


def test_earlier_entries_come_in_once_with_their_places(tmp_path: Path) -> None:
    """S2-09: count; the second time 0."""
    folder = earlier(tmp_path / "cache")
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        assert import_folder(store, folder) == Imported(imported=5)
        assert import_folder(store, folder) == Imported(known=5)
        found = {entry.key: entry for entry in store.entries(LEGACY)}
        assert store.validate().ok == 5
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before
    places = {one: (entry.template, entry.stage, entry.item) for one, entry in found.items()}
    assert places == {
        key(1): ("unknown", "descriptions", "svc-1"),
        key(2): ("unknown", "features", "svc-1/Foundational"),
        key(3): ("unknown", "mappings.data", "svc-1/Foundational"),
        key(4): ("unknown", "descriptions", "svc-2"),
        key(5): ("", "", ""),
    }
    assert found[key(1)].json() == {"descriptions": [{"plateau": 1, "description": "ü"}]}
    assert found[key(1)].created == 1.6e9


def test_own_loose_entries_come_back_as_what_they_were(tmp_path: Path) -> None:
    entries = [
        Entry(REPLIES, "ab12", b'{"text":"yes"}', "questions", "3", "t@1", "openai:m", 5.0),
        Entry("own/f", "spaced", b'{"x": 1.50}', created=1.0),
    ]
    for number, entry in enumerate(entries):
        loose(tmp_path / "loose", entry, f"deep/{number}.json")
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        assert import_folder(store, tmp_path / "loose") == Imported(imported=2)
        assert [store.get(entry.func, entry.key) for entry in entries] == entries


def test_damaged_files_are_counted_and_left_where_they_lie(tmp_path: Path) -> None:
    folder = earlier(tmp_path / "cache")
    (folder / "unknown" / "svc-1" / f"{key(1)}.json").write_text('{"descriptions": [')
    (folder / "unknown" / "svc-2" / f"{key(4)}.json").write_bytes(b"")
    forged = loose(folder, Entry(REPLIES, "ab12", b'{"text":"yes"}', created=5.0), "forged.json")
    forged.write_bytes(forged.read_bytes().replace(b"yes", b"no!"))
    torn = loose(folder, Entry(REPLIES, "cd12", b'{"text":"yes"}', created=5.0), "torn.json")
    torn.write_bytes(
        orjson.dumps({name: value for name, value in orjson.loads(torn.read_bytes()).items() if name != "func"})
    )
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        assert import_folder(store, folder) == Imported(imported=3, damaged=4)
        assert store.get(REPLIES, "ab12") is None
    assert forged.exists()


def test_other_files_links_and_folders_are_left_alone(tmp_path: Path) -> None:
    folder = earlier(tmp_path / "cache")
    (folder / "settings.json").write_text('{"model": "gpt"}')
    (folder / "notes.txt").write_text("x")
    (folder / f"{key(9)}.json").mkdir()
    outside = tmp_path / f"{key(8)}.json"
    outside.write_text('{"secret": 1}')
    (folder / f"{key(7)}.json").symlink_to(outside)
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        assert import_folder(store, folder) == Imported(imported=5)


def test_what_memory_has_is_never_replaced(tmp_path: Path) -> None:
    folder = earlier(tmp_path / "cache")
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        store.put(Entry(LEGACY, key(1), b'"newer"')).result()
        assert import_folder(store, folder) == Imported(imported=4, known=1)
        found = store.get(LEGACY, key(1))
        assert found is not None
        assert found.json() == "newer"


def test_studys_own_folder_is_taken_in_when_it_is_first_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """S2-09: on first access, the count logged; the second time 0, also after a purge."""
    earlier(tmp_path / "study" / "legacy")
    with caplog.at_level(logging.INFO, "toolkit.memory.legacy"):
        _, store = open_memory(tmp_path / "study")
        assert store.stats().by_func == {LEGACY: 5}
        store.clear(LEGACY)
        store.close()
        _, store = open_memory(tmp_path / "study")
        assert store.stats().entries == 0
        store.close()
    (told,) = [record.message for record in caplog.records]
    assert told.startswith("5 imported, 0 there already, 0 damaged of the entries in ")


def test_replay_takes_nothing_in(tmp_path: Path) -> None:
    earlier(tmp_path / "study" / "legacy")
    _, store = open_memory(tmp_path / "study", "replay")
    assert store.stats().entries == 0
    store.close()


def test_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with (
        SealedStore(tmp_path / "m.sqlite", heal=True) as store,
        pytest.raises(InvalidInput, match="there is no folder"),
    ):
        import_folder(store, tmp_path / "nothing")
