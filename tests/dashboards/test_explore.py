"""Forms over verbs: what the command line does can be done from a form (S2-18)."""

import pytest

import toolkit as tk
from toolkit.dashboards import explore
from toolkit.errors import InvalidInput
from toolkit.evolutions import evolve_services
from toolkit.testing import WireServer


@pytest.fixture
def form(open_lab, panel_of):
    return explore(tk.ask, panel_of(12), question="Tea?", lab=open_lab())


def test_fields_follow_the_signature(form):
    """Text, numbers, menus and boxes by the parameters' types; what is given as an object is settled."""
    kinds = {name: type(field.widget).__name__ for name, field in form.fields.items()}
    assert "panel" not in kinds
    assert "lab" not in kinds
    assert (kinds["question"], kinds["repeats"], kinds["shuffle"]) == ("Textarea", "BoundedIntText", "Checkbox")
    assert (kinds["design"], kinds["seed"], kinds["answer"]) == ("Dropdown", "Text", "VBox")
    assert form.fields["question"].widget.value == "Tea?"


def test_price_comes_before_the_run_and_goes_with_a_change(form):
    """Nothing is paid before the price was shown for exactly these values."""
    assert form.widget
    with pytest.raises(InvalidInput, match="nothing was priced"):
        form.run()
    assert form.price().calls == 12
    form.fields["repeats"].widget.value = 2
    assert form.priced is None
    with pytest.raises(InvalidInput, match="nothing was priced"):
        form.run()
    assert form.price().calls == 24
    assert len(form.run().result(timeout=60).frame) == 24


def test_buttons_price_run_and_show_the_result(form, until):
    assert form.widget
    buttons = form._buttons
    assert buttons["Run"].disabled
    buttons["Check and price"].click()
    until(lambda: not buttons["Run"].disabled)
    assert "12" in form._told.value
    buttons["Show the prompt"].click()
    until(lambda: "Tea?" in form._shown.value)
    buttons["Run"].click()
    until(lambda: form.result is not None and "12 ok" in form._shown.value)
    assert form.result.complete


def test_panel_is_filtered_and_cut(form):
    assert form.widget
    sexes = [one.attributes["sex"] for one in form._settled["panel"]]
    form._filter.value = f"sex == '{sexes[0]}'"
    assert form.price().calls == sexes.count(sexes[0])
    form._filter.value = ""
    form._n.value = 5
    assert form.price().calls == 5
    for wrong in ("sex ==", "nothing_such > 3"):
        form._filter.value = wrong
        with pytest.raises(InvalidInput, match="is no condition"):
            form.price()


@pytest.mark.parametrize("kind", ["Text", "Choice", "MultiChoice", "Ranking", "Scale", "Number"])
def test_each_kind_of_answer_can_be_asked(form, kind):
    form.fields["answer"].watched[0].value = kind
    assert type(form.fields["answer"].read()).__name__ == kind
    form.price()
    assert form.run().result(timeout=60).complete


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("question", "  ", "question is empty"),
        ("seed", "seven", "seed is 'seven', which is no number"),
        ("images", "[1,", "images is no JSON"),
        ("budget", "much", "no amount"),
        ("images", "missing.png", "missing.png"),
    ],
)
def test_bad_input_is_said_and_nothing_is_billed(form, field, value, told, until):
    assert form.widget
    form.fields[field].widget.value = value
    with pytest.raises(InvalidInput, match=told):
        form.checks()
    form._buttons["Check and price"].click()
    until(lambda: 'role="alert"' in form._told.value)
    assert form._buttons["Run"].disabled
    assert len(form._lab.ledger) == 0


def test_a_run_can_be_stopped_from_the_form(open_lab, panel_of):
    with WireServer(latency=0.2) as wire:
        form = explore(tk.ask, panel_of(30), question="Tea?", lab=open_lab(wire, concurrency=2))
        form.price()
        run = form.run()
        with pytest.raises(InvalidInput, match="running already"):
            form.run()
        form.stop()
        assert not run.result(timeout=60).complete


def test_evolve_services_is_looked_at_first_as_preflight_does(open_lab, until):
    """S2-18: services, reference and catalogues are checked before anything is paid."""
    form = explore(evolve_services, services="missing.jsonl", lab=open_lab())
    assert form.widget
    found = {name: well for name, well, _ in form.checks()}
    assert found["services"] is False
    assert found["reference"] is True
    form._buttons["Check and price"].click()
    until(lambda: "not well" in form._told.value)
    assert form._buttons["Run"].disabled


def test_form_shows_words_where_widgets_do_not_work(form):
    bundle = form._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert "Form of ask" in bundle["text/html"]


def test_what_is_no_verb_or_no_parameter_is_refused(open_lab, panel_of):
    with pytest.raises(InvalidInput, match="is not a verb"):
        explore(print, lab=open_lab())
    with pytest.raises(InvalidInput, match="no parameter 'qestion'"):
        explore(tk.ask, panel_of(2), qestion="?", lab=open_lab())
