"""The figures of every role, from what control sees anyway. Pure: called by metrics once a minute.

Names are those of AWS where it has one for the thing (CPUUtilization, ReplicaLag, CurrItems …).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from altis_local.clients.aws_metrics import Datum
from altis_local.model.spec import Spec
from altis_local.model.state import Container, Snapshot


@dataclass(frozen=True, slots=True)
class Usage:
    """What containers used, by container id, at one time (epoch seconds)."""

    at: float
    memory: Mapping[str, int] = field(default_factory=dict)
    """Bytes."""
    processor: Mapping[str, float] = field(default_factory=dict)
    """Seconds since the container's start."""


def figures(spec: Spec, snapshot: Snapshot, before: Usage, now: Usage) -> tuple[Datum, ...]:
    """Every figure that is known; what is not known is left out."""
    return (*_members(spec, snapshot, before, now), *_services(spec, snapshot))


def _dimensions(spec: Spec, role: str, member: str = "") -> dict[str, str]:
    return {"Environment": spec.environment, "Role": role} | ({"Member": member} if member else {})


def _members(spec: Spec, snapshot: Snapshot, before: Usage, now: Usage) -> Iterator[Datum]:
    for container in snapshot.containers:
        if container.kind != "member" or not container.is_running:
            continue
        about = _dimensions(spec, container.role, container.member)
        yield from (Datum(name, value, unit, about) for name, value, unit in _used(spec, container, before, now))
        yield from (Datum(name, value, unit, about) for name, value, unit in _own(snapshot, container.member))


def _used(spec: Spec, container: Container, before: Usage, now: Usage) -> Iterator[tuple[str, float, str]]:
    """Processor in percent of one core; memory in percent of the container's limit."""
    spent = now.processor.get(container.id)
    earlier = before.processor.get(container.id, 0.0 if container.started_at > before.at else None)
    begun = max(before.at, container.started_at)
    if spent is not None and earlier is not None and now.at > begun:
        yield "CPUUtilization", 100 * max(0.0, spent - earlier) / (now.at - begun), "Percent"
    held = now.memory.get(container.id)
    limit = spec.services[container.role].memory if container.role in spec.services else 0
    if held is not None and limit:
        yield "MemoryUtilization", 100 * held / limit, "Percent"


def _own(snapshot: Snapshot, name: str) -> Iterator[tuple[str, float, str]]:
    if load := snapshot.load.get(name):
        yield "BusyWorkers", load.busy, "Count"
    node = snapshot.db.get(name)
    if node and node.receiver and node.receiver.lag is not None:
        yield "ReplicaLag", node.receiver.lag, "Seconds"
    if node and not node.receiver:
        yield "SemiSyncReaders", node.semi_sync.clients, "Count"
    if cache := snapshot.cache.get(name):
        yield "CurrItems", cache.keys, "Count"
    if proxy := snapshot.proxies.get(name):
        yield "ActiveConnectionCount", sum(server.sessions for server in proxy.servers), "Count"


def _services(spec: Spec, snapshot: Snapshot) -> Iterator[Datum]:
    """Figures of whole roles: how many members are well, and the jobs."""
    for role in spec.services:
        wanted = spec.members(role) if role != "control" else ()
        if wanted:
            well = sum(1 for m in wanted if snapshot.is_healthy(m.name))
            yield Datum("HealthyHostCount", well, "Count", _dimensions(spec, role))
    if snapshot.jobs and "cavalcade" in spec.services:
        about = _dimensions(spec, "cavalcade")
        yield Datum("JobsDue", snapshot.jobs.due, "Count", about)
        yield Datum("JobsRunning", len(snapshot.jobs.running), "Count", about)
