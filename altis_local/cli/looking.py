"""status, list, logs, version: what only looks. `status` and `list` without other options are fast commands."""

from __future__ import annotations

import platform
from typing import Annotated, NamedTuple

import typer

from altis_local import __version__
from altis_local.cli import fast, log_groups
from altis_local.cli.lifecycle import Json
from altis_local.cli.moments import moment
from altis_local.cli.show import environment, print_json
from altis_local.clients import client_logs
from altis_local.clients.engine_reader import EngineReader
from altis_local.errors import EngineUnavailable, UsageError


def status(json: Json = False) -> None:
    """Members, endpoints and protection of the environment."""
    fast.status(as_json=json)


def listing(json: Json = False) -> None:
    """Every environment on this machine's engine."""
    fast.listing(as_json=json)


def logs(  # noqa: PLR0913 - one argument is one option of the command
    members: Annotated[list[str] | None, typer.Argument(help="Members or roles. Without one: all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-n", help="How many last lines of each.")] = 100,
    since: Annotated[str, typer.Option(help="Only newer ones, such as 10m or 2026-01-31T12:00:00.")] = "",
    until: Annotated[str, typer.Option(help="Only older ones.")] = "",
    group: Annotated[str, typer.Option("--group", "-g", help="A log group instead, such as php or access.")] = "",
    groups: Annotated[bool, typer.Option("--groups", help="Only list the log groups.")] = False,
    text: Annotated[str, typer.Option("--filter", help="Only lines of the group with this text.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON document for each line.")] = False,
) -> None:
    """What members wrote to their logs, or what is in the log groups of CloudWatch."""
    if group or groups:
        if members:
            raise UsageError("a log group holds the lines of all members", hint="leave the members out, or --group")
        _group_logs(group, Period(since, until, text, tail), follow=follow, as_json=json)
        return
    if text:
        raise UsageError("--filter is for log groups", hint="add --group NAME, or pipe into grep")
    found = environment().standing()
    chosen = [c for name in members or () for c in found.select(name)] or list(found.containers)
    options = ["--tail", str(tail), *(["--follow"] if follow else []), *(["--since", since] if since else [])]
    options += ["--until", until] if until else []
    client_logs.show({c.member or c.name: c.id for c in chosen}, options, as_json=json)


class Period(NamedTuple):
    """Which lines of a group, as they were asked for."""

    since: str
    until: str
    text: str
    tail: int


def _group_logs(group: str, period: Period, *, follow: bool, as_json: bool) -> None:
    here = environment()
    now = here.clock.now()
    since, until = moment(period.since, now), moment(period.until, now)
    if not group:
        log_groups.show_groups(here.control(), here.name, as_json=as_json)
        return
    full = log_groups.full_name(here.name, group)
    wanted = log_groups.Wanted(full, since, until, period.text, period.tail)
    if follow:
        log_groups.follow(here.control(), wanted, here.clock, as_json=as_json)
    else:
        log_groups.show(here.control(), wanted, as_json=as_json)


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
