"""Environment: the one façade over an environment, for the command line, drills and tests.

What changes the world goes through control's API; finding and removing works by label, with control gone. Each
operation that changes the shape holds the environment's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from altis_local.clients.control_api import ControlApi, Document
from altis_local.clients.engine import Engine
from altis_local.clients.engine_reader import EngineReader, Found
from altis_local.clients.services_api import ServicesApi
from altis_local.clock import Clock, SystemClock
from altis_local.environment import exposing
from altis_local.environment import status as statuses
from altis_local.environment.destroying import destroy
from altis_local.environment.finding import Standing, existing, standing
from altis_local.environment.lifecycle import Cut, Lifecycle, Tools
from altis_local.environment.locking import exclusive
from altis_local.environment.paths import user_paths
from altis_local.environment.progress import Progress, Recorded
from altis_local.environment.waiting import is_up
from altis_local.errors import ActionFailed, UndoIncomplete
from altis_local.naming import checked
from altis_local.settings import Loaded, load

START_TIMEOUT = 180.0
STOP_TIMEOUT = 60.0


class Environment:
    """One environment by name. `flags`: settings given by hand, over the configuration of `folder`."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path | None = None,
        flags: Mapping[str, object] | None = None,
        progress: Progress | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = checked(name)
        self._folder = folder or Path.cwd()
        self._flags = flags or {}
        self.clock = clock or SystemClock()
        self.progress = progress or Recorded(self.clock)
        self.paths = user_paths()
        self.reader = EngineReader()
        self.engine = Engine(self.reader.address)

    # -- looking

    def standing(self) -> Standing:
        """What there is of it; UsageError when there is nothing."""
        return existing(self.reader, self.name)

    def running(self) -> Standing:
        """What there is of it; ActionFailed where it is stopped."""
        found = self.standing()
        if not any(c.is_running for c in found.members):
            raise ActionFailed(f"environment {self.name} is stopped", hint=f"`altis-local -p {self.name} start`")
        return found

    def exists(self) -> bool:
        return bool(standing(self.reader, self.name).containers)

    def status(self) -> dict[str, Any]:
        return statuses.status(self.reader, self.name, self.paths)

    def member(self, wanted: str) -> Found:
        """A running member by name, or the first running one of a role."""
        return self.standing().pick(wanted)

    @property
    def folder(self) -> Path:
        """Where files about it are kept outside the engine, such as runs of drills."""
        return self.paths.environment(self.name)

    # -- the shape

    def build(self) -> Mapping[str, str]:
        """Make every image that is missing; role -> image."""
        with closing(self.progress):
            self.progress.phase("images")
            services = self._lifecycle().services()
            self.progress.end()
        return {role: service.image for role, service in services.items()}

    def start(self, *, broken: Iterable[str] = (), timeout: float = START_TIMEOUT) -> Document:
        """Bring it up and wait until it has converged; its status."""
        with self._alone("start"):
            return {"schema": 1, **self._lifecycle().start(broken=broken, timeout=timeout)}

    def stop(self, *, timeout: float = STOP_TIMEOUT) -> tuple[Cut, ...] | None:
        """Stop every container; data stays. The jobs that it cut; None when it was stopped already."""
        with self._alone("stop"):
            return self._stop(timeout)

    def restart(self, *, timeout: float = START_TIMEOUT) -> tuple[Document, tuple[Cut, ...]]:
        """Stop it and start it again, with nobody else in between; its status, and the jobs that this cut."""
        with self._alone("restart"):
            cut = self._stop(STOP_TIMEOUT)
            return {"schema": 1, **self._lifecycle().start(broken=(), timeout=timeout)}, cut or ()

    def destroy(self, only_if: Callable[[], bool] = lambda: True) -> bool:
        """Remove every container, network and volume of it, and its token; False where `only_if` forbids it.

        Raises UndoIncomplete when nothing is left but networks that the engine does not let go.
        `only_if` is asked once nobody else is at work on the environment: what was seen before may be over.
        """
        with self._alone("destroy"):
            if not only_if():
                return False
            try:
                destroy(self.engine, self.name, self.progress)
            except UndoIncomplete:
                self.paths.token(self.name).unlink(missing_ok=True)
                raise
            self.paths.token(self.name).unlink(missing_ok=True)
            return True

    def remains(self) -> bool:
        """Whether anything of it is left on the engine."""
        return (
            self.exists()
            or any(network.environment == self.name for network in self.reader.networks())
            or self.name in self.reader.volumes().values()
        )

    def expose(self, door: str, port: int | None = None) -> int:
        """Let the host reach the database (`writer` or `reader`); the port on loopback. Ends with `stop`."""
        self.running()
        with self._alone("db expose"):
            return exposing.expose(self.engine, self.standing(), door, port, self.clock)

    def unexpose(self, door: str) -> bool:
        """Take the port away; False where there was none."""
        return exposing.unexpose(self.engine, self.standing(), door)

    # -- through control

    def control(self) -> ControlApi:
        """Control's API; control is started anew where it does not answer."""
        return self._lifecycle().reach(self.standing())

    def services(self) -> ServicesApi:
        """Storage, mail, cache, search, CDN, jobs and traces of the environment, which must be running."""
        return ServicesApi(self._lifecycle().reach(self.running()))

    def scale(self, role: str, count: int | None, *, timeout: float = START_TIMEOUT) -> Document:
        """Change the number of members of a role and wait until it is so; None lets it follow the load."""
        api = self.control()
        after = api.status()["sequence"]
        answer = api.action(action="scale", role=role, count="auto" if count is None else count)
        if count is None:
            return answer
        with closing(self.progress):
            self.progress.phase(f"{role} to {count}")
            self._lifecycle().settle(
                api, after, timeout, check=lambda status: is_up(status) and _has(status, role, count)
            )
            self.progress.end()
        return answer

    def failover(self, target: str, *, graceful: bool = False, to: str | None = None) -> Document:
        """Give the duty of writer or primary to another member."""
        return self.control().action(action="failover", target=target, graceful=graceful, to=to, timeout=120.0)

    def snapshot(self) -> Document:
        return self.control().snapshot()

    def journal(self, after: int = 0) -> tuple[Document, ...]:
        return self.control().journal(after)

    def events(self, after: int = 0) -> Iterator[Document]:
        return self.control().events(after)

    # -- inside

    def _stop(self, timeout: float) -> tuple[Cut, ...] | None:
        found = self.standing()
        if not any(c.is_running or c.state == "paused" for c in found.containers):
            return None
        cut = self._lifecycle().stop(found, timeout)
        exposing.close_all(self.engine, self.name)
        return cut

    def loaded(self) -> Loaded:
        """The configuration that counts: of the folder, else of the one that it was started from."""
        loaded = load(self._folder, self._flags)
        if loaded.files:
            return loaded
        control = standing(self.reader, self.name).control
        remembered = Path(control.label("folder")) if control and control.label("folder") else None
        return load(remembered, self._flags) if remembered and remembered.is_dir() else loaded

    def _lifecycle(self) -> Lifecycle:
        tools = Tools(self.name, self.loaded(), self.reader, self.engine, self.paths, self.clock)
        return Lifecycle(tools, self.progress)

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        with closing(self.progress), exclusive(self.paths.lock(self.name), doing, self.progress, self.clock):
            yield


def _has(status: Document, role: str, count: int) -> bool:
    """Whether just so many members of the role are there. (Those that drain still are; those that stand in for one
    that is being renewed are not meant.)"""
    stand_ins = int(status["scaling"].get(role, {}).get("stand_ins", 0))
    return len([m for m in status["members"] if m["role"] == role]) == count + stand_ins
