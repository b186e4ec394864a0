"""prune: remove what is left of environments whose folder is gone."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import print_json, progress
from altis_local.cli.tables import columns
from altis_local.clients.engine_reader import EngineReader
from altis_local.environment.facade import Environment
from altis_local.environment.pruning import Leftover, leftovers
from altis_local.errors import UsageError
from altis_local.naming import PREFIX


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Remove environments whose folder is gone, with their data; with -p NAME, only that one.

    Asks on a terminal; without one it needs --yes.
    """
    found = _leftovers()
    if not json:
        _show(found)
    wanted = found if found and not dry_run and _is_wanted(found, yes=yes) else ()
    removed = [row.environment for row in wanted if _remove(row)]
    if json:
        print_json({"leftovers": [asdict(row) for row in found], "removed": removed})
    elif removed:
        print(f"removed: {', '.join(removed)}")


def _leftovers() -> tuple[Leftover, ...]:
    only = os.environ.get(f"{PREFIX}NAME", "")
    return tuple(row for row in leftovers(EngineReader()) if only in ("", row.environment))


def _remove(row: Leftover) -> bool:
    """Unless somebody has taken it up again meanwhile: an environment that just starts has only networks, too."""
    chosen = Environment(row.environment, progress=progress())
    return chosen.destroy(only_if=lambda: any(r.environment == row.environment for r in leftovers(chosen.reader)))


def _show(found: tuple[Leftover, ...]) -> None:
    if not found:
        print("nothing is left over")
        return
    rows = [(row.environment, row.containers, row.networks, row.volumes, row.reason) for row in found]
    print(columns(("ENVIRONMENT", "CONTAINERS", "NETWORKS", "VOLUMES", "WHY"), rows))


def _is_wanted(found: tuple[Leftover, ...], *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nothing was removed: without a terminal, prune needs --yes", hint="--dry-run only looks")
    return typer.confirm(f"Remove {len(found)} with all their data?", err=True)
