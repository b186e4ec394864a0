"""Our own command line as a program of its own, for what is about just that: exit codes, pipes, what it prints.

Called by the fidelity probes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from altis_local.errors import ActionFailed


def own_command(words: Sequence[str], stdin: str, timeout: float) -> tuple[int, str]:
    """Run altis-local without a terminal: its exit code, and both of its streams. Raises ActionFailed when late."""
    line = [sys.executable, "-m", "altis_local.cli.main", *words]
    try:
        done = subprocess.run(line, input=stdin, text=True, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ActionFailed(f"altis-local {' '.join(words)} did not end in {timeout:.0f} s") from error
    return done.returncode, done.stdout + done.stderr
