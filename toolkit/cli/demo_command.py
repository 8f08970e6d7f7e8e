"""``toolkit demo``: the main job, from nothing to answers about an image."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.exit_codes import end

if TYPE_CHECKING:
    from toolkit.lab import Lab
    from toolkit.media import Image

__all__ = ["demo"]

QUESTION = "Both packages hold the same oat drink at the same price. Which one would you take home?"


def demo(
    study: Annotated[Path, typer.Option(help="Folder of the study; a second run answers from its memory.")] = Path(
        "studies/demo"
    ),
    model: Annotated[str, typer.Option(help="Who answers.", envvar="TOOLKIT_MODEL")] = "embedded",
    people: Annotated[int, typer.Option(min=1, help="How many personas.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the panel and of every answer.")] = 7,
    *,
    trace_ids: Annotated[bool, typer.Option("--trace-ids", help="Show the provider's id of failed requests.")] = False,
) -> None:
    """Make a panel of US adults, show it two packages, and ask which one it would take home."""
    from toolkit.lab import Lab

    _fetch_weights(model)
    with Lab(model, study=study, seed=seed) as lab:
        _say(f"Asking {lab.model}; the study's folder is {study}.")
        for note in lab.notes:
            _say(f"Note: {note}")
        _run(lab, people, study, trace_ids=trace_ids)
        lab.close()


def _run(lab: Lab, people: int, study: Path, *, trace_ids: bool) -> None:
    from toolkit.display.style import save
    from toolkit.personas import Population, generate_personas
    from toolkit.questions import Choice, ask

    panel = generate_personas(people, Population.load("us-adults-2012"), detail="brief")
    if not len(panel):
        end(trace_ids, personas=panel)
    _say("")
    print(panel.describe())
    answers = ask(
        panel,
        QUESTION,
        images=packages(),
        answer=Choice(["the plain package", "the bold package"], why=True),
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
    _say(f"The picture is {picture}. Run it again: it answers from memory, with no model call.")
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
        _say("Fetching the embedded model's weights (98 MB), once.")
        install()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
