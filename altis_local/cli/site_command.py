"""WP-CLI in the sandbox on behalf of a verb of ours: handed over for people, gathered into a document for --json.

Called by `jobs run` and `search reindex`. It decides nothing about what is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from altis_local.cli.fast import SITE_FOLDER, SITE_USER, hand_over, sandbox
from altis_local.cli.show import print_json
from altis_local.environment.facade import Environment

LIMIT = 3600.0
"""Seconds that a command may take with --json: a job's hour (CAV-14)."""


def run(
    chosen: Environment, words: Sequence[str], *, url: str = "", about: Mapping[str, Any] | None = None, json: bool
) -> None:
    """Run `wp` with these words for the site at `url` (else the main site). The exit code is the command's own."""
    found = chosen.standing()
    where = url or found.site_url
    line = ("wp", *([f"--url={where}"] if where else []), *words)
    member = sandbox(found)
    if not json:
        hand_over(member, line, "--user", SITE_USER, "--workdir", SITE_FOLDER)
    done = chosen.engine.exec(member.id, line, user=SITE_USER, timeout=LIMIT)
    print_json({**(about or {}), "exit_code": done.exit_code, "output": done.output.splitlines()})
    if done.exit_code:
        raise typer.Exit(done.exit_code)
