"""Help texts of the commands that `fast` runs; the framework only ever gets here for `--help`."""

from __future__ import annotations

from typing import Annotated

import typer

from altis_local.cli import fast

Arguments = Annotated[list[str] | None, typer.Argument(metavar="ARGUMENTS")]
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def wp(arguments: Arguments = None) -> None:
    """WP-CLI in the sandbox, with --url of the site unless given."""
    fast.wp(tuple(arguments or ()))


def execute(arguments: Arguments = None) -> None:
    """Run a command in a member: exec [-u USER] [-w FOLDER] [-e NAME=VALUE] MEMBER [--] COMMAND…"""
    fast.execute(tuple(arguments or ()))


def shell(
    member: Annotated[str | None, typer.Argument(help="A member or a role; without one: sandbox.")] = None,
) -> None:
    """A shell in a member."""
    fast.shell((member,) if member else ())
