"""``toolkit board``: the board of a study on disk, in a browser, outside Jupyter."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import voice
from toolkit.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from toolkit.dashboards.web import Served

__all__ = ["board"]

_LOOK_SECONDS = 0.2
_PATIENCE = 60.0


def board(
    study: Annotated[Path, typer.Argument(metavar="STUDY_FOLDER", help="Folder of the study, at work or not.")],
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 0,
    baseline: Annotated[
        str | None, typer.Option(help="What to compare with: reference, or a file of toolkit bench --out.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Watch a study: spend, latency, throughput and calls, read from its files; on this machine only, with a token."""
    from toolkit.dashboards.baseline_bands import bands_of
    from toolkit.dashboards.web import serving

    bands_of(baseline)
    with serving(study, port=port, baseline=baseline) as served:
        if not _ready(served):
            voice.warn(f"the board's server did not start: {served.said}")
            raise typer.Exit(ExitCode.FAULT)
        print(served.address, flush=True)
        voice.say("The board follows the study until you press Ctrl-C. The address holds its key: give it to no one.")
        if not no_browser:
            webbrowser.open(served.address)
        try:
            code = served.wait()
        except KeyboardInterrupt:
            return  # the way to end it
    if code:
        raise typer.Exit(ExitCode.FAULT)


def _ready(served: Served) -> bool:
    """Wait until the server answers, and tell whether it does; asking without the token, which it refuses."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and served.process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/", timeout=_PATIENCE):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(_LOOK_SECONDS)
    return False
