"""What may be done: one frozen class for each action, and Steps, an ordered tuple of them with a reason.

Every action can be run again: the next turn plans from what it sees, so a turn may be cut anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from altis_local.model.cloud import LogGroup
from altis_local.model.state import Protection


@dataclass(frozen=True, slots=True)
class CreateNetworks:
    """Make the missing networks and join control to them."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StartMember:
    """Create and start a member; what is left of an older container of it is removed first."""

    member: str


@dataclass(frozen=True, slots=True)
class KillMember:
    """SIGKILL a member's container; healing replaces it."""

    member: str
    reason: str


@dataclass(frozen=True, slots=True)
class StopMember:
    """Stop a member within its grace, or within `limit` seconds where that is less; remove it when it is surplus."""

    member: str
    remove: bool
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class SignalMember:
    """Send a signal to a member's service and do not wait; harmless when it is gone."""

    member: str
    signal: str


@dataclass(frozen=True, slots=True)
class RemoveHelper:
    """Remove a container that is no member: left over, or of a member no longer wished."""

    container: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Let new connections to a frontend wait in these endpoints containers until Route releases them."""

    frontend: str
    proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fence:
    """Make sure that a db or redis member's process is gone; nothing is promoted before.

    `container` is the one that was seen; "" when the engine already said that it does not run.
    """

    member: str
    container: str


@dataclass(frozen=True, slots=True)
class StopReceivers:
    """Stop the receivers of these readers: from here on the old writer cannot get an acknowledgement."""

    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demote:
    """Set a living writer read-only and end its sessions (graceful change of writer)."""

    member: str


@dataclass(frozen=True, slots=True)
class WaitApplied:
    """Wait until a reader has applied all it holds, and all that `beyond` (another member) executed when given."""

    member: str
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Save the protection record, fsynced."""

    record: Protection


@dataclass(frozen=True, slots=True)
class Promote:
    """Open a member for writes; its first transaction writes (term, member)."""

    member: str
    term: int


@dataclass(frozen=True, slots=True)
class Repoint:
    """Let a member follow the writer. `acknowledge`: whether it may acknowledge (is a voter)."""

    member: str
    source: str
    acknowledge: bool


@dataclass(frozen=True, slots=True)
class SetAcknowledge:
    """Switch a reader's acknowledgements on or off, and reconnect its receiver."""

    member: str
    on: bool


@dataclass(frozen=True, slots=True)
class SetSemiSync:
    """Let the writer wait for `count` acknowledgements; 0 switches waiting off."""

    member: str
    count: int


@dataclass(frozen=True, slots=True)
class AwaitConnected:
    """Wait shortly until `count` acknowledging readers are connected; short of it is no error."""

    member: str
    count: int


@dataclass(frozen=True, slots=True)
class AwaitReceived:
    """Wait until at least `count` of `voters` hold all that the writer has executed by now."""

    writer: str
    voters: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """Read a member's errant transactions out of its binary log and keep them where people can read them."""

    member: str
    gtids: str


@dataclass(frozen=True, slots=True)
class Seed:
    """Rebuild a member's data from a donor by CLONE; its server ends by itself and is started anew by healing."""

    member: str
    donor: str


@dataclass(frozen=True, slots=True)
class PromoteCache:
    """Make a redis member the primary."""

    member: str


@dataclass(frozen=True, slots=True)
class FollowCache:
    """Let a redis member follow the primary."""

    member: str
    primary: str


@dataclass(frozen=True, slots=True)
class Route:
    """Set which servers of a backend take traffic in these proxies, drain some, and release a held frontend.

    Established sessions are left alone: a dead member's ended with it, and Demote and FollowCache end those to a living
    one. (HAProxy leaves clients hanging when sessions are shut down right after a server went to maint.)
    """

    proxies: tuple[str, ...]
    backend: str
    ready: frozenset[str]
    draining: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cut:
    """End the sessions that a backend of these proxies still has with servers that take no traffic any more."""

    proxies: tuple[str, ...]
    backend: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class InstallSite:
    """Install the site into the empty database, by the project's own commands in a web container."""

    member: str


@dataclass(frozen=True, slots=True)
class PrepareAws:
    """Verify identities and make log groups at AWS; what is there already stays as it is."""

    member: str
    identities: tuple[str, ...]
    groups: tuple[LogGroup, ...]


@dataclass(frozen=True, slots=True)
class LinkMetadata:
    """Let these members reach the instance metadata at its address in the cloud."""

    members: tuple[str, ...]


Action = (
    CreateNetworks
    | StartMember
    | KillMember
    | StopMember
    | SignalMember
    | RemoveHelper
    | Hold
    | Fence
    | StopReceivers
    | Demote
    | WaitApplied
    | WriteRecord
    | Promote
    | Repoint
    | SetAcknowledge
    | SetSemiSync
    | AwaitConnected
    | AwaitReceived
    | SetAside
    | Seed
    | PromoteCache
    | FollowCache
    | Route
    | Cut
    | InstallSite
    | PrepareAws
    | LinkMetadata
)


@dataclass(frozen=True, slots=True)
class Steps:
    """Ordered actions on one subject. `key` names the subject: Steps of one key never run twice at once."""

    key: str
    reason: str
    actions: tuple[Action, ...]
