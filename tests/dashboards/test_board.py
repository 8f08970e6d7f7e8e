"""The board of a lab in this process: what it shows, and what its controls do."""

import base64
import re
import threading

import ipywidgets
import pytest

import toolkit as tk
from toolkit.dashboards import dashboard
from toolkit.dashboards.calls import NOT_KEPT
from toolkit.dashboards.controls import Controls
from toolkit.display.html import LARGEST_REPR
from toolkit.errors import InvalidInput
from toolkit.testing import WireServer

YES_NO = tk.Choice(["yes", "no"])
PICTURE = re.compile(r'src="data:image/svg\+xml;base64,([^"]+)"')


def look(board, on_loop):
    on_loop(board._look)
    return board._desk


@pytest.fixture
def study(open_lab, panel_of):
    """A wire server that takes a while, a lab of eight at once, and a panel."""
    with WireServer(latency=0.05) as wire:
        lab = open_lab(wire, concurrency=4, price_as="openai:gpt-5-mini", budget="1 USD")
        yield wire, lab, panel_of(60)


def test_board_shows_what_the_ledger_says(study, on_loop):
    _, lab, panel = study
    tk.ask(panel, "Buy it?", answer=YES_NO, lab=lab)
    tk.ask(panel, "Buy it?", answer=YES_NO, lab=lab)
    board = dashboard(lab)
    assert isinstance(board.widget, ipywidgets.VBox)
    desk = look(board, on_loop)
    assert "<b>120</b>" in desk.head.value
    assert "60 free" in desk.head.value
    assert "saved by memory" in desk.tabs_html[0].value
    told = repr(board)
    assert "120 calls · 60 live · 60 from memory" in told
    assert "1 USD" in desk.tabs_html[0].value or "1.00 USD" in desk.tabs_html[0].value
    board.close()


def test_bundle_has_widget_html_and_plain_and_is_small(open_lab, panel_of):
    """DESIGN 5.1: under 64 KB, with a picture that needs no widget, script or style."""
    lab = open_lab()
    tk.ask(panel_of(20), "Buy it?", answer=YES_NO, lab=lab)
    board = dashboard(lab, baseline="reference")
    bundle = board._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert len(bundle["text/html"].encode()) < LARGEST_REPR
    assert "<script" not in bundle["text/html"]
    (found,) = PICTURE.findall(bundle["text/html"])
    assert b"<svg" in base64.b64decode(found)
    assert 'alt="' in bundle["text/html"]
    board.close()


def test_figures_for_papers_show_the_same(open_lab, panel_of):
    lab = open_lab()
    tk.ask(panel_of(5), "Buy it?", answer=YES_NO, lab=lab)
    board = dashboard(lab)
    for name in board.charts:
        assert board.figure(name).axes[0].get_title(loc="left") == board.charts[name].title
    with pytest.raises(InvalidInput, match="no chart 'money'"):
        board.figure("money")
    board.close()


def test_numbers_move_while_a_cell_blocks(study, until):
    """The verb blocks this thread's twin; the board is drawn from the private loop meanwhile."""
    _, lab, panel = study
    board = dashboard(lab)
    head = board.widget.children[1]
    seen = []
    head.observe(lambda change: seen.append(change["new"]), "value")
    tk.ask(panel, "Buy it?", answer=YES_NO, lab=lab)
    assert any("of 60" in one for one in seen)
    until(lambda: "<b>60</b>" in head.value and "nothing runs now" in head.value)
    assert board.kernel_seconds > 0
    assert max(board.charts["in flight"].series[0].y) > 0
    board.close()


def test_concurrency_acts_on_a_run_that_goes_on(study, until, on_loop):
    """S1-20, the widget-driven experiment: four at once, then twelve, without a restart."""
    wire, lab, panel = study
    run = tk.start(tk.ask, panel, "Buy it?", answer=YES_NO, lab=lab, repeats=4)
    until(lambda: wire.requests.delivered >= 10)
    assert wire.requests.peak <= 4
    assert "Up to 12" in Controls(lab).concurrency(12).result(timeout=30)
    until(lambda: wire.requests.peak > 8)
    Controls(lab).concurrency(2).result(timeout=30)
    until(lambda: on_loop(lambda: lab.engine.limiters[0].in_flight) <= 2)
    assert len(run.result(timeout=60).frame) == 240
    assert wire.requests.peak <= 12
    assert len({row.run for row in lab.ledger.rows()}) == 1  # workers hired later work for the same run


def test_pause_sends_nothing_new_until_going_on(study, until, on_loop):
    wire, lab, panel = study
    run = tk.start(tk.ask, panel, "Buy it?", answer=YES_NO, lab=lab)
    until(lambda: wire.requests.delivered >= 8)
    Controls(lab).pause().result(timeout=30)
    until(lambda: on_loop(lambda: lab.engine.limiters[0].in_flight) == 0)
    sent = wire.requests.total
    assert on_loop(lambda: lab.engine.limiters[0].waiting) > 0
    assert not run.done
    assert wire.requests.total == sent
    Controls(lab).go_on().result(timeout=30)
    assert run.result(timeout=60).complete


def test_stop_ends_the_run_and_keeps_what_finished(study, until):
    """The board's stop is as clean as the square: resume() does only the rest. It also ends a pause."""
    wire, lab, panel = study
    run = tk.start(tk.ask, panel, "Buy it?", answer=YES_NO, lab=lab)
    until(lambda: wire.requests.delivered >= 8)
    controls = Controls(lab)
    controls.pause().result(timeout=30)
    assert "Stopped ask" in controls.stop().result(timeout=30)
    part = run.result(timeout=60)
    assert not part.complete
    assert 0 < len(part.errors) < 60
    assert part.resume().complete
    assert controls.stop().result(timeout=30) == "Nothing runs now."


