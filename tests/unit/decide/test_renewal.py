"""Who makes room for another image, when, and what stands in meanwhile: tables of what was seen and what is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.decide import draining, healing, renewal, routing, scaling, turn
from altis_local.model import actions as do
from altis_local.model.history import Life, Point, Recent, Scale
from altis_local.model.spec import Spec
from altis_local.model.state import Container, Jobs, Phase, Proxy, ProxyServer, Runner, Snapshot
from tests.unit.decide.states import NOW, STARTED, container, db, proxy, recent, snapshot
from tests.unit.decide.world import make_spec

NOBODY: frozenset[str] = frozenset()
SPEC = make_spec("production-ha", roles=("web", "lb"))
LBS = tuple(container(f"lb-{zone}", "lb") for zone in "abc")


def old(name: str, role: str = "web", **more: object) -> Container:
    return container(name, role, image=f"altis-local/{role}:0", **more)  # type: ignore[arg-type]


def new(name: str, role: str = "web", **more: object) -> Container:
    return container(name, role, **more)  # type: ignore[arg-type]


def lbs(*lines: tuple[str, str, bool, int]) -> tuple[Proxy, ...]:
    """Three balancers with these servers: (member, mode, up, sessions)."""
    return tuple(Proxy(f"lb-{zone}", tuple(ProxyServer("web", *line) for line in lines)) for zone in "abc")


def ready(*names: str) -> tuple[Proxy, ...]:
    return lbs(*((name, "ready", True, 0) for name in names))


A, B, C = "web-a1", "web-b1", "web-c1"
THREE = replace(SPEC, counts={"web": 3})

SITE = make_spec("production-ha", roles=("web", "lb", "cavalcade", "sandbox"))
OLD_REST = (old("cavalcade-a1", "cavalcade"), old("sandbox", "sandbox"))

BALANCERS = make_spec("production-ha", roles=("lb", "web"))
ENDPOINTS = make_spec("production", roles=("endpoints",))


def edge(*lbs_: Container, seen: str = "abc", routed: str = "abc") -> Snapshot:
    """Balancers and the web containers behind them, as the CDN sees them."""
    nodes = tuple(proxy(f"lb-{z}", web={A, B} if z in routed else set()) for z in "abc")
    taken = snapshot(*lbs_, new(A), new(B), nodes=nodes)
    return replace(taken, edge=frozenset(f"lb-{z}" for z in seen))


LEAVING: list[tuple[str, Spec, Snapshot, set[str]]] = [
    ("nobody is old", SPEC, snapshot(new(A), new(B), nodes=ready(A, B)), set()),
    ("one after another", SPEC, snapshot(old(A), old(B), nodes=ready(A, B)), {A}),
    ("then the next", SPEC, snapshot(new(A), old(B), nodes=ready(A, B)), {B}),
    ("not while another starts", THREE, snapshot(old(A), old(B), new(C), refused=(C,), nodes=ready(A, B, C)), set()),
    ("not while another is missing", THREE, snapshot(old(A), old(B), nodes=ready(A, B)), set()),
    ("not before every balancer has it", THREE, snapshot(old(A), old(B), new(C), nodes=(*ready(A, B, C)[:2], *lbs((C, "maint", False, 0))[2:])), set()),
    ("not before a balancer's check has passed", THREE, snapshot(old(A), old(B), new(C), nodes=lbs((A, "ready", True, 0), (C, "ready", False, 0))), set()),
    ("that one is itself draining", SPEC, snapshot(old(A), new(B), nodes=lbs((A, "drain", True, 3), (B, "ready", True, 0))), {A}),
    ("a missed probe of all tells nothing", SPEC, snapshot(old(A), old(B), silent=(A, B), nodes=ready(A, B)), set()),
    ("not while the other misses a probe", SPEC, snapshot(old(A), old(B), silent=(B,), nodes=ready(A, B)), set()),
    ("the only one, well or not", make_spec("local", roles=("aws",)), snapshot(old("aws", "aws"), silent=("aws",)), {"aws"}),
    ("all runners", make_spec("production", roles=("cavalcade",), cavalcade=2), snapshot(old("cavalcade-a1", "cavalcade"), old("cavalcade-b1", "cavalcade")), {"cavalcade-a1", "cavalcade-b1"}),
    ("runners and sandbox after web", SITE, snapshot(new(A), old(B), *OLD_REST, nodes=ready(A, B)), {B}),
    ("once web is well with it", SITE, snapshot(new(A), new(B), *OLD_REST, nodes=ready(A, B)), {"cavalcade-a1", "sandbox"}),
    ("not while web is ill with it", SITE, snapshot(new(A), new(B), *OLD_REST, refused=(B,), nodes=ready(A, B)), set()),
    ("balancers one after another", BALANCERS, edge(*(old(f"lb-{z}", "lb") for z in "abc")), {"lb-a"}),
    ("then the next", BALANCERS, edge(new("lb-a", "lb"), *(old(f"lb-{z}", "lb") for z in "bc")), {"lb-b"}),
    ("not before the CDN sees the new one", BALANCERS, edge(new("lb-a", "lb"), *(old(f"lb-{z}", "lb") for z in "bc"), seen="bc"), set()),
    ("not before the new one has its routes", BALANCERS, edge(new("lb-a", "lb"), *(old(f"lb-{z}", "lb") for z in "bc"), routed="bc"), set()),
    ("endpoints likewise", ENDPOINTS, snapshot(new("endpoints-a", "endpoints"), old("endpoints-b", "endpoints"), nodes=(proxy("endpoints-a", db_writer=set()), proxy("endpoints-b", db_writer={"db-1"}))), set()),
    ("endpoints with their routes", ENDPOINTS, snapshot(new("endpoints-a", "endpoints"), old("endpoints-b", "endpoints"), nodes=(proxy("endpoints-a", db_writer={"db-1"}), proxy("endpoints-b", db_writer={"db-1"}))), {"endpoints-b"}),
    ("who keeps data stays", make_spec("production", roles=("db", "redis", "search")), snapshot(old("db-1", "db"), old("redis-1", "redis"), old("search-1", "search")), set()),
    ("another definition", SPEC, snapshot(new(A, hash="x"), new(B), nodes=ready(A, B)), set()),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "seen", "wanted"), [c[1:] for c in LEAVING], ids=[c[0] for c in LEAVING])
def test_who_leaves(spec: Spec, seen: Snapshot, wanted: set[str]) -> None:
    assert set(renewal.leaving(spec, seen, Recent())) == wanted


def test_another_definition_counts_where_there_is_one() -> None:
    services = {role: replace(service, definition="y") for role, service in SPEC.services.items()}
    seen = snapshot(new(A, hash="x"), new(B, hash="y"), nodes=ready(A, B))
    assert renewal.leaving(replace(SPEC, services=services), seen, Recent()) == {A: "was made of another definition"}


@pytest.mark.parametrize(
    ("sessions", "since", "done"),
    [(2, NOW - 1, False), (0, NOW - 1, True), (2, NOW - 301, True), (0, None, False)],
    ids=["requests under way", "drained", "waited for long enough", "not told yet"],
)
def test_an_old_web_container_drains_before_its_successor_takes_its_place(
    sessions: int, since: float | None, done: bool
) -> None:
    seen = snapshot(old(A), new(B), *LBS, nodes=lbs((A, "drain", True, sessions), (B, "ready", True, 0)))
    past = Recent(draining_since={} if since is None else {A: since})
    wanted = [(do.StopMember(A, True, draining.STOP_WITHIN), do.StartMember(A))] if done else []
    assert [s.actions for s in healing.decide(SPEC, seen, past, NOBODY)] == wanted
    assert draining.members(SPEC, seen, past) == {A}
    assert not turn.is_converged(SPEC, seen, past)


def test_routes_leave_it_first() -> None:
    seen = snapshot(old(A), old(B), *LBS, nodes=ready(A, B))
    (steps,) = routing.decide(SPEC, seen, recent(), NOBODY)
    assert steps.actions == (do.Route(("lb-a", "lb-b", "lb-c"), "web", frozenset({B}), frozenset({A})),)


def test_the_only_web_container_is_replaced_in_its_place() -> None:
    """There is no other to drain to: what it has it may end, what comes meanwhile finds nobody."""
    spec = make_spec("local", roles=("web", "lb"))
    seen = snapshot(old(A), container("lb-a", "lb"), nodes=(proxy("lb-a", web={A}),))
    (steps,) = healing.decide(spec, seen, recent(), NOBODY)
    assert steps.actions == (do.StopMember(A, True, draining.STOP_WITHIN), do.StartMember(A))
    assert routing.decide(spec, seen, recent(), NOBODY) == ()


def test_who_holds_data_is_given_its_own_grace() -> None:
    spec = make_spec("local", roles=("aws",))
    (steps,) = healing.decide(spec, snapshot(old("aws", "aws")), recent(), NOBODY)
    assert steps.actions == (do.StopMember("aws", True, None), do.StartMember("aws"))


RUNNERS = make_spec("production", roles=("cavalcade",), cavalcade=1)
RUNNER = "cavalcade-a1"


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        (NOW, (do.SignalMember(RUNNER, "TERM"),)),
        (NOW - 5, ()),
        (NOW - 3599, ()),
        (NOW - 3601, (do.StopMember(RUNNER, True, draining.STOP_WITHIN), do.StartMember(RUNNER))),
    ],
    ids=["told", "ends its jobs", "for up to an hour", "culled"],
)
def test_an_old_runner_ends_its_jobs(since: float, wanted: tuple[do.Action, ...]) -> None:
    """CAV-14. It ends by itself then, and healing starts the new one."""
    seen = snapshot(old(RUNNER, "cavalcade"))
    told = {} if since == NOW else {f"{RUNNER}@{STARTED}": NOW - 1}
    past = Recent(draining_since={RUNNER: since}, told=told)
    assert [a for s in draining.decide(RUNNERS, seen, past) for a in s.actions] == list(wanted)


@pytest.mark.parametrize(
    ("told", "jobs", "stopped"),
    [(9, set(), True), (7, set(), False), (9, {4}, False), (9, None, False)],
    ids=["no job, and stays", "too early", "has a job", "not known"],
)
def test_a_runner_without_a_job_that_does_not_end_is_stopped(told: float, jobs: set[int] | None, stopped: bool) -> None:
    at_work = {} if jobs is None else {RUNNER: Runner(frozenset(jobs), len(jobs))}
    seen = replace(snapshot(old(RUNNER, "cavalcade")), runners=at_work)
    past = Recent(draining_since={RUNNER: NOW - 30}, told={f"{RUNNER}@{STARTED}": NOW - told})
    steps = [a for s in draining.decide(RUNNERS, seen, past) for a in s.actions]
    assert (steps[:1] == [do.StopMember(RUNNER, True, draining.STOP_WITHIN)]) == stopped


@pytest.mark.parametrize(("since", "waits"), [(NOW - 1, True), (NOW - 11, False)])
def test_an_hour_long_job_is_not_waited_for(since: float, waits: bool) -> None:
    seen = snapshot(old(RUNNER, "cavalcade"))
    assert bool(turn.awaited(RUNNERS, seen, Recent(draining_since={RUNNER: since}))) == waits


def beside(spec: Spec, seen: Snapshot, past: Recent = Recent(), role: str = "web") -> int:  # noqa: B008 - frozen
    return renewal.applied(spec, seen, past).count(role)


def answered(*names: str) -> Recent:
    return Recent(lives={name: Life(f"{name}@{STARTED}", STARTED, True) for name in names})


def test_one_more_stands_in_for_the_web_containers_that_are_renewed() -> None:
    assert beside(SPEC, snapshot(new(A), new(B)), answered(A, B)) == 2
    assert beside(SPEC, snapshot(old(A), old(B))) == 3
    assert beside(SPEC, snapshot(new(A), old(B), new(C)), answered(A)) == 3
    assert beside(SPEC, snapshot(new(A), new(C)), answered(A)) == 3, "the last one is being made"
    assert beside(SPEC, snapshot(new(A), new(B), new(C)), answered(A)) == 3, "and does not answer yet"
    assert beside(SPEC, snapshot(new(A), new(B), new(C)), answered(A, B)) == 2
    assert beside(replace(SPEC, counts={"web": 6}), snapshot(old(A))) == 6, "the plan's most"
    assert beside(make_spec("local", roles=("web",)), snapshot(old(A))) == 1


def test_one_more_runner_stands_in_for_one_that_has_a_job() -> None:
    """CAV-27: new jobs run on the new code meanwhile."""
    seen = snapshot(old(RUNNER, "cavalcade"))
    for since, count in ((NOW, 1), (NOW - 4, 2)):
        assert beside(RUNNERS, seen, Recent(draining_since={RUNNER: since}), "cavalcade") == count


STAND_IN = "cavalcade-b1"


@pytest.mark.parametrize(
    ("since", "told"),
    [(None, False), (NOW, False), (NOW + 7200, True), (NOW, True)],
    ids=["control came back", "a look later", "the clock was set back", "web was not well for a moment"],
)
def test_the_stand_in_stays_as_long_as_there_is_somebody_to_stand_in_for(since: float | None, told: bool) -> None:
    """Told to end for nothing it would take no jobs, and nobody would."""
    seen = snapshot(old(RUNNER, "cavalcade"), new(STAND_IN, "cavalcade"))
    past = replace(
        answered(RUNNER, STAND_IN),
        draining_since={} if since is None else {RUNNER: since},
        told={f"{RUNNER}@{STARTED}": NOW - 1} if told else {},
    )
    assert beside(RUNNERS, seen, past, "cavalcade") == 2


def test_a_runner_that_was_told_to_end_and_is_wished_again_is_made_anew() -> None:
    """The image was taken back, or the load came again: it takes no jobs, and somebody has to stand in for it."""
    seen = snapshot(new(RUNNER, "cavalcade"))
    past = replace(answered(RUNNER), told={f"{RUNNER}@{STARTED}": NOW - 1}, draining_since={RUNNER: NOW - 30})
    assert renewal.leaving(RUNNERS, seen, past) == {RUNNER: "was told to end"}
    assert beside(RUNNERS, seen, past, "cavalcade") == 2
    assert draining.members(RUNNERS, seen, past) == {RUNNER}
    assert renewal.leaving(RUNNERS, seen, answered(RUNNER)) == {}


def test_a_runner_goes_on_ending_while_web_is_not_well() -> None:
    seen = snapshot(new(A), new(B), *OLD_REST, refused=(B,), nodes=ready(A, B))
    told = Recent(told={f"cavalcade-a1@{STARTED}": NOW - 60})
    assert set(renewal.leaving(SITE, seen, told)) == {"cavalcade-a1"}


def test_to_remind_a_runner_is_no_change() -> None:
    seen = snapshot(old(RUNNER, "cavalcade"))
    past = Recent(draining_since={RUNNER: NOW - 60}, told={f"{RUNNER}@{STARTED}": NOW - 10})
    assert [type(a) for s in turn.decide(RUNNERS, seen, past) for a in s.actions] == [do.SignalMember]
    assert turn.is_settled(RUNNERS, seen, past)


def test_nobody_is_left_without_a_web_container_by_a_missed_probe() -> None:
    """All fail open (LB-06), those that are to go as well."""
    seen = snapshot(old(A), old(B), new(C), *LBS, silent=(A, B, C), nodes=ready(A, B, C))
    assert routing.decide(THREE, seen, recent(missed={A: 9, B: 9, C: 9}), NOBODY) == ()


def test_a_broken_image_stops_the_renewal() -> None:
    """DEPLOY-06: the new one never answers, the old ones go on."""
    seen = snapshot(old(A), old(B), new(C), *LBS, refused=(C,), nodes=ready(A, B))
    spec = renewal.applied(SPEC, seen, recent())
    past = recent(missed={C: 1})
    assert [a for s in healing.decide(spec, seen, past, NOBODY) for a in s.actions] == [
        do.KillMember(C, "gave no good answer in 100 s since its start")
    ]
    assert routing.decide(spec, seen, past, NOBODY) == ()


def test_meanwhile_the_role_does_not_shrink() -> None:
    """DEPLOY-11; it may grow."""
    spec = make_spec("production-ha", roles=("db", "cavalcade"))
    idle = tuple(Point(NOW - 60 + n, 0.0) for n in range(60))
    past = Recent(scales={"cavalcade": Scale(2, NOW - 1000, "", idle)})
    nodes = (db("db-1", writable=True, jobs=Jobs(0, frozenset())),)
    for runner, count in ((new, 1), (old, 2)):
        seen = snapshot(*(runner(f"cavalcade-{z}1", "cavalcade") for z in "ab"), container("db-1", "db"), nodes=nodes)
        assert scaling.decide(spec, seen, past)["cavalcade"].count == count


def test_a_control_that_comes_back_meanwhile_counts_nobody_twice() -> None:
    spec = make_spec("production-ha", roles=("web", "lb"))
    for kept, count in (
        ([old(A), old(B), new(C)], 2),
        ([new(A), new(B), new(C)], 3),
        ([old(A), old(B), old(C)], 3),  # nobody stands in yet
    ):
        assert scaling.decide(spec, snapshot(*kept), Recent())["web"].count == count


def test_a_stopped_one_is_just_started() -> None:
    seen = snapshot(old(A, phase=Phase.EXITED), old(B), *LBS, nodes=ready(B))
    assert [s.actions for s in healing.decide(SPEC, seen, recent(), NOBODY)] == [(do.StartMember(A),)]
