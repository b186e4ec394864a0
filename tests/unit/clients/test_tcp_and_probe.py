"""How a failed connection is told apart: refused, silent, lost. On loopback, with real sockets."""

from __future__ import annotations

import errno
import socket

import pytest

from altis_local.clients.http_probe import USER_AGENT, origins, probe
from altis_local.clients.tcp import has_ended, is_refused, unreachable
from altis_local.model.state import Reach
from tests.fakes.http_server import HttpFake


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_closed_port_is_refused_and_an_open_one_is_not() -> None:
    assert is_refused("127.0.0.1", _closed_port())
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_refused("127.0.0.1", server.getsockname()[1])


def test_an_idle_session_ends_with_its_other_side() -> None:
    ours, theirs = socket.socketpair()
    assert not has_ended(ours)
    theirs.close()
    assert has_ended(ours)
    ours.close()
    assert has_ended(ours)
    assert has_ended(None)


@pytest.mark.parametrize(
    ("error", "refused", "text"),
    [
        (TimeoutError(), False, "in time"),
        (ConnectionRefusedError(), True, "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), True, "host unreachable"),
        (ConnectionResetError("reset"), True, "connection lost"),
        (EOFError("the session ended"), True, "connection lost"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_say_what_they_mean(error: Exception, refused: bool, text: str) -> None:
    found = unreachable(error, "db-1")
    assert (found.refused, found.member) == (refused, "db-1")
    assert text in found.message


@pytest.mark.parametrize(
    ("status", "reach"), [(200, Reach.OK), (302, Reach.OK), (404, Reach.FAILING), (503, Reach.FAILING)]
)
def test_a_probe_reads_the_status(status: int, reach: Reach) -> None:
    with HttpFake({"GET /__instance_healthcheck": (status, {})}) as web:
        url = f"http://127.0.0.1:{web.port}/__instance_healthcheck"
        assert probe(url, host_header="localhost", timeout=1).reach is reach


def test_a_probe_without_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        found = probe(f"http://127.0.0.1:{frozen.getsockname()[1]}/", host_header="x", timeout=0.1)
        assert found.reach is Reach.SILENT
    assert probe(f"http://127.0.0.1:{_closed_port()}/", host_header="x", timeout=0.1).reach is Reach.REFUSED


def test_a_probe_asks_as_the_load_balancer_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1)
        probe(f"http://127.0.0.1:{server.getsockname()[1]}/x", host_header="10.0.0.1", timeout=0.05)
        accepted, _ = server.accept()
        with accepted:
            asked = accepted.recv(4096).decode()
    assert asked.startswith("GET /x HTTP/1.1\r\n")
    assert "Host: 10.0.0.1\r\n" in asked
    assert f"User-Agent: {USER_AGENT}\r\n" in asked


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            {"lbs": {"lb-a": {"state": "well"}, "lb-b": {"state": "silent"}, "lb-c": {"state": "doubtful"}}},
            {"lb-a", "lb-c"},
        ),
        ({"lbs": {"lb-a": {"state": "unwell"}}}, {"lb-a"}),
        ({"lbs": {}}, set()),
        ({"status": "ok"}, None),
        (b"no json", None),
        ([], None),
    ],
)
def test_what_the_cdn_sees(said: object, found: set[str] | None) -> None:
    with HttpFake({"GET /health": said}) as cdn:
        assert origins(f"http://127.0.0.1:{cdn.port}/health", timeout=1) == found
    assert origins(f"http://127.0.0.1:{_closed_port()}/health", timeout=0.1) is None
