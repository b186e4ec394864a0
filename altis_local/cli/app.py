"""All commands, in the order that help shows them. Called by main for whatever is not a fast command.

A command line that names its verb imports that verb's module alone; help, completion and a mistyped verb need all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import click
import typer
from typer.core import TyperGroup

from altis_local.cli.arguments import asks_for_json
from altis_local.cli.edge import tell_usage
from altis_local.cli.running import PASS_ON
from altis_local.clients.engine_reader import EngineReader
from altis_local.errors import AltisError
from altis_local.naming import environment_name

COMPLETE = "_ALTIS_LOCAL_COMPLETE"
"""Set by a shell that asks for completions."""

ENVIRONMENT, INSIDE, SERVICES = "The environment", "Inside", "Services of the environment"
REHEARSE, MACHINE = "Rehearse the bad day", "This machine"


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb stands in help, and the function (or the group of functions, `app`) that is behind it."""

    panel: str
    module: str
    function: str = "app"
    hidden: bool = False
    passes_on: bool = False


VERBS: Mapping[str, Verb] = {
    "start": Verb(ENVIRONMENT, "lifecycle", "start"),
    "up": Verb(ENVIRONMENT, "lifecycle", "start", hidden=True),
    "build": Verb(ENVIRONMENT, "lifecycle", "build"),
    "stop": Verb(ENVIRONMENT, "lifecycle", "stop"),
    "down": Verb(ENVIRONMENT, "lifecycle", "stop", hidden=True),
    "restart": Verb(ENVIRONMENT, "lifecycle", "restart"),
    "destroy": Verb(ENVIRONMENT, "lifecycle", "destroy"),
    "status": Verb(ENVIRONMENT, "looking", "status"),
    "scale": Verb(ENVIRONMENT, "scaling", "scale"),
    "open": Verb(ENVIRONMENT, "browse", "browse"),
    "logs": Verb(INSIDE, "looking", "logs"),
    "shell": Verb(INSIDE, "running", "shell", passes_on=True),
    "exec": Verb(INSIDE, "running", "execute", passes_on=True),
    "wp": Verb(INSIDE, "running", "wp", passes_on=True),
    "cli": Verb(INSIDE, "running", "wp", hidden=True, passes_on=True),
    "db": Verb(SERVICES, "db"),
    "cache": Verb(SERVICES, "cache"),
    "search": Verb(SERVICES, "search"),
    "s3": Verb(SERVICES, "s3"),
    "cdn": Verb(SERVICES, "cdn"),
    "jobs": Verb(SERVICES, "jobs"),
    "mail": Verb(SERVICES, "mail"),
    "traces": Verb(SERVICES, "traces"),
    "failover": Verb(REHEARSE, "lifecycle", "failover"),
    "fault": Verb(REHEARSE, "fault"),
    "drill": Verb(REHEARSE, "drill"),
    "fidelity": Verb(REHEARSE, "fidelity", "fidelity"),
    "list": Verb(MACHINE, "looking", "listing"),
    "config": Verb(MACHINE, "config"),
    "images": Verb(MACHINE, "images", "images"),
    "prune": Verb(MACHINE, "prune", "prune"),
    "doctor": Verb(MACHINE, "doctor", "doctor"),
    "completion": Verb(MACHINE, "completion", "completion"),
    "version": Verb(MACHINE, "looking", "version"),
}


def run(words: Sequence[str]) -> int:
    """Run one command line; its exit code. Errors of ours pass through to the edge."""
    completes = COMPLETE in os.environ
    if completes:
        from typer._completion_classes import completion_init  # noqa: PLC0415 - only a shell asks

        completion_init()
    named = words[0] if words and words[0] in VERBS and not completes else ""
    command = typer.main.get_command(made({named: VERBS[named]} if named else VERBS))
    try:
        code = command.main(args=list(words), prog_name="altis-local", complete_var=COMPLETE, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 0
    except click.ClickException as error:
        error.show()
        if asks_for_json(words):
            tell_usage(error.format_message())
        return error.exit_code
    except click.Abort:
        # The framework's word for Ctrl-C; the edge has one answer to it.
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


class _InOrder(TyperGroup):
    """Shows verbs in the order of VERBS; by itself it would show groups after all others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in VERBS if name in self.commands]


def made(verbs: Mapping[str, Verb]) -> typer.Typer:
    """The command line with these verbs."""
    app = typer.Typer(
        name="altis-local",
        cls=_InOrder,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="A faithful local copy of an Altis Cloud environment, with drills that end in a verdict.",
        epilog="Exit codes: 0 ok · 1 failed · 2 usage or refused by the plan · 3 verdict unknown · 4 no engine · "
        "5 not ready in time · 7 undo incomplete · 8 conflict · 130 interrupted. wp and exec give the child's.",
    )
    app.callback()(_main)
    for name, verb in verbs.items():
        behind = getattr(import_module(f"altis_local.cli.{verb.module}"), verb.function)
        if isinstance(behind, typer.Typer):
            app.add_typer(behind, name=name, rich_help_panel=verb.panel, hidden=verb.hidden)
        else:
            settings = PASS_ON if verb.passes_on else None
            app.command(name, rich_help_panel=verb.panel, hidden=verb.hidden, context_settings=settings)(behind)
    return app


def _names() -> list[str]:
    """Names of environments, for completion; none where they cannot be known."""
    try:
        return sorted({container.environment for container in EngineReader().containers()})
    except AltisError:
        return []


def _say_version(wanted: bool) -> None:
    if wanted:
        from altis_local.cli.looking import version  # noqa: PLC0415 - no other command needs it

        version()
        raise typer.Exit


def _main(
    project: str = typer.Option(
        "",
        "-p",
        "--project",
        "--name",
        metavar="NAME",
        help="The environment. Also after the command.",
        autocompletion=_names,
    ),
    _: bool = typer.Option(False, "--version", is_eager=True, callback=_say_version, help="As the command version."),
) -> None:
    """The name is taken in by `main` before any command; it is here for its help text, and checked."""
    environment_name()
