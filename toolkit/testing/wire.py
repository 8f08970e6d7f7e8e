"""The wire server's door: ``WireServer``, ``WireProcess``, and ``python -m toolkit.testing.wire``.

As a program it prints ``{"url": …, "key": …}`` as one line of JSON, and serves until it is stopped or its parent is
gone.
"""

from __future__ import annotations

import json
import os
import time
from typing import Annotated, Any

import typer

from toolkit.errors import InvalidInput
from toolkit.testing._wire_faults import WIRE_FAULTS
from toolkit.testing._wire_process import WireProcess
from toolkit.testing._wire_server import Traffic, WireServer

__all__ = ["WIRE_FAULTS", "Traffic", "WireProcess", "WireServer", "main"]

_LOOK_SECONDS = 0.25


def main() -> None:
    """Run the server as a program."""

    def serve(
        port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.")] = 0,
        options: Annotated[str, typer.Option(help="Options of WireServer, as a JSON object.")] = "{}",
        parent: Annotated[int, typer.Option(help="End when this process is no longer the parent.")] = 0,
    ) -> None:
        """Serve the chat-completions protocol on 127.0.0.1."""
        parent = parent or os.getppid()
        try:
            server = WireServer(**{"port": port, **_parsed(options)})
            with server:
                typer.echo(json.dumps({"url": server.url, "key": server.key}))
                _wait_for_the_end(parent)
        except InvalidInput as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        except TypeError as error:
            typer.echo(f"{error}. Look at the arguments of WireServer.", err=True)
            raise typer.Exit(2) from None

    typer.run(serve)


def _parsed(options: str) -> dict[str, Any]:
    try:
        found = json.loads(options)
    except ValueError as error:
        raise InvalidInput(f"the options are not JSON: {error}", hint='Write {"latency": 0.2}.') from error
    if not isinstance(found, dict):
        raise InvalidInput(f"the options are {type(found).__name__}, not an object", hint='Write {"latency": 0.2}.')
    return found


def _wait_for_the_end(parent: int) -> None:
    """Return when the parent is gone, even after it was killed: its children then get another parent."""
    try:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
