"""Requests as arguments of the SDK: what a member is, spelled in the engine's words.

Called by Engine alone. Plain data instead of the SDK's types, so that importing this costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altis_local.clients.engine_values import ContainerRequest, NetworkRequest, labels

if TYPE_CHECKING:
    from docker import APIClient


def network(request: NetworkRequest) -> dict[str, Any]:
    # Of the networks that publish ports, too, nothing goes further than the host.
    options = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    if not request.host_address:
        options["com.docker.network.bridge.inhibit_ipv4"] = "true"
    pool = {"Subnet": request.subnet, "IPRange": request.ip_range, "Gateway": request.gateway}
    return {
        "driver": "bridge",
        "options": options,
        "ipam": {"Driver": "default", "Config": [pool]},
        "check_duplicate": True,
        "internal": request.internal,
        "labels": labels(request.environment, "network"),
    }


def container(client: APIClient, request: ContainerRequest) -> dict[str, Any]:
    return {
        "name": request.name,
        "hostname": request.hostname or None,
        "labels": dict(request.labels),
        "environment": dict(request.environment),
        "command": None if request.command is None else list(request.command),
        "entrypoint": None if request.entrypoint is None else list(request.entrypoint),
        "user": request.user or None,
        "stop_signal": request.stop_signal or None,
        # For whoever stops it by hand: control names its own.
        "stop_timeout": round(request.stop_timeout),
        "ports": list(request.publish),
        "host_config": _host_config(client, request),
        "networking_config": _first_network(client, request),
    }


def _host_config(client: APIClient, request: ContainerRequest) -> dict[str, Any]:
    made: dict[str, Any] = client.create_host_config(
        network_mode=request.networks[0].network if request.networks else request.network_mode or "none",
        binds=list(request.volumes),
        tmpfs=list(request.tmpfs) or None,
        mem_limit=request.memory or None,
        # Equal to the memory: a member over its limit is killed, it does not swap the machine to death.
        memswap_limit=request.memory or None,
        nano_cpus=round(request.cpus * 1e9) or None,
        cpu_shares=request.cpu_shares or None,
        pids_limit=request.pids or None,
        shm_size=request.shm_size or None,
        dns=list(request.dns) or None,
        pid_mode=request.pid_mode or None,
        restart_policy={"Name": request.restart},
        port_bindings={port: ("127.0.0.1", host) for port, host in request.publish.items()},
        init=False,
        auto_remove=request.auto_remove,
        log_config={
            "type": "json-file",
            "config": {"max-size": request.log_size, "max-file": str(request.log_files)},
        },
        **_confinement(request),
    )
    return made


def _confinement(request: ContainerRequest) -> dict[str, Any]:
    return {
        "read_only": request.read_only,
        "cap_add": list(request.cap_add) or None,
        "cap_drop": list(request.cap_drop) or None,
        "security_opt": list(request.security_opt) or None,
        "sysctls": dict(request.sysctls) or None,
        "ulimits": [{"Name": name, "Soft": soft, "Hard": hard} for name, (soft, hard) in request.ulimits.items()],
    }


def _first_network(client: APIClient, request: ContainerRequest) -> dict[str, Any] | None:
    if not request.networks:
        return None
    first = request.networks[0]
    endpoint = client.create_endpoint_config(ipv4_address=first.address or None, aliases=list(first.aliases) or None)
    made: dict[str, Any] = client.create_networking_config({first.network: endpoint})
    return made
