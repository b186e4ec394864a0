"""What a fault is aimed at: a member, a role, or an endpoint's name as of now.

Called by `fault add` and by drills. Pure: containers and a status document in, containers out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from altis_local.clients.engine_reader import Found
from altis_local.drill.evidence import Document
from altis_local.errors import ActionFailed, UsageError

ENDPOINTS = ("db-writer", "db-reader", "cache")
"""Names that clients connect to. Who serves them is asked of the status at the moment of the fault."""


def resolve(target: str, containers: Sequence[Found], status: Document) -> tuple[Found, ...]:
    """The running members meant. A role means all of its members, an endpoint all that serve it now.

    Raises UsageError for a name that nothing has, ActionFailed where nothing of that name runs.
    """
    members = [c for c in containers if c.kind in ("member", "control")]
    if target in ENDPOINTS:
        names = _serving(target, status)
        meant = [c for c in members if c.member in names]
    else:
        meant = [c for c in members if c.member == target] or [c for c in members if c.role == target]
        if not meant:
            raise UsageError(f"nothing here is called {target}", hint=f"there is: {', '.join(_names(members))}")
    running = tuple(c for c in meant if c.is_running)
    if not running:
        raise ActionFailed(f"nothing that runs is called {target}", hint="`altis-local status` shows what runs")
    return running


def _serving(endpoint: str, status: Document) -> frozenset[str]:
    found = (status.get("endpoints") or {}).get(endpoint) or {}
    return frozenset(found.get("members") or ())


def _names(members: Iterable[Found]) -> list[str]:
    listed = list(members)
    return [
        *ENDPOINTS,
        *sorted({c.role for c in listed}),
        *sorted({c.member for c in listed} - {c.role for c in listed}),
    ]
