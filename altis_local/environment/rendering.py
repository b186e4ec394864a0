"""The whole environment as one plain compose file, for people who want to read or compare it. Pure.

Called by `config compose`. Secrets are placeholders; control is in it, since without it every database stays
read-only and every proxy empty.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Any

from altis_local.act.containers import request
from altis_local.clients.engine_values import ContainerRequest, qualified
from altis_local.environment import control_container
from altis_local.environment.control_container import Identity
from altis_local.model.spec import Secrets, Spec
from altis_local.model.topology import CONTROL, NETWORKS, PUBLISHING_NETWORKS, automatic_range, subnet

_MARK = "\ue000"
"""Around the name of a placeholder until dollars are escaped; no text of ours holds it."""

PLACEHOLDERS = Secrets(
    *(
        f"{_MARK}{name}{_MARK}"
        for name in (
            "ALTIS_DB_PASSWORD",
            "ALTIS_DB_CONTROL_PASSWORD",
            "ALTIS_DB_REPLICA_PASSWORD",
            "ALTIS_REDIS_PASSWORD",
            "ALTIS_SITE_SECRET",
            "ALTIS_TLS_CERT",
            "ALTIS_TLS_KEY",
        )
    )
)


def compose_document(spec: Spec, control: Identity) -> Mapping[str, Any]:
    """A document for `docker compose`, one service for each member."""
    spec = dataclasses.replace(spec, secrets=PLACEHOLDERS)
    services = {}
    volumes: set[str] = set()
    requests = [request(spec, member, spec.services[member.role]) for member in spec.wanted()]
    token = f"{_MARK}ALTIS_API_TOKEN{_MARK}"
    requests.append(control_container.request(control, token, qualified(spec.environment, CONTROL.name)))
    prefix = qualified(spec.environment, "")
    for made in requests:
        services[made.name.removeprefix(prefix)] = _service(made, prefix)
        volumes |= {v.partition(":")[0].removeprefix(prefix) for v in made.volumes if not v.startswith("/")}
    plain: Mapping[str, Any] = _plain(
        {
            "name": f"altis-{spec.environment}",
            "services": services,
            "networks": {name: _network(spec, name) for name in NETWORKS},
            "volumes": {name: {"name": prefix + name} for name in sorted(volumes)},
        }
    )
    return plain


def _service(made: ContainerRequest, prefix: str) -> dict[str, Any]:
    given = {
        "image": made.image,
        "container_name": made.name,
        "hostname": made.hostname,
        "labels": dict(made.labels),
        "environment": dict(made.environment),
        "command": None if made.command is None else list(made.command),
        "entrypoint": None if made.entrypoint is None else list(made.entrypoint),
        "networks": {
            a.network.removeprefix(prefix): {"ipv4_address": a.address}
            | ({"aliases": list(a.aliases)} if a.aliases else {})
            for a in made.networks
        },
        "volumes": [v if v.startswith("/") else v.removeprefix(prefix) for v in made.volumes],
        "tmpfs": list(made.tmpfs),
        "mem_limit": made.memory,
        "cpus": made.cpus,
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


def _network(spec: Spec, name: str) -> dict[str, Any]:
    net = subnet(spec.block, name)
    config = {
        "subnet": str(net),
        "gateway": str(ipaddress.IPv4Address(int(net.network_address) + 1)),
        "ip_range": automatic_range(spec.block, name),
    }
    return {
        "name": qualified(spec.environment, name),
        "internal": name not in PUBLISHING_NETWORKS,
        "ipam": {"config": [config]},
    }


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
