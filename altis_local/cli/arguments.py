"""Finds the environment's name and the verb in the arguments, before anything heavy is imported.

Called by main. `-p NAME` may stand before the verb or among a verb's own options, but what follows `wp`, `cli` and
`exec` belongs to the command that runs in the container.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from altis_local.errors import UsageError

PASSING = ("wp", "cli", "exec")
"""Verbs that hand over to a program; the rest of the line is its own."""

_NAME_OPTIONS = ("-p", "--project", "--name")


class Command(NamedTuple):
    """A command line taken apart. `name` is "" when none was given."""

    name: str
    verb: str
    rest: tuple[str, ...]


def split(argv: Sequence[str]) -> Command:
    """Take a command line apart. Raises UsageError when -p has no name."""
    name, left = _leading_name(tuple(argv))
    if not left or left[0].startswith("-"):
        return Command(name, "", left)
    verb, rest = left[0], left[1:]
    if verb in PASSING:
        given, rest = _leading_name(rest)
        return Command(given or name, verb, rest)
    ours, theirs = _before_dashes(rest)
    kept: tuple[str, ...] = ()
    while ours:
        given, ours = _leading_name(ours)
        name = given or name
        kept, ours = (*kept, *ours[:1]), ours[1:]
    return Command(name, verb, kept + theirs)


def asks_for_json(argv: Sequence[str]) -> bool:
    """Whether `--json` is said to us, and not to a program that we hand over to."""
    try:
        command = split(argv)
    except UsageError:
        return "--json" in argv
    return command.verb not in PASSING and "--json" in _before_dashes(command.rest)[0]


def _leading_name(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The name that the first words give (the last one wins), and the words after it."""
    name = ""
    while argv:
        option, equals, value = argv[0].partition("=")
        if option not in _NAME_OPTIONS:
            break
        used = 1 if equals else 2
        if not equals:
            value = argv[1] if len(argv) > 1 else ""
        if not value or value.startswith("-"):
            raise UsageError(f"{option} needs the name of an environment", hint="altis-local -p NAME COMMAND")
        name, argv = value, argv[used:]
    return name, argv


def _before_dashes(argv: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at:]
