"""A container engine in memory with Engine's methods: containers, networks and volumes, but nothing that runs.

What runs inside is told by `listeners` (see tests/fakes/world.py). The contract tests run on it and on the real one.
"""

from __future__ import annotations

import ipaddress
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from altis_local.clients.engine_values import (
    LABEL,
    Attachment,
    ContainerRequest,
    EngineEvent,
    ExecResult,
    NetworkRequest,
    qualified,
)
from altis_local.clock import Clock, SystemClock
from altis_local.errors import ActionFailed, Conflict, EngineUnavailable
from altis_local.model.processes import Process
from altis_local.model.state import Container, Phase

RUNS = (Phase.RUNNING, Phase.PAUSED)


@dataclass
class Box:
    """One container."""

    id: str
    request: ContainerRequest
    networks: dict[str, Attachment]
    phase: Phase = Phase.CREATED
    started_at: float = 0.0
    exit_code: int | None = None
    restart: str = "no"
    files: dict[str, bytes] = field(default_factory=dict)

    def label(self, key: str) -> str:
        return self.request.labels.get(f"{LABEL}{key}", "")

    @property
    def member(self) -> str:
        return self.label("member")

    @property
    def runs(self) -> bool:
        return self.phase in RUNS

    def addresses(self) -> frozenset[str]:
        return frozenset(one.address for one in self.networks.values() if one.address)

    def value(self) -> Container:
        return Container(
            id=self.id,
            name=self.request.name,
            kind=self.label("kind"),
            role=self.label("role"),
            member=self.member,
            zone=self.label("zone"),
            hash=self.label("hash"),
            image=self.request.image,
            phase=self.phase,
            started_at=self.started_at,
            exit_code=self.exit_code if self.phase is Phase.EXITED else None,
        )


