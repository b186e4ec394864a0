"""Clients of the site: an author who writes posts, and visitors. They ask as the CDN asks the load balancer.

One connection for each request, so that its outcome is clear: not connected means not done; connected and not
answered means that nobody knows.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from altis_local.drill.workload.config import Site
from altis_local.drill.workload.gate import IDLE, Gate
from altis_local.drill.workload.journal import Journal
from altis_local.errors import Unreachable

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 15.0
AUTHOR_PAUSE = 0.1
EDGE_PAUSE = 0.1
BUSY_PAUSE = 0.01
TAKES = (1.2, 2.0)
"""Seconds that a page of a busy visitor takes, besides its own work: different ones, so that they do not come in step.
Long enough that whoever stops a container at once is sure to cut some."""
TOLD = {"X-Cache": "cache", "X-Batcache": "batcache", "X-Served-By": "served"}
"""Headers that the history keeps: which cache answered, or which web container."""
_CHEAP = "/wp-json/wp/v2/posts?_fields=id,title"
"""Costs WordPress less than half of the front page's processor time: many wait at once, and they are to wait, not to
keep the machine busy."""
_BODY = b"drill=1"
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The certificate is not what a drill is about, so it is not checked."""
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


def _open(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), CONNECT_TIMEOUT)


def _first(addresses: tuple[str, ...]) -> socket.socket:
    """The first address that takes a connection. Raises Unreachable when none does: nothing was sent then."""
    problem: OSError | None = None
    for address in addresses:
        try:
            return _open(address)
        except OSError as exc:
            problem = exc
    raise Unreachable(str(problem))


def _exchange(sock: socket.socket, ask: Ask, headers: Mapping[str, str]) -> Page:
    connection = http.client.HTTPConnection("workload")
    connection.sock = sock
    sock.settimeout(ANSWER_TIMEOUT)
    try:
        connection.request(ask.method, ask.path, ask.body, {**headers, **(ask.headers or {}), "Connection": "close"})
        answer = connection.getresponse()
        return Page(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def at_balancer(site: Site, ask: Ask) -> Page:
    """Ask a load balancer as the CDN does."""
    return _exchange(_first(site.balancers), ask, {"Host": site.host, "X-Forwarded-Proto": "https"})


def at_edge(site: Site, ask: Ask) -> Page:
    """Ask the CDN as a browser does."""
    sock = _first((site.edge,))
    sock.settimeout(ANSWER_TIMEOUT)
    try:
        tls = _TLS.wrap_socket(sock, server_hostname=site.host.partition(":")[0])
    except OSError as exc:
        sock.close()
        raise Unreachable(str(exc)) from exc
    return _exchange(tls, ask, {"Host": site.host, "User-Agent": "altis-local drill"})


class Author:
    """A logged-in session: cookies and the REST nonce, shared by all authors."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cookies: dict[str, str] = {}
        self._nonce = ""
        self._lock = threading.Lock()

    def log_in(self) -> str:
        """Log in and fetch the nonce; "" or what went wrong."""
        with self._lock:
            form = {"log": self._site.user, "pwd": self._site.password, "wp-submit": "Log In", "testcookie": "1"}
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            path = self._follow("/wp-login.php")
            page = self._ask(Ask("POST", path, urlencode(form).encode(), kind))
            if not any(name.startswith("wordpress_logged_in") for name in self._cookies):
                return f"log-in answered {page.status} and set no cookie: {_text(page)}"
            page = self._ask(Ask("GET", path.replace("wp-login.php", "wp-admin/admin-ajax.php") + "?action=rest-nonce"))
            self._nonce = page.body.decode(errors="replace").strip()
            good = re.fullmatch(r"[0-9a-f]{10}", self._nonce)
            return "" if good else f"no REST nonce: {page.status} {_text(page)}"

    def _follow(self, path: str) -> str:
        """Where the log-in page really is (a site may keep WordPress in a folder); gets its test cookie too."""
        for _ in range(4):
            page = self._ask(Ask("GET", path))
            where = page.headers.get("Location")
            if page.status // 100 != 3 or not where:
                break
            path = urlsplit(where).path
        return path

    def post(self, title: str) -> Page:
        """Write a post. A draft, so that the site's visitors see nothing of the drill."""
        body = json.dumps({"title": title, "content": f"Written by the drill: {title}", "status": "draft"})
        return self.rest("POST", "/wp-json/wp/v2/posts", body.encode())

    def rest(self, method: str, path: str, body: bytes | None = None) -> Page:
        return self._ask(Ask(method, path, body, {"Content-Type": "application/json", "X-WP-Nonce": self._nonce}))

    def _ask(self, ask: Ask) -> Page:
        cookie = "; ".join(f"{name}={value}" for name, value in {"wordpress_test_cookie": "1", **self._cookies}.items())
        page = at_balancer(self._site, Ask(ask.method, ask.path, ask.body, {**(ask.headers or {}), "Cookie": cookie}))
        for header in page.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(header).items():
                self._cookies = {**self._cookies, name: morsel.value}
        return page


def _text(page: Page) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.body.decode(errors="replace"))).strip()[:160]


