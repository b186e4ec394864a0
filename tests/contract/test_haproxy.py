"""An endpoints member, simulated and real: who takes traffic, and what is held."""

from __future__ import annotations

import time

import pytest

from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.state import Proxy
from tests.contract.members import Members, eventually

NAME = "endpoints-a"


@pytest.fixture
def fresh(members: Members) -> Members:
    """As after its start: no server enabled, nothing held."""
    members.renew(NAME)
    return members


def modes(proxy: Proxy, backend: str) -> dict[str, str]:
    return {s.member: s.mode for s in proxy.servers if s.backend == backend}


def test_it_boots_with_no_server_enabled(fresh: Members) -> None:
    seen = fresh.proxy(NAME).observe()
    assert seen.member == NAME
    assert seen.backends() == {"db-writer", "db-reader", "cache"}
    assert {s.mode for s in seen.servers} == {"maint"}
    assert not any(s.up for s in seen.servers)
    assert not seen.held


def test_servers_are_set_together(fresh: Members) -> None:
    proxy = fresh.proxy(NAME)
    proxy.set_servers("db-writer", {"db-1": "ready", "db-2": "drain"})
    assert modes(proxy.observe(), "db-writer") == {"db-1": "ready", "db-2": "drain"}
    assert modes(proxy.observe(), "db-reader") == {"db-1": "maint", "db-2": "maint"}
    assert proxy.observe().ready("db-writer") == {"db-1"}
    proxy.set_server("db-writer", "db-1", "maint")
    assert proxy.observe().ready("db-writer") == frozenset()


@pytest.mark.parametrize(("backend", "server"), [("db-writer", "db-9"), ("nowhere", "db-1")])
def test_what_it_does_not_know_is_an_error(fresh: Members, backend: str, server: str) -> None:
    with pytest.raises(ActionFailed):
        fresh.proxy(NAME).set_server(backend, server, "ready")
    with pytest.raises(ActionFailed):
        fresh.proxy(NAME).cut(backend, server)


def test_cutting_where_there_is_no_session_is_fine(fresh: Members) -> None:
    fresh.proxy(NAME).cut("db-reader", "db-1")


def test_a_held_frontend_is_seen_until_it_is_released(fresh: Members) -> None:
    proxy = fresh.proxy(NAME)
    proxy.hold("db-writer")
    proxy.hold("db-writer")
    assert proxy.observe().held == {"db-writer"}
    proxy.release("db-writer")
    assert not proxy.observe().held
    with pytest.raises(ActionFailed):
        proxy.hold("nowhere")


def test_a_restart_forgets_everything(fresh: Members) -> None:
    fresh.proxy(NAME).set_server("cache", "redis-1", "ready")
    fresh.proxy(NAME).hold("cache")
    fresh.kill(NAME)
    fresh.start(NAME)
    assert eventually(lambda: not fresh.proxy(NAME).observe().held)
    assert fresh.proxy(NAME).observe().ready("cache") == frozenset()


def test_a_frozen_proxy_is_silent_in_time(fresh: Members) -> None:
    fresh.pause(NAME)
    begin = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        fresh.proxy(NAME).observe()
    assert time.monotonic() - begin < 1
    assert not caught.value.refused
    fresh.unpause(NAME)
    assert fresh.proxy(NAME).observe().member == NAME


def test_a_dead_proxy_is_unreachable(fresh: Members) -> None:
    fresh.kill(NAME)
    with pytest.raises(Unreachable):
        fresh.proxy(NAME).set_server("cache", "redis-1", "ready")
