"""AltisEnvironment: a whole environment in testcontainers' manner, for tests of anything that talks to one.

A thin wrapper of the façade with start, stop and a `with` block; it holds no logic that the command line lacks.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import quote

from altis_local.environment.facade import Environment
from altis_local.errors import UndoIncomplete

log = logging.getLogger(__name__)


class DatabaseAccess(NamedTuple):
    """How a program on this machine reaches the site's database. The port follows every failover."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it."""
        return f"mysql+pymysql://{self.user}:{quote(self.password)}@{self.host}:{self.port}/{self.database}"


class AltisEnvironment:
    """`with AltisEnvironment().with_plan("production-ha") as altis: …`. Removed with all its data at the end."""

    def __init__(self, name: str = "") -> None:
        self.name = name or f"test-{uuid.uuid4().hex[:8]}"
        self._flags: dict[str, object] = {}
        self._broken: tuple[str, ...] = ()
        self._environment: Environment | None = None

    def with_plan(self, plan: str) -> AltisEnvironment:
        """One of the plans; `local` where none is given."""
        self._flags["plan"] = plan
        return self

    def with_settings(self, settings: Mapping[str, object]) -> AltisEnvironment:
        """Any key of altis-local.yml."""
        self._flags |= settings
        return self

    def with_broken(self, *settings: str) -> AltisEnvironment:
        """Break settings of the closed list, for twins of drills."""
        self._broken = settings
        return self

    @property
    def environment(self) -> Environment:
        """The façade: status, scale, failover, journal."""
        if self._environment is None:
            self._environment = Environment(self.name, flags=self._flags)
        return self._environment

    def start(self) -> AltisEnvironment:
        """Bring it up and wait until it has converged. Raises NotReady naming the members that lag."""
        self.environment.start(broken=self._broken)
        return self

    def stop(self) -> None:
        """Remove it with all its data, as testcontainers does. A network that the engine keeps fails no test."""
        if self.environment.remains():
            try:
                self.environment.destroy()
            except UndoIncomplete as error:
                log.warning("%s (%s)", error, error.hint)

    def status(self) -> dict[str, Any]:
        """The document of `status --json`."""
        return self.environment.status()

    def get_url(self) -> str:
        """Where the site is: https, on loopback."""
        return str(self.status()["urls"]["site"])

    def expose_db(self, door: str = "writer") -> DatabaseAccess:
        """Open a port on loopback to the writer, or to the readers (`door="reader"`), until `unexpose_db` or `stop`."""
        port = self.environment.expose(door)
        known = self.environment.reader.environment_of(self.environment.member("db").id)
        return DatabaseAccess("127.0.0.1", port, "wordpress", known["ALTIS_DB_PASSWORD"], "wordpress")

    def unexpose_db(self, door: str = "writer") -> None:
        """Close it again; harmless where it is not open."""
        self.environment.unexpose(door)

    def exec(self, member: str, *argv: str, user: str = "") -> tuple[int, str]:
        """Run a command in a member, or in the first of a role; exit code and output."""
        found = self.environment.member(member)
        done = self.environment.engine.exec(found.id, argv, user=user)
        return done.exit_code, done.output

    def wp(self, *argv: str) -> str:
        """WP-CLI in the sandbox; its output. Raises RuntimeError with it when it fails."""
        code, output = self.exec("sandbox", "wp", f"--url={self.get_url()}", *argv, user="www-data")
        if code:
            raise RuntimeError(f"wp {' '.join(argv)} ended with {code}: {output.strip()}")
        return output

    def __enter__(self) -> AltisEnvironment:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
