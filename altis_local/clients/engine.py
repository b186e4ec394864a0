"""The container engine: the package's only way to it, over the SDK's low-level client.

Control's observation and actions, the environment façade and the drills call it, from many threads at once. It copies
every answer into values and holds no policy; what is asked for and is so already is no error.
"""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from altis_local.clients import cgroups, engine_events, engine_exec, engine_options, engine_rows
from altis_local.clients.engine_errors import translated
from altis_local.clients.engine_values import (
    LABEL,
    SOCKET,
    Attachment,
    ContainerRequest,
    ExecResult,
    NetworkRequest,
    labels,
    qualified,
)
from altis_local.errors import Conflict
from altis_local.model.processes import Process
from altis_local.model.state import Container

if TYPE_CHECKING:
    from docker import APIClient

QUICK = 5.0
"""Seconds for questions. A slow engine must not stop control's loop for long."""
SLOW = 120.0
"""Seconds for changes: starting 25 containers at once takes 5 s each on two cores."""


class Engine:
    """One engine. Safe to share between threads."""

    def __init__(self, address: str = SOCKET, cgroup_root: Path = cgroups.ROOT) -> None:
        self._address = address
        self._cgroup_root = cgroup_root
        self._lock = threading.Lock()
        self._clients: dict[float, APIClient] = {}
        self._details = engine_rows.Details()

    def ping(self) -> None:
        """Raise EngineUnavailable unless the engine answers."""
        with translated("ping"):
            self._client(QUICK).ping()

    # -- what there is

    def containers(self, environment: str) -> tuple[Container, ...]:
        """Every container of the environment, stopped ones too, in one question (and one more per change)."""
        with translated("list containers"):
            rows = self._client(QUICK).containers(all=True, filters={"label": f"{LABEL}environment={environment}"})
        self._details.forget_but(row["Id"] for row in rows)
        states = ((row, self._state(row)) for row in map(self._details.corrected, rows))
        found = (engine_rows.container(row, state) for row, state in states if state is not None)
        return tuple(sorted(found, key=lambda c: c.name))

    def networks(self, environment: str) -> frozenset[str]:
        """Short names of the environment's networks."""
        with translated("list networks"):
            rows = self._client(QUICK).networks(  # type: ignore[no-untyped-call]
                filters={"label": f"{LABEL}environment={environment}"}
            )
        return engine_rows.short_names(environment, (row["Name"] for row in rows))

    def volumes(self, environment: str) -> frozenset[str]:
        """Short names of the environment's volumes."""
        with translated("list volumes"):
            answer = self._client(QUICK).volumes(filters={"label": f"{LABEL}environment={environment}"})
        return engine_rows.short_names(environment, (row["Name"] for row in answer["Volumes"] or ()))

    def joined(self, container: str) -> frozenset[str]:
        """Full names of the networks that a container is attached to; none when it is gone."""
        with translated(f"inspect {container}", fine=(404,)):
            return frozenset(self._client(QUICK).inspect_container(container)["NetworkSettings"]["Networks"])
        return frozenset()

    def pid(self, container: str) -> int:
        """The process number of a container's first process, as the host counts; 0 when it does not run."""
        with translated(f"inspect {container[:12]}", fine=(404,)):
            return int(self._client(QUICK).inspect_container(container)["State"].get("Pid") or 0)
        return 0

    def image_exists(self, tag: str) -> bool:
        with translated(f"inspect image {tag}", fine=(404,)):
            self._client(QUICK).inspect_image(tag)  # type: ignore[no-untyped-call]
            return True
        return False

    def logs(self, container: str, tail: int = 20) -> tuple[str, ...]:
        """The last lines of a container's log; none when it is gone."""
        with translated(f"logs of {container}", fine=(404,)):
            text: bytes = self._client(QUICK).logs(container, tail=tail)
            return tuple(text.decode(errors="replace").splitlines())
        return ()

    def memory(self, ids: Iterable[str]) -> dict[str, int]:
        """Container id -> working set in bytes, where the kernel's files can be read."""
        return cgroups.memory(ids, self._cgroup_root)

    def processor(self, ids: Iterable[str]) -> dict[str, float]:
        """Container id -> seconds of processor time since its start, where the kernel's files can be read."""
        return cgroups.processor(ids, self._cgroup_root)

    def processes(self, container: str) -> tuple[Process, ...]:
        """The processes of a container; none where it does not run."""
        with translated(f"processes of {container[:12]}", fine=(404, 409)):
            shown: Any = self._client(QUICK).top(container, "-eo pid,stat,args")
            rows: list[list[str]] = shown["Processes"] or []
            return tuple(Process(row[1], " ".join(row[2:])) for row in rows)
        return ()

    def events(self, environment: str, since: float | None = None) -> engine_events.EventStream:
        """What happens to the environment's containers from now on, or from `since`. Iterating blocks."""
        with translated("events"):
            return engine_events.EventStream(self._client(SLOW), environment, since=since, hearer=self._details)

    # -- networks and volumes

    def create_network(self, request: NetworkRequest) -> None:
        """Make a network; one that exists already is fine. Raises Conflict when its addresses are taken."""
        name = qualified(request.environment, request.name)
        with translated(f"create network {name}", fine_text=f"network with name {name} already exists"):
            self._client(SLOW).create_network(name, **engine_options.network(request))

    def remove_network(self, environment: str, name: str) -> None:
        full = qualified(environment, name)
        with translated(f"remove network {full}", fine=(404,)):
            self._client(SLOW).remove_network(full)

    def attached(self, environment: str, name: str) -> tuple[str, ...]:
        """Names of the containers that are at a network, whosever they are."""
        full = qualified(environment, name)
        with translated(f"inspect network {full}", fine=(404,)):
            shown = self._client(QUICK).inspect_network(full)
            return tuple(sorted(row["Name"] for row in (shown.get("Containers") or {}).values()))
        return ()

    def create_volume(self, environment: str, name: str) -> str:
        """Make a volume, or keep the one that is there; its full name."""
        full = qualified(environment, name)
        with translated(f"create volume {full}"):
            self._client(SLOW).create_volume(full, labels=labels(environment, "volume", member=name))
        return full

    def remove_volume(self, environment: str, name: str) -> None:
        full = qualified(environment, name)
        with translated(f"remove volume {full}", fine=(404,)):
            self._client(SLOW).remove_volume(full)

    def connect(self, network: str, container: str, *, address: str = "", aliases: tuple[str, ...] = ()) -> None:
        """Attach a container to a network (full name)."""
        with translated(f"connect {container} to {network}", fine_text="already exists in network"):
            self._client(SLOW).connect_container_to_network(
                container, network, ipv4_address=address or None, aliases=list(aliases) or None
            )

    def disconnect(self, network: str, container: str) -> None:
        with translated(f"disconnect {container} from {network}", fine=(404,), fine_text="is not connected"):
            self._client(SLOW).disconnect_container_from_network(container, network, force=True)

    # -- containers

    def create(self, request: ContainerRequest) -> str:
        """Make a container, joined to all its networks; its id. It does not run yet."""
        client = self._client(SLOW)
        with translated(f"create {request.name}"):
            made: str = client.create_container(request.image, **engine_options.container(client, request))["Id"]
        try:
            for network in request.networks[1:]:
                self._attach(made, network)
        except Exception:
            # Half of its networks would look like a whole member at the next turn.
            self.remove(made, force=True)
            raise
        return made

    def _attach(self, container: str, network: Attachment) -> None:
        self.connect(network.network, container, address=network.address, aliases=network.aliases)

    def start(self, container: str) -> None:
        """Start a container. Raises Conflict, naming the holder, when a port that it publishes is taken."""
        try:
            with translated(f"start {container[:12]}", fine=(304,)):
                self._client(SLOW).start(container)
                self._details.started(container)
        except Conflict as error:
            rows = self._client(QUICK).containers()
            raise Conflict(f"start {container[:12]}: {engine_rows.taken_port(error.message, rows)}") from error

    def kill(self, container: str, signal: str = "KILL") -> None:
        """Send a signal; a container that does not run is fine. Answers later than the process is dead."""
        with translated(f"kill {container[:12]}", fine=(404, 409)):
            self._client(SLOW).kill(container, signal)

    def stop(self, container: str, grace: float = 10.0) -> None:
        with translated(f"stop {container[:12]}", fine=(304, 404)):
            self._client(SLOW).stop(container, timeout=round(grace))

    def remove(self, container: str, *, force: bool = False) -> None:
        """Remove a container with its anonymous volumes."""
        with translated(f"remove {container[:12]}", fine=(404,), fine_text="is already in progress"):
            self._client(SLOW).remove_container(container, force=force, v=True)

    def pause(self, container: str) -> None:
        with translated(f"pause {container[:12]}", fine_text="is already paused"):
            self._client(SLOW).pause(container)

    def unpause(self, container: str) -> None:
        with translated(f"unpause {container[:12]}", fine=(404,), fine_text="is not paused"):
            self._client(SLOW).unpause(container)

    def update_restart(self, container: str, policy: str) -> None:
        with translated(f"update {container[:12]}", fine=(404,)):
            self._client(SLOW).update_container(container, restart_policy={"Name": policy})

    def exec(
        self,
        container: str,
        argv: tuple[str, ...],
        *,
        user: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        """Run a command in a container. Raises ActionFailed when it has not ended in time; it then runs on."""
        with translated(f"exec in {container[:12]}"):
            return engine_exec.run(
                self._client(SLOW),
                container,
                argv,
                options={"user": user, "environment": dict(env or {})},
                limit=timeout,
            )

    def put_file(self, container: str, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write one file into a container, running or not."""
        target = PurePosixPath(path)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(target.name)
            entry.size, entry.mode, entry.mtime = len(content), mode, int(time.time())
            archive.addfile(entry, io.BytesIO(content))
        with translated(f"write {path} in {container[:12]}"):
            self._client(SLOW).put_archive(container, str(target.parent), packed.getvalue())

    # -- inside

    def _client(self, timeout: float) -> APIClient:
        with self._lock:
            if timeout not in self._clients:
                from docker import APIClient  # noqa: PLC0415  # 0.2 s, which short commands are spared

                self._clients[timeout] = APIClient(
                    base_url=self._address, version="auto", timeout=int(timeout), max_pool_size=32
                )
            return self._clients[timeout]

    def _state(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the list does not say of a container; None when it has gone meanwhile."""
        known = self._details.of(row)
        if known is not None:
            return known
        with translated(f"inspect {row['Id'][:12]}", fine=(404,)):
            state: dict[str, Any] = self._client(QUICK).inspect_container(row["Id"])["State"]
            self._details.learn(row["Id"], state)
            return state
        return None
