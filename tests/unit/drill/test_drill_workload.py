"""The clients of a drill, against a small server of our own: what they journal for each outcome."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from altis_local.drill.ledger import build, parse
from altis_local.drill.workload.config import Config, Database, Site, Turn
from altis_local.drill.workload.direct import Writer
from altis_local.drill.workload.gate import Gate
from altis_local.drill.workload.jobs import Scheduler, serialized
from altis_local.drill.workload.journal import Journal
from altis_local.drill.workload.site import Author, Bearing, Client


class Wordpress(BaseHTTPRequestHandler):
    """Enough of a site: log-in in a folder, nonce, posts."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the handler's interface
        if self.path == "/wp-login.php":
            self._answer(302, b"", Location="https://x/wordpress/wp-login.php")
        elif "rest-nonce" in self.path:
            logged_in = "wordpress_logged_in_1=secret" in self.headers["Cookie"]
            self._answer(200, b"0123456789" if logged_in else b"0")
        elif self.path.startswith("/?drill="):
            self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
            self._answer(self.server.state, b"<p>hello</p>", **self.server.headers)  # type: ignore[attr-defined]
        else:
            self._answer(200, b"form")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/wordpress/wp-login.php":
            good = b"pwd=password" in body
            self._answer(302 if good else 200, b"", **({"Set-Cookie": "wordpress_logged_in_1=secret"} if good else {}))
            return
        state: int = self.server.state  # type: ignore[attr-defined]
        if state == 0:
            self.connection.close()
        else:
            allowed = self.headers["X-WP-Nonce"] == "0123456789"
            self._answer(state if allowed else 403, b'{"id":1}')

    def _answer(self, state: int, body: bytes, **headers: str) -> None:
        self.send_response(state)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Wordpress)
    made.state, made.asked, made.headers = 200, [], {}  # type: ignore[attr-defined]
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def site(port: int, password: str = "password") -> Site:
    return Site("localhost:8443", (f"127.0.0.1:{closed_port()}", f"127.0.0.1:{port}"), "127.0.0.1:1", "admin", password)


def outcome(kind: str, where: Site, author: Author | None = None) -> tuple[str, dict[str, Any]]:
    """What one operation of a client is journaled as."""
    out = io.BytesIO()
    journal = Journal(out, run="r", limit=1)
    Client(Bearing(kind, think=0.0), where, journal, author=author).work(threading.Event())
    (attempt,) = build(parse(out.getvalue().decode().splitlines())).attempts
    return attempt.outcome, dict(attempt.value)


def test_a_visitor_asks_as_the_cdn_does_and_tries_the_next_address(server: ThreadingHTTPServer) -> None:
    assert outcome("page", site(server.server_port)) == ("ok", {"status": 200})
    asked = server.asked[0]  # type: ignore[attr-defined]
    assert (asked["Host"], asked["X-Forwarded-Proto"]) == ("localhost:8443", "https")


def test_a_page_that_is_an_error_failed(server: ThreadingHTTPServer) -> None:
    server.state = 503  # type: ignore[attr-defined]
    assert outcome("page", site(server.server_port)) == ("fail", {"status": 503, "error": "hello"})


@pytest.mark.parametrize(
    ("state", "expected"),
    [(201, "ok"), (500, "info"), (0, "info"), (400, "fail")],
    ids=["made", "5xx", "cut", "refused"],
)
def test_posts(server: ThreadingHTTPServer, state: int, expected: str) -> None:
    where = site(server.server_port)
    author = Author(where)
    assert author.log_in() == ""
    server.state = state  # type: ignore[attr-defined]
    assert outcome("post", where, author)[0] == expected


def test_a_refused_log_in_says_so(server: ThreadingHTTPServer) -> None:
    assert "set no cookie" in Author(site(server.server_port, "wrong")).log_in()


def test_nobody_there_is_a_certain_failure() -> None:
    found, value = outcome("page", site(closed_port()))
    assert found == "fail"
    assert "not connected" in value["error"]


