"""joblib's door: ``joblib.Memory`` over the sealed store, for a researcher's own functions."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib import expires_after
from joblib._store_backends import CacheWarning
from pandas.testing import assert_frame_equal

from toolkit.errors import InvalidInput, MemoryCorrupt
from toolkit.memory import LEGACY, REPLIES, TRANSCRIPTS, Entry, MemoryWarning, SealedBackend, leaf, open_memory

calls: list[Any] = []


def rate(number: int, note: str = "") -> dict[str, Any]:
    calls.append(number)
    return {"number": number, "pair": (number, float("nan")), "note": len(note)}


def table(rows: int) -> dict[str, Any]:
    calls.append(rows)
    return {
        "frame": pd.DataFrame({"x": pd.Categorical(["a", "b"] * rows), "t": pd.date_range("2020", periods=2 * rows)}),
        "arrays": [np.arange(rows), np.array([np.nan, -0.0])],
    }


def unstorable(number: int) -> set[int]:
    calls.append(number)
    return {number}


async def later(number: int) -> int:
    calls.append(number)
    await asyncio.sleep(0)
    return number * 2


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    memory, store = open_memory(tmp_path / "study")
    yield memory, store
    store.close()


def test_function_is_called_once_and_its_result_comes_back_exactly(opened: Any) -> None:
    memory, store = opened
    own = memory.cache(rate)
    assert repr(own(1)) == repr(own(1)) == repr(rate(1))
    assert calls == [1, 1]
    assert (store.counts.hits, store.counts.misses, store.counts.written) == (1, 0, 1)
    tables = memory.cache(table)
    first, second = tables(3), tables(3)
    assert_frame_equal(first["frame"], second["frame"], check_exact=True)
    assert second["arrays"][1].tobytes() == first["arrays"][1].tobytes()
    assert second["frame"] is not first["frame"]
    second["arrays"][0][0] = 99
    assert tables(3)["arrays"][0][0] == 0


def test_results_outlive_the_process(tmp_path: Path) -> None:
    script = """
import sys
import joblib, toolkit.memory.sealed
memory = joblib.Memory(sys.argv[1], backend="sealed", verbose=0)
@memory.cache
def square(x):
    print("computed")
    return x * x
print(square(3))
"""
    (tmp_path / "work.py").write_text(script)
    said = [
        subprocess.run(
            [sys.executable, "work.py", tmp_path], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["computed", "9"], ["9"]]
    assert (tmp_path / "joblib" / "memory.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("again", [False, True])
def test_result_of_another_kind_is_a_type_error_before_anything_is_stored(opened: Any, again: bool) -> None:  # noqa: FBT001
    memory, store = opened
    own = memory.cache(unstorable)
    for _ in range(1 + again):
        with pytest.raises(TypeError, match=r"the result of .*unstorable holds a value of type set"):
            own(1)
    assert store.stats().entries == 0


def test_async_function_is_remembered(opened: Any) -> None:
    memory, _ = opened
    own = memory.cache(later)

    async def main() -> list[int]:
        return [await own(4), await own(4)]

    assert asyncio.run(main()) == [8, 8]
    assert calls == [4]


def test_no_argument_is_ever_written_down(opened: Any) -> None:
    memory, store = opened
    own = memory.cache(rate)
    own(1, note="the secret prompt sk-proj-1234")
    own(1, note="the secret prompt sk-proj-1234")
    own.call_and_shelve(2, note="the secret prompt sk-proj-1234").get()
    store.flush()
    for file in store.path.parent.iterdir():
        assert b"secret" not in file.read_bytes()
    entry = next(store.entries())
    metadata = memory.store_backend.get_metadata((entry.func, entry.key))
    assert metadata == {"time": entry.created, "input_digest": entry.key}


def test_check_call_in_cache_and_shelving(opened: Any) -> None:
    memory, _ = opened
    own = memory.cache(rate)
    assert not own.check_call_in_cache(1)
    shelved = own.call_and_shelve(1)
    assert own.check_call_in_cache(1)
    assert shelved.get()["number"] == own.call_and_shelve(1).get()["number"] == 1
    assert calls == [1]
    copy = pickle.loads(pickle.dumps(shelved))  # noqa: S301  # joblib sends references to its own workers
    assert copy.get()["number"] == 1
    shelved.clear()
    assert not own.check_call_in_cache(1)
    with pytest.raises(KeyError):
        shelved.get()


def test_function_and_memory_are_cleared(opened: Any) -> None:
    memory, store = opened
    own, other = memory.cache(rate), memory.cache(table)
    own(1), own(2), other(1)
    own.clear()
    assert store.stats().entries == 1
    assert not own.check_call_in_cache(1)
    assert other.check_call_in_cache(1)
    own(1)
    memory.clear()
    assert store.stats().entries == 0


def test_clearing_keeps_what_was_paid_for_and_says_so(opened: Any) -> None:
    """``lab.memory.clear()`` and joblib's own clearing reach results of functions; replies leave by name only."""
    memory, store = opened
    own = memory.cache(rate)
    own(1)
    paid = [Entry(func, "ab12", b'{"text":"yes"}') for func in (REPLIES, TRANSCRIPTS, LEGACY)]
    for entry in paid:
        store.put(entry).result()
    ask = leaf(memory, lambda request: {"text": request["prompt"]})
    ask("cd34", {"prompt": "tea?"})
    backend = memory.store_backend
    for clear in (memory.clear, ask.clear, lambda **_: backend.clear_location(backend.location)):
        with pytest.warns(MemoryWarning, match="4 replies and transcripts stay in memory.sqlite"):
            clear(warn=False)
        assert [store.get(entry.func, "ab12") for entry in paid] == paid
        assert store.get(REPLIES, "cd34") is not None
    assert not own.check_call_in_cache(1)
    assert store.clear(REPLIES) == 2
    assert store.clear() == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memory.clear(warn=False)


