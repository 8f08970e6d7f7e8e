"""Quarantine: what was refused is kept once, scrubbed, counted exactly, and taken away exactly."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.engine import Quarantine
from toolkit.engine.quarantine_beyond import Beyond
from toolkit.engine.quarantine_folder import MOST
from toolkit.errors import InvalidInput
from toolkit.memory import MemoryWarning, Writer

OpenLab = Callable[..., tk.Lab]
CHOICE = tk.Choice(["yes", "no"])


def three(quarantine: Quarantine) -> list[str]:
    return [
        quarantine.put("json_parse_error", stage="questions", item="p0001", reason="no JSON", content="Well …"),
        quarantine.put("json_parse_error", stage="questions", item="p0002", reason="no JSON", content="Hm."),
        quarantine.put("unknown_ids", stage="mapping", item="S1", reason="no such item: X-9", content='["X-9"]'),
    ]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


# --- what a run puts there ---


def test_refused_replies_are_kept_with_where_and_why(open_lab: OpenLab) -> None:
    """S1-39: kinds by what is wrong; attempts that were refused on the way are there too."""
    lab = open_lab(model="scripted", faults={"malformed": 0.5}, seed=3)
    panel = tk.generate_personas(20, "us-adults-2012", detail="brief", lab=lab)
    frame = lab.quarantine.frame
    refused = lab.ledger.frame().query("kind == 'invalid_reply'")
    assert len(frame) == len(refused) > len(panel.errors) > 0
    assert set(frame["kind"]) == {"json_parse_error"}
    assert set(frame["stage"]) == {"personas"}
    assert set(frame["request_id"]) == set(refused["request_id"])
    assert set(frame["attempt"]) == {0, 1}
    shown = lab.quarantine.show(frame["id"][0])
    assert shown.content.endswith("…")
    assert len(shown.content) == frame["characters"][0]


def test_content_that_a_verb_refuses_says_contradiction(open_lab: OpenLab) -> None:
    import orjson

    from toolkit.models import Abilities, Call, Identity, Reply

    class Ageless:
        identity = Identity("edge", "ageless")
        abilities = Abilities()

        async def complete(self, call: Call) -> Reply:
            assert call.schema is not None
            value = dict.fromkeys(call.schema.body["required"], "I am a 199-year-old ghost.")
            return Reply(orjson.dumps(value).decode(), "edge:ageless", value=value)

        async def close(self) -> None:
            pass

    lab = open_lab(model=Ageless())
    panel = tk.generate_personas(2, "us-adults-2012", detail="brief", attempts=1, lab=lab)
    assert len(panel.errors) == 2
    assert list(lab.quarantine.frame["kind"]) == ["contradiction"] * 2
    assert "ghost" in lab.quarantine.entries[0].content


def test_timeout_is_kept_by_its_kind_and_other_failures_are_rows_only(open_lab: OpenLab) -> None:
    """S1-32"""
    lab = open_lab(model="scripted", faults={"hang": 0.3, "refused": 0.3}, tries=1, timeout=0.05)
    panel = tk.generate_personas(20, "us-adults-2012", detail="brief", lab=lab)
    kinds = panel.errors["kind"].value_counts()
    assert {"timeout", "content_refused"} <= set(kinds.index)
    assert lab.quarantine.manifest["timeout"]["count"] == kinds["timeout"]
    assert "content_refused" not in lab.quarantine.manifest


def test_rerun_keeps_the_same_refusal_once(open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted", faults={"malformed": 0.5})
    for _ in range(2):
        tk.generate_personas(8, "us-adults-2012", detail="brief", lab=lab)
    first = lab.quarantine.frame
    assert len(first) == len(lab.ledger.frame(lab.runs.frame["run"][0]).query("kind == 'invalid_reply'"))
    again = open_lab(model="scripted", faults={"malformed": 0.5})
    tk.generate_personas(8, "us-adults-2012", detail="brief", lab=again)
    assert list(again.quarantine.frame["id"]) == list(first["id"])


def test_replayed_recording_shows_its_refusals_without_a_folder(open_lab: OpenLab, tmp_path: Path) -> None:
    lab = open_lab(model="scripted", faults={"malformed": 0.5})
    tk.generate_personas(8, "us-adults-2012", detail="brief", lab=lab)
    replay = tk.Lab(capsule=lab.freeze(tmp_path / "a.capsule"))
    tk.generate_personas(8, "us-adults-2012", detail="brief", lab=replay)
    assert set(replay.quarantine.frame["id"]) == set(lab.quarantine.frame["id"])
    assert replay.quarantine.remove(kind="json_parse_error") == len(lab.quarantine)
    assert len(replay.quarantine) == 0
    replay.close()


def test_quarantine_is_readable_after_the_lab_is_closed(open_lab: OpenLab) -> None:
    lab = open_lab(model="scripted", faults={"malformed": 1.0})
    tk.generate_personas(3, "us-adults-2012", detail="brief", attempts=1, lab=lab)
    lab.close()
    assert len(lab.quarantine) == 3


# --- counts ---


def test_manifest_counts_and_gives_three_examples_at_most(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    for number in range(5):
        quarantine.put("timeout", stage="questions", item=f"p{number}", reason="no reply within 60 s", content="")
    three(quarantine)
    manifest = json.loads((tmp_path / "q" / "manifest.json").read_text())
    assert {kind: one["count"] for kind, one in manifest.items()} == {
        "timeout": 5,
        "json_parse_error": 2,
        "unknown_ids": 1,
    }
    assert [len(one["examples"]) for one in manifest.values()] == [2, 3, 1]
    assert manifest == quarantine.manifest
    assert repr(quarantine) == "Quarantine(2 json_parse_error, 5 timeout, 1 unknown_ids)"


def test_removing_is_exact_and_updates_the_counts(tmp_path: Path) -> None:
    """S1-39"""
    quarantine = Quarantine(tmp_path / "q")
    ids = three(quarantine)
    assert quarantine.remove(ids[0][:8]) == 1
    assert quarantine.remove(ids[1], ids[2], kind="unknown_ids") == 2
    assert json.loads((tmp_path / "q" / "manifest.json").read_text()) == {}
    assert files(tmp_path / "q") == {"manifest.json"}


def test_removing_by_stage_and_kind_takes_those_that_are_both(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    three(quarantine)
    assert quarantine.remove(stage="questions", kind="unknown_ids") == 0
    assert quarantine.remove(stage="questions") == 2
    assert list(quarantine.frame["kind"]) == ["unknown_ids"]


@pytest.mark.parametrize("ids", [("000000000000",), ("",), ()])
def test_unknown_id_removes_nothing_and_says_the_next_step(ids: tuple[str, ...], tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    known = three(quarantine)
    with pytest.raises(InvalidInput) as caught:
        quarantine.remove(*(known[:1] if ids else ()), *ids)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert len(quarantine) == 3


def test_beginning_that_several_share_is_refused(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    for number in range(40):  # more entries than first digits
        quarantine.put("timeout", item=str(number), reason="late", content="")
    crowded = max("0123456789abcdef", key=lambda digit: sum(one.id.startswith(digit) for one in quarantine.entries))
    with pytest.raises(InvalidInput, match="entries begin with"):
        quarantine.show(crowded)


def test_kind_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\.\./evil"):
        Quarantine(tmp_path / "q").put("../evil", reason="x", content="x")
    assert not (tmp_path / "q").exists()


# --- files, other processes, damage ---


def test_files_are_private(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    three(quarantine)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "q").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "q").stat().st_mode) == 0o700


def test_many_threads_and_two_processes_count_exactly(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    code = (
        "import sys; from toolkit.engine import Quarantine; q = Quarantine(sys.argv[1])\n"
        "for n in range(60): q.put('timeout', item=f'other {n}', reason='late', content='')"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    with Writer("test") as writer:
        quarantine = Quarantine(folder, writer)

        def work(name: str) -> None:
            for number in range(40):
                quarantine.put("timeout", item=f"{name} {number}", reason="late", content="")

        threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert other.wait(60) == 0
        writer.flush()
        assert json.loads((folder / "manifest.json").read_text())["timeout"]["count"] == 180
        assert len(quarantine) == 180


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"timeout":3}', b"\xff\xfe"])
def test_damaged_manifest_is_counted_anew_from_the_entries(damage: bytes, tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    three(quarantine)
    (tmp_path / "q" / "manifest.json").write_bytes(damage)
    quarantine.put("timeout", item="p9", reason="late", content="")
    assert {kind: one["count"] for kind, one in quarantine.manifest.items()} == {
        "json_parse_error": 2,
        "timeout": 1,
        "unknown_ids": 1,
    }


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"stage": 7}', b'{"at": "soon"}', b"\xff\xfe"])
def test_damaged_entry_is_still_listed_and_can_be_removed(damage: bytes, tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    ids = three(quarantine)
    (tmp_path / "q" / f"unknown_ids-{ids[2]}.json").write_bytes(damage)
    frame = quarantine.frame
    assert len(frame) == 3
    assert "cannot be read" in frame.set_index("id").loc[ids[2], "reason"]
    assert quarantine.remove(ids[2]) == 1
    assert len(quarantine) == 2


def test_damaged_memory_file_that_was_moved_aside_is_listed_and_removed_whole(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    """S1-39: one list for all places."""
    (tmp_path / "study").mkdir(mode=0o700)
    (tmp_path / "study" / "memory.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.warns(MemoryWarning, match="moved to"):
        lab = open_lab(model="scripted")
    frame = lab.quarantine.frame
    assert list(frame["kind"]) == ["memory_file"]
    assert "1,800 bytes" in frame["reason"][0]
    assert lab.quarantine.manifest["memory_file"]["count"] == 1
    for tail in ("-wal", "-shm"):
        (tmp_path / "study" / "quarantine" / f"{frame['item'][0]}{tail}").write_bytes(b"x")
    assert lab.quarantine.remove(kind="memory_file") == 1
    assert files(tmp_path / "study" / "quarantine") == {"manifest.json"}


def test_entries_of_the_earlier_program_are_listed_too(tmp_path: Path) -> None:
    """REQUIREMENTS A: quarantine/<service>/<set>/<kind>_<n>.json."""
    old = tmp_path / "q" / "S1" / "applications"
    old.mkdir(parents=True)
    (old / "unknown_ids_1.json").write_text("{}")
    (old / "manifest.json").write_text("{}")
    three(Quarantine(tmp_path / "q"))
    assert Quarantine(tmp_path / "q").manifest["unknown_ids"]["count"] == 2


def test_link_to_elsewhere_is_neither_read_nor_removed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("mine")
    quarantine = Quarantine(tmp_path / "q")
    three(quarantine)
    (tmp_path / "q" / "timeout-000000000000.json").symlink_to(secret)
    assert len(quarantine) == 3
    assert quarantine.remove(stage="questions") == 2
    assert secret.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_only_be_read_is_listed(tmp_path: Path) -> None:
    three(Quarantine(tmp_path / "q"))
    (tmp_path / "q").chmod(0o500)
    try:
        assert Quarantine(tmp_path / "q").manifest["unknown_ids"]["count"] == 1
    finally:
        (tmp_path / "q").chmod(0o700)


def test_beyond_two_thousand_of_a_kind_and_stage_refusals_are_only_counted(tmp_path: Path) -> None:
    """Bounded, and the counts stay exact: over kinds, stages, re-runs and removal."""
    folder = tmp_path / "q"

    def refuse(numbers: range, stage: str, kind: str = "timeout") -> Quarantine:
        with Writer("test") as writer:
            quarantine = Quarantine(folder, writer)
            for number in numbers:
                quarantine.put(kind, stage=stage, item=f"p{number}", reason="late", content="")
        return Quarantine(folder)

    quarantine = refuse(range(MOST + 30), "questions")
    assert quarantine.manifest["timeout"]["count"] == MOST + 30
    assert quarantine.manifest["timeout"]["only_counted"] == 30
    assert "only counted" in quarantine.manifest["timeout"]["note"]
    assert len(quarantine) == len(list(folder.glob("*.json"))) - 1 == MOST
    refuse(range(MOST + 40), "questions")
    quarantine = refuse(range(5), "personas")
    assert quarantine.manifest["timeout"]["count"] == MOST + 45
    assert len(quarantine) == MOST + 5
    quarantine = refuse(range(3), "questions", "schema_mismatch")
    assert json.loads((folder / "manifest.json").read_text()) == quarantine.manifest
    assert quarantine.remove(kind="timeout", stage="questions") == MOST + 40
    assert {kind: one["count"] for kind, one in quarantine.manifest.items()} == {"timeout": 5, "schema_mismatch": 3}
    assert "note" not in quarantine.manifest["timeout"]
    assert refuse(range(7), "questions").manifest["timeout"]["count"] == 12


def test_what_went_beyond_is_told_by_kind_and_stage(tmp_path: Path) -> None:
    """With a folder and without one: a lab that replays a recording has none, and is bounded too."""
    with Writer("test") as writer:
        for quarantine in (Quarantine(), Quarantine(tmp_path / "q", writer)):
            for _ in range(2):  # refused again, it counts once
                for number in range(MOST + 30):
                    quarantine.put("timeout", stage="questions", item=f"p{number}", reason="late", content="")
            quarantine.put("timeout", stage="personas", item="p1", reason="late", content="")
            assert len(quarantine) == MOST + 1
            assert quarantine.manifest["timeout"]["count"] == MOST + 31
            assert quarantine.manifest["timeout"]["only_counted"] == 30
            assert quarantine.only_counted() == quarantine.only_counted("timeout", "questions") == {"timeout": 30}
            assert quarantine.only_counted("schema_mismatch") == quarantine.only_counted(stage="personas") == {}
            assert quarantine.remove(quarantine.entries[0].id) == 1
            quarantine.put("timeout", stage="questions", item="new", reason="late", content="")
            assert len(quarantine) == MOST + 1
            assert quarantine.remove(stage="questions") == MOST + 30
            assert quarantine.only_counted() == {}
            assert quarantine.manifest["timeout"]["count"] == 1


def test_list_of_refusals_that_are_only_counted_may_be_torn(tmp_path: Path) -> None:
    beyond = Beyond(tmp_path)
    for number in range(3):
        beyond.add("timeout", "questions", f"{number:012x}")
    with (tmp_path / ".beyond.jsonl").open("ab") as file:
        file.write(b'["timeout","ques')
    again = Beyond(tmp_path)
    assert again.numbers() == {"timeout": 3}
    assert again.holds("000000000002")
    assert not again.holds("000000000009")
    assert again.forget("timeout", "personas") == 0
    assert again.forget(None, "questions") == 3
    assert beyond.numbers() == {}
