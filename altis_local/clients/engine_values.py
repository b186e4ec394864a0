"""What the engine is asked for and what it answers, as values that know nothing of its SDK.

Names: what belongs to an environment is called `altis-<environment>-<name>` and carries LABEL + "environment".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from altis_local.model.spec import Service

LABEL = "altis-local."
"""Prefix of every label."""

SOCKET = "unix:///var/run/docker.sock"


def qualified(environment: str, name: str) -> str:
    """The engine's name for a member, network or volume of an environment."""
    return f"altis-{environment}-{name}"


def labels(environment: str, kind: str, **more: str) -> dict[str, str]:
    """The labels of a thing. `kind`: member, control, fault, workload, network or volume."""
    return {f"{LABEL}{key}": value for key, value in {"environment": environment, "kind": kind, **more}.items()}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A network that a container joins, by its full name. `address` "" lets the engine choose."""

    network: str
    address: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerRequest:
    """A container to make. The first network must be the publishing one where ports are published."""

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[Attachment, ...] = ()
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()
    """`source:target` or `source:target:ro`; the source is a volume's full name or a host path."""
    tmpfs: tuple[str, ...] = ()
    """`/run:size=1m,mode=755`"""
    memory: int = 0
    cpus: float = 0.0
    cpu_shares: int = 0
    pids: int = 0
    read_only: bool = False
    user: str = ""
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shm_size: int = 0
    stop_signal: str = ""
    stop_timeout: float = 10.0
    publish: Mapping[int, int] = field(default_factory=dict)
    """Container port -> host port, on 127.0.0.1 only."""
    restart: str = "no"
    """no, always, unless-stopped or on-failure."""
    dns: tuple[str, ...] = ()
    hostname: str = ""
    log_size: str = "5m"
    log_files: int = 2
    pid_mode: str = ""
    network_mode: str = ""
    """Instead of networks, for helpers: `container:<id>`, `host` or `none`."""
    auto_remove: bool = False


def from_service(service: Service, **own: Any) -> ContainerRequest:
    """A container as `compose/` describes its role; `own`: the fields that are the member's (name, networks, …)."""
    return ContainerRequest(
        image=service.image,
        command=service.command,
        entrypoint=service.entrypoint,
        tmpfs=service.tmpfs,
        memory=service.memory,
        cpus=service.cpus,
        cpu_shares=service.cpu_shares,
        pids=service.pids,
        read_only=service.read_only,
        user=service.user,
        cap_add=service.cap_add,
        cap_drop=service.cap_drop,
        security_opt=service.security_opt,
        sysctls=service.sysctls,
        ulimits=service.ulimits,
        shm_size=service.shm_size,
        stop_signal=service.stop_signal,
        stop_timeout=service.stop_grace,
        **own,
    )


@dataclass(frozen=True, slots=True)
class NetworkRequest:
    """A network to make; `name` is the short one. Without `host_address` its bridge has none, so members cannot
    reach the host."""

    environment: str
    name: str
    subnet: str
    gateway: str
    ip_range: str
    internal: bool = True
    host_address: bool = False


@dataclass(frozen=True, slots=True)
class ExecResult:
    """A command that ended in a container; `output` holds both of its streams as they came."""

    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that happened to a container of the environment. `action`: create, start, die, kill, pause,
    unpause, oom, stop, destroy."""

    at: float
    type: str
    action: str
    member: str
    id: str
    exit_code: int | None = None
