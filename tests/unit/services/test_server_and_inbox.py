"""The HTTP server, the UDP receiver and the purge client on loopback: bounded, and not to be stopped by bad clients."""

from __future__ import annotations

import http.client
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.errors import Unreachable, UsageError
from altis_local.services import trace_inbox
from altis_local.services.purging import CdnPurge
from altis_local.services.segments import parse
from altis_local.services.server import LARGEST_BODY, Answer, Request, Server, as_json
from altis_local.services.trace_api import TraceApi
from altis_local.services.trace_inbox import TraceInbox
from altis_local.services.trace_store import TraceStore
from tests.unit.services.datagrams import BEGAN, TRACE, datagram, one_request, root_final, sql

LOOPBACK = "127.0.0.1"


def echo(request: Request) -> Answer:
    if request.path == "/broken":
        raise RuntimeError("broken on purpose")
    headers = {name: request.headers[name] for name in ("x-a",) if name in request.headers}
    said = {"method": request.method, "path": request.path, "query": request.query, "headers": headers}
    return as_json(200, {**said, "client": request.client, "body": request.body.decode()})


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(0, echo, name="echo", address=LOOPBACK)
    made.start()
    yield made
    made.close()


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


def raw(port: int, text: bytes) -> bytes:
    with socket.create_connection((LOOPBACK, port), timeout=10) as link:
        link.sendall(text)
        received = b""
        while block := link.recv(4096):
            received += block
    return received


def test_a_request_arrives_whole(server: Server) -> None:
    status, body = ask(server.port, "POST", "/a%20b?x=1&y=", b"hello", X_A="z")
    assert status == 200
    said = json.loads(body)
    assert said == {"method": "POST", "path": "/a b", "query": {"x": "1"}, "headers": {"x-a": "z"}, "client": LOOPBACK,
                    "body": "hello"}  # fmt: skip


def test_a_head_has_no_body(server: Server) -> None:
    assert ask(server.port, "HEAD", "/") == (200, b"")


def test_bad_clients(server: Server) -> None:
    assert b"400" in raw(server.port, b"nonsense\r\n\r\n")
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert b" 411 " in raw(server.port, chunked)
    huge = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    assert b" 413 " in raw(server.port, huge)
    negative = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"
    assert b" 411 " in raw(server.port, negative)
    assert ask(server.port, "GET", "/")[0] == 200


def test_one_failed_request_is_not_the_end(server: Server) -> None:
    assert ask(server.port, "GET", "/broken") == (500, b"internal error\n")
    assert ask(server.port, "GET", "/")[0] == 200


def test_a_hundred_at_once(server: Server) -> None:
    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(lambda _: ask(server.port, "GET", "/")[0], range(100)))
    assert statuses == [200] * 100


# The purge client --------------------------------------------------------------------------------------------------


def test_purge_hands_over_paths_and_token() -> None:
    seen: list[Request] = []

    def cdn(request: Request) -> Answer:
        seen.append(request)
        return as_json(200 if request.headers.get("x-purge-token") == "t" else 403, {})

    server = Server(0, cdn, name="cdn", address=LOOPBACK)
    server.start()
    try:
        CdnPurge(f"http://{LOOPBACK}:{server.port}/invalidate", "t")(["/a", "/b/*"])
        assert (seen[0].method, seen[0].path, json.loads(seen[0].body)) == (
            "POST",
            "/invalidate",
            {"paths": ["/a", "/b/*"]},
        )
        with pytest.raises(Unreachable, match="answered 403"):
            CdnPurge(f"http://{LOOPBACK}:{server.port}/invalidate", "wrong")(["/a"])
    finally:
        server.close()
    with pytest.raises(Unreachable, match="no answer"):
        CdnPurge(f"http://{LOOPBACK}:{server.port}/invalidate", "t")(["/a"])


@pytest.mark.parametrize("url", ["", "cdn:9001", "https://cdn/x", "http:///x"])
def test_purge_needs_a_url(url: str) -> None:
    with pytest.raises(UsageError):
        CdnPurge(url, "t")


# The receiver ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    return TraceStore(tmp_path / "t.sqlite", largest=64 * 1024 * 1024, now=lambda: BEGAN)


@pytest.fixture
def inbox(store: TraceStore) -> Iterator[TraceInbox]:
    made = TraceInbox(store, now=time.time, port=0, address=LOOPBACK)
    made.start()
    yield made
    made.close()


