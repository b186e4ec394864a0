"""What was asked for: the Spec. With the protection record it is all that is kept, in control's volume."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from altis_local.model.plans import PLANS, Plan, bounds
from altis_local.model.topology import ROLES, Member, members_of

BREAKABLE = ("semi-sync", "drain", "job-lock")
"""Settings that `start --broken` can break, at creation only: the twins of the drills (design.md section 10).

semi-sync: the writer waits for no reader, and control believes that it does. drain: a surplus web container is stopped
at once and takes traffic until then. job-lock: runners take a job whether or not another one has it.
"""

AWS_KEY = "altis-local"
"""The id of the environment's access key; it must not begin with twelve digits (compose/images/aws)."""


class Wish(enum.StrEnum):
    """Whether the environment is to run."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Volume:
    """A mount of a service: a named volume of the member, or a host path (`source` begins with /)."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """One role as `compose/` defines it, resolved; `${VARIABLES}` in environment values are the member's own."""

    role: str
    image: str
    """With the content-hash tag."""
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    volumes: tuple[Volume, ...] = ()
    tmpfs: tuple[str, ...] = ()
    """As the engine takes them: `/run:size=1m,mode=755`."""
    memory: int = 0
    """Limit in bytes; 0 is not allowed by the loader."""
    cpus: float = 0.0
    cpu_shares: int = 0
    """Weight where CPU is short, beside the others' 1024 (the engine's default, also meant by 0)."""
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
    stop_grace: float = 10.0
    """Seconds between the stop signal and SIGKILL."""
    publish: Mapping[int, str] = field(default_factory=dict)
    """Container port -> name of the published port (`site`, `api`); bound on loopback only."""
    definition: str = ""
    """Fingerprint of all that members of this role are made of, but secrets; "": only the image tells."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Random per environment, made once. Never printed: `repr` shows nothing."""

    db: str
    db_control: str
    db_replica: str
    redis: str
    site: str
    tls_cert: str
    tls_key: str

    def __repr__(self) -> str:
        return "Secrets(…)"

    def derived(self, purpose: str) -> str:
        """A secret of its own for a purpose, from the environment's random one."""
        return hashlib.sha256(f"{purpose}:{self.site}".encode()).hexdigest()[:40]

    @property
    def aws(self) -> str:
        """The secret that goes with AWS_KEY."""
        return self.derived("aws")


NO_SECRETS = Secrets("", "", "", "", "", "", "")
"""In a Spec that is shown, or handed over to a control that keeps its own."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One environment as it was asked for. Counts are wished numbers within the plan's bounds."""

    environment: str
    plan: str
    block: str
    """The /20 that holds its networks, such as 10.208.16.0/20."""
    site_port: int
    services: Mapping[str, Service]
    secrets: Secrets
    counts: Mapping[str, int] = field(default_factory=dict)
    wish: Wish = Wish.RUNNING
    timing: str = "fast"
    site_host: str = "localhost"
    extra_hosts: tuple[str, ...] = ()
    region: str = "eu-west-1"
    revision: str = "dev"
    broken: tuple[str, ...] = ()
    host_addresses: bool = False
    """A test option: bridges get a host address, so that control can run outside a container."""

    @property
    def shape(self) -> Plan:
        return PLANS[self.plan]

    @property
    def site_url(self) -> str:
        return f"https://{self.site_host}:{self.site_port}"

    def count(self, role: str) -> int:
        """How many members of a counted role are wished."""
        return self.counts.get(role, bounds(self.shape, role).least)

    def members(self, role: str) -> tuple[Member, ...]:
        """The members of a role that should be there."""
        return members_of(role, self.shape.zones, self.count(role))

    def slots(self, role: str) -> tuple[Member, ...]:
        """Every member of a role that the plan could ever have."""
        return members_of(role, self.shape.zones, bounds(self.shape, role).most)

    def wanted(self) -> tuple[Member, ...]:
        """Every member that control should keep running."""
        return tuple(m for role in self.services if role in ROLES and role != "control" for m in self.members(role))