class FakeEvents:
    """Iterable once, as EventStream."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[EngineEvent | EngineUnavailable | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[EngineEvent]:
        while (event := self.queue.get()) is not None:
            if isinstance(event, EngineUnavailable):
                raise event
            yield event

    def close(self) -> None:
        self.queue.put(None)


class FakeEngine:
    """`is_down` makes every call fail as when no engine answers."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._boxes: dict[str, Box] = {}
        self._networks: dict[str, NetworkRequest] = {}
        self._volumes: dict[str, str] = {}
        self._streams: list[tuple[str, FakeEvents]] = []
        self.images: set[str] = set()
        self.listeners: list[Callable[[Box, str], None]] = []
        self.on_exec: Callable[[Box, tuple[str, ...]], ExecResult] = lambda _box, _argv: ExecResult(0, "")
        self.is_down = False
        self.held: set[str] = set()
        self.workers: list[str] = []
        """Command lines of the processes in every container, beside its own."""

    def ping(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.is_down:
            raise EngineUnavailable("the container engine does not answer")

    # -- what there is

    def boxes(self) -> tuple[Box, ...]:
        with self._lock:
            return tuple(self._boxes.values())

    def at(self, address: str) -> Box | None:
        """The running container that holds an address."""
        return next((box for box in self.boxes() if box.runs and address in box.addresses()), None)

    def containers(self, environment: str) -> tuple[Container, ...]:
        self._answer()
        found = (box.value() for box in self.boxes() if box.label("environment") == environment)
        return tuple(sorted(found, key=lambda c: c.name))

    def networks(self, environment: str) -> frozenset[str]:
        self._answer()
        return frozenset(r.name for r in self._networks.values() if r.environment == environment)

    def volumes(self, environment: str) -> frozenset[str]:
        self._answer()
        prefix = qualified(environment, "")
        return frozenset(n.removeprefix(prefix) for n, owner in self._volumes.items() if owner == environment)

    def joined(self, container: str) -> frozenset[str]:
        self._answer()
        box = self._boxes.get(container)
        return frozenset(box.networks) if box else frozenset()

    def image_exists(self, tag: str) -> bool:
        self._answer()
        return tag in self.images

    def logs(self, container: str, tail: int = 20) -> tuple[str, ...]:
        self._answer()
        return ()

    def memory(self, ids: Iterable[str]) -> dict[str, int]:
        return {}

    def processes(self, container: str) -> tuple[Process, ...]:
        self._answer()
        state = "T" if container in self.held else "S"
        return (Process("S", "tini"), Process(state, "service"), *(Process(state, w) for w in self.workers))

    def events(self, environment: str, since: float | None = None) -> FakeEvents:
        self._answer()
        stream = FakeEvents()
        self._streams.append((environment, stream))
        return stream

    def end_events(self) -> None:
        """End every stream, as an engine that goes away does."""
        for _, stream in self._streams:
            stream.queue.put(EngineUnavailable("the engine's event stream ended"))
        self._streams.clear()

    # -- networks and volumes

    def create_network(self, request: NetworkRequest) -> None:
        self._answer()
        with self._lock:
            name = qualified(request.environment, request.name)
            if name in self._networks:
                return
            wanted = ipaddress.ip_network(request.subnet)
            if any(wanted.overlaps(ipaddress.ip_network(other.subnet)) for other in self._networks.values()):
                raise Conflict(f"create network {name}: Pool overlaps with other one on this address space")
            self._networks[name] = request

    def remove_network(self, environment: str, name: str) -> None:
        self._answer()
        with self._lock:
            full = qualified(environment, name)
            if any(box.runs and full in box.networks for box in self._boxes.values()):
                raise ActionFailed(f"remove network {full}: has active endpoints")
            self._networks.pop(full, None)

    def attached(self, environment: str, name: str) -> tuple[str, ...]:
        self._answer()
        full = qualified(environment, name)
        return tuple(sorted(box.request.name for box in self._boxes.values() if box.runs and full in box.networks))

    def create_volume(self, environment: str, name: str) -> str:
        self._answer()
        full = qualified(environment, name)
        self._volumes[full] = environment
        return full

    def remove_volume(self, environment: str, name: str) -> None:
        self._answer()
        self._volumes.pop(qualified(environment, name), None)

    def connect(self, network: str, container: str, *, address: str = "", aliases: tuple[str, ...] = ()) -> None:
        self._answer()
        self._box(container).networks.setdefault(network, Attachment(network, address, aliases))

    def disconnect(self, network: str, container: str) -> None:
        self._answer()
        box = self._boxes.get(container)
        if box:
            box.networks.pop(network, None)

    # -- containers

    def create(self, request: ContainerRequest) -> str:
        self._answer()
        with self._lock:
            if any(box.request.name == request.name for box in self._boxes.values()):
                raise Conflict(f"create {request.name}: the name is already in use by a container")
            if request.image not in self.images:
                raise ActionFailed(f"create {request.name}: No such image: {request.image}")
            made = Box(
                id=f"{next(self._numbers):064x}",
                request=request,
                networks={one.network: one for one in request.networks},
                restart=request.restart,
            )
            self._boxes[made.id] = made
        self._tell(made, "create")
        return made.id

    def start(self, container: str) -> None:
        self._answer()
        with self._lock:
            box = self._box(container)
            if box.runs:
                return
            others = [other for other in self._boxes.values() if other is not box and other.runs]
            self._check_free(box, others)
            box.phase, box.started_at, box.exit_code = Phase.RUNNING, self._clock.now(), None
        self._tell(box, "start")

    def _check_free(self, box: Box, others: list[Box]) -> None:
        for other in others:
            taken = set(box.request.publish.values()) & set(other.request.publish.values())
            if taken:
                raise Conflict(f"start: port {taken.pop()} is taken by the container {other.request.name}")
            if box.addresses() & other.addresses():
                raise ActionFailed("start: Address already in use")

    def kill(self, container: str, signal: str = "KILL") -> None:
        self._answer()
        self._end(container, 137 if signal in ("KILL", "SIGKILL") else 143)

    def stop(self, container: str, grace: float = 10.0) -> None:
        self._answer()
        self._end(container, 0)

    def exit(self, container: str, code: int) -> None:
        """The service ends by itself."""
        self._end(container, code)

    def _end(self, container: str, code: int) -> None:
        with self._lock:
            box = self._boxes.get(container)
            if box is None or not box.runs:
                return
            box.phase, box.exit_code = Phase.EXITED, code
        self._tell(box, "die")

    def remove(self, container: str, *, force: bool = False) -> None:
        self._answer()
        with self._lock:
            box = self._boxes.get(container)
            if box is None:
                return
            if box.runs and not force:
                raise Conflict(f"remove {container[:12]}: the container runs")
            self._end(container, 137)
            del self._boxes[container]
        self._tell(box, "destroy")

    def pause(self, container: str) -> None:
        self._answer()
        box = self._box(container)
        if box.phase is Phase.RUNNING:
            box.phase = Phase.PAUSED
            self._tell(box, "pause")
        elif box.phase is not Phase.PAUSED:
            raise Conflict(f"pause {container[:12]}: is not running")

    def unpause(self, container: str) -> None:
        self._answer()
        box = self._boxes.get(container)
        if box and box.phase is Phase.PAUSED:
            box.phase = Phase.RUNNING
            self._tell(box, "unpause")

    def update_restart(self, container: str, policy: str) -> None:
        self._answer()
        if container in self._boxes:
            self._boxes[container].restart = policy

    def pid(self, container: str) -> int:
        self._answer()
        return 1000 + int(self._box(container).phase is Phase.RUNNING)

    def exec(
        self,
        container: str,
        argv: tuple[str, ...],
        *,
        user: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        self._answer()
        box = self._box(container)
        if box.phase is not Phase.RUNNING:
            raise Conflict(f"exec in {container[:12]}: the container does not run")
        return self.on_exec(box, argv)

    def put_file(self, container: str, path: str, content: bytes, mode: int = 0o644) -> None:
        self._answer()
        self._box(container).files[path] = content

    # -- inside

    def _box(self, container: str) -> Box:
        try:
            return self._boxes[container]
        except KeyError:
            raise ActionFailed(f"No such container: {container}") from None

    def _tell(self, box: Box, action: str) -> None:
        for listener in self.listeners:
            listener(box, action)
        code = box.exit_code if action == "die" else None
        event = EngineEvent(self._clock.now(), "container", action, box.member, box.id, code)
        for environment, stream in self._streams:
            if environment == box.label("environment"):
                stream.queue.put(event)
