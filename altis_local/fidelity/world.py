"""What a probe may ask of an environment: the seam between probes and the world, live or recorded.

Probes get nothing else, so that what they saw can be written down and judged again without an environment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Document = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One HTTP request. `place`: `cdn` (from the host), `edge-2` (the CDN's second point of presence), `lb`, `web`,
    `standins` (from within), or the beginning of a URL inside the environment, such as `http://search:9200`."""

    place: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] | tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    declared: int = 0
    """Bytes announced and never sent."""
    timeout: float = 20.0

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.headers.items()) if isinstance(self.headers, Mapping) else self.headers


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 for nothing. Names of headers are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    seconds: float = 0.0

    def header(self, name: str) -> str:
        """All values of a header, "" where there is none."""
        return ", ".join(value for key, value in self.headers if key == name.lower())

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def cache(self) -> str:
        """The first word of X-Cache: Hit, Miss, Error, RefreshHit."""
        return self.header("x-cache").partition(" ")[0]

    @property
    def batcache(self) -> str:
        """X-Batcache with its reason."""
        return " ".join(filter(None, (self.header("x-batcache"), self.header("x-batcache-reason"))))

    def json(self) -> Any:
        """The body's value; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended in a member; `output` holds both of its streams."""

    code: int
    output: str


class World(Protocol):
    """One running environment, as probes see it. Every call is limited in time."""

    @property
    def status(self) -> Document:
        """The `status --json` document, as it was when the run began or `refresh` was called last."""
        ...

    def refresh(self) -> None:
        """Look again who is there and what they do: a probe has changed it."""
        ...

    def ask(self, *asks: Ask) -> tuple[Answer, ...]:
        """Send requests, all at once; the answers in their order."""
        ...

    def run(self, member: str, *argv: str, user: str = "", env: Mapping[str, str] | None = None) -> Ran:
        """Run a command in a member (or the first running one of a role). Raises CannotTell when it does not end."""
        ...

    def logged(self, member: str, needle: str) -> tuple[str, ...]:
        """Lines of a member's log that hold the needle, oldest first."""
        ...

    def inspect(self, member: str) -> Document:
        """A container as the engine describes it."""
        ...

    def variables(self, member: str) -> Mapping[str, str]:
        """The variables that a container was made with."""
        ...

    def tls(self, version: str, name: str) -> str:
        """Shake hands with the CDN by `version` (1.1, 1.2, 1.3) and server name ("" for none): the version that was
        agreed on and the certificate's key and owner, such as `TLSv1.3 RSA 2048 CN=x`, or the error."""
        ...

    def scale(self, role: str, count: int) -> str:
        """Ask control for so many members of a role: "" if it took that, else why it refused."""
        ...

    def command(self, *words: str, stdin: str = "") -> Ran:
        """Run altis-local itself on this environment."""
        ...

    def others(self) -> tuple[tuple[str, str], ...]:
        """(environment, address) of database members of other environments on this engine."""
        ...

    def heard(self, address: str, port: int) -> str:
        """The first line that a client on the host is told there; "" for nothing."""
        ...

    def token(self) -> str:
        """A word that nobody has used before."""
        ...

    def wait(self, seconds: float) -> None: ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """What several probes need, made once for all of them."""
        ...

    def later(self, clean: Callable[[], object]) -> None:
        """Do this at the end of the run, whatever happens: remove what a probe has made."""
        ...
