"""Who is started, killed, drained and routed: tables of what was seen and what is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.decide import healing, routing, site, turn
from altis_local.model import actions as do
from altis_local.model.history import Life, Recent, advance
from altis_local.model.spec import Wish
from altis_local.model.state import Container, Health, Phase, Protection, Proxy, ProxyServer, Reach, Snapshot
from tests.unit.decide.states import NOW, STARTED, container, db, proxy, receiver, recent, snapshot
from tests.unit.decide.world import make_spec

SPEC = make_spec("production-ha", roles=("web", "lb"))
WELL = tuple(container(n, r) for n, r in (("web-a1", "web"), ("web-b1", "web"), ("lb-a", "lb"), ("lb-b", "lb"), ("lb-c", "lb")))  # fmt: skip
NOBODY: frozenset[str] = frozenset()


def with_one(replaced: Container | None) -> tuple[Container, ...]:
    rest = tuple(c for c in WELL if c.member != "web-a1")
    return rest if replaced is None else (replaced, *rest)


CASES: list[tuple[str, Snapshot, Recent, list[do.Action]]] = [
    ("well", snapshot(*WELL), recent(), []),
    ("gone", snapshot(*with_one(None)), recent(), [do.StartMember("web-a1")]),
    ("exited", snapshot(*with_one(container("web-a1", "web", Phase.EXITED))), recent(), [do.StartMember("web-a1")]),
    ("created, never started", snapshot(*with_one(container("web-a1", "web", Phase.CREATED))), recent(), [do.StartMember("web-a1")]),
    ("paused", snapshot(*with_one(container("web-a1", "web", Phase.PAUSED))), recent(), [do.KillMember("web-a1", "is frozen")]),
    ("busy for a while", snapshot(*WELL, silent=("web-a1",)), recent(answered=("web-a1",), missed={"web-a1": 5}, since=NOW - 4), []),
    ("silent for long", snapshot(*WELL, silent=("web-a1",)), recent(answered=("web-a1",), missed={"web-a1": 5}, since=NOW - 9), [do.KillMember("web-a1", "did not answer for 9.0 s")]),
    ("lb silent", snapshot(*WELL, silent=("lb-a",)), recent(answered=("lb-a",), missed={"lb-a": 3}, since=NOW - 3), [do.KillMember("lb-a", "did not answer for 3.0 s")]),
    ("never answered, too long", snapshot(*WELL, refused=("web-a1",)), recent(missed={"web-a1": 1}), [do.KillMember("web-a1", "gave no good answer in 100 s since its start")]),
    ("never answered this control", snapshot(*WELL, refused=("web-a1",)), replace(recent(missed={"web-a1": 1}), lives={"web-a1": Life(f"web-a1@{STARTED}", NOW - 1)}), []),
    ("backs off", snapshot(*with_one(container("web-a1", "web", Phase.EXITED))), Recent(starts={"web-a1": (NOW - 9, NOW - 6, NOW - 3, NOW - 1)}), []),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "past", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_healing(seen: Snapshot, past: Recent, wanted: list[do.Action]) -> None:
    assert [a for s in healing.decide(SPEC, seen, past, NOBODY) for a in s.actions] == wanted


def test_networks_come_first() -> None:
    seen = replace(snapshot(), networks=NOBODY, joined=NOBODY)
    (steps,) = healing.decide(SPEC, seen, recent(), NOBODY)
    assert isinstance(steps.actions[0], do.CreateNetworks)


def test_a_dead_writer_is_not_restarted_while_it_is_replaced() -> None:
    spec = make_spec("production-ha", roles=("db",), db=2)
    seen = snapshot(container("db-1", "db", Phase.EXITED), container("db-2", "db"), nodes=(db("db-2"),))
    assert healing.decide(spec, seen, recent(), frozenset({"db"})) == ()
    assert healing.decide(spec, seen, recent(), NOBODY)[0].actions == (do.StartMember("db-1"),)


@pytest.mark.parametrize(("answered", "killed"), [(True, False), (False, True)], ids=["answered before", "never did"])
def test_only_a_writer_that_never_answered_is_killed_here(answered: bool, killed: bool) -> None:
    spec = make_spec("production-ha", roles=("db",), db=2)
    reader = db("db-2", receiver=receiver(spec, "db-1"))
    record = Protection(1, "db-1", frozenset({"db-2"}), 1)
    seen = snapshot(container("db-1", "db"), container("db-2", "db"), nodes=(reader,), silent=("db-1",), record=record)
    past = replace(recent(missed={"db-1": 9}), lives={"db-1": Life(f"db-1@{STARTED}", NOW - 500, answered)})
    assert bool(healing.decide(spec, seen, past, NOBODY)) == killed


def test_stop_ends_traffic_before_data() -> None:
    """A job is given its time with its database: endpoints are no front."""
    spec = replace(make_spec(roles=("web", "db", "cavalcade", "endpoints")), wish=Wish.STOPPED)
    back = (container("db-1", "db"), container("endpoints-a", "endpoints"))
    both = snapshot(container("web-a1", "web"), container("cavalcade-a1", "cavalcade"), *back)
    assert [s.actions[0] for s in turn.decide(spec, both, recent())] == [
        do.StopMember("web-a1", False, 10.0),
        do.StopMember("cavalcade-a1", False, 10.0),
    ]
    last = snapshot(container("web-a1", "web", Phase.EXITED), container("db-1", "db"))
    assert [s.actions[0] for s in turn.decide(spec, last, recent())] == [do.StopMember("db-1", remove=False)]
    runner = container("cavalcade-a1", "cavalcade", Phase.EXITED)
    asking = snapshot(runner, container("db-1", "db"), busy=frozenset({"member:cavalcade-a1"}))
    assert turn.decide(spec, asking, recent()) == (), "the jobs that its end has cut are asked of the database"
    ended = snapshot(container("db-1", "db", Phase.EXITED))
    assert turn.is_converged(spec, ended, recent())
    assert not turn.is_converged(spec, replace(ended, in_flight=frozenset({"member:aws"})), recent()), "just being made"


def test_stop_ends_the_writer_when_no_reader_follows_it() -> None:
    spec = replace(make_spec("production-ha", roles=("db", "endpoints", "cdn"), db=2), wish=Wish.STOPPED)
    nodes = (db("db-1", writable=True), db("db-2", receiver=receiver(spec, "db-1")))
    record = Protection(1, "db-1", frozenset({"db-2"}), 1)
    both = snapshot(
        container("cdn", "cdn"), container("db-1", "db"), container("db-2", "db"), nodes=nodes, record=record
    )
    assert {a.member for s in healing.decide(spec, both, recent(), NOBODY) for a in s.actions} == {"cdn", "db-2"}
    alone = snapshot(container("db-1", "db"), container("db-2", "db", Phase.EXITED), nodes=nodes[:1], record=record)
    assert {a.member for s in healing.decide(spec, alone, recent(), NOBODY) for a in s.actions} == {"db-1"}
    members = (container("db-1", "db"), container("db-2", "db"))
    seeded = snapshot(*members, nodes=(nodes[0], db("db-2", cloning=True)), record=record)
    silent = snapshot(*members, nodes=nodes[1:], silent=("db-1",), record=record)
    for seen in (seeded, silent):
        assert {a.member for s in healing.decide(spec, seen, recent(), NOBODY) for a in s.actions} == {"db-1", "db-2"}


# -- scaling down drains first


SURPLUS = (*WELL, container("web-c1", "web"))


def lb(name: str, mode: str, sessions: int) -> Proxy:
    servers = [ProxyServer("web", "web-a1", "ready", True, 0), ProxyServer("web", "web-b1", "ready", True, 0)]
    return Proxy(name, (*servers, ProxyServer("web", "web-c1", mode, True, sessions)))


def lbs(mode: str, sessions: int) -> tuple[Proxy, ...]:
    return tuple(lb(f"lb-{z}", mode, sessions) for z in "abc")


@pytest.mark.parametrize(
    ("mode", "sessions", "since", "stopped"),
    [("ready", 0, NOW, False), ("drain", 2, NOW, False), ("drain", 0, NOW, True), ("drain", 2, NOW - 301, True)],
    ids=["not drained yet", "requests under way", "drained", "drained for too long"],
)
def test_surplus(mode: str, sessions: int, since: float, stopped: bool) -> None:
    seen = snapshot(*SURPLUS, nodes=lbs(mode, sessions))
    steps = healing.decide(SPEC, seen, Recent(draining_since={"web-c1": since}), NOBODY)
    assert bool(steps) == stopped
    routes = routing.decide(SPEC, seen, recent(), NOBODY)
    assert bool(routes) == (mode == "ready")
    if routes:
        (route,) = routes[0].actions
        assert isinstance(route, do.Route)
        assert route.draining == {"web-c1"}


def test_a_balancer_that_does_not_answer_may_have_requests_there() -> None:
    seen = snapshot(*SURPLUS, nodes=lbs("drain", 0)[:2])
    assert [c.member for c in seen.containers if c.role == "lb"] == ["lb-a", "lb-b", "lb-c"]
    assert healing.decide(SPEC, seen, Recent(draining_since={"web-c1": NOW}), NOBODY) == ()
    late = Recent(draining_since={"web-c1": NOW - 301})
    assert healing.decide(SPEC, seen, late, NOBODY)


@pytest.mark.parametrize(
    ("told", "again"),
    [({}, True), ({0: NOW - 1}, False), ({0: NOW - 10}, True), ({1: NOW - 1}, True)],
    ids=["at once", "not each turn", "after a while", "in its next life"],
)
def test_a_surplus_runner_is_told_again_and_again(told: dict[int, float], again: bool) -> None:
    """The first word may have come while it was starting, or the engine busy."""
    spec = make_spec("production", roles=("cavalcade",), cavalcade=1)
    both = snapshot(*(container(m.name, "cavalcade") for m in spec.slots("cavalcade")[:2]))
    name = spec.slots("cavalcade")[1].name
    past = Recent(draining_since={name: NOW}, told={f"{name}@{STARTED - life}": at for life, at in told.items()})
    steps = healing.decide(spec, both, past, NOBODY)
    assert [s.actions for s in steps] == ([(do.SignalMember(name, "TERM"),)] if again else [])


def test_with_draining_broken_the_surplus_is_stopped_at_once_with_its_requests() -> None:
    seen = snapshot(*SURPLUS, nodes=lbs("ready", 2))
    broken = replace(SPEC, broken=("drain",))
    (steps,) = healing.decide(broken, seen, Recent(), NOBODY)
    assert steps.actions == (do.StopMember("web-c1", remove=True, limit=0.0),)
    assert routing.decide(broken, seen, recent(), NOBODY) == ()


def test_all_unhealthy_stay_routed() -> None:
    """Fail open, as an Application Load Balancer (LB-06)."""
    seen = snapshot(*WELL, nodes=(proxy("lb-a", web={"web-a1", "web-b1"}),), silent=("web-a1", "web-b1"))
    past = recent(answered=("web-a1", "web-b1"), missed={"web-a1": 9, "web-b1": 9})
    assert routing.decide(SPEC, seen, past, NOBODY) == ()


def test_a_dead_web_container_leaves_and_a_new_one_joins_when_healthy() -> None:
    seen = snapshot(*with_one(None), nodes=(proxy("lb-a", web={"web-a1", "web-b1"}),))
    (steps,) = routing.decide(SPEC, seen, recent(), NOBODY)
    assert steps.actions[0] == do.Route(("lb-a",), "web", frozenset({"web-b1"}))


DATA = make_spec("production-ha", roles=("db", "endpoints"), db=2)
READERS: list[tuple[str, dict[str, object] | None, bool, set[str]]] = [
    ("no reader in the plan: the writer (DB-08)", None, True, {"db-1"}),
    ("a reader that has caught up", {}, True, {"db-2"}),
    ("lags", {"lag": 11.0}, True, {"db-1"}),
    ("lags a little", {"lag": 9.0}, True, {"db-2"}),
    ("its applier stands", {"sql": "No"}, True, {"db-1"}),
    ("its receiver was stopped", {"io": "No"}, True, {"db-1"}),
    ("it connects anew", {"io": "Connecting"}, True, {"db-2"}),
    ("the writer is gone: reads go on", {"io": "No"}, False, {"db-2"}),
]


@pytest.mark.parametrize(("seen", "alive", "routed"), [c[1:] for c in READERS], ids=[c[0] for c in READERS])
def test_whom_the_reader_endpoint_leads_to(seen: dict[str, object] | None, alive: bool, routed: set[str]) -> None:
    spec = make_spec("local", roles=("db", "endpoints")) if seen is None else DATA
    writer = (db("db-1", writable=True),) if alive else ()
    reader = () if seen is None else (db("db-2", receiver=receiver(spec, "db-1", **seen)),)  # type: ignore[arg-type]
    phase = Phase.RUNNING if alive else Phase.EXITED
    up = [container("db-1", "db", phase), container("endpoints-a", "endpoints")]
    up += [container("db-2", "db")] if reader else []
    record = Protection(1, "db-1", frozenset({"db-2"}) if reader else frozenset(), int(bool(reader)))
    empty = proxy("endpoints-a", db_writer={"db-1"}, db_reader=set())
    steps = routing.decide(spec, snapshot(*up, nodes=(*writer, *reader, empty), record=record), recent(), NOBODY)
    routes = [a for s in steps for a in s.actions if isinstance(a, do.Route) and a.backend == "db-reader"]
    assert [route.ready for route in routes] == [routed]


@pytest.mark.parametrize(
    ("mode", "sessions", "since", "cut"),
    [("maint", 3, 6.0, True), ("maint", 3, 4.0, False), ("maint", 0, 6.0, False), ("ready", 3, 6.0, False)],
    ids=["stayed", "may end by themselves", "have ended", "are well where they are"],
)
def test_readers_do_not_stay_where_nobody_is_sent(mode: str, sessions: int, since: float, cut: bool) -> None:
    """PHP keeps its connections: after a reader's absence it would read from the writer for hours."""
    lines = (ProxyServer("db-reader", "db-1", mode, True, sessions), ProxyServer("db-reader", "db-2", "ready", True, 1))
    there = container("endpoints-a", "endpoints")
    first = snapshot(there, nodes=(Proxy("endpoints-a", lines),))
    past = advance(advance(Recent(), first, NOBODY), now := replace(first, taken_at=NOW + since), NOBODY)
    steps = routing.decide(make_spec("production-ha", roles=("endpoints",)), now, past, NOBODY)
    wanted = [do.Cut(("endpoints-a",), "db-reader", frozenset({"db-1"}))] if cut else []
    assert [a for s in steps for a in s.actions if isinstance(a, do.Cut)] == wanted


