"""What a member's container is made of: the service of `compose/` with the member's own values filled in.

Pure: text in, values out. `compose/` writes a member's own values as `${NAME}`; the names are a closed list, so a
misspelt one is an error that names it and not an empty value in a container.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace

from altis_local import wire
from altis_local.errors import UsageError
from altis_local.model.spec import AWS_KEY, NO_SECRETS, Secrets, Service, Spec
from altis_local.model.topology import CONTROL, ROLES, Member, address
from altis_local.model.topology import member as slot

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\})")
_SERVERS = {
    "WEB": ("web", "app"),
    "DB": ("db", "store"),
    "REDIS": ("redis", "store"),
    "SEARCH": ("search", "store"),
    "LB": ("lb", "edge"),
}
"""Lists of servers: role, and the network on which the client of the list reaches it."""
_SERVICES = ("cdn", "aws", "tachyon", "standins")
"""Regional services that other members are told the address of."""


def variables(spec: Spec, member: Member, secrets: Secrets | None = None) -> dict[str, str]:
    """Every variable that `compose/` may use for this member."""
    known = secrets or spec.secrets
    values = {
        "ALTIS_ENVIRONMENT": spec.environment,
        "ALTIS_PLAN": spec.plan,
        "ALTIS_MEMBER": member.name,
        "ALTIS_ZONE": member.zone,
        "ALTIS_SITE_URL": spec.site_url,
        "ALTIS_SITE_HOST": spec.site_host,
        "ALTIS_SITE_PORT": str(spec.site_port),
        "ALTIS_EXTRA_HOSTS": ",".join(spec.extra_hosts),
        "ALTIS_ENV_TYPE": spec.shape.environment_type,
        "ALTIS_REGION": spec.region,
        "ALTIS_REVISION": spec.revision,
        "ALTIS_DB_PASSWORD": known.db,
        "ALTIS_DB_CONTROL_PASSWORD": known.db_control,
        "ALTIS_DB_REPLICA_PASSWORD": known.db_replica,
        "ALTIS_REDIS_PASSWORD": known.redis,
        "ALTIS_SITE_SECRET": known.site,
        "ALTIS_BUCKET": f"altis-{spec.environment}",
        "ALTIS_AWS_KEY": AWS_KEY,
        "ALTIS_AWS_SECRET": known.aws,
        "ALTIS_PURGE_TOKEN": known.derived("purge"),
        "ALTIS_TLS_CERT": known.tls_cert,
        "ALTIS_TLS_KEY": known.tls_key,
    }
    for network in ROLES[member.role].networks:
        name = network.upper().replace("-", "_")
        values[f"ALTIS_ADDRESS_{name}"] = address(spec.block, network, member)
        values[f"ALTIS_CONTROL_{name}"] = address(spec.block, network, CONTROL)
    values |= {f"ALTIS_{name.upper()}": _address_of(spec, name, member) for name in _SERVICES}
    for name, (role, network) in _SERVERS.items():
        slots = spec.slots(role) if role in spec.services else ()
        values[f"ALTIS_SERVERS_{name}"] = " ".join(f"{m.name}={address(spec.block, network, m)}" for m in slots)
    return values


def _address_of(spec: Spec, role: str, seen_from: Member) -> str:
    """Where a regional service is for this member; "" where they share no network."""
    shared = [network for network in ROLES[role].networks if network in ROLES[seen_from.role].networks]
    return address(spec.block, shared[0], slot(role, spec.shape.zones)) if shared else ""


def interpolate(text: str, values: Mapping[str, str], service: str) -> str:
    """Fill `${NAME}` in; `$$` is a dollar. Raises UsageError naming an unknown variable and its service."""

    def fill(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return "$"
        if name not in values:
            raise UsageError(f"service {service} uses the unknown variable ${{{name}}}")
        return values[name]

    return _REFERENCE.sub(fill, text)


def environment(spec: Spec, member: Member, service: Service) -> dict[str, str]:
    """The member's environment, ready for the engine."""
    values = variables(spec, member)
    filled = {name: interpolate(text, values, service.role) for name, text in service.environment.items()}
    return filled | _broken(spec, member)


def _broken(spec: Spec, member: Member) -> dict[str, str]:
    """What a broken twin's members are told; no other environment's have the variable."""
    return {"ALTIS_BROKEN": "job-lock"} if member.role == "cavalcade" and "job-lock" in spec.broken else {}


def fingerprint(spec: Spec, service: Service) -> str:
    """Twelve digits that change with anything that the role's members are made of. Secrets do not count."""
    bare = replace(spec, secrets=NO_SECRETS)
    values = environment(bare, spec.slots(service.role)[0], service)
    parts = [wire.dump(replace(service, definition="")), values]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
