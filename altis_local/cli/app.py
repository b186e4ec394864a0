"""All commands, in the order that help shows them. Called by main for whatever is not a fast command."""

from __future__ import annotations

from collections.abc import Sequence

import click
import typer

from altis_local.cli import config, db, doctor, drill, fault, lifecycle, looking, running
from altis_local.naming import environment_name

app = typer.Typer(
    name="altis-local",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A faithful local copy of an Altis Cloud environment, with drills that end in a verdict.",
    epilog="Exit codes: 0 ok · 1 failed · 2 usage or refused by the plan · 3 verdict unknown · 4 no engine · "
    "5 not ready in time · 7 undo incomplete · 8 conflict · 130 interrupted. wp and exec give the child's.",
)


@app.callback()
def main(
    project: str = typer.Option(
        "", "-p", "--project", "--name", metavar="NAME", help="The environment. Also after the command."
    ),
) -> None:
    """The name is taken in by `main` before any command; it is here for its help text, and checked."""
    environment_name()


app.command()(lifecycle.start)
app.command("up", hidden=True)(lifecycle.start)
app.command()(lifecycle.build)
app.command()(lifecycle.stop)
app.command("down", hidden=True)(lifecycle.stop)
app.command()(lifecycle.restart)
app.command()(lifecycle.destroy)
app.command()(looking.status)
app.command("list")(looking.listing)
app.command()(looking.logs)
app.command(context_settings=running.PASS_ON)(running.shell)
app.command("exec", context_settings=running.PASS_ON)(running.execute)
app.command("wp", context_settings=running.PASS_ON)(running.wp)
app.command("cli", context_settings=running.PASS_ON, hidden=True)(running.wp)
app.add_typer(db.app, name="db")
app.command()(lifecycle.scale)
app.command()(lifecycle.failover)
app.add_typer(fault.app, name="fault")
app.add_typer(drill.app, name="drill")
app.add_typer(config.app, name="config")
app.command()(doctor.doctor)
app.command()(looking.version)


def run(words: Sequence[str]) -> int:
    """Run one command line; its exit code. Errors of ours pass through to the edge."""
    try:
        code = typer.main.get_command(app).main(args=list(words), prog_name="altis-local", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        # The framework's word for Ctrl-C; the edge has one answer to it.
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0