# -- the site


def test_the_site_is_installed_once_the_writer_is_routed() -> None:
    spec = make_spec("local", roles=("web", "db", "endpoints"))
    up = (container("web-a1", "web"), container("db-1", "db"), container("endpoints-a", "endpoints"))
    writer = db("db-1", writable=True)
    routed = proxy("endpoints-a", db_writer={"db-1"})
    assert site.decide(spec, snapshot(*up, nodes=(writer, proxy("endpoints-a", db_writer=set()))), recent()) == ()
    (steps,) = site.decide(spec, snapshot(*up, nodes=(writer, routed)), recent())
    assert steps.actions == (do.InstallSite("web-a1"),)
    done = db("db-1", writable=True, site_url="https://localhost:8443")
    assert site.decide(spec, snapshot(*up, nodes=(done, routed)), recent()) == ()


def test_misses_and_answers_are_counted() -> None:
    bad = replace(snapshot(*WELL), health={"web-a1": Health(Reach.SILENT), "web-b1": Health(Reach.OK)})
    past = advance(advance(Recent(), bad, NOBODY), replace(bad, taken_at=NOW + 1), frozenset({"web-c1"}))
    assert past.missed("web-a1") == 2
    assert past.misses["web-a1"].since == NOW
    assert past.draining_since == {"web-c1": NOW + 1}
    assert past.starts["web-a1"] == (NOW,)
    assert past.has_answered(WELL[1])
    assert not past.has_answered(WELL[0])
