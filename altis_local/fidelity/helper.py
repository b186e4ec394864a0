"""A client inside the environment: one short-lived container of control's image on the networks that clients are on.

Made at the first request that needs it, removed at the end of the run; it ends by itself when it is forgotten.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from altis_local.clients.engine_values import Attachment, ContainerRequest, ExecResult, labels, qualified
from altis_local.environment.finding import Standing
from altis_local.fidelity import caller
from altis_local.fidelity.finding import CannotTell
from altis_local.model.topology import ZONES, Member, address, member

NETWORKS = ("ingress", "edge", "app", "data", "data-ro", "platform")
LIFE = 600
"""Seconds after which it is gone in any case."""
LIMIT = 75.0
"""Seconds for one call: the longest request of all takes sixty."""


class Hands(Protocol):
    """What the helper needs of the engine."""

    def create(self, request: ContainerRequest) -> str: ...
    def start(self, container: str) -> None: ...
    def remove(self, container: str, *, force: bool = False) -> None: ...
    def exec(self, container: str, argv: tuple[str, ...], *, timeout: float = 60.0) -> ExecResult: ...


class Helper:
    """One container. Safe to share between threads."""

    def __init__(self, hands: Hands, standing: Standing) -> None:
        self._hands = hands
        self._standing = standing
        self._lock = threading.Lock()
        self._id = ""

    def call(self, asks: str) -> str:
        """Send requests (JSON, as `caller` reads them); the answers as JSON."""
        script = Path(caller.__file__).read_text()
        done = self._hands.exec(self._started(), ("python", "-c", script, asks), timeout=LIMIT)
        if done.exit_code:
            raise CannotTell(f"the helper failed: {done.output[-300:]}")
        return done.output

    def close(self) -> None:
        with self._lock:
            if self._id:
                self._hands.remove(self._id, force=True)
                self._id = ""

    def _started(self) -> str:
        with self._lock:
            if not self._id:
                made = self._hands.create(self._request())
                self._id = made
                self._hands.start(made)
            return self._id

    def _request(self) -> ContainerRequest:
        name, control = self._standing.name, self._standing.control
        if control is None:
            raise CannotTell("control is gone, and with it the image that a client could be made from")
        import secrets  # noqa: PLC0415

        return ContainerRequest(
            name=qualified(name, f"fidelity-{secrets.token_hex(4)}"),
            image=control.image,
            labels=labels(name, "workload"),
            networks=tuple(Attachment(qualified(name, network)) for network in NETWORKS),
            entrypoint=("tini", "--", "sleep", str(LIFE)),
            command=(),
            memory=160 << 20,
            pids=128,
            read_only=True,
            user="65534:65534",
            cap_drop=("ALL",),
            auto_remove=True,
        )


def address_of(standing: Standing, role: str, network: str) -> str:
    """The fixed address of the first running member of a role in a network."""
    control = standing.control
    found = standing.pick(role)
    if control is None:
        raise CannotTell("control is gone")
    return address(control.label("block"), network, _slot(found.member, role, found.zone))


def _slot(name: str, role: str, zone: str) -> Member:
    if role == "cdn":
        return member(role, ZONES)
    if role == "lb":
        return member(role, ZONES, zone=zone)
    return next(m for index in range(1, 10) if (m := member(role, (zone,), index=index)).name == name)
