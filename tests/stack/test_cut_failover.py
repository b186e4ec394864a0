"""A failover and a change of writer, cut after every single action, on real members: control is in this process.

The environment has only db and endpoints, and its bridges have host addresses, so that control needs no container. A
cut is what SIGKILL does: nothing more happens, and only what is on disk is known to the next control.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pymysql
import pytest

from altis_local.clients import compose_model
from altis_local.clients.engine import Engine
from altis_local.clients.engine_reader import EngineReader
from altis_local.control.loop import Loop
from altis_local.control.main import build
from altis_local.control.waking import Waking
from altis_local.decide import database, turn
from altis_local.environment import allocation, definition
from altis_local.environment.facade import Environment
from altis_local.environment.paths import compose_files, user_paths
from altis_local.model.actions import Action, Steps
from altis_local.model.spec import Spec
from altis_local.model.topology import address
from tests.stack.world import TABLE, World, eventually, unique

pytestmark = [pytest.mark.engine, pytest.mark.stack]

soon = partial(eventually, every=0.05)
"""For what this process knows by itself."""
ROLES = ("db", "endpoints")
MEMBERS = ("db-1", "db-2", "db-3")
CRASH_ACTIONS = 14
"""Fencing (3), fencing again once the furthest is known (3), promotion (6), route (1), and the first of rejoining."""
CHANGE_ACTIONS = 13
KEY = "db"


class Cut:
    """Lets a loop carry out so many actions on the database, and then nothing at all any more."""

    def __init__(self, loop: Loop, after: int) -> None:
        self._execute = loop.execute
        self._left = after
        self._lock = threading.Lock()
        self._running = 0
        self.done: list[str] = []
        self.is_made = threading.Event()
        loop.execute = self.execute  # type: ignore[method-assign]

    def execute(self, steps: Steps) -> bool:
        return all(self._one(replace(steps, actions=(action,)), action) for action in steps.actions)

    def _one(self, steps: Steps, action: Action) -> bool:
        with self._lock:
            if steps.key == KEY and self._left == 0:
                self.is_made.set()
            if self.is_made.is_set():
                return False
            self._running += 1
        try:
            succeeded = self._execute(steps)
        finally:
            with self._lock:
                self._running -= 1
        if succeeded and steps.key == KEY:
            self._left -= 1
            self.done.append(type(action).__name__)
        return succeeded

    def is_quiet(self) -> bool:
        """Nothing that was begun before the cut is under way."""
        return self._running == 0


@dataclass
class Control:
    """One life of the control plane."""

    loop: Loop
    waking: Waking
    thread: threading.Thread

    def end(self) -> None:
        self.loop.close()
        self.waking.close()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()

    def sees(self) -> bool:
        return self.loop.seen is not None and set(self.loop.seen.snapshot.db) == set(MEMBERS)

    def is_well(self) -> bool:
        """Settled and protected, with every member healthy and following the one writer, which traffic goes to."""
        seen = self.loop.seen
        if seen is None:
            return False
        spec, snapshot = seen.spec, seen.snapshot
        writers = {n.member for n in snapshot.db.values() if not n.read_only}
        return (
            all(snapshot.is_healthy(m.name) for m in spec.wanted())
            and turn.is_settled(spec, snapshot, seen.recent)
            and turn.protected(spec, snapshot, seen.recent) is True
            and len(writers) == 1
            and snapshot.protection is not None
            and snapshot.protection.voters == frozenset(MEMBERS) - writers
            and all(p.ready("db-writer") == writers and not p.held for p in snapshot.proxies.values())
        )

    @property
    def writer(self) -> str:
        assert self.loop.seen is not None
        return next(n.member for n in self.loop.seen.snapshot.db.values() if not n.read_only)

    @property
    def term(self) -> int:
        assert self.loop.seen is not None
        return max(n.term for n in self.loop.seen.snapshot.db.values())


class Rows:
    """A client that inserts through an endpoint without a pause, connects anew after every error, and notes what was
    acknowledged."""

    def __init__(self, spec: Spec, tag: str) -> None:
        self._where = {
            "host": address(spec.block, "data", spec.members("endpoints")[0]),
            "user": "wordpress",
            "password": spec.secrets.db,
        }
        self._tag = tag
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rows")
        self.acknowledged: set[str] = set()
        self._thread.start()

    def _work(self) -> None:
        db: pymysql.Connection | None = None
        number = 0
        while not self._stop.wait(0.01):
            number += 1
            try:
                db = db or pymysql.connect(**self._where, autocommit=True, connect_timeout=2, read_timeout=20)
                with db.cursor() as cursor:
                    cursor.execute(f"INSERT INTO {TABLE} VALUES (%s)", (f"{self._tag}-{number}",))
                self.acknowledged.add(f"{self._tag}-{number}")
            except (OSError, pymysql.MySQLError):
                db = None

    def more(self) -> None:
        enough = len(self.acknowledged) + 10
        soon(lambda: len(self.acknowledged) >= enough, "rows are acknowledged")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


class Ground:
    """The environment between two lives of control."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.world = World(spec.environment, folder)

    @contextmanager
    def life(self, cut: int | None = None) -> Iterator[tuple[Control, Cut | None]]:
        """Control from its start to its sudden end, with or without a cut after so many actions."""
        loop, waking = build(self.folder, Engine(), own_container="")
        made = None if cut is None else Cut(loop, cut)
        waking.start(self.spec.environment)
        control = Control(loop, waking, threading.Thread(target=loop.run, name="control"))
        control.thread.start()
        try:
            yield control, made
        finally:
            control.end()

    @contextmanager
    def rows(self, tag: str) -> Iterator[Rows]:
        made = Rows(self.spec, tag)
        try:
            yield made
        finally:
            made.stop()

    def rows_of(self, member: str) -> set[str]:
        return {row for (row,) in self.world.sql(member, f"SELECT id FROM {TABLE}")}


