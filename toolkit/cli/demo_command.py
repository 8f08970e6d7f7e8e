"""``toolkit demo``: the main job, from nothing to answers about an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import options, voice
from toolkit.cli.exit_codes import end
from toolkit.cli.session import opened

if TYPE_CHECKING:
    from toolkit.lab import Lab
    from toolkit.media import Image
    from toolkit.questions import Choice

__all__ = ["demo"]

QUESTION = "Both packages hold the same oat drink at the same price. Which one would you take home?"


_HERE = options.Calling(study=Path("studies/demo"), seed=7)


@options.spread
def demo(
    *,
    people: Annotated[int, typer.Option(min=1, help="How many personas.")] = 12,
    calling: options.Calling = _HERE,
) -> None:
    """Make a panel of US adults, show it two packages, and ask which one it would take home."""
    from toolkit.settings import load_settings

    if not calling.dry_run:
        _fetch_weights(load_settings(model=calling.model).model)
    with opened(calling) as lab:
        if calling.dry_run:
            _foretell(people)
            return
        voice.say(f"Asking {lab.model}; the study's folder is {calling.study}.")
        for note in lab.notes:
            voice.say(f"Note: {note}")
        _run(lab, people, calling.study, trace_ids=calling.trace_ids)


def _foretell(people: int) -> None:
    """Say what the two steps would take; the second by the facts alone, for no text is written yet."""
    from toolkit.personas import Population, generate_personas
    from toolkit.questions import ask
    from toolkit.verbs import estimate

    population = Population.load("us-adults-2012")
    voice.say(str(estimate(generate_personas, people, population, detail="brief")))
    panel = generate_personas(people, population, detail="facts")
    voice.say(str(estimate(ask, panel, QUESTION, images=packages(), answer=_answer())))


def _answer() -> Choice:
    from toolkit.questions import Choice

    return Choice(["the plain package", "the bold package"], why=True)


def _run(lab: Lab, people: int, study: Path, *, trace_ids: bool) -> None:
    from toolkit.display.style import save
    from toolkit.personas import Population, generate_personas
    from toolkit.questions import ask

    panel = generate_personas(people, Population.load("us-adults-2012"), detail="brief")
    if not len(panel):
        end(trace_ids, personas=panel)
    voice.say("")
    print(panel.describe())
    answers = ask(
        panel,
        QUESTION,
        images=packages(),
        answer=_answer(),
        allow_partial=True,
    )
    shown = answers.frame[["name", "answer", "why"]]
    print()
    print(shown.to_string(index=False, max_colwidth=100))
    print()
    print(answers)
    picture = study / "answers.png"
    save(answers.plot(), picture)
    print()
    print(lab.report())
    voice.say(f"The picture is {picture}. Run it again: it answers from memory, with no model call.")
    end(trace_ids, personas=panel, questions=answers)


def packages() -> list[Image]:
    """Return the two packages of the demo, with their descriptions for models without eyes."""
    import tomllib

    from toolkit.media import Image
    from toolkit.resources import data_file

    told = tomllib.loads(data_file("images/packages.toml").read_text(encoding="utf-8"))
    return [Image(data_file(f"images/{one['file']}"), alt=one["alt"], name=one["name"]) for one in told["image"]]


def _fetch_weights(model: str) -> None:
    """Install the embedded model's weights if they are wanted and not there: the demo was asked for."""
    if model.partition(":")[0] != "embedded":
        return
    from toolkit.models.weights import install, weights_path

    if weights_path() is None:
        voice.say("Fetching the embedded model's weights (98 MB), once.")
        install()
