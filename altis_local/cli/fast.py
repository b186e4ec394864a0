"""The frequent commands without a framework: they find a container by label and hand over to the engine's client.

Called by main. `wp`, `exec` and `shell` end by becoming that client's process, so the exit code is the child's.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from altis_local.cli.arguments import Command
from altis_local.clients.engine_reader import EngineReader, Found
from altis_local.environment.finding import Standing, existing
from altis_local.errors import ActionFailed, EngineUnavailable, UsageError
from altis_local.naming import environment_name

SITE_FOLDER = "/usr/src/app"
SITE_USER = "www-data"
SITE_ROLES = ("web", "sandbox", "cavalcade")

_EXEC_OPTIONS = {"-u": "--user", "--user": "--user", "-w": "--workdir", "--workdir": "--workdir", "-e": "--env"}
_ANY_SHELL = ("sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")


def run(command: Command) -> int:
    """Run one of the fast commands."""
    match command.verb:
        case "wp" | "cli":
            return wp(command.rest)
        case "exec":
            return execute(command.rest)
        case "shell":
            return shell(command.rest)
        case "status":
            return status(as_json="--json" in command.rest)
        case _:
            return listing(as_json="--json" in command.rest)


def wp(arguments: Sequence[str]) -> int:
    """WP-CLI in the sandbox."""
    found = existing(EngineReader(), environment_name())
    has_url = any(word == "--url" or word.startswith("--url=") for word in arguments)
    url = () if has_url or not found.site_url else (f"--url={found.site_url}",)
    return hand_over(sandbox(found), ("wp", *url, *arguments), "--user", SITE_USER, "--workdir", SITE_FOLDER)


def sandbox(found: Standing) -> Found:
    """Where work by hand is done: the sandbox, or a web container while there is none."""
    with suppress(ActionFailed, UsageError):
        return found.pick("sandbox")
    return found.pick("web")


def execute(arguments: Sequence[str]) -> int:
    """`exec [-u USER] [-w FOLDER] [-e NAME=VALUE] MEMBER [--] COMMAND…`"""
    options: list[str] = []
    words = list(arguments)
    while words and words[0] in _EXEC_OPTIONS and len(words) > 1:
        options += [_EXEC_OPTIONS[words[0]], words[1]]
        words = words[2:]
    if words[1:2] == ["--"]:
        del words[1]
    if len(words) < 2 or words[0].startswith("-"):
        raise UsageError("exec takes a member (or a role) and a command", hint="altis-local exec web-a1 -- php -v")
    return hand_over(existing(EngineReader(), environment_name()).pick(words[0]), words[1:], *options)


def shell(arguments: Sequence[str]) -> int:
    """A shell in a member; without one in the sandbox. As the site's user where the site's code is."""
    if len(arguments) > 1:
        raise UsageError("shell takes one member (or a role)", hint="altis-local shell db-1")
    found = existing(EngineReader(), environment_name())
    member = found.pick(arguments[0]) if arguments else sandbox(found)
    options = ("--user", SITE_USER, "--workdir", SITE_FOLDER) if member.role in SITE_ROLES else ()
    return hand_over(member, _ANY_SHELL, *options)


def hand_over(member: Found, command: Sequence[str], *options: str) -> int:
    """Become `docker exec`. A terminal is given only where both ends are one."""
    terminal = ("--tty",) if sys.stdin.isatty() and sys.stdout.isatty() else ()
    line = ["docker", "exec", "--interactive", *terminal, *options, member.id, *command]
    sys.stdout.flush()
    try:
        os.execvp(line[0], line)  # noqa: S606 - no shell is wanted
    except FileNotFoundError as error:
        raise EngineUnavailable("the docker client is not installed", hint="see `altis-local doctor`") from error


def status(*, as_json: bool) -> int:
    """How one environment is."""
    from altis_local.environment.paths import user_paths  # noqa: PLC0415 - `wp` does not need it
    from altis_local.environment.status import status as document_of  # noqa: PLC0415

    document = document_of(EngineReader(), environment_name(), user_paths())
    if as_json:
        print(json.dumps(document))
        return 0
    from altis_local.cli.tables import status_text  # noqa: PLC0415

    print(status_text(document))
    return 0


def listing(*, as_json: bool) -> int:
    """Every environment on the engine."""
    from altis_local.environment.paths import user_paths  # noqa: PLC0415
    from altis_local.environment.status import listing as document_of  # noqa: PLC0415

    document = document_of(EngineReader(), user_paths())
    if as_json:
        print(json.dumps(document))
        return 0
    from altis_local.cli.tables import listing_text  # noqa: PLC0415

    print(listing_text(document))
    return 0
