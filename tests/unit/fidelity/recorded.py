"""What probes were told once by a running environment, kept, and told again: a World without an environment.

    python -m tests.unit.fidelity.recorded NAME [ROW…]      record anew (those rows), from the environment NAME

writes `recorded.json.xz`: for each row that passed, the answers in their order, by the kind of question. Pictures and
pages are kept by their beginning and their length. No secret is kept.
"""

from __future__ import annotations

import base64
import json
import lzma
import sys
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from altis_local.clock import SystemClock
from altis_local.environment.facade import Environment
from altis_local.errors import AltisError
from altis_local.fidelity import catalogue
from altis_local.fidelity.catalogue import Row
from altis_local.fidelity.finding import CannotTell, Result
from altis_local.fidelity.live import Live
from altis_local.fidelity.run import probed, tasks, without_probe
from altis_local.fidelity.world import Answer, Ask, Document, Ran, World

T = TypeVar("T")

FILE = Path(__file__).parent / "recorded.json.xz"
VARIABLES = (
    *("HM_ENV", "HM_ENV_TYPE", "HM_ENV_REGION", "HM_DEPLOYMENT_REVISION", "DB_USER", "DB_HOST", "DB_READ_REPLICA_HOST"),
    *("S3_UPLOADS_BUCKET", "AWS_REGION", "ALTIS_SERVERS_WEB", "CDN_BROTLI"),
)
HEAD = 3000
"""Bytes that are kept of a picture, and of a page that is nobody's."""


