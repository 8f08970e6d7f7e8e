"""``toolkit bench``: measure the engine beside the plain client, and hold it to a baseline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.exit_codes import ExitCode
from toolkit.errors import InvalidInput

__all__ = ["bench"]


def bench(
    *,
    against: Annotated[Path | None, typer.Option(help="A baseline; a loss over 15 % of a ratio exits with 4.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write what was measured.")] = None,
    pairs: Annotated[int, typer.Option(help="Interleaved pairs of plain client and engine.")] = 7,
    calls: Annotated[int, typer.Option(help="Calls of each.")] = 1600,
    at_once: Annotated[int, typer.Option(help="Calls in flight at once.")] = 64,
    quick: Annotated[bool, typer.Option("--quick", help="Without memory, three smaller pairs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output instead of a table.")] = False,
) -> None:
    """Measure calls a second, latency, queue, replay, memory and tokens on this machine; about half a minute."""
    from toolkit.bench import Baseline, measure

    for name, value in (("pairs", pairs), ("calls", calls), ("at-once", at_once)):
        if value < 1:
            raise InvalidInput(f"--{name} is {value}, which measures nothing", hint="Give a whole number from 1.")
    reference = None if against is None else Baseline.load(against)

    def tell(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    found = measure(
        pairs=min(pairs, 3) if quick else pairs,
        calls=min(calls, 800) if quick else calls,
        at_once=at_once,
        answers=0 if quick else 5000,
        tell=tell,
    )
    if out is not None:
        found.save(out)
        print(f"written to {out}", file=sys.stderr)
    if as_json:
        import json
        from dataclasses import asdict

        print(json.dumps({name: asdict(one) for name, one in found.metrics.items()}, indent=2))
    if reference is None:
        return
    losses = reference.losses(found)
    for loss in losses:
        print(f"toolkit: {loss}", file=sys.stderr)
    if losses:
        raise typer.Exit(ExitCode.STRICT)
    print(f"no loss against {against}", file=sys.stderr)
