"""Random topologies, crashes and cuts: whatever happens, never two writers and no acknowledged write is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from altis_local.decide import database, healing, routing, turn
from altis_local.decide.diagnosis import Finding, diagnose
from altis_local.model import actions as do
from altis_local.model.plans import PLANS, bounds
from tests.unit.decide.world import Broken, World, make_spec

TURNS = 60


def one_turn(world: World, cut: int | None = None) -> int:
    """Observe, decide, act; stop after `cut` actions as a killed control would. How many actions were done."""
    done = 0
    for steps in turn.decide(world.spec, world.snapshot(), world.recent):
        for action in steps.actions:
            if cut is not None and done >= cut:
                return done
            try:
                world.apply(action)
            except Broken:
                break
            done += 1
            world.check()
    return done


def settle(world: World) -> None:
    """Turns until there is nothing to do any more."""
    for _ in range(TURNS):
        world.replicate()
        if not one_turn(world):
            world.wait(60)  # starts that back off are due by then
            if not one_turn(world):
                return
    raise AssertionError(f"does not settle: {turn.decide(world.spec, world.snapshot(), world.recent)}")


SHAPES = [(p.name, count) for p in PLANS.values() for count in range(bounds(p, "db").least, bounds(p, "db").most + 1)]
"""Every plan with every number of database members that it allows."""
shapes = st.sampled_from(SHAPES)


def settled_world(readers: int, plan: str = "enterprise") -> World:
    world = World(make_spec(plan, db=1 + readers))
    settle(world)
    return world


def test_first_start_opens_one_and_protects() -> None:
    world = settled_world(2)
    snapshot = world.snapshot()
    assert diagnose(world.spec, snapshot, world.recent).finding is Finding.OK
    assert snapshot.protection and snapshot.protection.k == 1
    assert snapshot.protection.voters == {"db-2", "db-3"}
    assert world.write(frozenset({"db-2"}))


@settings(max_examples=60, deadline=None)
@given(shape=shapes, cut=st.integers(0, 12), second=st.integers(0, 12), data=st.data())
def test_writer_crash_cut_anywhere(shape: tuple[str, int], cut: int, second: int, data: st.DataObject) -> None:
    """The plan cut after any action, twice, with control forgetting all it knew; a reader may crash in between."""
    world = settled_world(shape[1] - 1, shape[0])
    names = sorted(world.nodes)
    for _ in range(data.draw(st.integers(0, 5))):
        world.write(frozenset(data.draw(st.sets(st.sampled_from(names)))))
    writer = next(iter(world.routed))
    world.crash(writer)
    for limit in (cut, second):
        one_turn(world, limit)
        world.recent = type(world.recent)()
        if data.draw(st.booleans()):
            world.crash(data.draw(st.sampled_from(names)))
        world.write(frozenset(data.draw(st.sets(st.sampled_from(names)))))
    settle(world)
    assert world.lost() == []
    assert world.write(frozenset(names))


@settings(max_examples=400, deadline=None)
@given(shape=shapes, data=st.data())
def test_random_life(shape: tuple[str, int], data: st.DataObject) -> None:
    """Any order of writes, crashes of several at once, restarts of control, and turns cut anywhere."""
    world = settled_world(shape[1] - 1, shape[0])
    some = st.sets(st.sampled_from(sorted(world.nodes)), max_size=2)
    for _ in range(data.draw(st.integers(2, 12))):
        world.write(frozenset(data.draw(some)))
        for name in data.draw(some):
            world.crash(name)
        match data.draw(st.sampled_from(["turn", "turns", "cut", "forget", "replicate", "graceful", "storm"])):
            case "turn":
                one_turn(world)
            case "turns":
                one_turn(world)
                world.write(frozenset(data.draw(some)))
                one_turn(world)
            case "cut":
                one_turn(world, data.draw(st.integers(0, 10)))
            case "forget":
                world.recent = type(world.recent)()
            case "replicate":
                world.replicate()
            case "graceful":
                graceful(world, data.draw(st.integers(0, 12)))
            case "storm":
                world.write(frozenset(data.draw(some)))
        world.check()
    settle(world)
    assert world.lost() == []


def graceful(world: World, cut: int) -> None:
    """A switchover that is cut after `cut` actions."""
    steps = database.switchover(world.spec, world.snapshot(), world.recent)
    if isinstance(steps, str):
        return
    for action in steps.actions[:cut]:
        try:
            world.apply(action)
        except Broken:
            return
        world.check()


def test_an_unprotected_writer_is_restarted_not_replaced() -> None:
    world = World(make_spec("production-ha", db=2))
    settle(world)
    writer = next(iter(world.routed))
    reader = next(n for n in world.nodes if n != writer)
    world.crash(reader)
    one_turn(world)  # the record says: not protected
    assert world.record is not None and world.record.k == 0
    world.crash(reader)
    assert world.write(frozenset())
    world.crash(writer)
    steps = turn.decide(world.spec, world.snapshot(), world.recent)
    assert not any(isinstance(a, do.Promote) for s in steps for a in s.actions)
    settle(world)
    assert next(iter(world.routed)) == writer
    assert world.lost() == []


def test_modules_are_pure_values() -> None:
    """The same inputs give the same Steps."""
    world = settled_world(3)
    world.crash(next(iter(world.routed)))
    snapshot = world.snapshot()
    assert turn.decide(world.spec, snapshot, world.recent) == turn.decide(world.spec, snapshot, world.recent)
    assert healing.decide(world.spec, snapshot, world.recent, frozenset()) is not None
    assert routing.decide(world.spec, snapshot, world.recent, frozenset()) is not None
