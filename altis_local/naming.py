"""Which environment is meant: by flag, by ALTIS_LOCAL_NAME, by the configuration, by its folder, else the default.

Every command asks this, so it imports neither YAML nor pydantic; `settings` reads the same files thoroughly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from altis_local.errors import UsageError

FILES = ("altis-local.yml", "altis-local.local.yml")
PREFIX = "ALTIS_LOCAL_"
DEFAULT_NAME = "altis"
NAME_RULE = "1 to 30 small letters, digits and inner hyphens"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
_NAME_LINE = re.compile(
    r"""^name[ \t]*:[ \t]*(?P<quote>["']?)(?P<name>[^"'\s#]*)(?P=quote)[ \t]*(?:\#.*)?$""", re.MULTILINE
)


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def checked(name: str) -> str:
    """The name, or UsageError."""
    if not is_name(name):
        raise UsageError(f"{name!r} is no name for an environment", hint=f"a name is {NAME_RULE}")
    return name


def sanitised(text: str) -> str:
    """A folder's name as the name of an environment; "" when nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:30].strip("-")


def find_folder(start: Path) -> Path:
    """The nearest folder upwards that holds a configuration; `start` itself where there is none."""
    return next((f for f in (start, *start.parents) if any((f / name).is_file() for name in FILES)), start)


def environment_name(flag: str = "", folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The name that is meant. A folder gives its own name only where it holds a configuration."""
    if chosen := flag or environ.get(f"{PREFIX}NAME", ""):
        return checked(chosen)
    home = find_folder(folder or Path.cwd())
    files = [home / name for name in reversed(FILES) if (home / name).is_file()]
    for file in files:
        if found := _NAME_LINE.search(file.read_text(errors="replace")):
            return checked(found["name"])
    return (sanitised(home.name) if files else "") or DEFAULT_NAME
