"""Whose way to the instance metadata is made, and when its helper goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.decide import metadata, turn
from altis_local.model import actions as do
from altis_local.model.spec import Secrets, Service, Spec, Wish
from altis_local.model.state import Phase, Snapshot
from tests.unit.decide.states import container, recent, snapshot

SERVICES = {role: Service(role, f"altis-local/{role}:1", memory=1) for role in ("web", "sandbox", "standins")}
SPEC = Spec("t", "local", "10.208.0.0/20", 8443, SERVICES, Secrets(*"abcdefg"))
WEB, SANDBOX = container("web-a1", "web"), container("sandbox", "sandbox")


def linked(seen: Snapshot, *lives: str) -> Snapshot:
    return replace(seen, linked=frozenset(lives))


def named(seen: Snapshot, spec: Spec = SPEC) -> tuple[str, ...]:
    return tuple(
        m for s in metadata.decide(spec, seen) for a in s.actions if isinstance(a, do.LinkMetadata) for m in a.members
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (snapshot(WEB, SANDBOX, container("db-1", "db")), ("sandbox", "web-a1")),
        (linked(snapshot(WEB, SANDBOX), WEB.life), ("sandbox",)),
        (linked(snapshot(replace(WEB, started_at=950.0)), WEB.life), ("web-a1",)),
        (linked(snapshot(replace(WEB, id="new")), WEB.life), ("web-a1",)),
        (snapshot(replace(WEB, phase=Phase.EXITED)), ()),
        (linked(snapshot(WEB, SANDBOX), WEB.life, SANDBOX.life), ()),
    ],
    ids=["all with the site's code", "not those that have it", "restarted", "replaced", "ended", "nobody"],
)
def test_who(seen: Snapshot, expected: tuple[str, ...]) -> None:
    assert named(seen) == expected


def test_not_without_the_stand_in_nor_when_stopping() -> None:
    assert named(snapshot(WEB), replace(SPEC, services={"web": SERVICES["web"]})) == ()
    assert named(snapshot(WEB), replace(SPEC, wish=Wish.STOPPED)) == ()


def test_a_stopped_environment_has_no_helper() -> None:
    stopped = replace(SPEC, wish=Wish.STOPPED)
    seen = snapshot(replace(container("", "metadata-link"), id="h", kind="helper"))
    (steps,) = turn.decide(stopped, seen, recent())
    assert steps.actions == (do.RemoveHelper("h"),)
    assert not turn.is_converged(stopped, seen, recent())
    assert turn.is_converged(stopped, snapshot(), recent())
