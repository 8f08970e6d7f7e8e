"""Lab: who answers, where a study lives, which lab a verb takes, and capsules."""

import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.errors import CapsuleInvalid, InvalidInput, KeyMissing, ModelUnknown, ReplayMiss, WeightsMissing
from toolkit.lab import current_lab
from toolkit.models import open_model
from toolkit.testing import WireServer

SECRET = "sk-proj-planted0123456789abcdef"
YES_NO = tk.Choice(["yes", "no"], why=True)
OpenLab = Callable[..., tk.Lab]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's own settings out: no TOOLKIT_*, no key, no .env, no toolkit.toml."""
    for name in os.environ:
        if name.startswith(("TOOLKIT_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """Open labs, by default in one study, and close them after the test."""
    opened: list[tk.Lab] = []

    def opener(*args: object, **given: object) -> tk.Lab:
        if "capsule" not in given:
            given.setdefault("study", tmp_path / "study")
        lab = tk.Lab(*args, **given)  # type: ignore[arg-type]
        opened.append(lab)
        return lab

    yield opener
    for lab in opened:
        lab.close()


@pytest.fixture
def _notebook_lab_unset() -> Iterator[None]:
    """Let a test call ``tk.use`` without leaving its lab to the next."""
    import toolkit.lab as module

    before = module._notebook_lab
    module._notebook_lab = None
    yield
    module._notebook_lab = before


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def ask(lab: tk.Lab, n: int = 4, question: str = "Would you buy it?", **given: object) -> tk.Answers:
    panel = tk.generate_personas(n, "us-adults-2012", detail="facts", lab=lab)
    return tk.ask(panel, question, answer=YES_NO, lab=lab, **given)  # type: ignore[arg-type]


def run_python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, in which a warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- who answers ---


def test_model_comes_from_the_environment_and_an_argument_wins(
    open_lab: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_MODEL", "scripted:from-environment")
    assert open_lab().model == "scripted:from-environment"
    assert open_lab("scripted:given").model == "scripted:given"


def test_a_key_in_the_environment_never_makes_a_lab_spend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, open_lab: OpenLab
) -> None:
    """DESIGN 1: without a model the embedded one answers, whatever keys lie about."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("TOOLKIT_OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("TOOLKIT_DATA_HOME", str(tmp_path / "nothing"))
    with pytest.raises(WeightsMissing, match="toolkit model install"):
        open_lab()


@pytest.mark.parametrize(
    ("model", "nearest"),
    [("scirpted", "'scripted'"), ("embeded", "'embedded'"), ("opnai:gpt-5-mini", "openai"), ("gpt-5-mini", "openai:")],
)
def test_unknown_model_string_names_the_nearest_and_makes_no_folder(
    model: str, nearest: str, tmp_path: Path, open_lab: OpenLab
) -> None:
    with pytest.raises(ModelUnknown) as caught:
        open_lab(model)
    line = str(caught.value)
    assert repr(model) in line
    assert nearest in caught.value.hint
    assert "\n" not in line
    assert not (tmp_path / "study").exists()


def test_missing_key_is_one_line_with_the_next_step(open_lab: OpenLab) -> None:
    with pytest.raises(KeyMissing, match=r"no key is set.*OPENAI_API_KEY") as caught:
        open_lab("openai:gpt-5-mini")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", [42, object(), open_model])
def test_something_that_is_no_model_is_refused_instead_of_the_default(model: object, open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="neither a model string nor a model"):
        open_lab(model)


def test_misspelt_argument_is_named(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="studdy"):
        open_lab("scripted", studdy="x")
    with pytest.raises(InvalidInput, match="studdy"):
        open_lab(open_model("scripted"), studdy="x")


def test_model_options_reach_the_provider(open_lab: OpenLab) -> None:
    lab = open_lab("scripted", faults={"refused": 1.0})
    assert set(ask(lab).errors["kind"]) == {"content_refused"}


@pytest.mark.parametrize(
    ("given", "named"),
    [({"mode": "sometimes"}, "mode"), ({"seed": "many"}, "seed"), ({"timeout": 0}, "timeout"), ({"tries": 0}, "tries")],
)
def test_setting_that_cannot_be_used_is_named(given: dict[str, object], named: str, open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match=named) as caught:
        open_lab("scripted", **given)
    assert "\n" not in str(caught.value)


# --- where a study lives ---


def test_study_is_private(tmp_path: Path, open_lab: OpenLab) -> None:
    """DESIGN 4: files 0600, in a folder 0700."""
    lab = open_lab("scripted", study=tmp_path / "new" / "ads")
    ask(lab)
    files = [path for path in (tmp_path / "new" / "ads").rglob("*") if path.is_file()]
    assert mode_of(tmp_path / "new" / "ads") == 0o700
    assert {"memory.sqlite", "ledger.jsonl"} <= {path.name for path in files}
    assert {path.name: oct(mode_of(path)) for path in files} == {path.name: "0o600" for path in files}


def test_study_that_cannot_be_a_folder_is_one_clear_line_and_leaves_no_thread(
    tmp_path: Path, open_lab: OpenLab
) -> None:
    (tmp_path / "occupied").write_text("a file")
    threads = {thread.name for thread in threading.enumerate()}
    with pytest.raises(InvalidInput) as caught:
        open_lab("scripted", study=tmp_path / "occupied" / "ads")
    assert "occupied" in str(caught.value)
    assert "study=" in caught.value.hint
    assert "\n" not in str(caught.value)
    assert {thread.name for thread in threading.enumerate()} <= {*threads, "dramatis-loop"}


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which nobody may write")
def test_study_in_a_folder_nobody_may_write_is_one_clear_line(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="/proc/dramatis"):
        open_lab("scripted", study="/proc/dramatis")


def test_snapshot_of_settings_and_reprs_hold_no_secret(open_lab: OpenLab) -> None:
    """S1-25: what a manifest keeps is an allowlist."""
    lab = open_lab("openai:m", base_url="http://user:hunter22@127.0.0.1:1/v1", api_key=SECRET)
    shown = [repr(lab), str(lab.report()), json.dumps(lab.settings.snapshot(), default=str), lab.model]
    assert not [text for text in shown if SECRET in text or "hunter22" in text]
    assert SECRET not in repr(lab.settings)


def test_no_file_of_a_study_holds_the_key(tmp_path: Path, open_lab: OpenLab) -> None:
    """S1-21: a provider that echoes the key in its refusal does not bring it into the books."""
    with WireServer(key="another") as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=SECRET)
        answers = ask(lab)
        lab.freeze(tmp_path / "ads.capsule")
        lab.close()
    assert set(answers.errors["kind"]) == {"auth_failed"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path.name for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in repr(answers) + answers.errors.to_string()


def test_two_labs_on_one_study_share_what_is_remembered(open_lab: OpenLab) -> None:
    first, second = open_lab("scripted"), open_lab("scripted")
    ask(first)
    assert ask(second).report.cached == 4
    first.close()
    assert ask(second, question="And now?").report.live == 4
    assert ask(second).report.cached == 4


def test_lab_of_another_process_sees_what_this_one_remembered(tmp_path: Path, open_lab: OpenLab) -> None:
    ask(open_lab("scripted"))
    code = """
        import toolkit as tk
        lab = tk.Lab("scripted", study="study")
        panel = tk.generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
        answers = tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"], why=True), lab=lab)
        print(answers.report.cached, answers.report.live)
    """
    done = run_python(code, tmp_path)
    assert (done.stdout, done.stderr) == ("4 0\n", "")


def test_closing_twice_is_harmless_and_results_stay_usable(open_lab: OpenLab) -> None:
    lab = open_lab("scripted")
    answers = ask(lab)
    lab.close()
    lab.close()
    assert len(answers.frame) == 4
    assert "4 ok" in repr(answers)
    with pytest.raises(tk.DramatisError, match="closed") as caught:
        ask(lab, question="Once more?")
    assert "tk.Lab" in caught.value.hint


def test_closed_lab_is_not_kept_alive(open_lab: OpenLab) -> None:
    import gc
    import weakref

    lab = tk.Lab("scripted", study="gone")
    ask(lab)
    lab.close()
    gone = weakref.ref(lab)
    del lab
    gc.collect()
    assert gone() is None
    assert open_lab("scripted").model


def test_labs_left_open_are_closed_at_exit_without_a_word(tmp_path: Path) -> None:
    code = """
        import toolkit as tk
        for name in ("a", "b"):
            lab = tk.use(tk.Lab("scripted", study=name))
            panel = tk.generate_personas(20, "us-adults-2012", detail="brief")
        print(len(panel))
    """
    done = run_python(code, tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("20\n", "", 0)
    for name in ("a", "b"):
        assert len((tmp_path / name / "ledger.jsonl").read_text().splitlines()) == 20


def test_labs_to_a_server_left_open_are_closed_at_exit_without_a_word(tmp_path: Path) -> None:
    code = """
        import toolkit as tk
        lab = tk.use(tk.Lab("openai:m", study="a"))
        panel = tk.generate_personas(20, "us-adults-2012", detail="brief")
        print(len(panel))
    """
    with WireServer() as wire:
        done = run_python(code, tmp_path, TOOLKIT_BASE_URL=wire.url, TOOLKIT_OPENAI_API_KEY=wire.key or "")
    assert (done.stdout, done.stderr, done.returncode) == ("20\n", "", 0)


# --- which lab a verb takes ---


@pytest.mark.usefixtures("_notebook_lab_unset")
def test_verb_takes_the_lab_given_then_the_block_then_the_notebook(open_lab: OpenLab, tmp_path: Path) -> None:
    notebook, outer, inner, given = (open_lab("scripted", study=tmp_path / name) for name in "abcd")
    assert tk.use(notebook) is notebook
    with outer:
        with inner:
            assert current_lab() is inner
            assert current_lab(given) is given
            assert tk.generate_personas(1, "us-adults-2012", detail="brief").lab is inner
        assert current_lab() is outer
    assert current_lab() is notebook


@pytest.mark.usefixtures("_notebook_lab_unset")
def test_block_ends_when_its_body_fails(open_lab: OpenLab) -> None:
    notebook, block = tk.use(open_lab("scripted")), open_lab("scripted")
    with pytest.raises(ZeroDivisionError), block:
        _ = 1 / 0
    assert current_lab() is notebook


@pytest.mark.usefixtures("_notebook_lab_unset")
def test_one_lab_may_be_the_block_of_many_threads_at_once(open_lab: OpenLab) -> None:
    notebook, shared = tk.use(open_lab("scripted")), open_lab("scripted")
    both_inside = threading.Barrier(2, timeout=10)
    seen: list[bool] = []

    def work() -> None:
        seen.append(current_lab() is notebook)  # a block does not reach into another thread
        with shared:
            both_inside.wait()
            seen.append(current_lab() is shared)
            both_inside.wait()
        seen.append(current_lab() is notebook)

    with open_lab("scripted"):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [True] * 6


def test_same_lab_may_be_nested(open_lab: OpenLab) -> None:
    lab = open_lab("scripted")
    with lab, lab:
        assert current_lab() is lab


def test_something_that_is_no_lab_is_refused(open_lab: OpenLab) -> None:
    with pytest.raises(InvalidInput, match="'scripted' is no Lab"):
        tk.generate_personas(1, "us-adults-2012", lab="scripted")  # type: ignore[arg-type]
    assert open_lab("scripted").model


@pytest.mark.usefixtures("_notebook_lab_unset")
def test_without_any_lab_one_is_made_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOOLKIT_MODEL", "scripted")
    first = tk.generate_personas(2, "us-adults-2012", detail="brief").lab
    again = tk.generate_personas(2, "us-adults-2012", detail="brief").lab
    assert first is not None
    assert again is first
    assert (tmp_path / "studies" / "default" / "ledger.jsonl").exists()
    first.close()


# --- capsules ---


def study_with_failures(lab: tk.Lab) -> tuple[tk.Panel, tk.Answers]:
    panel = tk.generate_personas(24, "us-adults-2012", detail="brief", lab=lab)
    return panel, tk.ask(panel, "Would you buy it?", answer=YES_NO, lab=lab, allow_partial=True)


def bytes_of(panel: tk.Panel, answers: tk.Answers) -> list[str]:
    frames = [panel.frame, panel.errors, answers.frame, answers.errors]
    return [frame.to_json(orient="records") for frame in frames] + [panel.to_jsonl()]


FAULTS = {"refused": 0.15, "malformed": 0.15, "provider_down": 0.3}


def test_capsule_replays_the_same_frame_bytes_failed_rows_included(tmp_path: Path, open_lab: OpenLab) -> None:
    """S1-24: refused content, invalid replies and transport failures come back as the same rows."""
    lab = open_lab("scripted", faults=FAULTS, tries=2, seed=5)
    live = study_with_failures(lab)
    assert {"content_refused", "invalid_reply", "provider_down"} <= {*live[0].errors["kind"], *live[1].errors["kind"]}
    capsule = lab.freeze(tmp_path / "ads.capsule")
    replay = open_lab(capsule=capsule)
    assert bytes_of(*study_with_failures(replay)) == bytes_of(*live)
    assert replay.report().live == 0
    assert replay.seed == 5


def test_replay_in_another_process_gives_the_same_bytes(tmp_path: Path, open_lab: OpenLab) -> None:
    lab = open_lab("scripted", seed=3)
    live = ask(lab)
    lab.freeze(tmp_path / "ads.capsule")
    code = """
        import toolkit as tk
        lab = tk.Lab(capsule="ads.capsule")
        panel = tk.generate_personas(4, "us-adults-2012", detail="facts", lab=lab)
        answers = tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"], why=True), lab=lab)
        print(answers.frame.to_json(orient="records"))
    """
    done = run_python(code, tmp_path)
    assert (done.stdout.rstrip("\n"), done.stderr) == (live.frame.to_json(orient="records"), "")


def test_equal_runs_freeze_to_equal_bytes(tmp_path: Path, open_lab: OpenLab) -> None:
    live = open_lab("scripted")
    ask(live)
    first = live.freeze(tmp_path / "first.capsule").read_bytes()
    replayed = open_lab("scripted")
    ask(replayed)
    assert replayed.freeze(tmp_path / "second.capsule").read_bytes() == first
    assert live.freeze(tmp_path / "third.capsule").read_bytes() == first


def test_replayed_capsule_freezes_to_itself(tmp_path: Path, open_lab: OpenLab) -> None:
    live = open_lab("scripted", faults=FAULTS, tries=2)
    study_with_failures(live)
    entries = live.freeze(tmp_path / "a.capsule").read_bytes().splitlines()[1:-1]
    replay = open_lab(capsule=tmp_path / "a.capsule")
    study_with_failures(replay)
    assert replay.freeze(tmp_path / "b.capsule").read_bytes().splitlines()[1:-1] == entries


def test_capsule_holds_no_secret_and_says_what_made_it(tmp_path: Path, open_lab: OpenLab) -> None:
    """S1-25: seed, commit, settings without secrets, models."""
    with WireServer(key=SECRET) as wire:
        lab = open_lab("openai:m", base_url=wire.url, api_key=SECRET, seed=9)
        ask(lab)
        capsule = lab.freeze(tmp_path / "ads.capsule", note="for the reviewer")
    text = capsule.read_text()
    manifest = json.loads(text.splitlines()[0])
    assert SECRET not in text
    assert str(tmp_path) not in text
    assert (manifest["seed"], manifest["note"], manifest["provider"]) == (9, "for the reviewer", "openai")
    assert manifest["models"][0]["identity"]["model"] == "m"
    assert manifest["git_sha"]
    assert "openai_api_key" not in manifest["settings"]


@pytest.mark.parametrize(
    "given",
    [{"model": "scripted"}, {"study": "x"}, {"mode": "read"}, {"base_url": "http://127.0.0.1/v1"}, {"api_key": SECRET}],
)
def test_capsule_with_a_model_or_study_is_refused(
    given: dict[str, str], tmp_path: Path, open_lab: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = open_lab("scripted")
    ask(lab)
    capsule = lab.freeze(tmp_path / "ads.capsule")
    for recorder in ("", "scripted"):
        monkeypatch.setenv("TOOLKIT_RECORD", recorder)
        with pytest.raises(InvalidInput, match=f"{next(iter(given))}=") as caught:
            open_lab(capsule=capsule, **given)
        assert SECRET not in str(caught.value)


def test_edited_capsule_is_one_clear_line(tmp_path: Path, open_lab: OpenLab) -> None:
    lab = open_lab("scripted")
    ask(lab)
    capsule = lab.freeze(tmp_path / "ads.capsule")
    text = capsule.read_text()
    turned = text.replace('\\"yes\\"', '\\"no\\"', 1)
    assert turned != text
    capsule.write_text(turned)
    with pytest.raises(CapsuleInvalid, match=r"ads\.capsule, line \d+: .*edited") as caught:
        open_lab(capsule=capsule)
    assert "\n" not in str(caught.value)


def test_missing_capsule_is_one_clear_line(open_lab: OpenLab) -> None:
    with pytest.raises(CapsuleInvalid, match=r"gone\.capsule cannot be read"):
        open_lab(capsule="gone.capsule")


def test_replay_never_asks_anew(tmp_path: Path, open_lab: OpenLab) -> None:
    lab = open_lab("scripted")
    ask(lab)
    replay = open_lab(capsule=lab.freeze(tmp_path / "ads.capsule"))
    with pytest.raises(ReplayMiss, match="questions p0001"):
        ask(replay, question="Something else?")
    with pytest.raises(InvalidInput, match="no memory of its own"):
        _ = replay.memory


def test_lab_with_memory_off_cannot_freeze(tmp_path: Path, open_lab: OpenLab) -> None:
    lab = open_lab("scripted", mode="off")
    ask(lab)
    with pytest.raises(InvalidInput, match="memory is off"):
        lab.freeze(tmp_path / "ads.capsule")


def test_record_mode_writes_the_capsule_when_the_process_ends(tmp_path: Path) -> None:
    code = """
        import toolkit as tk
        lab = tk.use(tk.Lab(capsule="ads.capsule", seed=4))
        panel = tk.generate_personas(3, "us-adults-2012", detail="brief")
        print(tk.ask(panel, "Would you buy it?", answer=tk.Choice(["yes", "no"])).frame.to_json(orient="records"))
    """
    recorded = run_python(code, tmp_path, TOOLKIT_RECORD="scripted")
    assert recorded.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ads.capsule"]
    first = (tmp_path / "ads.capsule").read_bytes()
    replayed = run_python(code, tmp_path)
    assert (replayed.stdout, replayed.stderr) == (recorded.stdout, "")
    assert (tmp_path / "ads.capsule").read_bytes() == first


def test_functions_of_ones_own_are_remembered_beside_the_replies(open_lab: OpenLab) -> None:
    lab = open_lab("scripted")
    calls: list[int] = []

    @lab.memory.cache
    def square(x: int) -> int:
        calls.append(x)
        return x * x

    assert (square(3), square(3), calls) == (9, 9, [3])
