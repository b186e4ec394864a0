"""Whom control asks when somebody wants to know about a service, and at which address.

Called by the requests for services. It asks nothing itself; who is not there is an error that says what to do.
"""

from __future__ import annotations

from altis_local.control.loop import Seen
from altis_local.errors import ActionFailed, RefusedByPlan
from altis_local.model.spec import Wish
from altis_local.model.topology import Member, address


def running(seen: Seen, role: str) -> tuple[Member, ...]:
    """Every member of the role that runs, those that answer well first. Raises where there is none."""
    if role not in seen.spec.services:
        raise RefusedByPlan(f"this environment has no {role}", hint="`altis-local config compose` shows what it has")
    found = [m for m in seen.spec.slots(role) if seen.snapshot.is_running(m.name)]
    if not found:
        stopped = seen.spec.wish is Wish.STOPPED
        raise ActionFailed(
            "the environment is stopped" if stopped else f"no {role} is running now",
            hint="`altis-local start`" if stopped else "`altis-local status` tells what becomes of it",
        )
    return tuple(sorted(found, key=lambda m: not seen.snapshot.is_healthy(m.name)))


def place(seen: Seen, member: Member, network: str) -> str:
    """The member's address in a network that control has joined."""
    return address(seen.spec.block, network, member)


def named(seen: Seen, role: str, name: str) -> Member:
    """The member of this name."""
    return next(m for m in running(seen, role) if m.name == name)
