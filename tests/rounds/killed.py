"""A process that plays and is killed from outside: ``python -m tests.rounds.killed STUDY ROUNDS LATENCY``."""

import sys

import toolkit as tk
from toolkit.events import Event
from toolkit.models.scripted import ScriptedModel
from toolkit.rounds import run_rounds


def tell(event: Event) -> None:
    """Say which turn is over, so that the test knows when to kill."""
    sys.stdout.write(f"{event.data['character']}\n")
    sys.stdout.flush()


def main() -> None:
    study, rounds, latency = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    lab = tk.Lab(ScriptedModel(seed=3, latency=latency), study=study, seed=7)
    lab.events.subscribe(tell, "rounds.characterRunCompleted")
    run_rounds("negotiation", rounds=rounds, director=False, world=True, lab=lab)
    lab.close()


if __name__ == "__main__":
    main()