def test_budget_can_be_raised_while_calls_wait(open_lab, panel_of, until):
    with WireServer(latency=0.02) as wire:
        lab = open_lab(wire, concurrency=4, budget="12 requests")
        run = tk.start(tk.ask, panel_of(40), "Buy it?", answer=YES_NO, lab=lab)
        until(lambda: wire.requests.delivered >= 4)
        assert "1,000 requests" in Controls(lab).budget("1000 requests").result(timeout=30)
        assert run.result(timeout=60).complete
        with pytest.raises(InvalidInput, match="cannot become"):
            Controls(lab).budget("9 tokens").result(timeout=30)


def test_budget_of_a_run_that_had_none(open_lab, panel_of, until):
    with WireServer(latency=0.05) as wire:
        lab = open_lab(wire, concurrency=2)
        with pytest.raises(InvalidInput, match="has no budget"):
            Controls(lab).budget("9 requests").result(timeout=30)
        run = tk.start(tk.ask, panel_of(40), "Buy it?", answer=YES_NO, lab=lab)
        until(lambda: wire.requests.delivered >= 4)
        Controls(lab).budget("6 requests").result(timeout=30)
        assert not run.result(timeout=60).complete
        assert wire.requests.total <= 16


def test_bad_values_say_so_on_the_board(study, until):
    _, lab, _ = study
    board = dashboard(lab)
    assert board.widget
    desk = board._desk
    desk._budget.value = "a lot"
    until(lambda: "no amount with a unit" in desk.message.value)
    desk._most.value = 3
    until(lambda: "Up to 3 calls" in desk.message.value)
    board.close()


def test_clicks_only_post_to_the_private_loop(study, until):
    """A click from any thread returns at once, and what it does happens on the loop."""
    _, lab, panel = study
    board = dashboard(lab)
    assert board.widget
    run = tk.start(tk.ask, panel, "Buy it?", answer=YES_NO, lab=lab)
    until(lambda: not board._desk._stop.disabled)
    clicker = threading.Thread(target=board._desk._stop.click)
    clicker.start()
    clicker.join(timeout=30)
    assert not run.result(timeout=60).complete
    assert board._desk._delivered
    board.close()


def test_prompt_is_shown_only_where_it_was_kept(open_lab, panel_of, on_loop):
    """S1-22: no prompt text unless asked for; where it is kept it is scrubbed."""
    for kept in (False, True):
        lab = open_lab(study=f"study-{kept}", transcripts=kept)
        tk.ask(panel_of(3), "Mail ada@example.org?", answer=YES_NO, lab=lab)
        board = dashboard(lab)
        assert board.widget
        board._desk._tab.selected_index = 3
        desk = look(board, on_loop)
        on_loop(lambda board=board: board._look_up(0))
        assert (NOT_KEPT in desk.asked.value) is not kept
        assert ("Mail [email]?" in desk.asked.value) is kept
        assert "ada@example.org" not in desk.asked.value + board.html
        board.close()


def test_failed_calls_are_listed_and_asked_again(open_lab, panel_of, until, on_loop):
    with WireServer(script=["context"] * 4) as wire:
        lab = open_lab(wire, tries=1)
        first = tk.ask(panel_of(10), "Buy it?", answer=YES_NO, lab=lab)
        assert len(first.errors) == 4
        board = dashboard(lab)
        assert board.widget
        board._desk._tab.selected_index = 3
        desk = look(board, on_loop)
        assert "context_too_long" in desk.tabs_html[3].value
        assert not desk._retry.disabled
        desk._retry.click()
        until(lambda: "Asked again: 0 are left" in desk.message.value)
        assert lab.last.complete
        assert lab.last is not first
        board.close()


def test_events_are_listed_in_order_and_a_reached_budget_is_said(open_lab, panel_of, on_loop):
    """S4-28: a live log; what is in an event is scrubbed when it is shown."""
    lab = open_lab(budget="5 requests")
    board = dashboard(lab)
    assert board.widget
    tk.ask(panel_of(20), "Buy it?", answer=YES_NO, lab=lab)
    lab.events.emit("note.made", by="ada@example.org", inner={"not": "shown"})
    board._desk._tab.selected_index = 3
    desk = look(board, on_loop)
    kinds = [kind for _, kind, _ in board._feed.log.lines]
    assert kinds == ["run.started", "budget.reached", "run.finished", "note.made"]
    assert "[email]" in desk.tabs_html[3].value
    assert "ada@example.org" not in desk.tabs_html[3].value
    assert "The budget of 5 requests for this lab was reached" in desk.head.value
    board.close()


def test_a_new_board_takes_the_place_of_the_last(open_lab):
    lab = open_lab()
    first = dashboard(lab)
    assert first.widget
    second = dashboard(lab)
    assert first._pulse._over
    assert second.widget
    second.close()
    second.close()


def test_a_board_that_fails_disturbs_no_run(open_lab, panel_of, caplog):
    """S4-28: a listener that fails is harmless."""
    lab = open_lab()
    board = dashboard(lab)
    assert board.widget
    board._desk.head.close()
    board._desk.head = None
    result = tk.ask(panel_of(20), "Buy it?", answer=YES_NO, lab=lab)
    assert result.complete
    board.close()


def test_a_lab_that_is_none_is_refused():
    with pytest.raises(InvalidInput):
        dashboard("lab")
