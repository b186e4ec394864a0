"""Puts a Spec together: what is configured, over what the environment already is. Pure.

Called by the lifecycle. It refuses what would lose data or what the plan does not include, with the reason.
"""

from __future__ import annotations

import dataclasses
import secrets as randomness
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from altis_local.act.definition import fingerprint
from altis_local.errors import Conflict, RefusedByPlan, UsageError
from altis_local.model.plans import PLANS, Plan, bounds, refusal
from altis_local.model.spec import BREAKABLE, NO_SECRETS, Secrets, Service, Spec, Wish
from altis_local.model.topology import CONTROL
from altis_local.settings import DEFAULT_PLAN, Settings, readers_refusal

KEEP = NO_SECRETS
"""Empty secrets: control keeps its own."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What only the machine can tell: the environment's name, its address block, its site's port, its services."""

    environment: str
    block: str
    site_port: int
    services: Mapping[str, Service]


def new_secrets(certificate: str, key: str) -> Secrets:
    """Random ones for a new environment."""
    db, db_control, db_replica, redis, site = (randomness.token_urlsafe(24) for _ in range(5))
    return Secrets(db, db_control, db_replica, redis, site, tls_cert=certificate, tls_key=key)


def compose_spec(
    settings: Settings, ground: Ground, *, previous: Spec | None, secrets: Secrets, broken: Iterable[str] = ()
) -> Spec:
    """The Spec to hand over. Raises UsageError or RefusedByPlan."""
    plan = chosen_plan(settings, previous)
    spec = Spec(
        environment=ground.environment,
        plan=plan.name,
        block=ground.block,
        site_port=ground.site_port,
        services=ground.services,
        secrets=secrets,
        counts=_counts(settings, plan, previous),
        wish=Wish.RUNNING,
        timing=settings.timing or (previous.timing if previous else "fast"),
        extra_hosts=settings.domains,
        broken=_broken(tuple(broken), previous),
    )
    return dataclasses.replace(
        spec, services={role: _defined(spec, service) for role, service in spec.services.items()}
    )


def _defined(spec: Spec, service: Service) -> Service:
    """With its fingerprint, so that members are made anew when the plan, the configuration or compose/ changes."""
    if service.role == CONTROL.role:
        return service
    return dataclasses.replace(service, definition=fingerprint(spec, service))


def chosen_plan(settings: Settings, previous: Spec | None) -> Plan:
    """The plan asked for, else the one it has. It may grow; shrinking could take the writer's data with it."""
    if previous is None:
        return PLANS[settings.plan or DEFAULT_PLAN]
    before = PLANS[previous.plan]
    after = PLANS[settings.plan or previous.plan]
    lost = set(before.zones) - set(after.zones)
    if lost or bounds(after, "db").most < bounds(before, "db").least or (before.standby and not after.standby):
        raise UsageError(
            f"environment {previous.environment} has plan {before.name} and cannot shrink to {after.name}",
            hint=f"`altis-local -p {previous.environment} destroy` first, or use another name: -p NAME",
        )
    if before.search != after.search:
        raise UsageError(
            f"the search index of {previous.environment} cannot grow from {before.search} to {after.search} members",
            hint=f"plan {after.name} needs an environment of its own: -p NAME, or destroy this one first",
        )
    return after


def require_known_plan(plan: str, name: str) -> None:
    """Raise Conflict before an older version takes over what it could not run. No plan: it is not known yet."""
    if plan and plan not in PLANS:
        raise Conflict(
            f"environment {name} has plan {plan}, which this version does not know",
            hint="it was made by a newer altis-local: use that one",
        )


def site_port(settings: Settings, held: int | None) -> int | None:
    """The site's port as asked for or as it is; None: to be chosen. WordPress keeps it in its tables."""
    if held and settings.port and settings.port != held:
        raise UsageError(
            f"the site is installed at port {held} and cannot move to {settings.port}",
            hint="start without --port, or destroy the environment first",
        )
    return held or settings.port


def _counts(settings: Settings, plan: Plan, previous: Spec | None) -> Mapping[str, int]:
    kept = {role: n for role, n in (previous.counts if previous else {}).items() if refusal(plan, role, n) is None}
    asked = settings.counts()
    reasons = [
        refusal(plan, "web", settings.web) if settings.web is not None else None,
        readers_refusal(plan, settings.readers) if settings.readers is not None else None,
    ]
    for reason in filter(None, reasons):
        raise RefusedByPlan(reason, hint="a larger plan has more; `altis-local start --help` names them")
    return {**kept, **asked}


def _broken(asked: tuple[str, ...], previous: Spec | None) -> tuple[str, ...]:
    if unknown := [name for name in asked if name not in BREAKABLE]:
        raise UsageError(f"nothing to break is called {unknown[0]}", hint=f"there is: {', '.join(BREAKABLE)}")
    if previous is None:
        return asked
    if asked and set(asked) != set(previous.broken):
        raise UsageError(
            f"environment {previous.environment} exists: --broken is only possible when it is made",
            hint="use another name: -p NAME",
        )
    return previous.broken


def stopped(spec: Spec) -> Spec:
    return dataclasses.replace(spec, wish=Wish.STOPPED, secrets=KEEP)
