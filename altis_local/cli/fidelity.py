"""fidelity: what of the contract with Altis Cloud this environment keeps, row by row, seen from outside.

Exit codes: 0 nothing failed, 1 a row failed, 3 a probe could not tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.fidelity import catalogue, report
from altis_local.fidelity.catalogue import Row
from altis_local.fidelity.finding import Finding, Result
from altis_local.fidelity.live import Live
from altis_local.fidelity.run import run


def fidelity(
    wanted: Annotated[list[str] | None, typer.Argument(metavar="[ROW…|GROUP…]", help="Such as CDN-02 or PAGE.")] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Show every row, not just those that fail.")] = False,
    disruptive: Annotated[bool, typer.Option(help="Also probe what stops members or empties caches.")] = False,
    json: Json = False,
) -> None:
    """Ask the running environment whether it behaves as Altis Cloud does."""
    groups = catalogue.select(catalogue.load(), wanted or ())
    world = environment()
    live = Live(world)
    rows = [row for group in groups for row in group.rows]
    try:
        found = run(rows, live, clock=world.clock, disruptive=disruptive, told=_progress())
    finally:
        left = live.close()
    for problem in left:
        print(f"not cleaned up: {problem}", file=sys.stderr)
    if json:
        print_json({"environment": world.name, "plan": live.status.get("plan"), **report.document(groups, found)})
    else:
        print(report.text(groups, found, everything=everything or bool(wanted), style=_style()))
    raise typer.Exit(report.exit_code(found))


def _style() -> report.Style:
    """Colour on a terminal only."""
    if not sys.stdout.isatty():
        return lambda words, _: words
    return lambda words, colour: typer.style(words, bold=True) if colour == "bold" else typer.style(words, fg=colour)


def _progress() -> Callable[[Row, Finding], None] | None:
    """A line that counts, on a terminal."""
    if not sys.stderr.isatty():
        return None
    counted = 0

    def told(row: Row, finding: Finding) -> None:
        nonlocal counted
        if finding.result not in (Result.NOT_PROBED, Result.DIFFERS):
            counted += 1
            print(f"\r  {counted} probed, {row.id:<10}", end="", file=sys.stderr, flush=True)

    return told
