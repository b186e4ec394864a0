"""The `status` and `list` documents: what control says, or what the labels say where control does not answer.

Called by the façade and the fast path of the command line. Pure but for the questions it is given answers of.
"""

from __future__ import annotations

from typing import Any

from altis_local.clients.engine_reader import EngineReader, Found
from altis_local.environment.finding import Standing, by_environment, control_api, existing
from altis_local.environment.paths import Paths
from altis_local.errors import AltisError

Document = dict[str, Any]

SCHEMA = 1


def status(reader: EngineReader, name: str, paths: Paths) -> Document:
    """The document of one environment. UsageError when it does not exist."""
    found = existing(reader, name)
    try:
        api = control_api(reader, found, paths)
        if api is not None:
            return {"schema": SCHEMA, **api.status(), "faults": faults(found)}
        why = "control is not running"
    except AltisError as error:
        why = str(error)
    return from_labels(found, why)


def from_labels(found: Standing, why: str) -> Document:
    """What can be said with control silent: who runs is not known to be well."""
    control = found.control
    return {
        "schema": SCHEMA,
        "environment": found.name,
        "plan": control.label("plan") or None if control else None,
        "timing": control.label("timing") or None if control else None,
        "converged": False,
        # Nobody knows whether a reader has it all, where there should be one.
        "protected": False if sum(c.role == "db" for c in found.members) > 1 else None,
        "urls": urls(found.site_url),
        "members": [_member(c, why) for c in found.members],
        "endpoints": {},
        "faults": faults(found),
        "control": why,
    }


def faults(found: Standing) -> list[Document]:
    """What is broken on purpose now, by the labels of the helpers that hold it."""
    helpers = [c for c in found.containers if c.is_running and c.kind == "fault"]
    if not helpers:
        return []
    from altis_local.model.faults import from_labels  # noqa: PLC0415 - `status` is spared what it seldom needs

    return [fault.document() for c in helpers if (fault := from_labels(c.labels))]


def urls(site: str) -> Document:
    return {"site": f"{site}/" if site else None, "admin": f"{site}/wp-admin/" if site else None, "dashboard": None}


def _member(container: Found, why: str) -> Document:
    runs = container.is_running
    return {
        "member": container.member,
        "role": container.role,
        "zone": container.zone or None,
        "state": "unhealthy" if runs else "stopped",
        "duty": None,
        "health": f"not observed: {why}" if runs else None,
        "image": container.image,
        "memory_bytes": None,
        "detail": container.state,
    }


def listing(reader: EngineReader, paths: Paths) -> Document:
    """The document of every environment on the engine."""
    return {"schema": SCHEMA, "environments": [_entry(reader, f, paths) for f in by_environment(reader.containers())]}


def _entry(reader: EngineReader, found: Standing, paths: Paths) -> Document:
    control = found.control
    plan = control.label("plan") or None if control else None
    state = "stopped"
    if any(c.is_running for c in found.containers):
        state = "running" if _is_converged(reader, found, paths) else "degraded"
    return {"environment": found.name, "plan": plan, "state": state, "urls": urls(found.site_url)}


def _is_converged(reader: EngineReader, found: Standing, paths: Paths) -> bool:
    try:
        api = control_api(reader, found, paths)
        return api is not None and bool(api.status(timeout=1.0).get("converged"))
    except AltisError:
        return False  # it may just be going, which is no other environment's trouble
