"""MySQL members in memory that replicate, acknowledge, hang and clone, with MySqlNode's methods.

A Server is one data directory; what a restart forgets is reset by `boot`. Replication happens whenever anybody looks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.gtid import GtidSet
from altis_local.model.state import DbNode, Jobs, Receiver, SemiSync

_ids = itertools.count(1)


@dataclass(frozen=True)
class Transaction:
    """One transaction: who made it, its number there, and what it changed."""

    source: str
    number: int
    kind: str
    value: tuple[object, ...] = ()

    @property
    def gtid(self) -> GtidSet:
        return GtidSet.parse(f"{self.source}:{self.number}")


@dataclass
class Server:
    """One member's data and the state of its present life."""

    member: str
    server_id: int = field(default_factory=lambda: next(_ids))
    log: list[Transaction] = field(default_factory=list)
    waiting: list[Transaction] = field(default_factory=list)
    """Committed once acknowledged."""
    relay: list[Transaction] = field(default_factory=list)
    source: str = ""
    read_only: bool = True
    io: bool = False
    sql: bool = False
    acknowledges: bool = True
    wait_for: int = 0

    @property
    def uuid(self) -> str:
        return f"00000000-0000-0000-0000-{self.server_id:012d}"

    def boot(self) -> None:
        self.waiting, self.read_only, self.io, self.sql = [], True, False, False
        self.acknowledges, self.wait_for = True, 0

    def executed(self) -> GtidSet:
        return _union(self.log)

    def received(self) -> GtidSet:
        return _union(self.relay)

    def terms(self) -> dict[int, str]:
        return {int(str(t.value[0])): str(t.value[1]) for t in self.log if t.kind == "term"}

    def new(self, kind: str, *value: object) -> Transaction:
        mine = [t.number for t in (*self.log, *self.waiting) if t.source == self.uuid]
        return Transaction(self.uuid, max(mine, default=0) + 1, kind, value)


class Servers:
    """Every server; `reach` finds the one that answers at an address, or raises Unreachable."""

    def __init__(self, reach: Callable[[str], Server], end: Callable[[str], None]) -> None:
        self.reach = reach
        self.end = end
        self.known: dict[str, Server] = {}

    def settle(self) -> None:
        """Let replication and acknowledgements happen."""
        for address, server in list(self.known.items()):
            if _is_alive(self, address):
                self._receive(server)
                self._commit(address, server)

    def readers(self, address: str) -> list[Server]:
        """Those that receive from this address and acknowledge."""
        alive = (s for a, s in self.known.items() if _is_alive(self, a))
        return [s for s in alive if s.source == address and s.io and s.acknowledges]

    def _receive(self, server: Server) -> None:
        source = self.known.get(server.source)
        if server.io and source and _is_alive(self, server.source):
            have = server.executed().union(server.received())
            server.relay += [t for t in (*source.log, *source.waiting) if not have.contains(t.gtid)]
        if server.sql:
            done = server.executed()
            server.log += [t for t in server.relay if not done.contains(t.gtid)]

    def _commit(self, address: str, server: Server) -> None:
        if server.waiting and len(self.readers(address)) >= server.wait_for:
            server.log += server.waiting
            server.waiting = []


