from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.errors import CapsuleInvalid, InvalidInput
from toolkit.memory import REPLIES, Capsule, Counts, Entry, Manifest, SealedStore, Store, freeze

MANIFEST = Manifest(
    settings={"model": "scripted", "seed": 7},
    seed=7,
    git_sha="0" * 40,
    models=[{"provider": "scripted", "model": "plain"}],
    provider="authored",
    note="sample replies",
    toolkit="0.1.0",
)


def entries(number: int = 5) -> list[Entry]:
    made = [
        Entry(
            REPLIES,
            f"key-{one}",
            orjson.dumps({"text": f"ü {one}", "b": 1, "a": 0.5}),
            "questions",
            str(one),
            "t@1",
            "m",
            5.0 + one,
        )
        for one in range(number)
    ]
    return [*made, Entry("own/f", "spaced", b'{"x": 1.50, "big": 123456789012345678901234}', created=1.0)]


def write(folder: Path, **rest: Any) -> Path:
    return freeze(folder / "study.capsule", MANIFEST, entries(), **rest)


def reseal(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Edit lines as somebody would who knows the checksum line but not the entries' seals."""
    lines = change(path.read_bytes().split(b"\n")[:-2])
    content = b"\n".join(lines) + b"\n"
    path.write_bytes(content + orjson.dumps({"sha256": hashlib.sha256(content).hexdigest()}) + b"\n")


def test_capsule_brings_everything_back(tmp_path: Path) -> None:
    capsule = Capsule.open(write(tmp_path))
    assert capsule.manifest == MANIFEST
    assert list(capsule.entries()) == sorted(entries(), key=lambda one: (one.func, one.key))
    assert len(capsule) == 6


def test_capsule_and_sealed_store_answer_alike(tmp_path: Path) -> None:
    capsule = Capsule.open(write(tmp_path))
    with SealedStore(tmp_path / "m.sqlite", heal=True) as sealed:
        for entry in entries():
            sealed.put(entry)
        sealed.flush()
        stores: list[Store] = [capsule, sealed]
        for store in stores:
            assert store.get(REPLIES, "key-1") == entries()[1]
            assert store.get(REPLIES, "none") is None
            assert store.get_many(REPLIES, ["key-0", "key-0", "none"]) == {"key-0": entries()[0]}
            assert store.contains("own/f", "spaced")
            assert not store.contains("own/f", "none")
            assert [one.key for one in store.entries(REPLIES, after="key-2")] == ["key-3", "key-4"]
            assert [one.key for one in store.entries(after=(REPLIES, "key-3"))] == ["key-4"]
            assert [one.key for one in store.entries("own/f")] == ["spaced"]
            assert store.latest("questions", "3") == entries()[3]
            assert store.latest("questions", "9") is None
        assert capsule.counts == Counts(hits=2, misses=2)
        assert sealed.counts == Counts(hits=2, misses=2, written=6)


def test_store_frozen_and_opened_holds_the_same(tmp_path: Path) -> None:
    with SealedStore(tmp_path / "m.sqlite", heal=True) as store:
        for entry in entries(700):
            store.put(entry)
        store.flush()
        capsule = Capsule.open(freeze(tmp_path / "c.capsule", MANIFEST, store.entries()))
        assert list(capsule.entries()) == list(store.entries())


def test_equal_input_gives_equal_bytes_in_any_order(tmp_path: Path) -> None:
    first = freeze(tmp_path / "a.capsule", MANIFEST, entries())
    second = freeze(tmp_path / "b.capsule", MANIFEST, [*reversed(entries()), entries()[0]])
    assert first.read_bytes() == second.read_bytes()
    assert list(freeze(tmp_path / "c.capsule", MANIFEST, Capsule.open(first).entries()).read_bytes()) == list(
        first.read_bytes()
    )


def test_file_reads_well_and_compares_line_by_line(tmp_path: Path) -> None:
    lines = write(tmp_path).read_text(encoding="utf-8").splitlines()
    head, first, *_, last = map(orjson.loads, lines)
    assert list(head) == sorted(head)
    assert {
        "format": "dramatis-capsule",
        "version": 1,
        "entries": 6,
        "created_by": "dramatis-toolkit 0.1.0",
    }.items() <= head.items()
    assert list(first) == sorted(first)
    assert '"text":"ü 0"' in lines[1]
    assert [orjson.loads(line)["key"] for line in lines[1:-1]] == [*(f"key-{one}" for one in range(5)), "spaced"]
    assert list(last) == ["sha256"]
    assert "body_text" in lines[6]


def test_file_has_the_usual_rights_and_appears_whole(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = write(tmp_path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        content = path.read_bytes()

        def broken() -> Any:
            yield entries()[0]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            freeze(path, MANIFEST, broken())
    finally:
        os.umask(before)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["study.capsule"]


def test_full_disk_leaves_the_old_capsule(tmp_path: Path) -> None:
    path = write(tmp_path)
    content = path.read_bytes()
    script = """
import resource, sys
from toolkit.memory import Entry, Manifest, freeze
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    freeze(sys.argv[1], Manifest(), [Entry("f", "k", b'"' + b"x" * 200_000 + b'"')])
except OSError:
    print("full")
"""
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "full\n"
    assert path.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


def test_scrubbing_masks_text_everywhere_and_seals_anew(tmp_path: Path) -> None:
    """S1-21 for capsules: masked in bodies, in JSON within text, in items, settings and note; keys stay."""
    inner = orjson.dumps({"mail": "ada@example.org", "n": [1, "ada@example.org"]}).decode()
    body = orjson.dumps({"text": inner, "value": {"mail": "ada@example.org"}, "n": 1})
    dirty = Entry(REPLIES, "k", body, "questions", "ada@example.org", created=1.0)
    manifest = Manifest(settings={"contact": "ada@example.org"}, note="ask ada@example.org", toolkit="0")
    path = freeze(
        tmp_path / "c.capsule",
        manifest,
        [dirty, *entries()],
        scrub=lambda text: text.replace("ada@example.org", "[mail]"),
    )
    assert b"ada@" not in path.read_bytes()
    capsule = Capsule.open(path)
    found = capsule.get(REPLIES, "k")
    assert found is not None
    assert orjson.loads(found.json()["text"]) == {"mail": "[mail]", "n": [1, "[mail]"]}
    assert (found.item, found.created) == ("[mail]", 1.0)
    assert capsule.manifest.note == "ask [mail]"
    assert capsule.get(REPLIES, "key-1") == entries()[1]
    assert capsule.get("own/f", "spaced") == entries()[-1]


EDITS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "text": (
        lambda lines: [*lines[:2], lines[2].replace(b'"b":1', b'"b":2'), *lines[3:]],
        r"line 3: .*item '1'.*edited",
    ),
    "item": (lambda lines: [lines[0], lines[1].replace(b'"item":"0"', b'"item":"9"'), *lines[2:]], "line 2: .*edited"),
    "line gone": (lambda lines: [lines[0], *lines[2:]], "line 1: it announces 6 entries, and there are 5"),
    "line twice": (lambda lines: [*lines, lines[-1]], "line 8: .* stands there twice"),
    "no JSON": (lambda lines: [*lines[:3], b"{oops", *lines[4:]], "line 4: not JSON"),
    "no entry": (lambda lines: [*lines[:3], b"[]", *lines[4:]], "line 4: not an entry"),
    "field gone": (lambda lines: [*lines[:3], b"{}", *lines[4:]], "line 4: not an entry"),
    "blank line": (lambda lines: [*lines[:3], b"", *lines[4:]], "line 4: not JSON"),
    "other format": (lambda lines: [b'{"format":"zip"}', *lines[1:]], "line 1: not the manifest"),
    "no manifest": (lambda lines: lines[1:], "line 1: not the manifest"),
    "newer": (lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]], "line 1: its version is 2"),
    "manifest field gone": (
        lambda lines: [lines[0].replace(b'"seed":7,"settings"', b'"settings"'), *lines[1:]],
        "line 1: .*'seed'",
    ),
}