def test_edited_function_is_computed_anew(tmp_path: Path) -> None:
    memory, store = open_memory(tmp_path / "study")
    results = []
    for body in ("return 1", "return 2", "return 2"):
        path = tmp_path / "edited.py"
        path.write_text(f"def f(x):\n    {body}\n")
        space: dict[str, Any] = {"__name__": "edited"}
        exec(compile(path.read_text(), str(path), "exec"), space)  # noqa: S102
        import linecache

        linecache.checkcache(str(path))
        results.append(memory.cache(space["f"])(0))
    store.close()
    assert results == [1, 2, 2]
    assert store.counts.hits == 1


def test_source_is_compared_in_each_store_not_once_a_process(tmp_path: Path) -> None:
    opened = [open_memory(tmp_path / name) for name in "ab"]
    owns = [memory.cache(rate) for memory, _ in opened]
    for own in owns:
        own(1)
    assert [store.code(own.func_id) is not None for own, (_, store) in zip(owns, opened, strict=True)] == [True, True]
    for own in owns:
        own(1)
    assert calls == [1, 1]
    for _, store in opened:
        store.close()


def test_results_whose_source_got_lost_are_computed_anew(tmp_path: Path) -> None:
    memory, store = open_memory(tmp_path)
    memory.cache(rate)(1)
    store.close()
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE functions SET code=?", (b"\xff\xff",))
    memory, store = open_memory(tmp_path)
    memory.cache(rate)(1)
    memory.cache(rate)(1)
    store.close()
    assert calls == [1, 1]


def test_expiry_is_kept_to(opened: Any) -> None:
    memory, store = opened
    fresh = memory.cache(rate, cache_validation_callback=expires_after(hours=1))
    fresh(1), fresh(1)
    stale = memory.cache(rate, cache_validation_callback=expires_after(seconds=-1))
    stale(1)
    assert calls == [1, 1]
    assert store.stats().entries == 1


def test_reduce_size_keeps_what_was_used_last(opened: Any) -> None:
    memory, store = opened
    own = memory.cache(rate)
    own(1), own(2), own(3), own(1)
    memory.reduce_size(items_limit=2)
    assert [own.check_call_in_cache(number) for number in (1, 2, 3)] == [True, False, True]
    memory.reduce_size(bytes_limit="1K", age_limit=dt.timedelta(days=1))
    assert store.stats().entries == 2
    memory.reduce_size(bytes_limit=1)
    assert store.stats().entries == 0
    with pytest.raises(ValueError, match="bytes_limit is -1"):
        memory.reduce_size(bytes_limit=-1)