@dataclass(frozen=True, slots=True)
class Bearing:
    """What a client is told of itself."""

    kind: str
    number: int = 1
    think: float = 0.05
    """Seconds between two pages of a visitor."""
    seed: int = 0

    @property
    def name(self) -> str:
        names = {"post": "author", "page": "visitor", "visit": "cdn-visitor"}
        return f"{names.get(self.kind, self.kind)}-{self.number}"

    @property
    def pause(self) -> float:
        fixed = {"post": AUTHOR_PAUSE, "edge": EDGE_PAUSE, "busy": BUSY_PAUSE, "form": BUSY_PAUSE}
        return fixed.get(self.kind, self.think)


class Client:
    """One author or visitor. With a gate it works only in the stages that need it."""

    def __init__(
        self, bearing: Bearing, site: Site, journal: Journal, *, author: Author | None = None, gate: Gate | None = None
    ) -> None:
        self.name = bearing.name
        self._bearing = bearing
        self._site = site
        self._journal = journal
        self._author = author
        self._gate = gate
        self._dice = random.Random(f"{bearing.seed}-{self.name}")  # noqa: S311  repeatable on purpose, guards nothing

    def work(self, stop: threading.Event) -> None:
        number, kind = 0, self._bearing.kind
        while not stop.wait(self._bearing.pause):
            if self._gate and not self._gate.lets(kind, self._bearing.number):
                stop.wait(IDLE)
                continue
            number += 1
            op = self._journal.begin(self.name, number, kind)
            if op is None:
                return
            outcome, value = self._try(op)
            self._journal.end(op, self.name, kind, outcome, **value)

    def _try(self, op: str) -> tuple[str, dict[str, Any]]:
        unclear = "info" if self._bearing.kind in ("post", "form") else "fail"
        try:
            page = self._request(op)
        except Unreachable as exc:
            return "fail", {"error": f"not connected: {exc}"[:200]}
        except (OSError, http.client.HTTPException) as exc:
            return unclear, {"error": f"{type(exc).__name__}: {exc}"[:200]}
        value: dict[str, Any] = {"status": page.status}
        value |= {name: page.headers[header] for header, name in TOLD.items() if page.headers.get(header)}
        if page.status in (200, 201):
            return "ok", value
        # WordPress refuses before it writes; behind a 5xx anything may have happened.
        refused = 400 <= page.status < 500
        return "fail" if refused else unclear, {**value, "error": _text(page)}

    def _request(self, op: str) -> Page:
        if self._author:
            return self._author.post(op)
        takes = f"&drill-takes={self._dice.uniform(*TAKES):.2f}"
        match self._bearing.kind:
            case "edge":
                return at_edge(self._site, Ask("GET", "/"))
            case "visit":
                return at_edge(self._site, Ask("GET", f"/?drill={op}"))
            case "busy":
                return at_edge(self._site, Ask("GET", f"{_CHEAP}&drill={op}{takes}"))
            case "form":
                kind = {"Content-Type": "application/x-www-form-urlencoded"}
                return at_edge(self._site, Ask("POST", f"/?drill={op}{takes}", _BODY, kind))
            case _:
                return at_balancer(self._site, Ask("GET", f"/?drill={op}"))