@pytest.mark.parametrize("kind", EDITS)
def test_edited_capsule_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path)
    change, message = EDITS[kind]
    reseal(path, change)
    with pytest.raises(CapsuleInvalid, match=message) as caught:
        Capsule.open(path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_edit_under_a_matching_seal_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"sample replies", b"real replies!!"))
    with pytest.raises(CapsuleInvalid, match=r"line 8: the checksum does not fit"):
        Capsule.open(path)


@pytest.mark.parametrize("cut", [0, 1, 10, 400, 700, -1, -2, -30, -90])
def test_cut_off_capsule_is_one_clear_error(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CapsuleInvalid, match=r"capsule .*, line \d+: "):
        Capsule.open(path)


def test_converted_line_ends_are_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(CapsuleInvalid, match=r"line ends were converted.*gitattributes"):
        Capsule.open(path)


def test_missing_capsule_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CapsuleInvalid, match="cannot be read"):
        Capsule.open(tmp_path / "none.capsule")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_flipped_bit_anywhere_is_found(tmp_path_factory: pytest.TempPathFactory, place: float, bit: int) -> None:
    path = write(tmp_path_factory.mktemp("flip"))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(CapsuleInvalid):
        Capsule.open(path)


def test_two_different_entries_of_one_key_are_refused(tmp_path: Path) -> None:
    pair = [Entry("f", "k", b"1", created=1.0), Entry("f", "k", b"2", created=1.0)]
    with pytest.raises(InvalidInput, match="two different entries"):
        freeze(tmp_path / "c.capsule", MANIFEST, pair)
    assert list(tmp_path.iterdir()) == []


def test_manifest_takes_json_only_so_that_no_secret_object_slips_in(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not JSON"):
        freeze(tmp_path / "c.capsule", Manifest(settings={"key": object()}), [])


def test_empty_capsule_is_a_capsule(tmp_path: Path) -> None:
    assert len(Capsule.open(freeze(tmp_path / "c.capsule", MANIFEST, []))) == 0