class FakeMySqlNode:
    """One member, as MySqlNode sees it."""

    socket = None

    def __init__(self, servers: Servers, member: str, address: str) -> None:
        self.member = member
        self.address = address
        self._servers = servers

    def close(self) -> None:
        """There is nothing to drop."""

    def jobs(self, *, limit: float = 0.5) -> Jobs | None:
        """The site of this world has no jobs."""
        return None

    def observe(self, beat: int | None = None, *, limit: float = 0.5) -> DbNode:
        server = self._server()
        if beat is not None and not server.read_only:
            self.beat(beat, limit=limit)
        terms = server.terms()
        sites = [str(t.value[0]) for t in server.log if t.kind == "site"]
        clients = len(self._servers.readers(self.address))
        return DbNode(
            member=self.member,
            server_id=server.server_id,
            server_uuid=server.uuid,
            read_only=server.read_only,
            executed=server.executed(),
            term=max(terms, default=0),
            term_member=terms[max(terms)] if terms else "",
            receiver=_receiver(server),
            semi_sync=SemiSync(server.wait_for > 0, max(server.wait_for, 1), clients, server.acknowledges),
            site_url=sites[-1] if sites else "",
            version="9.7.4",
        )

    def beat(self, number: int, *, limit: float = 0.5) -> None:
        server = self._server()
        if server.read_only:
            return
        if not server.waiting or len(self._servers.readers(self.address)) >= server.wait_for:
            self._write(server, "beat", number)
        if server.waiting:
            raise Unreachable("does not commit: a write has hung", member=self.member)

    def write(self, text: str) -> bool:
        """A client's write; False when it hangs. Raises ActionFailed on a member that is read-only."""
        server = self._server()
        if server.read_only:
            raise ActionFailed("read-only", member=self.member)
        self._write(server, "row", text)
        return not server.waiting

    def executed(self) -> GtidSet:
        return self._server().executed()

    def errant(self, gtids: GtidSet) -> str:
        log = self._server().log
        return "\n".join(f"{t.source}:{t.number} {t.kind} {t.value}" for t in log if gtids.contains(t.gtid))

    def promote(self, term: int, member: str) -> None:
        server = self._server()
        holder = server.terms().get(term)
        if holder not in (None, member):
            raise ActionFailed(f"term {term} is {holder}'s", member=self.member)
        server.source, server.relay, server.io, server.sql, server.wait_for = "", [], False, False, 0
        if holder is None:
            server.log.append(server.new("term", term, member))
        server.read_only = False

    def repoint(self, source: str, *, user: str, password: str, acknowledge: bool) -> None:
        server = self._server()
        server.read_only, server.wait_for, server.acknowledges = True, 0, acknowledge
        server.source, server.relay, server.io, server.sql = source, [], True, True
        self._servers.settle()

    def stop_receiver(self) -> None:
        self._server().io = False

    def wait_applied(self, gtids: GtidSet | None = None, *, timeout: float = 10.0) -> None:
        server = self._server()
        server.sql = True
        self._servers.settle()
        if gtids is not None and not server.executed().contains(gtids):
            raise ActionFailed(f"has not applied {gtids} in {timeout:g} s", member=self.member)

    def demote(self) -> None:
        server = self._server()
        if server.waiting:
            raise Unreachable("does not answer in time", member=self.member)
        server.read_only = True

    def kill_sessions(self) -> None:
        self._server()

    def set_semi_sync(self, count: int) -> None:
        self._server().wait_for = count
        self._servers.settle()

    def set_acknowledge(self, on: bool) -> None:
        server = self._server()
        server.acknowledges, server.io = on, True
        self._servers.settle()

    def mark_site(self, url: str) -> None:
        self._write(self._server(), "site", url)

    def running_jobs(self) -> dict[int, str]:
        self._server()
        return {}

    def clone_from(self, donor: str, *, user: str, password: str, timeout: float = 300.0) -> None:
        server, given = self._server(), self._servers.reach(donor)
        server.log, server.relay, server.source = list(given.log), [], ""
        self._servers.end(self.address)

    def _server(self) -> Server:
        found = self._servers.reach(self.address)
        self._servers.settle()
        return found

    def _write(self, server: Server, kind: str, *value: object) -> None:
        made = server.new(kind, *value)
        (server.waiting if server.wait_for else server.log).append(made)
        self._servers.settle()


def _is_alive(servers: Servers, address: str) -> bool:
    try:
        servers.reach(address)
    except Unreachable:
        return False
    return True


def _receiver(server: Server) -> Receiver | None:
    if not server.source:
        return None
    io, sql = ("Yes" if on else "No" for on in (server.io, server.sql))
    return Receiver(server.source, io, sql, server.received(), lag=0.0 if server.sql and server.io else None)


def _union(transactions: list[Transaction]) -> GtidSet:
    return GtidSet.parse(",".join(f"{t.source}:{t.number}" for t in transactions))
