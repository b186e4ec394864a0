"""What was seen at one instant: the Snapshot. A failed probe is a value too, and unseen is never taken for dead."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from altis_local.model.cloud import LogGroup
from altis_local.model.gtid import GtidSet


class Phase(enum.StrEnum):
    """What the engine says of a container."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    EXITED = "exited"
    REMOVING = "removing"


class Reach(enum.StrEnum):
    """How a probe ended. REFUSED: nothing listens. SILENT: no answer in time. UNKNOWN: not asked or unclear."""

    OK = "ok"
    REFUSED = "refused"
    SILENT = "silent"
    FAILING = "failing"
    """It answered that it is not well."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the environment, by its labels."""

    id: str
    name: str
    kind: str
    role: str
    member: str
    zone: str
    hash: str
    image: str
    phase: Phase
    started_at: float = 0.0
    """Seconds since the epoch; 0 when it never ran."""
    exit_code: int | None = None
    oom_killed: bool = False

    @property
    def is_running(self) -> bool:
        return self.phase is Phase.RUNNING

    @property
    def life(self) -> str:
        """Another one after each start."""
        return f"{self.id}@{self.started_at}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a db member says of its own replication."""

    source: str
    """Address of the source."""
    io: str
    """Yes, No or Connecting."""
    sql: str
    retrieved: GtidSet
    lag: float | None = None
    error: str = ""

    @property
    def is_receiving(self) -> bool:
        return self.io == "Yes"

    @property
    def is_running(self) -> bool:
        return self.io == "Yes" and self.sql == "Yes"


@dataclass(frozen=True, slots=True)
class SemiSync:
    """Semi-synchronous settings of a db member."""

    source: bool
    """It waits for acknowledgements."""
    count: int
    """For how many."""
    clients: int
    """Connected semi-synchronous readers."""
    replica: bool
    """It gives acknowledgements."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """Scheduled jobs in a member's data. Those of a killed runner count as running for ever (fidelity CAV-13)."""

    due: int
    running: frozenset[int]
    """Their numbers."""


@dataclass(frozen=True, slots=True)
class DbNode:
    """A db member that answered."""

    member: str
    server_id: int
    server_uuid: str
    read_only: bool
    executed: GtidSet
    term: int
    """The highest term in its own data; 0 when it never had one."""
    term_member: str
    receiver: Receiver | None
    semi_sync: SemiSync
    site_url: str = ""
    """The address the site was installed with; "" before."""
    cloning: bool = False
    version: str = ""
    jobs: Jobs | None = None
    """None where that was not asked or there is no such table."""

    @property
    def has(self) -> GtidSet:
        """Every transaction it holds, applied or only received."""
        return self.executed.union(self.receiver.retrieved) if self.receiver else self.executed


@dataclass(frozen=True, slots=True)
class CacheNode:
    """A redis member that answered."""

    member: str
    is_primary: bool
    source: str
    """Address of its primary; "" for a primary."""
    link_up: bool
    offset: int
    keys: int
    replicas: int = 0


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """One server line of a HAProxy backend: `ready`, `drain` or `maint`, and whether its own check passes."""

    backend: str
    member: str
    mode: str
    up: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class Proxy:
    """A HAProxy (lb or endpoints) that answered."""

    member: str
    servers: tuple[ProxyServer, ...]
    held: frozenset[str] = frozenset()
    """Frontends that accept nothing for the moment."""

    def ready(self, backend: str) -> frozenset[str]:
        return frozenset(s.member for s in self.servers if s.backend == backend and s.mode == "ready")

    def backends(self) -> frozenset[str]:
        return frozenset(s.backend for s in self.servers)

    def sessions(self, backend: str, member: str) -> int:
        return sum(s.sessions for s in self.servers if s.backend == backend and s.member == member)


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a web container is: PHP workers at work (and requests waiting for one), and how many there are."""

    busy: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Runner:
    """What a runner's processes are at; a few seconds old."""

    jobs: frozenset[int]
    """Numbers of the jobs that can be told from command lines."""
    workers: int = 0
    """Processes beside the runner's own: a project may run its jobs in its own way."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What the CDN says of its origin: the load balancers that it would use."""

    origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class AwsNode:
    """What the AWS services have of what the environment needs, as they told after their start."""

    member: str
    identities: frozenset[str]
    groups: frozenset[LogGroup]


@dataclass(frozen=True, slots=True)
class Health:
    """How the last probe of a member ended."""

    reach: Reach
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        return self.reach is Reach.OK


UNSEEN = Health(Reach.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection record: every acknowledged transaction of `term` is held by at least `k` of `voters`.

    k = 0 means not protected. Written before anything that weakens it, after anything that strengthens it.
    """

    term: int
    writer: str
    voters: frozenset[str] = frozenset()
    k: int = 0

    @property
    def is_protected(self) -> bool:
        return self.k > 0 and len(self.voters) >= self.k


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The environment at one instant. Keys of the mappings are member names; who did not answer is not in them."""

    taken_at: float
    containers: tuple[Container, ...] = ()
    networks: frozenset[str] = frozenset()
    joined: frozenset[str] = frozenset()
    """Networks that control itself has joined."""
    linked: frozenset[str] = frozenset()
    """Lives of containers that reach the instance metadata, or could not be helped to lately."""
    health: Mapping[str, Health] = field(default_factory=dict)
    db: Mapping[str, DbNode] = field(default_factory=dict)
    cache: Mapping[str, CacheNode] = field(default_factory=dict)
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    load: Mapping[str, Load] = field(default_factory=dict)
    runners: Mapping[str, Runner] = field(default_factory=dict)
    edge: frozenset[str] | None = None
    """Load balancers that the CDN would use; None where it does not say."""
    aws: AwsNode | None = None
    """None until they have told what they have."""
    protection: Protection | None = None
    in_flight: frozenset[str] = frozenset()
    """Keys of Steps under way when the snapshot was begun or ended during it."""

    def container(self, member: str) -> Container | None:
        """The member's container, or None where it is gone."""
        return next((c for c in self.containers if c.member == member and c.kind == "member"), None)

    @property
    def jobs(self) -> Jobs | None:
        """The site's scheduled jobs, by the writer's data."""
        return next((node.jobs for node in self.db.values() if not node.read_only and node.jobs is not None), None)

    def is_running(self, member: str) -> bool:
        found = self.container(member)
        return found is not None and found.is_running

    def reach(self, member: str) -> Reach:
        return self.health.get(member, UNSEEN).reach

    def is_healthy(self, member: str) -> bool:
        return self.is_running(member) and self.reach(member) is Reach.OK
