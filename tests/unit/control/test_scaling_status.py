"""What `scale watch` is told: the numbers that decide.scaling goes by, and how far a change is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.control.loop import Seen
from altis_local.control.scaling_status import scaling_status
from altis_local.decide import scaling
from altis_local.model.history import Point, Recent, Scale
from altis_local.model.spec import NO_SECRETS, Service, Spec
from altis_local.model.state import Load
from tests.unit.decide.states import NOW, container, snapshot

SECRETS = NO_SECRETS


def spec(plan: str, **counts: int) -> Spec:
    services = {role: Service(role, "image") for role in ("web", "cavalcade")}
    return Spec("x", plan, "10.208.0.0/20", 8443, services, SECRETS, counts)


def seen(asked: Spec, scale: Scale | None = None, *, busy: int = 0) -> Seen:
    taken = snapshot(container("web-a1", "web"), container("web-b1", "web"))
    taken = replace(taken, load={"web-a1": Load(busy, 8), "web-b1": Load(busy, 8)})
    recent = Recent(scales={"web": scale} if scale else {})
    scaled = scaling.applied(asked, recent)
    return Seen(asked, scaled, scaled, taken, recent)


def points(*values: float) -> tuple[Point, ...]:
    return tuple(Point(NOW - len(values) + at, value) for at, value in enumerate(values))


def test_a_role_that_follows_its_load() -> None:
    web = scaling_status(seen(spec("production-ha"), Scale(2, NOW - 2, "busy", points(0.1, 0.9, 0.8)), busy=6))["web"]
    assert (web["automatic"], web["wanted"], web["running"], web["load"]) == (True, 2, 2, 0.75)
    assert (web["least"], web["most"], web["target"]) == (2, 6, scaling.TARGET["web"])
    assert web["out"] == {"above": scaling.TARGET["web"], "points": 2, "needed": 3}
    assert web["in"]["points"] == 0
    assert web["cooldown_left"] == pytest.approx(3.0)
    assert web["why"] == "busy"
    assert [point["value"] for point in web["points"]] == [0.1, 0.9, 0.8]


def test_quiet_points_count_towards_fewer() -> None:
    web = scaling_status(seen(spec("production-ha"), Scale(3, 0.0, "", points(0.9, 0.1, 0.2))))["web"]
    assert web["in"]["points"] == 2
    assert web["in"]["below"] == pytest.approx(scaling.IN_BELOW * scaling.TARGET["web"] * 2 / 3)
    assert (web["cooldown_left"], web["changed_at"]) == (0.0, None)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (spec("production-ha", web=4), "asked for"),
        (spec("local"), "plan local has just so many"),
    ],
)
def test_a_fixed_number_says_why(asked: Spec, why: str) -> None:
    web = scaling_status(seen(asked))["web"]
    assert web["automatic"] is False
    assert why in web["why"]


def test_an_unknown_load_is_unknown() -> None:
    assert scaling_status(seen(spec("production-ha")))["cavalcade"]["load"] is None


def test_what_is_told_is_what_decides() -> None:
    """At the last point that is needed, the number grows; one before, it does not."""
    asked = spec("production-ha")
    for count, grows in ((2, False), (3, True)):
        now = seen(asked, Scale(2, 0.0, "", points(*[0.9] * (count - 1))), busy=8)
        decided = scaling.decide(asked, replace(now.snapshot, taken_at=NOW), now.recent)["web"]
        after = Seen(asked, asked, asked, now.snapshot, Recent(scales={"web": decided}))
        assert (decided.count > 2) is grows
        if not grows:
            told = scaling_status(after)["web"]["out"]
            assert told["points"] == told["needed"] - 1
