"""The world as it runs: HTTPS on loopback, commands in members, requests from a helper on the environment's networks.

Made by `run` for one run and closed by it: the helper goes, and what probes have made is cleaned up. It changes
nothing by itself.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from altis_local.clients.command_line import own_command
from altis_local.clients.engine_reader import Found
from altis_local.clients.visitor import Visitor, first_line, shake_hands
from altis_local.environment.facade import Environment
from altis_local.environment.finding import Standing
from altis_local.errors import ActionFailed, AltisError, Conflict, Unreachable, UsageError
from altis_local.fidelity import caller
from altis_local.fidelity.finding import CannotTell
from altis_local.fidelity.helper import Helper, address_of
from altis_local.fidelity.world import Answer, Ask, Document, Ran

T = TypeVar("T")

AT_ONCE = 4
"""Commands in members at once: each costs a process, and the machine may be small."""
COMMAND = 40.0
"""Seconds for a command in a member."""
LOG_LINES = 20_000
STANDING_LASTS = 3.0
DATABASE_PORT = 3306
_BROWSER = (("User-Agent", "Mozilla/5.0 (fidelity)"), ("Accept", "*/*"))


class Live:
    """One running environment. Safe to share between threads."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._seen = (environment.standing(), environment.clock.monotonic())
        self.status: Document = environment.status()
        self.site = str(self.status["urls"]["site"]).rstrip("/")
        self._visitor = Visitor(self.site, environment.paths.authority / "ca.pem")
        self._helper = Helper(environment.engine, self._seen[0])
        self._gate = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}
        self._making: dict[str, threading.Lock] = {}
        self._cleaning: list[Callable[[], object]] = []

    @property
    def _standing(self) -> Standing:
        """Members may be replaced during a run: looked up again when it is some seconds old."""
        held, at = self._seen
        if self._environment.clock.monotonic() - at > STANDING_LASTS:
            held = self._environment.standing()
            self._seen = (held, self._environment.clock.monotonic())
        return held

    def refresh(self) -> None:
        self._seen = (self._environment.standing(), self._environment.clock.monotonic())
        self.status = self._environment.status()

    # -- requests

    def ask(self, *asks: Ask) -> tuple[Answer, ...]:
        inside = [n for n, ask in enumerate(asks) if ask.place not in ("cdn", "standins")]
        outside = [n for n in range(len(asks)) if n not in inside]
        answers = dict(zip(inside, self._from_helper([asks[n] for n in inside]), strict=True)) if inside else {}
        if outside:
            with ThreadPoolExecutor(max_workers=min(20, len(outside))) as pool:
                answers |= zip(outside, pool.map(self._one, [asks[n] for n in outside]), strict=True)
        return tuple(answers[n] for n in range(len(asks)))

    def _one(self, ask: Ask) -> Answer:
        if ask.place == "standins":
            return self._within(ask)
        given = {name.lower() for name, _ in ask.pairs}
        own = tuple(pair for pair in _BROWSER if pair[0].lower() not in given)
        try:
            return Answer(*self._visitor.ask(ask.method, ask.path, own + ask.pairs, body=ask.body, timeout=ask.timeout))
        except Unreachable as error:
            return Answer(0, body=str(error).encode())

    def _within(self, ask: Ask) -> Answer:
        """The stand-ins tell of traces to themselves alone."""
        script = Path(caller.__file__).read_text()
        told = json.dumps([_told(ask, f"http://127.0.0.1:8080{ask.path}", ())])
        ran = self.run("standins", "python", "-c", script, told)
        if ran.code:
            raise CannotTell(f"standins: {ran.output[-300:]}")
        return _answers(ran.output)[0]

    def _from_helper(self, asks: Sequence[Ask]) -> tuple[Answer, ...]:
        told = [_told(ask, self._url(ask), self._headers(ask)) for ask in asks]
        for one in told:
            one["name"] = urlsplit(self.site).hostname
        return _answers(self._helper.call(json.dumps(told)))

    def _url(self, ask: Ask) -> str:
        match ask.place:
            case "lb" | "web":
                network = "edge" if ask.place == "lb" else "app"
                return f"http://{address_of(self._standing, ask.place, network)}{ask.path}"
            case "edge-2":
                return f"https://{address_of(self._standing, 'cdn', 'ingress')}:8444{ask.path}"
            case place:
                return place + ask.path

    def _headers(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """What the CDN would send, where the request does not say otherwise."""
        if ask.place.startswith("http"):
            return ask.pairs
        url = urlsplit(self.site)
        usual = [("Host", url.netloc)]
        if ask.place != "edge-2":
            usual += [
                ("User-Agent", "Amazon CloudFront"),
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Port", str(url.port or 443)),
                ("CloudFront-Viewer-Country", "IE"),
            ]
        given = {name.lower() for name, _ in ask.pairs}
        return (*(pair for pair in usual if pair[0].lower() not in given), *ask.pairs)

    # -- members

    def run(self, member: str, *argv: str, user: str = "", env: Mapping[str, str] | None = None) -> Ran:
        found = self._found(member)
        with self._gate:
            try:
                done = self._environment.engine.exec(found.id, argv, user=user, env=env, timeout=COMMAND)
            except AltisError as error:
                raise CannotTell(f"{argv[0]}: {error}") from error
        return Ran(done.exit_code, done.output)

    def logged(self, member: str, needle: str) -> tuple[str, ...]:
        wanted = [c for c in self._standing.containers if member in (c.role, c.member) and c.is_running]
        lines = [line for c in wanted for line in self._environment.engine.logs(c.id, LOG_LINES)]
        return tuple(line for line in lines if needle in line)

    def inspect(self, member: str) -> Document:
        return self._environment.reader.inspect(self._found(member).id)

    def variables(self, member: str) -> Mapping[str, str]:
        return self._environment.reader.environment_of(self._found(member).id)

    def _found(self, member: str) -> Found:
        try:
            return self._standing.pick(member)
        except (UsageError, ActionFailed) as error:
            raise CannotTell(str(error)) from error

    # -- the rest

    def tls(self, version: str, name: str) -> str:
        return shake_hands(self.site, version, name)

    def scale(self, role: str, count: int) -> str:
        try:
            self._environment.control().action(action="scale", role=role, count=count)
        except (UsageError, Conflict) as error:
            return str(error)
        return ""

    def command(self, *words: str, stdin: str = "") -> Ran:
        try:
            return Ran(*own_command(("-p", self._environment.name, *words), stdin, COMMAND))
        except ActionFailed as error:
            raise CannotTell(str(error)) from error

    def others(self) -> tuple[tuple[str, str], ...]:
        found = [c for c in self._environment.reader.containers() if c.role == "db" and c.is_running]
        others = [c for c in found if c.environment != self._environment.name]
        networks = {
            c.environment: self._environment.reader.inspect(c.id)["NetworkSettings"]["Networks"] for c in others
        }
        return tuple((name, network["IPAddress"]) for name, held in networks.items() for network in held.values())

    def heard(self, address: str, port: int) -> str:
        return first_line(address, port)

    def token(self) -> str:
        return f"fid{secrets.token_hex(6)}"

    def wait(self, seconds: float) -> None:
        self._environment.clock.sleep(seconds)

    def now(self) -> float:
        return self._environment.clock.now()

    def shared(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made

    def later(self, clean: Callable[[], object]) -> None:
        with self._lock:
            self._cleaning.append(clean)

    def close(self) -> tuple[str, ...]:
        """Clean up; what could not be cleaned."""
        left = []
        for clean in reversed(self._cleaning):
            try:
                clean()
            except AltisError as error:
                left.append(str(error))
        self._visitor.close()
        self._helper.close()
        return tuple(left)


def _told(ask: Ask, url: str, headers: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {
        "url": url,
        "path": ask.path,
        "method": ask.method,
        "headers": list(headers),
        "body": base64.b64encode(ask.body).decode(),
        "declared": ask.declared,
        "timeout": ask.timeout,
        "name": "",
    }


def _answers(output: str) -> tuple[Answer, ...]:
    return tuple(
        Answer(a["status"], tuple((n, v) for n, v in a["headers"]), base64.b64decode(a["body"]), a["seconds"])
        for a in json.loads(output)
    )
