"""A real endpoints member with traffic: what holding and cutting do to clients. Behind its cache is a real redis."""

from __future__ import annotations

import socket

import pytest

from tests.contract.members import RealMembers

pytestmark = pytest.mark.engine

NAME = "endpoints-a"


@pytest.fixture
def real(real_members: RealMembers) -> RealMembers:
    """Freshly routed to redis-1."""
    for name in (NAME, "redis-1"):
        real_members.renew(name)
    real_members.proxy(NAME).set_server("cache", "redis-1", "ready")
    return real_members


def client(real: RealMembers) -> socket.socket:
    return socket.create_connection((real.address(NAME), 6379), timeout=2)


def ping(session: socket.socket) -> bytes:
    session.sendall(b"PING\r\n")
    return session.recv(100)


def test_a_held_connection_waits_and_is_served_after_the_release(real: RealMembers) -> None:
    real.proxy(NAME).hold("cache")
    with client(real) as waiting:
        waiting.sendall(b"PING\r\n")
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.recv(100)
        real.proxy(NAME).release("cache")
        waiting.settimeout(2)
        assert waiting.recv(100)


def test_maint_leaves_established_sessions_alone(real: RealMembers) -> None:
    with client(real) as session:
        assert ping(session)
        real.proxy(NAME).set_servers("cache", {"redis-1": "maint"})
        assert ping(session)
        assert real.proxy(NAME).observe().sessions("cache", "redis-1") == 1


def test_sessions_with_a_server_are_cut_and_others_are_not(real: RealMembers) -> None:
    with client(real) as session:
        assert ping(session)
        real.proxy(NAME).set_servers("cache", {"redis-1": "maint"})
        real.proxy(NAME).cut("db-reader", "db-1")
        assert ping(session)
        real.proxy(NAME).cut("cache", "redis-1")
        session.settimeout(2)
        assert session.recv(100) == b"", "it is closed"
        assert real.proxy(NAME).observe().sessions("cache", "redis-1") == 0
