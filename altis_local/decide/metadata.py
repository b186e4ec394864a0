"""Decides whose way to the instance metadata is made: that of every member with the site's code, after each start.

Pure: no side effects; called by turn. The way is in the member's own network namespace, which a restart makes anew.
The helper that makes it ends by itself; a stopped environment has none at all.
"""

from __future__ import annotations

from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.spec import Spec, Wish
from altis_local.model.state import Snapshot

KEY = "metadata"
ROLES = ("web", "sandbox", "cavalcade")
HELPER = "helper"
"""The helper's kind."""


def decide(spec: Spec, snapshot: Snapshot) -> tuple[Steps, ...]:
    """All who lack it at once."""
    if spec.wish is not Wish.RUNNING or "standins" not in spec.services:
        return ()
    lacking = tuple(
        sorted(
            c.member
            for c in snapshot.containers
            if c.kind == "member" and c.role in ROLES and c.is_running and c.life not in snapshot.linked
        )
    )
    if not lacking:
        return ()
    return (Steps(KEY, f"{', '.join(lacking)} started: the way to the metadata", (do.LinkMetadata(lacking),)),)


def leftovers(snapshot: Snapshot) -> tuple[Steps, ...]:
    """Removes the helper of an environment that stops."""
    return tuple(
        Steps(KEY, f"{c.name} is not needed any more", (do.RemoveHelper(c.id),))
        for c in snapshot.containers
        if c.kind == HELPER
    )