def test_tampered_result_is_computed_anew(opened: Any) -> None:
    memory, store = opened
    own = memory.cache(rate)
    own(1)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE entries SET body=replace(body, '1', '7')")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert own(1)["number"] == 1
    assert calls == [1, 1]
    assert store.counts.dropped == 1


def test_result_sealed_by_a_forger_that_is_no_value_is_computed_anew(opened: Any) -> None:
    memory, store = opened
    own = memory.cache(rate)
    own(1)
    entry = next(store.entries())
    store.put(type(entry)(entry.func, entry.key, b'{"$frame":{}}')).result()
    assert own(1)["number"] == 1
    assert calls == [1, 1]


def test_replay_reads_raises_on_damage_and_writes_nothing(tmp_path: Path) -> None:
    memory, store = open_memory(tmp_path)
    memory.cache(rate)(1)
    store.close()
    before = store.path.read_bytes()
    memory, store = open_memory(tmp_path, "replay")
    own = memory.cache(rate)
    assert own(1)["number"] == 1
    assert own(2)["number"] == 2
    with pytest.raises(InvalidInput, match="reading only"):
        memory.clear(warn=False)
    store.close()
    assert store.path.read_bytes() == before
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE entries SET body=replace(body, '1', '7')")
    memory, store = open_memory(tmp_path, "replay")
    with pytest.raises(MemoryCorrupt, match="damaged entry"):
        memory.cache(rate)(1)
    store.close()


def test_off_remembers_nothing(tmp_path: Path) -> None:
    memory, store = open_memory(tmp_path, "off")
    own = memory.cache(rate)
    own(1), own(1)
    assert calls == [1, 1]
    assert store.stats().entries == 0
    store.close()


def test_result_is_kept_by_the_caller_when_the_disk_is_full(tmp_path: Path) -> None:
    script = """
import resource, sys, warnings
from toolkit.memory import open_memory
memory, store = open_memory(sys.argv[1])
@memory.cache
def long(n):
    return "x" * n
long(1)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert len(long(500_000)) == 500_000
print(caught[0].category.__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == [CacheWarning.__name__], done.stderr


def test_memory_crosses_to_workers(tmp_path: Path) -> None:
    memory, store = open_memory(tmp_path)
    store.flush()
    copy = pickle.loads(pickle.dumps(memory))  # noqa: S301  # what joblib does for its workers
    assert copy.cache(rate)(5)["number"] == 5
    assert memory.cache(rate)(5)["number"] == 5
    assert calls == [5]
    copy.store_backend.store.close()
    store.close()


def test_one_folder_has_one_store_a_process(tmp_path: Path) -> None:
    first = joblib.Memory(tmp_path, backend="sealed", verbose=0)
    second = joblib.Memory(tmp_path, backend="sealed", verbose=0)
    assert first.store_backend.store is second.store_backend.store
    store = first.store_backend.store
    store.close()
    third = joblib.Memory(tmp_path, backend="sealed", verbose=0)
    assert third.store_backend.store is not store
    third.store_backend.store.close()


def test_joblibs_other_questions_are_answered(opened: Any) -> None:
    memory, _ = opened
    backend = memory.store_backend
    assert isinstance(backend, SealedBackend)
    own = memory.cache(rate)
    own(1)
    (item,) = backend.get_items()
    assert item.size > 10
    assert item.last_access <= dt.datetime.now()  # noqa: DTZ005
    assert backend.contains_path([own.func_id])
    assert not backend.contains_path(["other"])
    with pytest.raises(OSError, match="no source"):
        backend.get_cached_func_code(["other"])
    assert backend.get_metadata(("other", "x")) == {}
    with pytest.raises(InvalidInput, match="compress"):
        joblib.Memory(backend.location, backend="sealed", compress=True)
