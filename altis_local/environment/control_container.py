"""The control plane's own container: made, woken, replaced by a newer one, and taken leave of.

Called by the lifecycle. Any command that needs control gets it running, whatever became of it: never made, exited,
paused, frozen, or of another version.
"""

from __future__ import annotations

import ipaddress
import os
import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass

from altis_local.act.definition import interpolate
from altis_local.clients.control_api import ControlApi
from altis_local.clients.engine import Engine
from altis_local.clients.engine_reader import Found, endpoint
from altis_local.clients.engine_values import (
    Attachment,
    ContainerRequest,
    NetworkRequest,
    from_service,
    labels,
    qualified,
)
from altis_local.clock import Clock, Deadline, wait_until
from altis_local.environment.finding import API_PORT
from altis_local.environment.paths import Paths
from altis_local.errors import AltisError, NotReady
from altis_local.model.spec import Service
from altis_local.model.topology import CONTROL, address, automatic_range, subnet

AWAKE = 20.0
"""Seconds within which a started control must answer."""
FROZEN = 3.0
"""Seconds after which a control that should answer is taken for frozen."""

ENGINE_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a control container is made with, and says in its labels."""

    environment: str
    block: str
    api_port: int
    site_port: int
    site_url: str
    plan: str
    timing: str
    folder: str
    service: Service

    @property
    def hash(self) -> str:
        return self.service.image.rpartition(":")[2]

    def labels(self) -> Mapping[str, str]:
        return labels(
            self.environment,
            "control",
            role="control",
            member="control",
            zone="",
            hash=self.hash,
            block=self.block,
            folder=self.folder,
            plan=self.plan,
            timing=self.timing,
        ) | {
            "altis-local.api-port": str(self.api_port),
            "altis-local.site-port": str(self.site_port),
            "altis-local.site-url": self.site_url,
        }

    def is_of(self, container: Found) -> bool:
        """Whether the container was made with just this (its API port may be another)."""
        mine = {k: v for k, v in self.labels().items() if k not in ("altis-local.api-port", "altis-local.folder")}
        return all(container.labels.get(name) == value for name, value in mine.items())


class ControlContainers:
    """Handles the one control container of an environment."""

    def __init__(self, engine: Engine, paths: Paths, clock: Clock) -> None:
        self._engine = engine
        self._paths = paths
        self._clock = clock

    def create(self, identity: Identity) -> None:
        """The api network, the volume and the container, started. What exists already is used."""
        name = identity.environment
        self._engine.create_network(_api_network(identity))
        volume = self._engine.create_volume(name, CONTROL.name)
        token = randomness.token_urlsafe(32)
        made = self._engine.create(request(identity, token, volume))
        # Saved before the start, so that whoever finds it running also finds the token.
        self._save_token(name, f"{token} {made}")
        self._engine.start(made)

    def wake(self, control: Found, api: ControlApi | None) -> AltisError | None:
        """Get an existing container to run; what stood against it when only a new one can help."""
        if control.is_running and api and self._answers(api, FROZEN):
            return None
        try:
            if control.state == "paused":
                self._engine.unpause(control.id)
            elif control.is_running:
                # Running and silent: frozen. Its state is all in its volume.
                self._engine.kill(control.id)
            self._engine.update_restart(control.id, "always")
            self._engine.start(control.id)
        except AltisError as error:
            return error
        return None

    def await_answer(self, api: ControlApi, container: str) -> None:
        """Wait for /health; killed meanwhile, it is started again. Raises NotReady with control's last lines."""
        deadline = Deadline.after(AWAKE, self._clock)
        while not self._answers(api, min(FROZEN, deadline.left())):
            if not deadline.passed():
                self._engine.start(container)  # one that runs is left alone
                continue
            raise NotReady(
                f"it does not answer on port {api.port} after {AWAKE:.0f} s",
                member="control",
                log=self._engine.logs(container, 20),
                hint="`altis-local doctor`; `altis-local logs control` has more",
            )

    def retire(self, control: Found) -> None:
        """End it for good: no restart by the engine, its volume stays. It loses nothing by being killed."""
        self._engine.update_restart(control.id, "no")
        if control.state == "paused":
            self._engine.unpause(control.id)
        self._engine.stop(control.id, 0.0)

    def remove(self, control: Found) -> None:
        self._engine.update_restart(control.id, "no")
        self._engine.remove(control.id, force=True)

    def _answers(self, api: ControlApi, seconds: float) -> bool:
        return wait_until(lambda: api.health() is not None, Deadline.after(seconds, self._clock))

    def _save_token(self, name: str, text: str) -> None:
        file = self._paths.token(name)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)


def request(identity: Identity, token: str, volume: str) -> ContainerRequest:
    """The engine's view of control. Pure but for the engine's socket."""
    service, name = identity.service, identity.environment
    values = {
        "ALTIS_ENVIRONMENT": name,
        "ALTIS_API_TOKEN": token,
        "ALTIS_BLOCK": identity.block,
        "ALTIS_HASH": identity.hash,
        "ALTIS_MEMBER": CONTROL.name,
        "ALTIS_PLAN": identity.plan,
    }
    environment = {key: interpolate(text, values, "control") for key, text in service.environment.items()}
    own = {key: values[key] for key in ("ALTIS_ENVIRONMENT", "ALTIS_API_TOKEN", "ALTIS_BLOCK", "ALTIS_HASH")}
    return from_service(
        service,
        name=qualified(name, CONTROL.name),
        labels=identity.labels(),
        environment=environment | own,
        networks=(Attachment(qualified(name, "api"), address(identity.block, "api", CONTROL)),),
        volumes=_binds(service, volume),
        publish={API_PORT: identity.api_port},
        restart="always",
    )


def _binds(service: Service, volume: str) -> tuple[str, ...]:
    """As written in compose/; a rootless engine's socket is where that engine has it."""
    socket = endpoint().removeprefix("unix://")
    rootless = socket if socket.startswith("/run/user/") else ENGINE_SOCKET
    rows = []
    for mount in service.volumes:
        source = mount.source if mount.source.startswith("/") else volume
        rows.append(
            f"{rootless if source == ENGINE_SOCKET else source}:{mount.target}{':ro' if mount.read_only else ''}"
        )
    return tuple(rows)


def _api_network(identity: Identity) -> NetworkRequest:
    """As control itself would make it; it must be there first, since control's port is published from it."""
    net = subnet(identity.block, "api")
    return NetworkRequest(
        identity.environment,
        "api",
        str(net),
        str(ipaddress.IPv4Address(int(net.network_address) + 1)),
        automatic_range(identity.block, "api"),
        internal=False,
        host_address=True,
    )