def test_a_writer_without_a_server_fails_and_tries_again() -> None:
    out = io.BytesIO()
    journal = Journal(out, run="r", limit=3)
    where = Database("127.0.0.1", "u", "p", closed_port())
    Writer("w", where, journal, pause=5.0, seed=1).work(_Soon())
    attempts = build(parse(out.getvalue().decode().splitlines())).attempts
    assert [a.outcome for a in attempts] == ["fail", "fail", "fail"]


class _Soon(threading.Event):
    """Waits for nothing, and refuses a pause after an error that is longer than promised."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        assert self.waits == 1 or (timeout or 0) <= 0.005
        return False


def test_the_operations_are_bounded_and_each_is_told_before() -> None:
    out = io.BytesIO()
    journal = Journal(out, run="r", limit=2)
    assert journal.begin("c", 1, "insert") == "r-c-1"
    assert json.loads(out.getvalue())["type"] == "invoke"
    assert journal.begin("c", 2, "insert") == "r-c-2"
    assert journal.begin("c", 3, "insert") is None


def test_a_config_survives_its_json() -> None:
    config = Config(
        mode="write",
        run="r",
        seed=7,
        seconds=9.0,
        operations=5,
        pause=0.01,
        database=Database("h", "u", "p"),
        site=site(1),
        writers=4,
        stages=(Turn("calm"), Turn("rush", busy=3, jobs=2, job_s=0.5)),
    )
    assert Config.load(config.dump()) == config
    assert "password" not in repr(config.site) + repr(config)
    assert (config.most("busy"), config.most("form"), config.most("job")) == (3, 0, 1)


def test_stages_come_one_by_one_as_they_are_asked_for() -> None:
    gate = Gate((Turn("calm"), Turn("rush", busy=2), Turn("ebb", forms=1)))
    assert (gate.follow(), gate.lets("busy", 1)) == (False, False)
    gate.ask()
    gate.ask()
    assert (gate.follow(), gate.stage.name) == (True, "rush")
    assert [gate.lets("busy", n) for n in (1, 2, 3)] == [True, True, False]
    assert (gate.follow(), gate.lets("busy", 1), gate.lets("form", 1)) == (True, False, True)
    gate.ask()
    assert (gate.follow(), gate.stage.name) == (False, "ebb")


def test_a_client_waits_for_its_stage(server: ThreadingHTTPServer) -> None:
    out = io.BytesIO()
    journal = Journal(out, run="r", limit=1)
    gate = Gate((Turn("calm"), Turn("rush", busy=1)))
    stop = threading.Event()
    client = Client(Bearing("busy"), site(server.server_port), journal, gate=gate)
    worker = threading.Thread(target=client.work, args=(stop,), daemon=True)
    worker.start()
    worker.join(0.2)
    assert out.getvalue() == b""
    gate.ask()
    gate.follow()
    worker.join(5.0)
    assert [op.kind for op in parse(out.getvalue().decode().splitlines())] == ["busy", "busy"]


def test_the_history_tells_which_container_answered_and_which_cache(server: ThreadingHTTPServer) -> None:
    server.headers = {"X-Served-By": "web-a1", "X-Cache": "Miss from cloudfront"}  # type: ignore[attr-defined]
    _, value = outcome("page", site(server.server_port))
    assert value == {"status": 200, "served": "web-a1", "cache": "Miss from cloudfront"}


def test_jobs_are_written_as_php_writes_them() -> None:
    assert serialized("r-job-1-7", 0.25) == 'a:2:{i:0;s:9:"r-job-1-7";i:1;d:0.25;}'


def test_a_job_that_cannot_be_asked_for_is_a_certain_failure() -> None:
    out = io.BytesIO()
    journal = Journal(out, run="r", limit=3)
    stop = threading.Event()
    gate = Gate((Turn("burst", jobs=5, job_s=1.0),))
    scheduler = Scheduler("job-1", Database("127.0.0.1", "u", "p", closed_port()), journal, gate, seed=1)
    worker = threading.Thread(target=scheduler.work, args=(stop,), daemon=True)
    worker.start()
    worker.join(0.5)
    stop.set()
    worker.join(5.0)
    attempts = build(parse(out.getvalue().decode().splitlines())).attempts
    assert [(a.kind, a.outcome) for a in attempts] == [("job", "fail")] * 3
