"""status, list, logs, version: what only looks. `status` and `list` without other options are fast commands."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from altis_local import __version__
from altis_local.cli import fast
from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.clients import client_logs
from altis_local.clients.engine_reader import EngineReader
from altis_local.errors import EngineUnavailable


def status(json: Json = False) -> None:
    """Members, endpoints and protection of the environment."""
    fast.status(as_json=json)


def listing(json: Json = False) -> None:
    """Every environment on this machine's engine."""
    fast.listing(as_json=json)


def logs(
    members: Annotated[list[str] | None, typer.Argument(help="Members or roles. Without one: all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-n", help="How many last lines of each.")] = 100,
    since: Annotated[str, typer.Option(help="Only newer ones, such as 10m or 2026-01-31T12:00:00.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON document for each line.")] = False,
) -> None:
    """What members wrote to their logs."""
    found = environment().standing()
    chosen = [c for name in members or () for c in found.select(name)] or list(found.containers)
    options = ["--tail", str(tail), *(["--follow"] if follow else []), *(["--since", since] if since else [])]
    client_logs.show({c.member or c.name: c.id for c in chosen}, options, as_json=json)


def version(json: Json = False) -> None:
    """Versions of altis-local, Python and the engine."""
    try:
        engine = EngineReader().version()
    except EngineUnavailable:
        engine = None
    if json:
        print_json({"version": __version__, "python": platform.python_version(), "engine": engine})
    else:
        print(f"altis-local {__version__} (Python {platform.python_version()}, engine {engine or 'not running'})")