@pytest.fixture(scope="module")
def ground(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    name = unique("cut")
    images = Environment(name, folder=folder).build()
    services = compose_model.load(compose_files(), user_paths().cache).services
    reader = EngineReader()
    spec = Spec(
        environment=name,
        plan="production-ha",
        block=allocation.choose_block(reader, [c for c in reader.containers() if c.kind == "control"]),
        site_port=8443,
        services={role: replace(services[role], image=images[role]) for role in ROLES},
        secrets=definition.new_secrets("", ""),
        counts={"db": len(MEMBERS)},
        host_addresses=True,
    )
    made = Ground(spec, tmp_path_factory.mktemp("control"))
    try:
        with made.life() as (control, _):
            control.loop.store.save_spec(spec)
            control.loop.wake()
            soon(control.is_well, "the environment of the cut failovers is up")
            made.world.sql(control.writer, f"CREATE TABLE {TABLE} (id VARCHAR(64) PRIMARY KEY)")
        yield made
    finally:
        made.world.wipe()


def survives(ground: Ground, after: int, begin: Callable[[Control, str], None]) -> tuple[str, ...]:
    """One life that is cut after so many actions, and one that finishes, so that all is well for whoever comes next.

    Returns what the cut one did.
    """
    with ground.rows(f"{after}-{secrets.token_hex(4)}") as rows:
        rows.more()
        with ground.life(after) as (control, cut):
            assert cut is not None
            soon(control.sees, "it sees the members")
            writer, term = control.writer, control.term
            begin(control, writer)
            soon(lambda: cut.is_made.is_set() or (control.is_well() and control.term > term), "cut, or through")
        # Its sessions have ended with it, as those of a killed process would.
        soon(cut.is_quiet, "what was begun has ended")
        with ground.life() as (control, _):
            soon(control.is_well, f"well after {cut.done}")
            rows.more()
            rows.stop()
            for member in MEMBERS:
                eventually(lambda m=member: rows.acknowledged <= ground.rows_of(m), f"{member} has it all: {cut.done}")
    return tuple(cut.done)


@pytest.mark.parametrize("after", range(CRASH_ACTIONS + 1))
def test_a_failover_cut_after_any_action_is_finished(ground: Ground, after: int) -> None:
    def crash(_: Control, writer: str) -> None:
        ground.world.hurt("killed", (writer,))

    done = survives(ground, after, crash)
    assert len(done) == after
    if after == CRASH_ACTIONS:
        assert {"Fence", "StopReceivers", "Promote", "SetSemiSync", "Route"} <= set(done)


@pytest.mark.parametrize("after", range(CHANGE_ACTIONS + 1))
def test_a_change_of_writer_cut_after_any_action_is_finished(ground: Ground, after: int) -> None:
    def change(control: Control, _: str) -> None:
        soon(control.is_well, "well when asked")
        seen = control.loop.seen
        assert seen is not None
        steps = database.switchover(seen.spec, seen.snapshot, seen.recent)
        assert isinstance(steps, Steps), steps
        assert control.loop.begin(steps)

    done = survives(ground, after, change)
    assert len(done) == after
    if after == CHANGE_ACTIONS:
        assert {"Demote", "Promote", "Route"} <= set(done)
