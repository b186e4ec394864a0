"""Entry point. The frequent commands (`wp`, `exec`, `shell`, `status`, `list`) run without a CLI framework.

Importing one costs more than these commands themselves; everything else goes to `app`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from altis_local.cli.arguments import Command, asks_for_json, split
from altis_local.cli.edge import guarded
from altis_local.naming import PREFIX, checked


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; its exit code."""
    words = tuple(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(words), json=asks_for_json(words))


def _run(words: tuple[str, ...]) -> int:
    command = split(words)
    if command.name:
        # As an environment variable it reaches the configuration and every sub-command in the same way.
        os.environ[f"{PREFIX}NAME"] = checked(command.name)
    if is_fast(command):
        from altis_local.cli import fast  # noqa: PLC0415 - see above

        return fast.run(command)
    from altis_local.cli.app import run  # noqa: PLC0415 - see above

    return run([*([command.verb] if command.verb else []), *command.rest])


def is_fast(command: Command) -> bool:
    """Whether `fast` can do it all. Help is the framework's."""
    match command.verb:
        case "wp" | "cli":
            return True
        case "exec" | "shell":
            return not command.rest or command.rest[0] not in ("-h", "--help")
        case "status" | "list":
            return set(command.rest) <= {"--json"}
        case _:
            return False


if __name__ == "__main__":
    sys.exit(main())
