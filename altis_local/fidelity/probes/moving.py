"""An environment in motion: what disruptive probes do to it and how they wait until it is well again. Not probes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from altis_local.errors import AltisError
from altis_local.fidelity.asking import members, poll
from altis_local.fidelity.finding import CannotTell, NotHere
from altis_local.fidelity.world import World

WELL_AGAIN = 90.0
"""Seconds until everything is well again: a database's crash recovery on a busy machine included."""


def now(world: World) -> Mapping[str, Any]:
    """The status at this moment (`world.status` is of the run's beginning)."""
    ran = world.command("status", "--json")
    try:
        document: Mapping[str, Any] = json.loads(ran.output[ran.output.index("{") :])
    except ValueError as error:
        raise CannotTell(f"status: {ran.output[-200:]}") from error
    return document


def duties(world: World) -> dict[str, str]:
    """Member -> its duty, of those that have one now."""
    return {m["member"]: m["duty"] for m in now(world)["members"] if m["duty"]}


def holder(world: World, duty: str) -> str:
    """The member that has this duty now; "" for none."""
    return next((member for member, held in duties(world).items() if held == duty), "")


def count(world: World, role: str) -> int:
    """Members of the role that are there now."""
    return sum(m["role"] == role for m in now(world)["members"])


def settle(world: World) -> None:
    """Wait until it has converged, and know who is who from then on. Raises CannotTell when it does not."""
    if not poll(world, lambda: bool(now(world)["converged"]), WELL_AGAIN):
        raise CannotTell(f"it has not converged within {WELL_AGAIN:.0f} s")
    world.refresh()


def life(world: World, member: str) -> str:
    """The container that a member has now; "" while there is none."""
    world.refresh()
    try:
        return str(world.inspect(member)["Id"])
    except AltisError:
        return ""  # it is just being replaced


def kill(world: World, *targets: str) -> None:
    """SIGKILL their processes."""
    for target in targets:
        ran = world.command("fault", "add", "kill", target)
        if ran.code:
            raise CannotTell(f"fault add kill {target}: {ran.output[-200:]}")


@contextmanager
def members_of(world: World, role: str, wanted: int) -> Iterator[Callable[[int], None]]:
    """So many members of a role, well and at work; as many as before afterwards. Yields what changes it again."""
    usual = len(members(world, role))

    def scale(number: int) -> None:
        if refused := world.scale(role, number):
            raise NotHere(refused)

    scale(wanted)
    try:
        if not poll(world, lambda: count(world, role) == wanted and bool(now(world)["converged"]), WELL_AGAIN):
            raise CannotTell(f"there are not {wanted} {role} within {WELL_AGAIN:.0f} s")
        world.refresh()
        yield scale
    finally:
        scale(usual)
        poll(world, lambda: count(world, role) == usual, WELL_AGAIN)
        world.command("scale", role, "auto")
        settle(world)