class Recorder:
    """Hands questions on to a living world and keeps its answers. Nothing is shared between probes."""

    def __init__(self, live: World) -> None:
        self._live = live
        self.status = live.status
        self.kept: dict[str, list[Any]] = {}
        self.cleaning: list[Callable[[], object]] = []
        self._made: dict[str, Any] = {}

    def _keep(self, kind: str, value: Any) -> None:
        self.kept.setdefault(kind, []).append(value)

    def ask(self, *asks: Ask) -> tuple[Answer, ...]:
        answers = self._live.ask(*asks)
        self._keep("ask", [_answer(a) for a in answers])
        return answers

    def run(self, member: str, *argv: str, user: str = "", env: Mapping[str, str] | None = None) -> Ran:
        ran = self._live.run(member, *argv, user=user, env=env)
        self._keep("run", [ran.code, ran.output])
        return ran

    def logged(self, member: str, needle: str) -> tuple[str, ...]:
        lines = self._live.logged(member, needle)
        # Of what is written once a second a few lines say it all.
        self._keep("logged", [*lines[:3], *lines[-6:]] if len(lines) > 60 else list(lines))
        return lines

    def inspect(self, member: str) -> Document:
        shown = self._live.inspect(member)
        networks = {n: {"IPAddress": v["IPAddress"]} for n, v in shown["NetworkSettings"]["Networks"].items()}
        self._keep(
            "inspect",
            {
                "Image": shown["Image"],
                "Mounts": [{"Destination": m["Destination"]} for m in shown["Mounts"]],
                "NetworkSettings": {"Ports": shown["NetworkSettings"]["Ports"], "Networks": networks},
                "HostConfig": {"ReadonlyRootfs": shown["HostConfig"]["ReadonlyRootfs"]},
                "Config": {"StopTimeout": shown["Config"].get("StopTimeout")},
            },
        )
        return shown

    def variables(self, member: str) -> Mapping[str, str]:
        known = self._live.variables(member)
        self._keep("variables", {name: known[name] for name in VARIABLES if name in known})
        return known

    def tls(self, version: str, name: str) -> str:
        return self._told("tls", self._live.tls(version, name))

    def scale(self, role: str, count: int) -> str:
        return self._told("scale", self._live.scale(role, count))

    def command(self, *words: str, stdin: str = "") -> Ran:
        ran = self._live.command(*words, stdin=stdin)
        self._keep("command", [ran.code, ran.output])
        return ran

    def others(self) -> tuple[tuple[str, str], ...]:
        return self._told("others", self._live.others())

    def heard(self, address: str, port: int) -> str:
        return self._told("heard", self._live.heard(address, port))

    def token(self) -> str:
        return self._told("token", self._live.token())

    def wait(self, seconds: float) -> None:
        self._live.wait(seconds)

    def now(self) -> float:
        return self._told("now", self._live.now())

    def shared(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def later(self, clean: Callable[[], object]) -> None:
        self.cleaning.append(clean)

    def _told(self, kind: str, value: T) -> T:
        self._keep(kind, value)
        return value


def _answer(answer: Answer) -> list[Any]:
    kind = answer.header("content-type")
    is_picture = kind.startswith(("image/jpeg", "image/png", "image/webp"))
    is_page = kind.startswith("text/html") and b"wpadminbar" not in answer.body
    body = answer.body[:HEAD] if is_picture or is_page else answer.body
    return [answer.status, answer.headers, base64.b64encode(body).decode(), len(answer.body), round(answer.seconds, 4)]


class Replay:
    """The answers of one probe again. `spoilt` makes every answer one that says nothing."""

    def __init__(self, status: Document, kept: Mapping[str, list[Any]], *, spoilt: bool = False) -> None:
        self.status = status
        self._left = {kind: deque(values) for kind, values in kept.items()}
        self._spoilt = spoilt
        self._made: dict[str, Any] = {}

    def _next(self, kind: str) -> Any:
        if not self._left.get(kind):
            raise CannotTell(f"no more was recorded of {kind}")
        return self._left[kind].popleft()

    def ask(self, *asks: Ask) -> tuple[Answer, ...]:
        return tuple(self._made(kept) for kept in self._next("ask"))

    def _made(self, kept: list[Any]) -> Answer:
        status, headers, body, length, seconds = kept
        if self._spoilt:
            # (So that probes get as far as their claims.)
            own = tuple((n, v) for n, v in headers if n == "x-altis-order")
            return Answer(500, own, b"{}", 1.0)
        data = base64.b64decode(body)
        return Answer(status, tuple((n, v) for n, v in headers), data.ljust(length, b"\0"), seconds)

    def run(self, member: str, *argv: str, user: str = "", env: Mapping[str, str] | None = None) -> Ran:
        code, output = self._next("run")
        return Ran(1, "") if self._spoilt else Ran(code, output)

    def logged(self, member: str, needle: str) -> tuple[str, ...]:
        lines = tuple(self._next("logged"))
        return () if self._spoilt else lines

    def inspect(self, member: str) -> Document:
        shown: Document = self._next("inspect")
        if not self._spoilt:
            return shown
        nothing = {"Ports": {"1/tcp": [{"HostIp": "0.0.0.0", "HostPort": "1"}]}, "Networks": {}}
        return {"Image": member, "Mounts": [], "NetworkSettings": nothing, "HostConfig": {}, "Config": {}}

    def variables(self, member: str) -> Mapping[str, str]:
        known: Mapping[str, str] = self._next("variables")
        return {} if self._spoilt else known

    def tls(self, version: str, name: str) -> str:
        return self._plain("tls", "refused")

    def scale(self, role: str, count: int) -> str:
        return self._plain("scale", "")

    def heard(self, address: str, port: int) -> str:
        return self._plain("heard", f"hello from {address}")

    def _plain(self, kind: str, nothing: str) -> str:
        value = self._next(kind)
        return nothing if self._spoilt else str(value)

    def command(self, *words: str, stdin: str = "") -> Ran:
        code, output = self._next("command")
        return Ran(1, "") if self._spoilt else Ran(code, output)

    def others(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, address) for name, address in self._next("others"))

    def token(self) -> str:
        return str(self._next("token"))

    def wait(self, seconds: float) -> None:
        pass

    def now(self) -> float:
        return float(self._next("now"))

    def shared(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def later(self, clean: Callable[[], object]) -> None:
        pass


def read() -> Mapping[str, Any]:
    """`status`, and by row the answers that it got."""
    held: Mapping[str, Any] = json.loads(lzma.decompress(FILE.read_bytes()))
    return held


def record(name: str, *wanted: str) -> None:
    """Probe every row (or those) by itself, and keep what those were told that passed."""
    live = Live(Environment(name, clock=SystemClock()))
    known = [row for group in catalogue.load() for row in group.rows]
    asked = [row for row in known if not wanted or row.id in wanted or row.group in wanted]
    due = [row for row in asked if not without_probe(row, live.status, disruptive=False) and not row.slow]
    rows: dict[str, Any] = dict(read()["rows"]) if wanted else {}

    def one(task: tuple[Row, ...]) -> None:
        for row in task:
            recorder = Recorder(live)
            finding = probed(row, recorder)
            for clean in recorder.cleaning:
                with suppress(AltisError):
                    clean()
            print(row.id, finding.result.value, finding.detail[:200], flush=True)  # noqa: T201
            if finding.result is Result.PASS:
                rows[row.id] = recorder.kept

    try:
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(one, tasks(due)))
    finally:
        live.close()
        _write(known, rows, read()["status"] if wanted else live.status)


def _write(known: list[Row], rows: Mapping[str, Any], status: Document) -> None:
    held = {row.id: rows[row.id] for row in known if row.id in rows}
    text = json.dumps({"status": status, "rows": held})
    FILE.write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    record(*sys.argv[1:])
