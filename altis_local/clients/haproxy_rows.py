"""HAProxy's own tables as values (Management Guide, "show stat", "show servers state"). Asks nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from altis_local.model.state import Proxy, ProxyServer

FRONTENDS_AND_SERVERS = "show stat -1 5 -1"
STATES = "show servers state"

CONTROL = "admin"
"""The frontend and backend that lead to the runtime API itself: no traffic of the environment."""

_MAINTENANCE = 0x01 | 0x02 | 0x20
_DRAINING = 0x08 | 0x10
_RUNNING = ("1", "2")


def proxy(member: str, stat: str, states: str) -> Proxy:
    """A proxy from the answers to FRONTENDS_AND_SERVERS and STATES."""
    rows = [row for row in csv.DictReader(stat.removeprefix("# ").splitlines()) if row["pxname"] != CONTROL]
    sessions = {
        (row["pxname"], row["svname"]): int(row["scur"] or 0) + int(row["qcur"] or 0)
        for row in rows
        if row["svname"] != "FRONTEND"
    }
    held = frozenset(row["pxname"] for row in rows if row["svname"] == "FRONTEND" and row["slim"] == "0")
    return Proxy(member, tuple(_servers(states, sessions)), held)


def _servers(states: str, sessions: dict[tuple[str, str], int]) -> Iterator[ProxyServer]:
    _version, head, *lines = states.splitlines()
    names = head.removeprefix("# ").split()
    for line in lines:
        row = dict(zip(names, line.split(), strict=False))
        if row and row["be_name"] != CONTROL:
            count = sessions.get((row["be_name"], row["srv_name"]), 0)
            is_up = row["srv_op_state"] in _RUNNING
            yield ProxyServer(row["be_name"], row["srv_name"], _mode(int(row["srv_admin_state"])), is_up, count)


def _mode(admin: int) -> str:
    """From what was ordered, not from the status: a drained server that is down says just DOWN there."""
    if admin & _MAINTENANCE:
        return "maint"
    return "drain" if admin & _DRAINING else "ready"
