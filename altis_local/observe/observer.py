"""Takes snapshots: one list from the engine, then every running member asked at once, within one time limit.

Called by the control loop, once a turn. A member that the engine says is not running is not asked. One whose last
question is still open is not asked again; it counts as silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from altis_local.clock import Clock
from altis_local.errors import AltisError
from altis_local.model import processes
from altis_local.model.processes import Process
from altis_local.model.spec import Spec
from altis_local.model.state import (
    AwsNode,
    CacheNode,
    Container,
    DbNode,
    Edge,
    Health,
    Load,
    Protection,
    Proxy,
    Reach,
    Runner,
    Snapshot,
)
from altis_local.model.topology import MEMBER_ROLES, Member
from altis_local.observe.probes import Reading, Sessions, probe

LIMIT = 0.6
"""Seconds a turn waits for its probes; a little over the clients' own limit of 0.5 s."""
ASKED_EVERY = 5.0
"""Seconds between questions what a runner's processes do: each costs the engine 30 ms."""


class EngineReader(Protocol):
    """What observation needs of the engine."""

    def containers(self, environment: str) -> tuple[Container, ...]: ...
    def networks(self, environment: str) -> frozenset[str]: ...
    def processes(self, container: str) -> tuple[Process, ...]: ...


class Observer:
    """Keeps open probes between turns; everything else it returns."""

    def __init__(self, engine: EngineReader, sessions: Sessions, clock: Clock, pool: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._sessions = sessions
        self._clock = clock
        self._pool = pool
        self._open: dict[str, Future[Reading]] = {}
        self._runners: dict[str, tuple[float, Reading]] = {}

    def take(
        self, spec: Spec, *, joined: frozenset[str], record: Protection | None, in_flight: frozenset[str]
    ) -> Snapshot:
        """The environment now. Raises EngineUnavailable when the engine does not answer."""
        asked_networks = self._pool.submit(self._engine.networks, spec.environment)
        containers = self._engine.containers(spec.environment)
        readings = self._ask(spec, containers)
        values = {name: reading.value for name, reading in readings.items()}
        return Snapshot(
            taken_at=self._clock.now(),
            containers=containers,
            networks=asked_networks.result(),
            joined=joined,
            health={name: reading.health for name, reading in readings.items()},
            db={name: value for name, value in values.items() if isinstance(value, DbNode)},
            cache={name: value for name, value in values.items() if isinstance(value, CacheNode)},
            proxies={name: value for name, value in values.items() if isinstance(value, Proxy)},
            runners={name: value for name, value in values.items() if isinstance(value, Runner)},
            load={name: value for name, value in values.items() if isinstance(value, Load)},
            edge=next((value.origins for value in values.values() if isinstance(value, Edge)), None),
            aws=next((value for value in values.values() if isinstance(value, AwsNode)), None),
            protection=record,
            in_flight=in_flight,
        )

    def _ask(self, spec: Spec, containers: tuple[Container, ...]) -> Mapping[str, Reading]:
        slots = {m.name: m for role in MEMBER_ROLES if role in spec.services for m in spec.slots(role)}
        running = [c for c in containers if c.kind == "member" and c.is_running and c.member in slots]
        self._runners = {c.id: self._runners[c.id] for c in running if c.id in self._runners}
        asked = {c.member: self._question(spec, slots[c.member], c.id) for c in running}
        done, _ = wait(asked.values(), timeout=LIMIT)
        readings = {}
        for name, question in asked.items():
            if question in done:
                self._open.pop(name, None)
                readings[name] = question.result()
            elif question.running():
                readings[name] = Reading(Health(Reach.SILENT, f"no answer within {LIMIT} s"))
            else:
                # Control's own fault, on a machine too busy for it: no evidence against the member.
                readings[name] = Reading(Health(Reach.UNKNOWN, f"not asked within {LIMIT} s"))
        return readings

    def _question(self, spec: Spec, member: Member, container: str) -> Future[Reading]:
        still = self._open.get(member.name)
        if still is None or still.done():  # an answer to an older turn's question is too old for this one
            if member.role == "cavalcade":
                still = self._pool.submit(self._runner, container)
            else:
                still = self._pool.submit(probe, spec, self._sessions, member)
            self._open[member.name] = still
        return still

    def _runner(self, container: str) -> Reading:
        """A runner listens to nobody: the engine is asked, now and then, what its processes do."""
        now = self._clock.monotonic()
        asked, known = self._runners.get(container, (0.0, Reading(Health(Reach.OK))))
        if now - asked < ASKED_EVERY:
            return known
        try:
            found = self._engine.processes(container)
        except AltisError:
            return Reading(Health(Reach.OK))  # nobody knows better than the engine that it runs
        runner = Runner(processes.jobs(found), processes.workers(found))
        if processes.are_held(found):
            return Reading(Health(Reach.SILENT, "its processes are stopped"), runner)
        reading = Reading(Health(Reach.OK), runner)
        self._runners[container] = now, reading
        return reading