def send(inbox: TraceInbox, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for one in datagrams:
            link.sendto(one, (LOOPBACK, inbox.port))


def until(check: object) -> bool:
    assert callable(check)
    return wait_until(check, Deadline.after(10, SystemClock()))


def test_what_is_sent_is_stored(inbox: TraceInbox, store: TraceStore) -> None:
    send(inbox, *map(datagram, one_request()))
    assert until(lambda: len(store.documents(TRACE)) == 7)
    assert inbox.counts == {"received": 9, "stored": 9, "malformed": 0, "dropped": 0}


def test_malformed_ones_are_counted_and_harmless(inbox: TraceInbox, store: TraceStore) -> None:
    send(inbox, b"", b"nonsense", b"\x00" * 1000, datagram(sql(id="?")), datagram(root_final()))
    assert until(lambda: inbox.counts["stored"] == 1)
    assert inbox.counts["malformed"] == 4


def test_the_largest_datagram(inbox: TraceInbox, store: TraceStore) -> None:
    send(inbox, datagram(root_final(metadata={"long": "x" * 62_000})))
    assert until(lambda: len(store.documents(TRACE)) == 1)


def test_a_burst_costs_traces_and_no_memory(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_inbox, "MOST_WAITING", 10_000)
    inbox = TraceInbox(store, now=time.time, port=0, address=LOOPBACK)
    inbox.threads[0].start()
    send(inbox, *[datagram(sql(n)) for n in range(60)])
    assert until(lambda: inbox.counts["received"] == 60)
    assert inbox.counts["dropped"] > 0
    inbox.threads[1].start()
    inbox.close()
    assert inbox.counts["stored"] == 60 - inbox.counts["dropped"]


def test_a_store_that_fails_costs_traces_only(
    inbox: TraceInbox, store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store, "add", full)
    send(inbox, datagram(root_final()))
    assert until(lambda: inbox.counts["dropped"] == 1)
    monkeypatch.undo()
    send(inbox, datagram(root_final()))
    assert until(lambda: inbox.counts["stored"] == 1)


# The query API -----------------------------------------------------------------------------------------------------


class Traces:
    def __init__(self, store: TraceStore) -> None:
        self.well = True
        self.api = TraceApi(
            store,
            trusted=frozenset({"10.0.6.196"}),
            counts=lambda: {"received": 9},
            is_well=lambda: self.well,
            now=lambda: BEGAN + 5,
        )

    def get(
        self, path: str, client: str = LOOPBACK, method: str = "GET", **query: str
    ) -> tuple[int, dict[str, object]]:
        answer = self.api.respond(Request(method, path, client, query=query))
        return answer.status, json.loads(answer.body)


@pytest.fixture
def traces(store: TraceStore) -> Traces:
    store.add([parse(datagram(document)) for document in one_request()])
    return Traces(store)


def test_list_and_show(traces: Traces) -> None:
    status, listed = traces.get("/traces", url="/shop/", status="200")
    assert status == 200
    (row,) = listed["traces"]  # type: ignore[misc]
    assert (row["trace_id"], row["status"], row["in_progress"]) == (TRACE, 200, False)
    status, shown = traces.get(f"/traces/{TRACE}")
    assert (status, len(shown["queries"])) == (200, 3)  # type: ignore[arg-type]
    assert traces.get("/stats")[1] == {"received": 9, "requests": 1, "segments": 7}


def test_refusals(traces: Traces) -> None:
    assert traces.get("/traces", limit="9999")[0] == 400
    assert traces.get("/traces", filter="nonsense ! here")[0] == 400
    assert traces.get("/traces/1-00000000-000000000000000000000000")[0] == 404
    assert traces.get("/other")[0] == 404
    assert traces.get("/traces", method="DELETE")[0] == 405


def test_traces_are_for_control_only(traces: Traces) -> None:
    for path in ("/traces", f"/traces/{TRACE}", "/stats"):
        assert traces.get(path, client="10.0.6.11")[0] == 403
        assert traces.get(path, client="10.0.6.196")[0] == 200


def test_health_is_for_anyone(traces: Traces) -> None:
    assert traces.get("/health", client="10.0.6.11")[0] == 200
    traces.well = False
    assert traces.get("/health")[0] == 503
