"""The real loop, executor and clients' seams on a simulated machine: it comes up, heals, and fails over."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from altis_local.clients.engine_values import ExecResult
from altis_local.clients.record import FileRecords
from altis_local.clock import Clock, Deadline, SystemClock, wait_until
from altis_local.control.journal import Journal
from altis_local.control.loop import Loop, Parts
from altis_local.control.store import Store
from altis_local.decide import turn
from altis_local.model.spec import Secrets, Service, Spec, Volume
from altis_local.model.topology import Member
from altis_local.observe.observer import Observer
from tests.fakes.aws import Services
from tests.fakes.engine import Box
from tests.fakes.world import FakeSessions, World

CLOCK = SystemClock()
DATA = {"db": (Volume("data", "/var/lib/mysql"),)}
SERVERS = {
    "endpoints": {f"ALTIS_SERVERS_{kind}": f"${{ALTIS_SERVERS_{kind}}}" for kind in ("DB", "REDIS")},
    "lb": {"ALTIS_SERVERS_WEB": "${ALTIS_SERVERS_WEB}"},
}


ROLES = ("cdn", "lb", "web", "endpoints", "db", "redis", "aws")


def make_spec(plan: str, roles: tuple[str, ...] = ROLES) -> Spec:
    services = {
        role: Service(role, f"altis-local/{role}:1", SERVERS.get(role, {}), volumes=DATA.get(role, ()), memory=1)
        for role in roles
    }
    return Spec("t", plan, "10.208.0.0/20", 8443, services, Secrets("d", "c", "r", "p", "s", "t", "k"))


class Running:
    """One loop over one world; `turns` takes turns until something is so."""

    def __init__(self, folder: Path, clock: Clock = CLOCK, roles: tuple[str, ...] = ROLES) -> None:
        self.spec = make_spec("production-ha", roles)
        self.world = World(clock)
        self.world.engine.images |= {service.image for service in self.spec.services.values()}
        self.sessions = FakeSessions(self.world, self.spec)
        store = Store(FileRecords(folder), folder)
        store.save_spec(self.spec)
        self.pool = ThreadPoolExecutor(16)
        observer = Observer(self.world.engine, self.sessions, clock, self.pool)
        journal = Journal(folder / "journal")
        self.loop = Loop(Parts(store, journal, self.world.engine, self.sessions, observer, clock))

    def member(self, name: str) -> Member:
        return next(m for m in self.spec.wanted() if m.name == name)

    def container(self, name: str) -> str:
        return next(box.id for box in self.world.engine.boxes() if box.member == name)

    def writer(self) -> str:
        seen = self.loop.seen
        assert seen is not None
        return next(n.member for n in seen.snapshot.db.values() if not n.read_only)

    def aws(self) -> Services:
        return self.world.reach(self.sessions._at(self.member("aws"), "platform"), Services)

    def is_converged(self) -> bool:
        self.loop.turn()
        seen = self.loop.seen
        return seen is not None and turn.is_converged(seen.spec, seen.snapshot, seen.recent)

    def close(self) -> None:
        self.loop.close()
        self.pool.shutdown()

    def converge(self) -> None:
        assert wait_until(self.is_converged, Deadline.after(20, CLOCK), every=0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path)
    yield one
    one.close()


def test_it_comes_up_and_a_dead_writer_is_replaced_without_losing_a_write(running: Running) -> None:
    running.converge()
    old = running.writer()
    assert running.sessions.db(running.member(old)).write("kept")
    had = running.sessions.db(running.member(old)).executed()
    running.world.engine.kill(running.container(old))
    running.converge()
    assert running.writer() != old
    assert running.sessions.db(running.member(running.writer())).executed().contains(had)


def test_a_frozen_redis_primary_gives_way_to_its_standby(running: Running) -> None:
    running.converge()
    running.sessions.cache(running.member("redis-1")).write("session")
    running.converge()
    running.world.engine.pause(running.container("redis-1"))

    def is_replaced() -> bool:
        return running.is_converged() and running.sessions.cache(running.member("redis-2")).observe().is_primary

    assert wait_until(is_replaced, Deadline.after(20, CLOCK), every=0.02)
    assert running.sessions.cache(running.member("redis-2")).observe().keys == 1


def test_everything_is_made_again_after_all_of_it_died(running: Running) -> None:
    running.converge()
    before = running.writer()
    for box in running.world.engine.boxes():
        running.world.engine.kill(box.id)
    running.converge()
    assert running.sessions.db(running.member(before)).observe().term >= 1


def test_aws_gets_back_what_it_forgets_at_its_restart(running: Running) -> None:
    running.converge()
    before = running.aws()
    assert before.identities
    running.world.engine.kill(running.container("aws"))
    assert wait_until(
        lambda: running.is_converged() and running.aws() is not before, Deadline.after(20, CLOCK), every=0.02
    )
    assert running.aws().groups == before.groups


def test_the_way_to_the_metadata_is_made_after_each_start_by_one_helper(tmp_path: Path) -> None:
    running = Running(tmp_path, roles=(*ROLES, "standins"))
    linked: list[str] = []

    def answer(box: Box, argv: tuple[str, ...]) -> ExecResult:
        if box.label("kind") != "helper":
            return ExecResult(0, "")
        ids = [word.partition(":")[0] for word in argv[6:]]
        linked.extend(ids)
        return ExecResult(0, "".join(f"linked {one}\n" for one in ids))

    running.world.engine.on_exec = answer
    running.converge()
    first = running.container("web-a1")
    assert first in linked
    running.world.engine.kill(first)
    running.converge()
    assert running.container("web-a1") in linked
    assert len([box for box in running.world.engine.boxes() if box.label("kind") == "helper"]) == 1
    assert len(linked) == len(set(linked))
    running.close()


def test_a_helper_that_cannot_do_its_work_holds_nothing_up(tmp_path: Path) -> None:
    running = Running(tmp_path, roles=(*ROLES, "standins"))
    running.world.engine.on_exec = lambda box, _: ExecResult(1 if box.label("kind") == "helper" else 0, "not permitted")
    running.converge()
    failures = [e for e in running.loop.journal.after(0) if e.key == "metadata" and e.outcome == "failed"]
    assert failures and "metadata cannot be reached" in failures[0].text
    running.close()


def test_a_member_that_cannot_be_started_is_tried_less_and_less(running: Running) -> None:
    running.converge()
    running.world.engine.images.discard("altis-local/web:1")
    for box in running.world.engine.boxes():
        if box.member == "web-a1":
            running.world.engine.remove(box.id, force=True)
    last = running.loop.journal.after(0)[-1].sequence

    def failures() -> int:
        return len([e for e in running.loop.journal.after(last) if e.member == "web-a1" and e.outcome == "failed"])

    assert wait_until(lambda: bool(running.loop.turn()) and failures() >= 3, Deadline.after(10, CLOCK), every=0.02)
    assert not wait_until(lambda: bool(running.loop.turn()) and failures() > 3, Deadline.after(0.5, CLOCK), every=0.02)
    running.world.engine.images.add("altis-local/web:1")
    running.converge()
