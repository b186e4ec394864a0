"""Who is the primary: tables of what was seen and what is done."""

from __future__ import annotations

import pytest

from altis_local.decide import cache
from altis_local.decide.diagnosis import store_address
from altis_local.model import actions as do
from altis_local.model.history import Recent
from altis_local.model.state import Phase, Snapshot
from tests.unit.decide.states import container, proxy, recent, redis, snapshot
from tests.unit.decide.world import make_spec

SPEC = make_spec("production-ha", roles=("redis", "endpoints"))
ONE, TWO = container("redis-1", "redis"), container("redis-2", "redis")
DEAD = container("redis-1", "redis", Phase.EXITED)
AT_ONE = store_address(SPEC, "redis-1")
STANDBY = redis("redis-2", source=AT_ONE, offset=70, keys=5)
EMPTY = redis("redis-1", source="127.0.0.1")

CASES: list[tuple[str, Snapshot, Recent, list[type]]] = [
    ("fresh", snapshot(ONE, TWO, nodes=(EMPTY, redis("redis-2", source="127.0.0.1"))), recent(), [do.Hold, do.PromoteCache, do.Route]),
    ("well", snapshot(ONE, TWO, nodes=(redis("redis-1", primary=True), STANDBY)), recent(), []),
    ("standby follows nobody", snapshot(ONE, TWO, nodes=(redis("redis-1", primary=True), redis("redis-2"))), recent(), [do.FollowCache]),
    ("primary exited", snapshot(DEAD, TWO, nodes=(STANDBY,)), recent(), [do.Hold, do.Fence, do.PromoteCache, do.Route]),
    ("primary refused", snapshot(ONE, TWO, nodes=(STANDBY,), refused=("redis-1",)), recent(answered=("redis-1",)), [do.Hold, do.Fence, do.PromoteCache, do.Route]),
    ("primary silent once", snapshot(ONE, TWO, nodes=(STANDBY,), silent=("redis-1",)), recent(answered=("redis-1",), missed={"redis-1": 1}), []),
    ("primary hung", snapshot(ONE, TWO, nodes=(STANDBY,), silent=("redis-1",)), recent(answered=("redis-1",), missed={"redis-1": 2}), [do.Hold, do.Fence, do.PromoteCache, do.Route]),
    ("first start, one not made yet", snapshot(TWO, nodes=(redis("redis-2", source="127.0.0.1"),)), recent(), []),
    ("other one still starting", snapshot(ONE, TWO, nodes=(EMPTY,), refused=("redis-2",)), recent(), []),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "past", "kinds"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_actions(seen: Snapshot, past: Recent, kinds: list[type]) -> None:
    assert [type(a) for s in cache.decide(SPEC, seen, past) for a in s.actions] == kinds


def test_a_restarted_primary_never_beats_a_standby_with_data() -> None:
    (steps,) = cache.decide(SPEC, snapshot(ONE, TWO, nodes=(EMPTY, STANDBY)), recent())
    assert do.PromoteCache("redis-2") in steps.actions


def test_of_two_primaries_the_routed_one_stays() -> None:
    both = (redis("redis-1", primary=True, offset=90), redis("redis-2", primary=True, offset=10))
    seen = snapshot(ONE, TWO, nodes=(*both, proxy("endpoints-a", cache={"redis-2"})))
    assert cache.primary_of(seen) == "redis-2"
    assert cache.decide(SPEC, seen, recent())[0].actions == (do.FollowCache("redis-1", "redis-2"),)


def test_switchover_wants_a_standby_that_follows() -> None:
    alone = snapshot(ONE, nodes=(redis("redis-1", primary=True),))
    assert cache.switchover(SPEC, alone) == "no standby follows no primary" or isinstance(
        cache.switchover(SPEC, alone), str
    )
    steps = cache.switchover(SPEC, snapshot(ONE, TWO, nodes=(redis("redis-1", primary=True), STANDBY)))
    assert not isinstance(steps, str)
    assert do.PromoteCache("redis-2") in steps.actions
