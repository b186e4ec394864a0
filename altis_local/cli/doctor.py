"""doctor: what this machine lacks, and what to type."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import print_json
from altis_local.clients.engine_reader import EngineReader
from altis_local.environment.checkup import document, examine
from altis_local.environment.paths import user_paths
from altis_local.naming import environment_name

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}


def doctor(json: Json = False) -> None:
    """Check engine, compose, disk, memory, ports, CA and kernel limits."""
    findings = examine(EngineReader(), user_paths(), Path.cwd(), environment_name())
    told = document(findings)
    if json:
        print_json(told)
    else:
        for found in findings:
            sign, colour = _SIGNS[found.state]
            sign = typer.style(sign, fg=colour) if sys.stdout.isatty() else sign
            print(f"{sign} {found.check:<18} {found.detail}")
            if found.todo and found.state != "ok":
                print(f"  {'':<18} → {found.todo}")
    if not told["ok"]:
        raise typer.Exit(1 if findings[0].state == "ok" else 4)
