"""A form over any verb: checked and priced before anything is paid, run in the background, shown below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from toolkit.dashboards.clicks import let_clicks_pass
from toolkit.dashboards.fields import Field, fields_of
from toolkit.dashboards.look import rows_html, stylesheet, tile
from toolkit.dashboards.pulse import Pulse
from toolkit.display.html import card
from toolkit.errors import DramatisError, InvalidInput
from toolkit.lab import current_lab
from toolkit.personas import Panel
from toolkit.redact import scrub
from toolkit.verbs import Background, Estimate, Verb, estimate, preview, start
from toolkit.verbs.verb import job_of

if TYPE_CHECKING:
    from toolkit.display import Result
    from toolkit.lab import Lab

__all__ = ["Form", "explore"]

_WIDGET = "application/vnd.jupyter.widget-view+json"


class Form:
    """A form over a verb; ``explore`` makes one.

    Args:
        verb: The verb.
        given: What is settled, or what fields begin with.
        lab: Where it runs.
    """

    def __init__(self, verb: Verb[..., Any], given: Mapping[str, Any], lab: Lab) -> None:
        self._verb = verb
        self._lab = lab
        self.fields: dict[str, Field] = {one.name: one for one in fields_of(job_of(verb), given)}
        """The fields by name; setting ``.widget.value`` is as good as typing."""
        self._settled = {name: value for name, value in given.items() if name not in self.fields}
        self.priced: Estimate | None = None
        """What it would take, once that was asked for; gone as soon as a field is changed."""
        self.result: Result | None = None
        """What came of it."""
        self._run: Background[Any] | None = None
        self._pulse: Pulse | None = None
        self._widget: Any = None

    # --- what the buttons do ---

    def arguments(self) -> dict[str, Any]:
        """Return the arguments as the fields have them, a panel filtered and cut.

        Raises:
            InvalidInput: A field cannot be read; the message names it.
        """
        held = {**self._settled, **{name: field.read() for name, field in self.fields.items()}, "lab": self._lab}
        if "panel" in self._settled and self._widget is not None:
            held["panel"] = self._people(self._settled["panel"])
        elif isinstance(held.get("panel"), str):
            held["panel"] = Panel.load(held["panel"])
        return held

    def checks(self) -> list[tuple[str, bool, str]]:
        """Return what was looked at before anything is paid: whether it is well, and what was found.

        Raises:
            InvalidInput: A field cannot be read, or the verb refuses what it holds.
        """
        held = self.arguments()
        if self._verb.__name__ == "evolve_services":
            from toolkit.evolutions.preflight import preflight

            named = {name: held[name] for name in ("reference", "mapping_sets") if held.get(name) is not None}
            found = preflight(held["services"], study=self._lab.study, model=lambda: self._lab.model, **named)
            if not all(well for _, well, _ in found):
                return found
        else:
            found = []
        job = job_of(self._verb)(**held)
        return [*found, ("arguments", True, f"{len(job):,} calls in all")]

    def price(self) -> Estimate:
        """Return what it would take; nothing is called.

        Raises:
            InvalidInput: The verb refuses what the fields hold.
        """
        self.priced = estimate(self._verb, **self.arguments())
        return self.priced

    def run(self) -> Background[Any]:
        """Run it in the background; it has to be priced first.

        Raises:
            InvalidInput: It was not priced, or it runs already.
        """
        if self._run is not None and not self._run.done:
            raise InvalidInput("this form is running already", hint="Wait for it, or stop it.")
        if self.priced is None:
            raise InvalidInput("nothing was priced yet", hint="Ask for the price first.")
        self._run = start(self._verb, **self.arguments())
        return self._run

    def stop(self) -> None:
        """Stop what runs; what finished is kept."""
        if self._run is not None:
            self._run.stop()

    # --- how it shows ---

    @property
    def widget(self) -> Any:
        """The form as an ipywidget."""
        if self._widget is None:
            self._widget = self._made()
        return self._widget

    def __repr__(self) -> str:
        """Return the form as one line."""
        return f"Form of {self._verb.__name__}: {', '.join(self.fields)}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        plain = f"{self!r}. It works where widgets do; the verb does the same everywhere."
        return {_WIDGET: view, "text/html": card(f"Form of {self._verb.__name__}", [plain]), "text/plain": plain}

    def _made(self) -> Any:
        import ipywidgets as widgets

        top = [field.widget for field in self.fields.values() if field.first]
        rest = [field.widget for field in self.fields.values() if not field.first]
        self._filter = widgets.Text(
            description="only those", placeholder="age > 30 and sex == 'female'", style={"description_width": "150px"}
        )
        self._filter.layout.width = "620px"
        people = self._settled.get("panel")
        size = len(people) if isinstance(people, Panel) else 1
        self._n = widgets.IntSlider(
            value=size, min=1, max=size, description="personas", style={"description_width": "150px"}
        )
        self._n.layout.width = "620px"
        narrowed = [self._filter, self._n] if isinstance(people, Panel) else []
        more = widgets.Accordion(children=[widgets.VBox(rest)], titles=("More",), selected_index=None)
        self._buttons = {
            name: widgets.Button(description=name, icon=icon, layout={"width": "auto"}, button_style=style)
            for name, icon, style in (
                ("Check and price", "check", "primary"),
                ("Show the prompt", "eye", ""),
                ("Run", "play", "success"),
                ("Stop", "stop", "danger"),
            )
        }
        self._buttons["Run"].disabled = self._buttons["Stop"].disabled = True
        acts = (self._show_price, self._show_prompt, self._go, self.stop)
        for button, act in zip(self._buttons.values(), acts, strict=True):
            button.on_click(lambda _, act=act: self._apart(act))
        self._told, self._shown = widgets.HTML(), widgets.HTML()
        for watched in (*(one for field in self.fields.values() for one in field.watched), *narrowed):
            watched.observe(self._changed, "value")
        bar = widgets.HBox(list(self._buttons.values()))
        pieces = [widgets.HTML(stylesheet("dr-form")), *narrowed, *top, *([more] if rest else []), bar]
        root = widgets.VBox([*pieces, self._told, self._shown])
        root.add_class("dr-board")
        let_clicks_pass(self._clickable())
        return root

    def _clickable(self) -> list[Any]:
        watched = [one for field in self.fields.values() for one in field.watched]
        return [*self._buttons.values(), self._filter, self._n, *watched]

    def _people(self, panel: Any) -> Any:
        """Return those of the panel who fit the filter, cut to the number wished for."""
        if not isinstance(panel, Panel):
            return panel
        text = self._filter.value.strip()
        if text:
            try:
                kept = {id(panel[int(place)]) for place in panel.frame.query(text, engine="python").index}
            except Exception as error:  # pandas raises whatever it likes for a text that is no condition
                raise InvalidInput(
                    f"the filter {text!r} is no condition: {scrub(str(error))}",
                    hint=f"Use the panel's columns: {', '.join(map(str, panel.frame.columns[:8]))} …",
                ) from error
            panel = panel.filter(lambda one: id(one) in kept)
        return panel.sample(self._n.value, seed=self._lab.seed) if self._n.value < len(panel) else panel

    def _changed(self, _: Any) -> None:
        self.priced = None
        self._buttons["Run"].disabled = True

    def _apart(self, act: Callable[[], None]) -> None:
        """Do it on a thread of its own: a click must return at once, and reading files may take a while."""

        def work() -> None:
            try:
                act()
            except DramatisError as error:
                self._told.value = f'<div class="dr-note" role="alert">{escape(scrub(str(error)))}</div>'
            finally:
                let_clicks_pass(self._clickable())

        threading.Thread(target=work, name="dramatis-form", daemon=True).start()

    def _show_price(self) -> None:
        found = self.checks()
        rows = [[name, "well" if well else "not well", told] for name, well, told in found]
        table = rows_html((("looked at", False), ("", False), ("found", False)), rows, "")
        if not all(well for _, well, _ in found):
            self._told.value = table
            return
        told = self.price()
        low, high = told.output_tokens
        tiles = tile(f"{told.to_ask:,}", f"calls, {told.remembered:,} more are free") + tile(
            told.cost.removeprefix("about "), "to pay, about"
        )
        tiles += tile(f"{told.input_tokens:,}", "tokens in") + tile(f"{low:,} to {high:,}", "tokens out")
        self._told.value = f'{table}<div class="dr-tiles">{tiles}</div>'
        self._buttons["Run"].disabled = False

    def _show_prompt(self) -> None:
        bundle = preview(self._verb, **self.arguments())._repr_mimebundle_()
        self._shown.value = bundle.get("text/html", "")

    def _go(self) -> None:
        self.run()
        self._buttons["Run"].disabled = True
        self._buttons["Stop"].disabled = False
        self._pulse = Pulse(self._look)

    def _look(self) -> None:
        """Show how far it is; runs on the private loop."""
        run, pulse = self._run, self._pulse
        if run is None or pulse is None:
            return
        self._told.value = f'<div role="status">{escape(repr(run))}</div>'
        if run.done:
            pulse.end()
            self._apart(self._end)

    def _end(self) -> None:
        """Show the result; drawing takes a while, so it is done off the private loop."""
        self._buttons["Stop"].disabled = True
        if self._run is None:
            return
        self.result = self._run.result()
        bundle = self.result._repr_mimebundle_()
        self._shown.value = bundle.get("text/html") or f"<pre>{escape(bundle['text/plain'])}</pre>"


def explore(verb: Verb[..., Any], *args: Any, lab: Lab | None = None, **given: Any) -> Form:
    """Open a form over a verb: what the command line and a cell can do, with fields and buttons.

    Inputs are checked and the price is shown before anything is paid; then it runs in the background, so that a board
    beside it hears clicks, and the result is shown below and is at ``form.result``.

    Args:
        verb: The verb, for example ``tk.ask``.
        args: What the verb takes first: ``tk.explore(tk.ask, panel)``.
        lab: The lab; by default the current one.
        given: Further arguments: text and numbers are what fields begin with, everything else is settled.

    Returns:
        The form; the last line of a cell shows it.

    Raises:
        InvalidInput: It is no verb, or has no such parameter.

    Example:
        >>> panel = generate_personas(6, "us-adults-2012", detail="facts", lab=lab)
        >>> form = explore(ask, panel, question="Tea or coffee?", lab=lab)
        >>> form.price().calls
        6
        >>> len(form.run().result().frame)
        6
    """
    import inspect

    named = list(inspect.signature(job_of(verb)).parameters)
    if len(args) > len(named):
        raise InvalidInput(
            f"{verb.__name__} takes {len(named)} arguments, not {len(args)}", hint="Name them: question=…"
        )
    return Form(verb, {**dict(zip(named, args, strict=False)), **given}, current_lab(lab))
