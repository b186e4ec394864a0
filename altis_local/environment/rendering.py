"""The whole environment as one plain compose file that runs without control (fixed.py says what it fixes). Pure.

Called by `config compose`: for people who want to read it, and as what ours is compared with. Secrets are
placeholders. Nothing in it has a label or a name of ours, so that it is never taken for an environment.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Any

from altis_local.act.containers import request
from altis_local.clients.engine_values import ContainerRequest, qualified
from altis_local.environment import fixed
from altis_local.model.spec import Secrets, Spec
from altis_local.model.topology import NETWORKS, PUBLISHING_NETWORKS, automatic_range, subnet

_MARK = "\ue000"
"""Around the name of a placeholder until dollars are escaped; no text of ours holds it."""

PLACEHOLDERS = Secrets(
    db=f"{_MARK}ALTIS_DB_PASSWORD{_MARK}",
    db_control=f"{_MARK}ALTIS_DB_CONTROL_PASSWORD{_MARK}",
    db_replica=f"{_MARK}ALTIS_DB_REPLICA_PASSWORD{_MARK}",
    redis=f"{_MARK}ALTIS_REDIS_PASSWORD{_MARK}",
    site=f"{_MARK}ALTIS_SITE_SECRET{_MARK}",
    tls_cert="",
    tls_key="",
)
"""The cdn makes a certificate by itself."""
_OF_A_MEMBER = ("command", "depends_on", "healthcheck", "hostname", "ports", "volumes")
"""What a service that runs once does not take from the one it is like; its addresses are not taken either."""


def compose_document(spec: Spec) -> Mapping[str, Any]:
    """A document for `docker compose up --wait`: one service for each member, and those that run once."""
    spec = dataclasses.replace(spec, secrets=PLACEHOLDERS)
    prefix = qualified(spec.environment, "")
    services, volumes = {}, set()
    for who in spec.wanted():
        made = request(spec, who, spec.services[who.role])
        services[who.name] = _over(_service(made, prefix), fixed.member(spec, who))
        volumes |= {v.partition(":")[0].removeprefix(prefix) for v in made.volumes if not v.startswith("/")}
    services |= {name: _once(services, given) for name, given in fixed.once(spec).items()}
    services[fixed.RESOLVER] = fixed.resolver(spec)
    plain: Mapping[str, Any] = _plain(
        {
            "name": f"{spec.environment}-compose",
            "services": services,
            "networks": {name: _network(spec, name) for name in NETWORKS},
            "volumes": {name: {} for name in sorted(volumes)},
        }
    )
    return plain


def _service(made: ContainerRequest, prefix: str) -> dict[str, Any]:
    given = {
        "image": made.image,
        "hostname": made.hostname,
        "environment": dict(made.environment),
        "command": None if made.command is None else list(made.command),
        "entrypoint": None if made.entrypoint is None else list(made.entrypoint),
        # The first network must be the one that publishes.
        "networks": {
            a.network.removeprefix(prefix): {"ipv4_address": a.address, "priority": len(made.networks) - place}
            | ({"aliases": list(a.aliases)} if a.aliases else {})
            for place, a in enumerate(made.networks)
        },
        "volumes": [v if v.startswith("/") else v.removeprefix(prefix) for v in made.volumes],
        "tmpfs": list(made.tmpfs),
        "mem_limit": made.memory,
        "cpus": made.cpus,
        "cpu_shares": made.cpu_shares,
        "pids_limit": made.pids,
        "read_only": made.read_only,
        "user": made.user,
        "cap_add": list(made.cap_add),
        "cap_drop": list(made.cap_drop),
        "security_opt": list(made.security_opt),
        "sysctls": dict(made.sysctls),
        "ulimits": {name: {"soft": soft, "hard": hard} for name, (soft, hard) in made.ulimits.items()},
        "shm_size": made.shm_size,
        "stop_signal": made.stop_signal,
        "stop_grace_period": f"{made.stop_timeout:g}s",
        "ports": [f"127.0.0.1:{host}:{port}" for port, host in made.publish.items()],
        "dns": list(made.dns),
        "restart": made.restart,
    }
    return {key: value for key, value in given.items() if value}


def _over(service: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The service with what is changed; the environment is added to."""
    merged = {**service, **changed}
    merged["environment"] = {**service.get("environment", {}), **changed.get("environment", {})}
    return merged


def _once(services: Mapping[str, Any], given: fixed.Document) -> dict[str, Any]:
    """Like a member's service, but for what it says otherwise. It has no data and no fixed address."""
    like = services[given.pop("like")]
    kept = {key: value for key, value in like.items() if key not in _OF_A_MEMBER}
    return {**_over(kept, given), "networks": {name: {} for name in given["networks"]}}


def _network(spec: Spec, name: str) -> dict[str, Any]:
    net = subnet(spec.block, name)
    publishing = name in PUBLISHING_NETWORKS
    config = {
        "subnet": str(net),
        "gateway": str(ipaddress.IPv4Address(int(net.network_address) + 1)),
        "ip_range": automatic_range(spec.block, name),
    }
    closed = {} if publishing else {"driver_opts": {"com.docker.network.bridge.inhibit_ipv4": "true"}}
    return {"internal": not publishing, "ipam": {"config": [config]}} | closed


def _plain(value: Any) -> Any:
    """Dollars escaped for Compose, then placeholders as its variables."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, str):
        return value
    pieces = value.replace("$", "$$").split(_MARK)
    return "".join(f"${{{piece}:-placeholder}}" if i % 2 else piece for i, piece in enumerate(pieces))
