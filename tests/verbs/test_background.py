"""tk.start: verbs in the background."""

from collections.abc import Callable

import pytest

import toolkit as tk
from toolkit.errors import Incomplete, InvalidInput
from toolkit.testing import WireServer
from toolkit.verbs import Background

from .conftest import OpenLab

QUESTION = "Would you buy it?"
YES_NO = tk.Choice(["yes", "no"])
PanelOf = Callable[[int], tk.Panel]


def test_run_in_the_background_ends_like_the_verb(open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel, lab = panel_of(6), open_lab()
    run = tk.start(tk.ask, panel, QUESTION, answer=YES_NO, lab=lab)
    assert isinstance(run, Background)
    result = run.result(timeout=30)
    assert run.done
    assert lab.last is result
    assert run.result() is result
    assert run.progress.startswith("6/6")
    assert result.frame.equals(tk.ask(panel, QUESTION, answer=YES_NO, lab=lab).frame)


def test_notebook_goes_on_meanwhile_and_result_waits_no_longer_than_asked(open_lab: OpenLab, panel_of: PanelOf) -> None:
    with WireServer(latency=30) as wire:
        run = tk.start(tk.ask, panel_of(3), QUESTION, answer=YES_NO, lab=open_lab(wire))
        with pytest.raises(TimeoutError, match=r"ask: 0/3.* after 0\.05 s\. It goes on"):
            run.result(timeout=0.05)
        assert not run.done
        assert run.progress.startswith("0/3")
        assert repr(run).startswith("ask: 0/3")
        run.stop()
        assert run.result(timeout=30).complete is False


def test_stopped_run_gives_what_finished_and_resume_does_the_rest(open_lab: OpenLab, panel_of: PanelOf) -> None:
    with WireServer(latency=0.05) as wire:
        lab = open_lab(wire, concurrency=2)
        run = tk.start(tk.ask, panel_of(40), QUESTION, answer=YES_NO, lab=lab)
        while wire.requests.delivered < 6:
            assert not run.done
        run.stop()
        run.stop()
        part = run.result(timeout=30)
        ok = int((part.frame["status"] == "ok").sum())
        assert 6 - 2 <= ok < 40
        assert len(part) == 40
        assert set(part.errors["kind"]) == {"not_run"}
        assert len(part.errors) == 40 - ok
        assert not part.complete
        assert "Incomplete" in repr(part)
        before = wire.requests.total
        whole = part.resume()
    assert whole.complete
    assert 40 - ok - 2 <= wire.requests.total - before <= 40 - ok  # of two in flight some were just remembered
    assert not part.complete  # results are immutable: the resumed one is another


def test_strict_run_raises_with_its_result(open_lab: OpenLab, panel_of: PanelOf) -> None:
    lab = open_lab(faults={"refused": 1.0})
    run = tk.start(tk.ask, panel_of(2), QUESTION, answer=YES_NO, lab=lab, strict=True)
    with pytest.raises(Incomplete, match="2 of 2 items failed") as caught:
        run.result(timeout=30)
    assert len(caught.value.result) == 2
    assert lab.last is caught.value.result


def test_bad_arguments_are_refused_before_anything_starts(open_lab: OpenLab, panel_of: PanelOf) -> None:
    with WireServer() as wire, pytest.raises(InvalidInput, match="asks nothing"):
        tk.start(tk.ask, panel_of(2), " ", answer=YES_NO, lab=open_lab(wire))
    assert wire.requests.total == 0


@pytest.mark.parametrize("function", [len, "ask", None])
def test_what_is_no_verb_is_refused_by_name(function: object) -> None:
    for look in (tk.start, tk.preview, tk.estimate):
        with pytest.raises(InvalidInput, match="is not a verb of the toolkit") as caught:
            look(function, 1)  # type: ignore[arg-type]
        assert getattr(function, "__name__", repr(function)) in str(caught.value)
        assert "tk.ask" in caught.value.hint


def test_two_runs_at_once_do_not_disturb_each_other(open_lab: OpenLab, panel_of: PanelOf) -> None:
    panel, lab = panel_of(10), open_lab(latency=0.01)
    runs = [tk.start(tk.ask, panel, f"Question {n}?", answer=YES_NO, lab=lab) for n in range(4)]
    results = [run.result(timeout=30) for run in runs]
    assert [(len(one), one.complete, one.report.calls) for one in results] == [(10, True, 10)] * 4
