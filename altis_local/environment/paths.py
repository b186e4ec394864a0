"""Where things of ours are: the user's own folders (XDG) and what ships with the package.

Called by everything in `environment` and by the command line. It makes no folder of the user's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

APP = "altis-local"


class Paths(NamedTuple):
    """Folders of one user. `state` holds locks, tokens and runs; `cache` may be removed at any time."""

    data: Path
    state: Path
    cache: Path

    @property
    def authority(self) -> Path:
        return self.data / "ca"

    def environment(self, name: str) -> Path:
        """What is kept outside the engine for one environment: its token and its runs."""
        return self.state / "environments" / name

    def token(self, name: str) -> Path:
        return self.environment(name) / "token"

    def lock(self, name: str) -> Path:
        return self.state / "locks" / f"{name}.lock"


def user_paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """The user's folders, by the XDG rules."""

    def folder(variable: str, fallback: str) -> Path:
        chosen = environ.get(variable, "")
        return (Path(chosen) if chosen.startswith("/") else Path.home() / fallback) / APP

    return Paths(
        folder("XDG_DATA_HOME", ".local/share"),
        folder("XDG_STATE_HOME", ".local/state"),
        folder("XDG_CACHE_HOME", ".cache"),
    )


def shipped() -> Path:
    """The folder that holds compose/, fixtures/ and scripts/: the checkout, or what an installed package carries."""
    # Fast commands import this module, and have no use for what copies trees.
    from altis_local.environment.shipping import layout  # noqa: PLC0415

    return layout(Path(__file__).resolve().parents[1], user_paths().cache)


def compose_files(folder: Path | None = None) -> tuple[Path, ...]:
    """The tiers of compose/, then the user's own compose.override.yml where `folder` has one.

    Each by name: what `include` brings in, a later file could not change.
    """
    own = tuple(sorted((shipped() / "compose").glob("*.yml")))
    override = folder / "compose.override.yml" if folder else None
    return (*own, override) if override and override.is_file() else own


def fixture_site() -> Path:
    return shipped() / "fixtures" / "site"
