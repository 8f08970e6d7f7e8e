import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import pytest

import toolkit as tk
from tests.rounds.ensemble import Ensemble, says
from toolkit.errors import Interrupted
from toolkit.memory import MemoryUnwritable
from toolkit.models.scripted import ScriptedModel
from toolkit.rounds import Play, continue_round, run_rounds
from toolkit.rounds.kept import Checkpoint, KeptRound, read_play

ROOT = Path(__file__).parents[2]


def file_of(play):
    return play.lab.study / "plays" / f"{play.id}.jsonl"


def numbers(path):
    return [orjson.loads(line)["record"]["roundNumber"] for line in path.read_bytes().splitlines()[1:]]


def test_each_round_is_written_once_when_it_is_over(open_lab, trio):
    """S4-27: trackers and world state once a round, after reconciliation."""
    lab = open_lab(Ensemble())
    written = []

    def look(event):
        found = list((lab.study / "plays").glob("*.jsonl"))
        written.append((event.kind, numbers(found[0]) if found else []))

    lab.events.subscribe(look, "rounds.")
    play = run_rounds(trio, rounds=2, world=True, lab=lab)
    for kind, there in written[: len(written) // 2]:
        assert there == ([1] if kind == "rounds.roundCompleted" else []), "nothing before the round is over"
    assert numbers(file_of(play)) == [1, 2]
    for line in file_of(play).read_bytes().splitlines()[1:]:
        body = orjson.loads(line)
        assert body["after"]["trackers"] == body["record"]["roundMetadata"]["trackers"]
        assert list(body["after"]).count("worldState") == 1
    assert Play.load(file_of(play)).timeline == play.timeline
    assert file_of(play).stat().st_mode & 0o077 == 0


def test_playing_again_writes_no_round_twice(open_lab, trio):
    lab = open_lab(Ensemble())
    play = run_rounds(trio, rounds=2, lab=lab)
    before = file_of(play).read_bytes()
    assert run_rounds(trio, rounds=2, lab=lab).id == play.id
    assert file_of(play).read_bytes() == before
    run_rounds(trio, rounds=4, lab=lab)
    assert numbers(file_of(play)) == [1, 2, 3, 4]
    assert file_of(play).read_bytes().startswith(before)
    assert continue_round(play, lab=lab).id == play.id


def test_refreshed_play_begins_its_file_anew(open_lab, trio):
    first = run_rounds(trio, rounds=2, lab=open_lab(Ensemble({"r1/Ada": says("Before.")})))
    lab = open_lab(Ensemble({"r1/Ada": says("After.")}), mode="refresh")
    again = run_rounds(trio, rounds=2, lab=lab)
    assert again.id == first.id
    assert numbers(file_of(again)) == [1, 2]
    assert Play.load(file_of(again)).frame["text"][0] == "After."


@pytest.mark.parametrize("wait_for", [1, 4])
def test_killed_in_the_middle_of_a_round_and_resumed_no_round_is_lost_or_written_twice(tmp_path, wait_for):
    """S4-27: kill -9, then the same again."""
    study = tmp_path / "study"
    command = [sys.executable, "-m", "tests.rounds.killed", str(study), "3", "0.05"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for _ in range(wait_for):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    files = list((study / "plays").glob("*.jsonl")) if (study / "plays").exists() else []
    done = numbers(files[0]) if files else []
    assert done == ([1] if wait_for > 3 else [])
    lab = tk.Lab(ScriptedModel(seed=3), study=study, seed=7)
    play = run_rounds("negotiation", rounds=3, director=False, world=True, lab=lab)
    assert play.report.cached >= wait_for, "what was answered before the kill costs nothing"
    assert numbers(file_of(play)) == [1, 2, 3]
    trackers = [orjson.loads(line)["after"]["trackers"] for line in file_of(play).read_bytes().splitlines()[1:]]
    assert trackers == [record["roundMetadata"]["trackers"] for record in play.timeline]
    lab.close()
    whole = tk.Lab(ScriptedModel(seed=3), study=tmp_path / "other", seed=7)
    unbroken = run_rounds("negotiation", rounds=3, director=False, world=True, lab=whole)
    assert unbroken.frame.equals(play.frame), "the story is the one that would have been told"
    whole.close()


def test_torn_last_line_is_written_over(open_lab, trio):
    lab = open_lab(Ensemble())
    play = run_rounds(trio, rounds=2, lab=lab)
    path = file_of(play)
    whole = path.read_bytes()
    for cut in (1, 100, len(whole.splitlines()[-1])):
        path.write_bytes(whole[:-cut])
        assert [one.number for one in read_play(path.read_bytes(), "x")[1]] == [1]
        run_rounds(trio, rounds=2, lab=lab)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", [b"", b"rubbish\n", b'{"format":1}\n{}\n'])
def test_damaged_file_is_begun_anew(open_lab, trio, damage):
    lab = open_lab(Ensemble())
    play = run_rounds(trio, rounds=2, lab=lab)
    whole = file_of(play).read_bytes()
    file_of(play).write_bytes(damage)
    run_rounds(trio, rounds=2, lab=lab)
    assert file_of(play).read_bytes() == whole


def test_flipped_byte_in_a_round_is_found_and_put_right(open_lab, trio):
    lab = open_lab(Ensemble())
    play = run_rounds(trio, rounds=3, lab=lab)
    whole = file_of(play).read_bytes()
    place = whole.index(b"Ada in round 2")
    file_of(play).write_bytes(whole[:place] + b"X" + whole[place + 1 :])
    run_rounds(trio, rounds=3, lab=lab)
    assert file_of(play).read_bytes() == whole


def test_folder_that_cannot_be_written_is_told_in_one_line(open_lab, trio):
    if os.geteuid() == 0:
        lab = open_lab(Ensemble())
        (lab.study / "plays").write_text("in the way")
    else:
        lab = open_lab(Ensemble())
        (lab.study / "plays").mkdir(mode=0o500)
    with pytest.raises(MemoryUnwritable, match="cannot be written") as caught:
        run_rounds(trio, rounds=1, lab=lab)
    assert "\n" not in str(caught.value)


def test_two_at_once_write_each_round_once(tmp_path):
    head = {"format": 1, "play": "p", "production": {}}
    rounds = [KeptRound.of({"roundNumber": number}, {"round": number}) for number in range(1, 40)]

    def write():
        file = Checkpoint(tmp_path / "plays" / "p.jsonl", head)
        for one in rounds:
            file.add(one)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert numbers(tmp_path / "plays" / "p.jsonl") == list(range(1, 40))


def test_continuation_of_a_play_from_elsewhere_carries_its_rounds_along(open_lab, trio, tmp_path):
    path = run_rounds(trio, rounds=2, lab=open_lab(Ensemble())).save(tmp_path / "talk.jsonl")
    lab = open_lab(Ensemble(), study=tmp_path / "elsewhere")
    play = continue_round(Play.load(path), lab=lab)
    assert numbers(file_of(play)) == [1, 2, 3]


def test_interrupted_play_keeps_the_rounds_that_are_over_and_resume_plays_the_rest(open_lab):
    lab = open_lab(ScriptedModel(seed=3, latency=0.03))

    def press(event):
        if event.data["roundNumber"] == 2:
            signal.raise_signal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else os.kill(
                os.getpid(), signal.SIGINT
            )

    stop = lab.events.subscribe(press, "rounds.characterResponse")
    with pytest.raises(Interrupted) as caught:
        run_rounds("negotiation", rounds=3, director=False, lab=lab)
    stop()
    play = caught.value.result
    assert lab.last is play
    assert len(play) == 1
    assert play.ended == "stopped"
    assert not play.complete
    assert play.errors["kind"].tolist() == ["not_run", "not_run"]
    whole = play.resume()
    assert len(whole) == 3
    assert whole.timeline[0] == play.timeline[0]
    assert whole.report.cached >= 4
    assert numbers(file_of(whole)) == [1, 2, 3]


def test_stopped_background_play_returns_what_is_over(open_lab):
    lab = open_lab(ScriptedModel(seed=3, latency=0.02))
    over = threading.Event()
    lab.events.subscribe(lambda _: over.set(), "rounds.roundCompleted")
    run = tk.start(run_rounds, "negotiation", rounds=50, director=False, lab=lab)
    assert over.wait(30)
    run.stop()
    play = run.result(timeout=30)
    assert 1 <= len(play) < 50
    assert len(play.errors) == 50 - len(play)
