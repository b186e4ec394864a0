"""db: a client session, how to connect, who follows whom, and a port on this machine."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from altis_local.cli.fast import hand_over
from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.clients.engine_reader import Found
from altis_local.environment.exposing import DOORS, exposed
from altis_local.environment.facade import Environment
from altis_local.errors import AltisError

app = typer.Typer(no_args_is_help=True, help="The environment's database.")

USER, DATABASE = "wordpress", "wordpress"
LOOPBACK = "127.0.0.1"
PASSWORD = "ALTIS_DB_PASSWORD"  # noqa: S105 - the name of a variable
HIDDEN = "(hidden: --show)"


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def shell(
    context: typer.Context,
    reader: Annotated[bool, typer.Option("--reader", help="On a reader instead of the writer.")] = False,
) -> None:
    """The mysql client on the writer, as the site's user. Further arguments go to the client (`-e 'SELECT 1'`)."""
    chosen = environment()
    member = _member(chosen, "reader" if reader else "writer")
    # In our environment and by name alone on the command line, where everybody could read it.
    os.environ["MYSQL_PWD"] = chosen.reader.environment_of(member.id).get(PASSWORD, "")
    hand_over(member, ("mysql", f"--user={USER}", *context.args, DATABASE), "--env", "MYSQL_PWD")


@app.command()
def info(
    show: Annotated[bool, typer.Option("--show", help="Show the password also where stdout is no terminal.")] = False,
    json: Json = False,
) -> None:
    """How the site reaches its database."""
    chosen = environment()
    ports = {door: exposed(chosen.standing(), door) for door in DOORS}
    document = {
        "writer": "db-writer:3306",
        "reader": "db-reader:3306",
        **_login(chosen, show=show),
        "exposed": {door: f"{LOOPBACK}:{port}" if port else None for door, port in ports.items()},
    }
    if json:
        print_json(document)
        return
    shown = {k: v for k, v in document.items() if k != "exposed"}
    print(columns(("KEY", "VALUE"), [(k, v if v is not None else HIDDEN) for k, v in shown.items()]))
    print("\nThese names are known inside the environment only: `altis-local db shell` opens a session.")
    for door in [door for door, port in ports.items() if port]:
        print(f"The {door} is exposed to this machine at {LOOPBACK}:{ports[door]}.")


def _login(chosen: Environment, *, show: bool) -> dict[str, Any]:
    secret = chosen.reader.environment_of(_member(chosen, "writer").id).get(PASSWORD, "")
    password = secret if show or sys.stdout.isatty() else None
    return {"database": DATABASE, "user": USER, "password": password}


@app.command()
def expose(
    reader: Annotated[bool, typer.Option("--reader", help="The readers instead of the writer.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="On this port. Without it: from 33060 up.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the password also where stdout is no terminal.")] = False,
    json: Json = False,
) -> None:
    """Let programs on this machine reach the database, on loopback, until `unexpose` or `stop`."""
    chosen = environment()
    found = chosen.expose(_door(reader=reader), port)
    document = {"host": LOOPBACK, "port": found, **_login(chosen, show=show)}
    if json:
        print_json(document)
        return
    print(columns(("KEY", "VALUE"), [(k, v if v is not None else HIDDEN) for k, v in document.items()]))
    print("\nIt follows every failover. `altis-local db unexpose` closes it.")


@app.command()
def unexpose(
    reader: Annotated[bool, typer.Option("--reader", help="The readers instead of the writer.")] = False,
    json: Json = False,
) -> None:
    """Close what `expose` opened."""
    closed = environment().unexpose(_door(reader=reader))
    if json:
        print_json({"closed": closed})
    else:
        print("closed" if closed else "it was not open")


def _door(*, reader: bool) -> str:
    return "reader" if reader else "writer"


@app.command()
def topology(json: Json = False) -> None:
    """Writer and readers, their replication, and what the endpoints lead to."""
    status = environment().status()
    members = [m for m in status["members"] if m["role"] == "db"]
    endpoints = {name: e for name, e in status["endpoints"].items() if name.startswith("db-")}
    if json:
        database = status.get("database")
        print_json({"protected": status["protected"], "members": members, "endpoints": endpoints, "database": database})
        return
    rows = [(m["member"], m["zone"], m["duty"], m["state"], m["health"] or m["detail"]) for m in members]
    print(columns(("MEMBER", "ZONE", "DUTY", "STATE", "DETAIL"), rows))
    for name, endpoint in endpoints.items():
        print(f"{name} → {' '.join(endpoint['members']) or 'nobody'}")


def _member(chosen: Environment, duty: str) -> Found:
    """The running db member with this duty; any running one where control cannot say."""
    found = chosen.standing()
    try:
        rows: list[dict[str, Any]] = chosen.status()["members"]
    except AltisError:
        rows = []
    name = next((row["member"] for row in rows if row["duty"] == duty), "db")
    return found.pick(name)
