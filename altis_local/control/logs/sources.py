"""Whose log goes into which group. Pure: called by shipping.

The original's groups are PHP's errors, nginx's errors, Cavalcade, mail and access (fidelity DASH-01). The site writes
mail itself. What a web container says of each request stays in its own log: access is what the CDN saw.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from altis_local.model.state import Snapshot

_NGINX = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+:")
"""How a line of nginx's error log begins; whatever else a web container writes there is PHP's."""

_GROUPS = {
    "web": ("php", "nginx"),
    "sandbox": ("php",),
    "cavalcade": ("cavalcade",),
    "cdn": ("access", "nginx"),
    "lb": ("lb",),
}
"""Role: the groups that its lines go to."""


@dataclass(frozen=True, slots=True)
class Source:
    """One container whose log is shipped."""

    container: str
    member: str
    role: str
    started_at: float

    @property
    def groups(self) -> tuple[str, ...]:
        return _GROUPS[self.role]

    @property
    def stream(self) -> str:
        """The log stream of its own."""
        return f"{self.member}/{self.container[:12]}"

    @property
    def has_output(self) -> bool:
        """Whether its standard output is of interest; standard error always is."""
        return self.role != "web"


def sources(snapshot: Snapshot) -> tuple[Source, ...]:
    """Containers that run, and write what is shipped."""
    return tuple(
        Source(c.id, c.member, c.role, c.started_at)
        for c in snapshot.containers
        if c.kind == "member" and c.role in _GROUPS and c.is_running
    )


def group(role: str, text: str, *, is_error: bool) -> str:
    """The short name of the group that a line belongs to."""
    match role:
        case "web":
            return "nginx" if _NGINX.match(text) else "php"
        case "cdn":
            return "nginx" if is_error else "access"
        case _:
            return _GROUPS[role][0]
