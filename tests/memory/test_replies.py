"""Replies by joblib's door and by the engine's are the same rows, and an edited source loses none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import orjson
import pytest

from toolkit.errors import InvalidInput
from toolkit.memory import REPLIES, Entry, leaf, open_memory

KEY = "ab" * 32


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    memory, store = open_memory(tmp_path / "study")
    yield memory, store
    store.close()


def never(request: dict[str, Any]) -> dict[str, Any]:
    raise AssertionError(f"called with {request}")


def test_reply_of_the_engine_is_a_hit_by_joblibs_door(opened: Any) -> None:
    memory, store = opened
    reply = {"text": '{"a": 1}', "$odd": [1, 2.5, None]}
    store.put(Entry(REPLIES, KEY, orjson.dumps(reply), "questions", "3")).result()
    ask = leaf(memory, never)
    assert ask(KEY, {"prompt": "x"}) == reply
    assert ask(key=KEY, request={}) == reply
    assert ask.check_call_in_cache(KEY, {})
    assert ask.call_and_shelve(KEY, {}).get() == reply


def test_reply_by_joblibs_door_is_what_the_engine_reads_in_bulk(opened: Any) -> None:
    memory, store = opened
    request = {"prompt": "the secret", "stage": "questions", "item": "3", "template": "questions.ask@1"}
    ask = leaf(memory, lambda request: {"text": "yes", "model": "openai:x", "value": {"$a": 1}})
    assert ask(KEY, request) == ask(KEY, request)
    (entry,) = store.get_many(REPLIES, [KEY]).values()
    assert entry.json() == {"text": "yes", "model": "openai:x", "value": {"$a": 1}}
    assert (entry.stage, entry.item, entry.template, entry.model) == ("questions", "3", "questions.ask@1", "openai:x")
    assert store.latest("questions", "3") == entry
    assert store.counts.written == 1
    store.flush()
    assert all(b"the secret" not in file.read_bytes() for file in store.path.parent.iterdir())


def test_async_leaf(opened: Any) -> None:
    memory, store = opened

    async def fn(request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"text": request["prompt"]}

    async def main() -> list[Any]:
        ask = leaf(memory, fn)
        return [await ask(KEY, {"prompt": "x"}), await ask(KEY, {"prompt": "other"})]

    assert asyncio.run(main()) == [{"text": "x"}, {"text": "x"}]
    assert store.counts.written == 1


def test_reply_that_is_no_json_is_a_type_error_and_not_stored(opened: Any) -> None:
    memory, store = opened
    with pytest.raises(TypeError, match="the reply to 'abababababab' is not made of JSON values"):
        leaf(memory, lambda _: {"pair": (1, 2)})(KEY, {})
    assert store.stats().entries == 0


def test_leaf_wants_a_sealed_memory(tmp_path: Path) -> None:
    for memory in (joblib.Memory(tmp_path, verbose=0), joblib.Memory(None, verbose=0)):
        with pytest.raises(InvalidInput, match="not a sealed memory"):
            leaf(memory, never)


def test_edited_renamed_and_moved_source_loses_no_entry(tmp_path: Path) -> None:
    """The issue: an edited source of the cached leaf loses no entry, and runs only for what is new."""
    run = """
import sys
from toolkit.memory import REPLIES, leaf, open_memory
from answers import answer
memory, store = open_memory("study")
own = memory.cache(answer)
ask = leaf(memory, answer)
for key in sys.argv[1:]:
    print(ask(key, {"prompt": key})["text"])
own({"prompt": "own"})
assert len(list(store.entries(REPLIES))) == len(sys.argv[1:])
store.close()
"""
    (tmp_path / "run.py").write_text(run)
    sources = [
        "def answer(request):\n    return {'text': 'first ' + request['prompt']}\n",
        "# moved down\n\n\ndef answer(request):\n    # edited\n    return {'text': 'second ' + request['prompt']}\n",
        "def renamed(request):\n    return {'text': 'third ' + request['prompt']}\n\n\nanswer = renamed\n",
    ]
    said = []
    for number, source in enumerate(sources, start=1):
        (tmp_path / "answers.py").write_text(source)
        keys = ["k1", "k2", "k3"][:number]
        done = subprocess.run(
            [sys.executable, "-B", "run.py", *keys],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    assert said == [["first k1"], ["first k1", "second k2"], ["first k1", "second k2", "third k3"]]
