"""Decides who has to make room for a new image or definition, and when: never more at a time than the others can bear.

Pure: no side effects; called by draining, routing and the loop. As in the cloud, web containers are renewed beside the
old ones, which go on until the new ones serve; the others in their place (fidelity DEPLOY-05, DEPLOY-06).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from altis_local.model.history import Recent
from altis_local.model.plans import SCALABLE
from altis_local.model.spec import Spec
from altis_local.model.state import Container, Snapshot
from altis_local.model.topology import Member

KEEPS_DATA = ("db", "redis", "search")
"""Not replaced only because it is to be made of something else: that costs a failover, a cold cache or the cluster."""
ALL_AT_ONCE = ("cavalcade",)
"""A runner that has no job is back within a second, so that new jobs run on the new code (CAV-27)."""
AFTER_WEB = ("cavalcade", "sandbox")
"""They run the site's code as well: renewed once web containers have shown that it answers (HC-10)."""
AT_WORK = 3.0
"""Seconds after which a runner that is told to go and is still there is taken to have a job."""


def why(spec: Spec, container: Container | None) -> str:
    """Why a running container is not what its member should be made of; "" where it is, or may stay as it is."""
    if container is None or not container.is_running or container.role in KEEPS_DATA:
        return ""
    wanted = spec.services[container.role]
    if container.image != wanted.image:
        return f"runs {container.image}, not {wanted.image}"
    if wanted.definition and container.hash != wanted.definition:
        return "was made of another definition"
    return ""


def outdated(spec: Spec, snapshot: Snapshot) -> Mapping[str, str]:
    """Wished members that run something else, with the reason."""
    reasons = {m.name: why(spec, snapshot.container(m.name)) for m in spec.wanted()}
    return {name: reason for name, reason in reasons.items() if reason}


def is_under_way(spec: Spec, snapshot: Snapshot, role: str) -> bool:
    """Whether the role has members to renew: meanwhile it does not shrink (DEPLOY-11)."""
    return any(why(spec, snapshot.container(m.name)) for m in spec.slots(role))


def leaving(spec: Spec, snapshot: Snapshot) -> Mapping[str, str]:
    """Those of them that go now: whoever is not well anyhow, else one of a role whose others all serve."""
    reasons = outdated(spec, snapshot)
    chosen: set[str] = set()
    roles = {m.role for m in spec.wanted() if m.name in reasons}
    if not _is_web_well(spec, snapshot, reasons):
        roles -= {*AFTER_WEB}
    for role in roles:
        old = [m for m in spec.members(role) if m.name in reasons]
        unwell = [m for m in old if not snapshot.is_healthy(m.name)]
        if role in ALL_AT_ONCE or unwell:
            chosen |= {m.name for m in (old if role in ALL_AT_ONCE else unwell)}
        elif all(_serves(snapshot, m) for m in spec.members(role) if m != old[0]):
            chosen.add(old[0].name)
    return {name: reason for name, reason in reasons.items() if name in chosen}


def _is_web_well(spec: Spec, snapshot: Snapshot, old: Collection[str]) -> bool:
    return "web" not in spec.services or all(
        m.name not in old and snapshot.is_healthy(m.name) for m in spec.members("web")
    )


def _serves(snapshot: Snapshot, member: Member) -> bool:
    """Well; and a web container is given requests by every balancer that answers."""
    lines = (s for p in snapshot.proxies.values() for s in p.servers if (s.backend, s.member) == ("web", member.name))
    return snapshot.is_healthy(member.name) and all(s.mode == "ready" and s.up for s in lines)


def applied(spec: Spec, snapshot: Snapshot, recent: Recent) -> Spec:
    """The Spec with one more member, where the plan allows it, of a role whose old ones are still needed meanwhile."""
    more = {
        role: spec.count(role) + 1
        for role in SCALABLE
        if role in spec.services and _wants(spec, snapshot, recent, role)
    }
    return replace(spec, counts={**spec.counts, **more}) if more else spec


def _wants(spec: Spec, snapshot: Snapshot, recent: Recent, role: str) -> bool:
    wished, slots = spec.members(role), spec.slots(role)
    if len(wished) == len(slots):
        return False
    old = [m.name for m in wished if why(spec, snapshot.container(m.name))]
    if role in ALL_AT_ONCE:
        now = snapshot.taken_at
        old = [name for name in old if now - recent.draining_since.get(name, now) > AT_WORK]
    # It stays until the last one that it stood in for has begun to answer.
    return bool(old) or (
        snapshot.is_running(slots[len(wished)].name) and not all(_answers(snapshot, recent, m) for m in wished)
    )


def _answers(snapshot: Snapshot, recent: Recent, member: Member) -> bool:
    container = snapshot.container(member.name)
    return container is not None and container.is_running and recent.has_answered(container)
