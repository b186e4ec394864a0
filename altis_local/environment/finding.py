"""Finds environments and members by label. Fast commands import this module alone.

Called by the façade and the fast path of the command line. It asks the engine once and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from altis_local.clients.control_api import ControlApi
from altis_local.clients.engine_reader import EngineReader, Found
from altis_local.environment.paths import Paths
from altis_local.errors import ActionFailed, UsageError

API_PORT = 8080
"""Control's port inside its container."""


class Standing(NamedTuple):
    """Every container of one environment."""

    name: str
    containers: tuple[Found, ...]

    @property
    def control(self) -> Found | None:
        return next((c for c in self.containers if c.kind == "control"), None)

    @property
    def members(self) -> tuple[Found, ...]:
        return tuple(c for c in self.containers if c.kind == "member")

    @property
    def site_url(self) -> str:
        return self.control.label("site-url") if self.control else ""

    def select(self, wanted: str) -> tuple[Found, ...]:
        """The member of this name, or every one of this role. UsageError when there is none."""
        if named := tuple(c for c in self.containers if wanted in (c.member, c.role)):
            return named
        known = sorted({c.member for c in self.containers} | {c.role for c in self.containers} - {""})
        raise UsageError(f"environment {self.name} has no member {wanted}", hint=f"there is: {', '.join(known)}")

    def pick(self, wanted: str) -> Found:
        """A running member by name, or the first running one of a role."""
        named = self.select(wanted)
        if running := [c for c in named if c.is_running]:
            return running[0]
        raise ActionFailed(
            f"it is {named[0].state}, not running",
            member=named[0].member,
            hint=f"`altis-local -p {self.name} status`, or `altis-local -p {self.name} start`",
        )


def standing(reader: EngineReader, name: str) -> Standing:
    """What there is of an environment, possibly nothing."""
    return Standing(name, reader.containers(name))


def existing(reader: EngineReader, name: str) -> Standing:
    """What there is of an environment; UsageError naming the others when there is nothing."""
    found = standing(reader, name)
    if found.containers:
        return found
    names = sorted({c.environment for c in reader.containers()})
    known = f"there is: {', '.join(names)}" if names else "there is none yet"
    raise UsageError(
        f"no environment is called {name}",
        hint=f"{known}; `altis-local list` shows them, `altis-local -p {name} start` makes this one",
    )


def by_environment(containers: Iterable[Found]) -> tuple[Standing, ...]:
    """Containers of many environments, sorted into each."""
    sorted_in: dict[str, list[Found]] = {}
    for container in containers:
        sorted_in.setdefault(container.environment, []).append(container)
    return tuple(Standing(name, tuple(held)) for name, held in sorted(sorted_in.items()))


def control_api(reader: EngineReader, found: Standing, paths: Paths) -> ControlApi | None:
    """A way to the control plane's API; None where its container does not run. It may still not answer."""
    control = found.control
    if control is None or not control.is_running:
        return None
    port = control.ports.get(API_PORT) or int(control.label("api-port") or 0)
    return ControlApi(port, _token(reader, control, paths)) if port else None


def _token(reader: EngineReader, control: Found, paths: Paths) -> str:
    """From its file; from the container where the file is of another user or lost."""
    try:
        held = paths.token(control.environment).read_text().strip()
    except OSError:
        held = ""
    # Another environment of the same name may have been made from elsewhere since: the file says for which it is.
    token, _, container = held.partition(" ")
    if token and container == control.id:
        return token
    return reader.environment_of(control.id).get("ALTIS_API_TOKEN", "")
