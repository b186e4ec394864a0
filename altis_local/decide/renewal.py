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


def outdated(spec: Spec, snapshot: Snapshot, recent: Recent) -> Mapping[str, str]:
    """Wished members that have to be made anew, with the reason: they run something else, or were told to end.

    A runner cannot be told to take jobs again: one that is wished once more ends all the same, and comes back.
    """
    reasons = {}
    for m in spec.wanted():
        told = snapshot.is_running(m.name) and _was_told(snapshot, recent, m)
        reasons[m.name] = why(spec, snapshot.container(m.name)) or ("was told to end" if told else "")
    return {name: reason for name, reason in reasons.items() if reason}


def is_under_way(spec: Spec, snapshot: Snapshot, role: str) -> bool:
    """Whether the role has members that run something else: meanwhile it does not shrink (DEPLOY-11)."""
    return any(why(spec, snapshot.container(m.name)) for m in spec.slots(role))


def leaving(spec: Spec, snapshot: Snapshot, recent: Recent) -> Mapping[str, str]:
    """Those of them that go now: one of a role whose others all serve, and every runner.

    Whoever does not answer is no exception: that may be control's own fault, and healing sees to it in its time.
    """
    reasons = outdated(spec, snapshot, recent)
    chosen: set[str] = set()
    roles = {m.role for m in spec.wanted() if m.name in reasons}
    is_web_well = _is_web_well(spec, snapshot, reasons)
    for role in roles:
        old = [m for m in spec.members(role) if m.name in reasons]
        if role in ALL_AT_ONCE:
            # Web's health decides when that begins; who was told to end goes on with it.
            chosen |= {m.name for m in old if is_web_well or _was_told(snapshot, recent, m)}
        elif (is_web_well or role not in AFTER_WEB) and all(
            _serves(snapshot, m) for m in spec.members(role) if m != old[0]
        ):
            chosen.add(old[0].name)
    return {name: reason for name, reason in reasons.items() if name in chosen}


def _was_told(snapshot: Snapshot, recent: Recent, member: Member) -> bool:
    container = snapshot.container(member.name)
    return container is not None and container.life in recent.told


def _is_web_well(spec: Spec, snapshot: Snapshot, old: Collection[str]) -> bool:
    return "web" not in spec.services or all(
        m.name not in old and snapshot.is_healthy(m.name) for m in spec.members("web")
    )


def _serves(snapshot: Snapshot, member: Member) -> bool:
    """Well, and at work: known to those who send it requests, and knowing where to send them on."""
    proxy = snapshot.proxies.get(member.name)
    match member.role:
        case "web":
            lines = (s for p in snapshot.proxies.values() for s in p.servers)
            known = all(s.mode == "ready" and s.up for s in lines if (s.backend, s.member) == ("web", member.name))
        case "lb":
            known = bool(proxy and proxy.ready("web")) and (snapshot.edge is None or member.name in snapshot.edge)
        case "endpoints":
            known = bool(proxy and proxy.ready("db-writer"))
        case _:
            known = True
    return known and snapshot.is_healthy(member.name)


def applied(spec: Spec, snapshot: Snapshot, recent: Recent) -> Spec:
    """The Spec with one more member, where the plan allows it, of a role whose old ones are still needed meanwhile."""
    roles = [role for role in SCALABLE if role in spec.services and _wants(spec, snapshot, recent, role)]
    more = {role: spec.count(role) + 1 for role in roles}
    return replace(spec, counts={**spec.counts, **more}) if more else spec


def _wants(spec: Spec, snapshot: Snapshot, recent: Recent, role: str) -> bool:
    wished, slots = spec.members(role), spec.slots(role)
    if len(wished) == len(slots):
        return False
    reasons = outdated(spec, snapshot, recent)
    old = late = [m.name for m in wished if m.name in reasons]
    if role in ALL_AT_ONCE:
        now = snapshot.taken_at
        late = [name for name in old if now - recent.draining_since.get(name, now) > AT_WORK]
    # It stays until the last one that it stood in for has begun to answer. (A runner that was told to end for nothing
    # would take no jobs.)
    stays = snapshot.is_running(slots[len(wished)].name)
    return bool(late) or (stays and (bool(old) or not all(_answers(snapshot, recent, m) for m in wished)))


def _answers(snapshot: Snapshot, recent: Recent, member: Member) -> bool:
    container = snapshot.container(member.name)
    return container is not None and container.is_running and recent.has_answered(container)
