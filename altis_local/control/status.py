"""The environment in the words of `status --json`. Pure: Spec, Snapshot and Recent in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altis_local.decide import cache, cloud, draining, renewal, site, turn
from altis_local.decide.diagnosis import Diagnosis, Finding, diagnose
from altis_local.model.history import Recent
from altis_local.model.spec import Spec, Wish
from altis_local.model.state import Container, Phase, Snapshot
from altis_local.model.topology import ROLES, address

SCHEMA = 1
_ENDPOINTS = {
    "db-writer": ("data", 3306),
    "db-reader": ("data-ro", 3306),
    "cache": ("data", 6379),
    "search": ("data", 9200),
}
"""Endpoint name: the network its clients are on, and the port."""


def status(spec: Spec, snapshot: Snapshot, recent: Recent, memory: Mapping[str, int]) -> dict[str, Any]:
    """The document of the issue; `memory` maps container ids to bytes of working set."""
    found = diagnose(spec, snapshot, recent)
    converged = turn.is_converged(spec, snapshot, recent)
    return {
        "schema": SCHEMA,
        "environment": spec.environment,
        "plan": spec.plan,
        "timing": spec.timing,
        "state": "stopped" if spec.wish is Wish.STOPPED else "running",
        "converged": converged and spec.wish is Wish.RUNNING,
        "settled": converged,
        "protected": turn.protected(spec, snapshot, recent),
        "broken": list(spec.broken),
        "database": {"finding": found.finding.name.lower(), "term": found.term, "detail": found.detail},
        "urls": {"site": f"{spec.site_url}/", "admin": f"{spec.site_url}/wp-admin/", "dashboard": None},
        "jobs": _jobs(snapshot, recent),
        "members": _members(spec, snapshot, recent, found, memory),
        "endpoints": _endpoints(spec, snapshot),
    }


def _jobs(snapshot: Snapshot, recent: Recent) -> dict[str, int] | None:
    """`left`: of the running ones, those whose runner was killed."""
    if snapshot.jobs is None:
        return None
    running = snapshot.jobs.running
    return {"due": snapshot.jobs.due, "running": len(running), "left": len(running & recent.left_behind)}


def _members(
    spec: Spec, snapshot: Snapshot, recent: Recent, found: Diagnosis, memory: Mapping[str, int]
) -> list[dict[str, Any]]:
    wanted = {m.name: m for m in spec.wanted()}
    extra = {
        m.name: m
        for role in spec.services
        if role in ROLES and role != "control"
        for m in spec.slots(role)
        if m.name not in wanted and snapshot.container(m.name)
    }
    order = list(spec.services)
    going = draining.members(spec, snapshot, recent)
    rows = []
    for m in sorted([*wanted.values(), *extra.values()], key=lambda m: (order.index(m.role), m.name)):
        container = snapshot.container(m.name)
        rows.append(
            {
                "member": m.name,
                "role": m.role,
                "zone": m.zone or None,
                "state": state(snapshot, recent, container, m.name, going=m.name in going),
                "duty": duty(spec, snapshot, found, m.name, m.role),
                "health": _health(snapshot, m.name),
                "image": container.image if container else spec.services[m.role].image,
                "memory_bytes": memory.get(container.id) if container else None,
                "detail": _detail(snapshot, m.name),
            }
        )
    return rows


def state(snapshot: Snapshot, recent: Recent, container: Container | None, name: str, *, going: bool) -> str:
    """healthy, starting, unhealthy, draining, stopped or missing."""
    if container is None or container.phase is Phase.REMOVING:
        return "missing"
    if container.phase is Phase.PAUSED:
        return "unhealthy"
    if not container.is_running:
        return "stopped"
    if going:
        return "draining"
    if snapshot.is_healthy(name):
        return "healthy"
    return "unhealthy" if recent.has_answered(container) else "starting"


def duty(spec: Spec, snapshot: Snapshot, found: Diagnosis, name: str, role: str) -> str | None:
    """writer, reader, primary, standby or None. A reader follows the writer, however things stand with that one."""
    if role == "db" and name in snapshot.db:
        if name == found.writer and found.finding is Finding.OK:
            return "writer"
        node = snapshot.db[name]
        return "reader" if node.read_only and node.receiver is not None else None
    if role == "redis" and name in snapshot.cache:
        return "primary" if name == cache.primary_of(snapshot) else "standby"
    return None


def _health(snapshot: Snapshot, name: str) -> str | None:
    health = snapshot.health.get(name)
    if health is None or health.is_ok:
        return None
    return f"{health.reach.value}: {health.detail}" if health.detail else health.reach.value


def _detail(snapshot: Snapshot, name: str) -> str:
    node = snapshot.db.get(name)
    if node is None:
        return ""
    if node.receiver is None:
        return f"MySQL {node.version}, server {node.server_id}"
    lag = "" if node.receiver.lag is None else f", lag {node.receiver.lag:.0f} s"
    broken = f", {node.receiver.error}" if node.receiver.error else ""
    return f"from {node.receiver.source}, receiver {node.receiver.io}, applier {node.receiver.sql}{lag}{broken}"


def _endpoints(spec: Spec, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    zones = spec.members("endpoints") if "endpoints" in spec.services else ()
    return {
        name: {
            "address": f"{name}:{port}",
            "addresses": [f"{address(spec.block, network, m)}:{port}" for m in zones],
            "members": sorted(frozenset().union(*(p.ready(name) for p in snapshot.proxies.values()))),
        }
        for name, (network, port) in _ENDPOINTS.items()
        if name != "search" or name in spec.services
    }


def lagging(spec: Spec, snapshot: Snapshot, recent: Recent) -> dict[str, str]:
    """Members that keep the environment from being converged, and why."""
    found = diagnose(spec, snapshot, recent)
    why = {}
    for m in spec.wanted():
        if not snapshot.is_healthy(m.name):
            container = snapshot.container(m.name)
            said = state(snapshot, recent, container, m.name, going=False)
            why[m.name] = " · ".join(filter(None, (said, _health(snapshot, m.name) or "")))
    old = renewal.outdated(spec, snapshot, recent)
    why |= {name: old[name] for name in turn.awaited(spec, snapshot, recent) - why.keys()}
    if not why and (dark := turn.unseen(spec, snapshot)):
        why["cdn"] = f"does not see {', '.join(sorted(dark))} yet"
    if not why and found.finding is not Finding.OK:
        why[found.writer or "db"] = f"{found.finding.value} {found.detail}".strip()
    if not why and not site.is_installed(spec, snapshot, recent):
        why["site"] = "is not installed yet"
    if not why and not cloud.is_prepared(spec, snapshot):
        why["aws"] = "its identities and log groups are not made yet"
    return why
