"""Boards of studies on disk, and the server that shows them."""

import subprocess
import sys
import time
import urllib.error
import urllib.request

import orjson
import pytest
import typer
from typer.testing import CliRunner

import toolkit as tk
from toolkit.cli.board_command import board
from toolkit.dashboards import study_board
from toolkit.dashboards.follow import LineFile, StudyFeed
from toolkit.dashboards.web import serving
from toolkit.engine import Ledger
from toolkit.errors import InvalidInput
from toolkit.testing import WireServer


@pytest.fixture
def study(open_lab, panel_of):
    lab = open_lab()
    tk.ask(panel_of(20), "Tea?", answer=tk.Choice(["yes", "no"]), lab=lab)
    yield lab
    lab.close()


def test_files_tell_what_the_lab_told(study):
    """One accounting: totals from disk are totals from memory."""
    study.close()
    feed = StudyFeed(study.study)
    feed.pull(everything=True)
    live, _ = study.ledger.usage()
    assert feed.totals.tokens == live.input + live.output
    assert feed.totals.calls == len(study.ledger)
    assert feed.moment().model == study.model
    assert not feed.moment().runs
    assert "20 live" in repr(study_board(study.study))


def test_another_process_is_followed(tmp_path, until):
    """Lines appear as the writer commits them, whichever process writes."""
    code = (
        "import toolkit as tk\nfrom toolkit.testing import WireServer\nwith WireServer(latency=0.1) as wire:\n"
        "    lab = tk.Lab('openai:wire-model', study='study', base_url=wire.url, api_key=wire.key, concurrency=4)\n"
        "    panel = tk.generate_personas(30, 'us-adults-2012', detail='facts', lab=lab)\n"
        "    tk.ask(panel, 'Tea?', answer=tk.Choice(['yes', 'no']), lab=lab)\n    lab.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as worker:
        until((tmp_path / "study" / "ledger.jsonl").is_file)
        feed = StudyFeed(tmp_path / "study")
        seen = []

        def follow():
            feed.pull()
            seen.extend(run.verb for run in feed.moment().runs)
            return feed.totals.calls == 30 and not feed.moment().runs

        until(follow)
        assert worker.wait(60) == 0
    assert "ask" in seen


def test_torn_and_foreign_lines_are_left_out(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"a":1}\n{"torn\n[1]\n{"b":2}\n{"half"')
    held = LineFile(path)
    assert list(held.read()) == [{"a": 1}, {"b": 2}]
    with path.open("ab") as file:
        file.write(b":3}\n")
    assert list(held.read()) == [{"half": 3}]
    path.write_bytes(b'{"c":1}\n')
    assert list(held.read()) == [{"c": 1}]
    assert list(LineFile(tmp_path / "missing").read()) == []


def test_a_killed_run_does_not_run_for_ever(tmp_path):
    """A run that never said its end, in a study that is silent, is over."""
    (tmp_path / "ledger.jsonl").touch()
    long_ago = {"at": time.time() - 999, "kind": "run.started", "run": "ask-1", "verb": "ask", "total": 9}
    (tmp_path / "events.jsonl").write_bytes(orjson.dumps(long_ago) + b"\n")
    feed = StudyFeed(tmp_path)
    feed.pull()
    assert feed.moment().runs == ()


def test_events_of_other_versions_are_harmless(tmp_path):
    (tmp_path / "ledger.jsonl").write_bytes(b'{"status":"ok","unheard":1,"at":5}\n')
    (tmp_path / "events.jsonl").write_bytes(b'{"kind":"budget.reached","at":1}\n{"kind":"run.started"}\n')
    feed = StudyFeed(tmp_path)
    assert feed.pull()
    assert feed.totals.calls == 1


def test_board_of_a_study_only_shows(study):
    """Read-only: no control, and not a byte of the study is changed."""
    study.close()
    before = {path: path.read_bytes() for path in study.study.rglob("*") if path.is_file()}
    shown = study_board(study.study)
    assert len(shown.widget.children) == 5
    assert not any(type(one).__name__ == "HBox" for one in shown.widget.children)
    assert shown.html
    shown.close()
    assert {path: path.read_bytes() for path in study.study.rglob("*") if path.is_file()} == before


def test_board_of_a_study_says_what_files_do_not_tell(study):
    """Which calls are in flight stands in no file; the board says so, instead of that there were none."""
    study.close()
    shown = study_board(study.study)
    chart = shown.charts["in flight"]
    assert "known only in the kernel that runs them" in chart.empty
    assert "known only in the kernel that runs them" in chart.alt
    assert "0 in flight" not in chart.alt
    shown.close()


def test_a_long_ledger_is_read_in_pieces(tmp_path, row_of):
    """Opening reads all of it, a look only a piece."""
    with (tmp_path / "ledger.jsonl").open("wb") as file:
        ledger = Ledger(lambda line: file.write(line + b"\n"))
        for place in range(4000):
            ledger.add(row_of(at=1000.0 + place, item="p" * 200))
    first, whole = StudyFeed(tmp_path), StudyFeed(tmp_path)
    assert first.pull()
    assert 0 < first.totals.calls < 4000
    whole.pull(everything=True)
    assert whole.totals.calls == 4000
    while first.totals.calls < 4000:
        assert first.pull()
    assert not first.pull()


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="there is no study in"):
        study_board(tmp_path)
    with pytest.raises(InvalidInput, match="there is no study in"), serving(tmp_path):
        pass


def test_a_port_that_is_taken_is_refused(study):
    with WireServer() as wire:
        port = int(wire.url.split(":")[2].split("/")[0])
        with pytest.raises(InvalidInput, match=f"port {port} cannot be had"), serving(study.study, port=port):
            pass


def test_server_is_on_loopback_and_needs_its_token(study, until):
    """Whoever has no token is sent to the login; the token is on no command line; the end leaves no process."""

    def asked(address):
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  # our own server
                return answer.url
        except urllib.error.HTTPError as refused:
            return str(refused.code)
        except OSError:
            return ""

    with serving(study.study) as served:
        plain = served.address.split("?")[0]
        until(lambda: served.process.poll() is None and asked(plain))
        assert "login" in asked(plain)
        assert "login" in asked(plain + "api/kernels") or asked(plain + "api/kernels") in {"401", "403"}
        token = served.address.split("token=")[1]
        assert token not in " ".join(map(str, served.process.args))
        assert "login" not in asked(served.address)
        assert token not in served.said
    assert served.process.poll() is not None


def test_command_says_what_is_wrong_in_one_line(tmp_path):

    app = typer.Typer()
    app.command()(board)
    ended = CliRunner().invoke(app, [str(tmp_path), "--no-browser"])
    assert isinstance(ended.exception, InvalidInput)
    ended = CliRunner().invoke(app, [str(tmp_path), "--port", "99999"])
    assert ended.exit_code == 2
