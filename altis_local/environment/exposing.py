"""Lets the host reach the database: a labelled container that publishes a port on loopback and leads to db-writer.

Called by `db expose`. The names of the environment are known inside it only, and its networks publish nothing; this
is the one way in, on request. It forwards by the endpoint's name, so it survives every failover.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from altis_local.clients.engine import Engine
from altis_local.clients.engine_reader import Found
from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.clients.host import is_port_free, port_holder
from altis_local.clock import Clock, Deadline, wait_until
from altis_local.environment.finding import Standing
from altis_local.errors import ActionFailed, Conflict

KIND = "exposed"
FIRST_PORT = 33060
PORTS_TRIED = 200
READY = 15.0
"""Seconds until it must accept."""
PORT = 3306


@dataclass(frozen=True, slots=True)
class Door:
    """One endpoint of the environment, as the host reaches it. `network`: where its name is known."""

    name: str
    network: str


DOORS = {"writer": Door("db-writer", "data"), "reader": Door("db-reader", "data-ro")}


def exposed(found: Standing, door: str) -> int | None:
    """The port on which the host reaches it now; None where it does not."""
    container = _container(found, door)
    return container.ports.get(PORT) if container and container.is_running else None


def expose(engine: Engine, found: Standing, door: str, port: int | None, clock: Clock) -> int:
    """Publish it, or leave it as it is; the port. Raises Conflict where the port is taken."""
    now = exposed(found, door)
    if now and port in (None, now):
        return now
    if port and not is_port_free(port):
        raise Conflict(
            f"port {port} is taken by {port_holder(port) or 'a process that cannot be seen'}", hint="--port N"
        )
    unexpose(engine, found, door)
    control = found.pick("control")
    wanted = port or _free_port()
    made = engine.create(_request(found.name, DOORS[door], door, control.image, wanted))
    try:
        engine.start(made)
        if not wait_until(lambda: _accepts(wanted), Deadline.after(READY, clock)):
            said = engine.logs(made)
            raise ActionFailed(f"port {wanted} does not lead to {DOORS[door].name}", log=said, hint="try it again")
    except BaseException:
        engine.remove(made, force=True)
        raise
    return wanted


def unexpose(engine: Engine, found: Standing, door: str) -> bool:
    """Take the port away; False where there was none."""
    container = _container(found, door)
    if container is None:
        return False
    engine.remove(container.id, force=True)
    return True


def close_all(engine: Engine, name: str) -> None:
    """Take away every port: a stopped environment keeps none."""
    for container in engine.containers(name):
        if container.kind == KIND:
            engine.remove(container.id, force=True)


def _container(found: Standing, door: str) -> Found | None:
    return next((c for c in found.containers if c.kind == KIND and c.member == _member(door)), None)


def _member(door: str) -> str:
    return f"expose-{door}"


def _request(environment: str, door: Door, name: str, image: str, port: int) -> ContainerRequest:
    member = _member(name)
    return ContainerRequest(
        name=qualified(environment, member),
        image=image,
        labels=labels(environment, KIND, role=KIND, member=member),
        # The first one publishes; the engine publishes nothing from an internal network.
        networks=tuple(Attachment(qualified(environment, network)) for network in ("ingress", door.network)),
        command=("python", "-m", "altis_local.services.forwarder", str(PORT), f"{door.name}:{PORT}"),
        memory=64 << 20,
        pids=16,
        read_only=True,
        user="65534",
        cap_drop=("ALL",),
        security_opt=("no-new-privileges:true",),
        publish={PORT: port},
        stop_timeout=2.0,
        hostname=member,
    )


def _free_port() -> int:
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if is_port_free(port):
            return port
    raise Conflict(f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} is free", hint="--port N")


def _accepts(port: int) -> bool:
    """Whether a server speaks there: MySQL greets first, a forwarder that leads nowhere hangs up."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as link:
            link.settimeout(1.0)
            return bool(link.recv(1))
    except OSError as error:
        if error.errno == errno.EACCES:
            raise ActionFailed(f"port {port} may not be used") from error
        return False
