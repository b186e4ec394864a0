"""A site with its jobs on real members: a database, a cache, a sandbox for commands and runners that come and go.

Runners are started as compose/app.yml does. Jobs whose hook begins with "sh:" are run as that shell command, by the
runner's own hook, so that hundreds of them cost little; all others are run by `wp cavalcade run` as ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.model.state import Container
from tests.contract.engine_cli import build
from tests.contract.members import PASSWORD, Lab, RealMembers, eventually

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "fixtures" / "site"
WEB = ROOT / "compose" / "images" / "web"
SITE_URL = "https://localhost:8443"

CODE = Path(__file__).parent / "cavalcade"
"""PHP of these tests."""


@cache
def web_image() -> str:
    """The web image with the fixture site, as both are now in the repository."""
    project, web = "altis-local/project:contract", "altis-local/web:contract"
    build(project, PROJECT, "-f", str(WEB / "project.Dockerfile"))
    build(web, WEB, "--build-arg", f"PROJECT={project}")
    return web


@dataclass
class JobsSite:
    """db-1 and redis-1 play every part that a site knows by name."""

    lab: Lab
    members: RealMembers
    folder: Path
    _number: int = 0
    _ids: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """A new, open database, an empty cache and an installed site."""
        for member in ("db-1", "redis-1"):
            self.members.start(member)
        project = (PROJECT / ".config" / "load.php").read_text()
        (self.folder / "load.php").write_text(project + (CODE / "load.php").read_text().removeprefix("<?php"))
        self.name_endpoints()
        self.run("sandbox")
        assert eventually(lambda: bool(self.members.db("db-1").observe()), 30)
        self.members.db("db-1").promote(1, "db-1")
        assert eventually(lambda: bool(self.members.cache("redis-1").observe()), 30)
        self.members.cache("redis-1").promote()
        self.install()

    def name_endpoints(self, *silent: str) -> None:
        """What the names of endpoints stand for from the next container on."""
        own = {"db-writer": "db-1", "db-reader": "db-1", "cache": "redis-1"}
        lines = [f"{address} db-writer" for address in silent]
        lines += [f"{self.members.address(member)} {name}" for name, member in own.items()]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "\n".join(lines) + "\n")

    # -- containers

    def run(self, role: str, *command: str, address: str = "", own: Iterable[str] = ()) -> str:
        """Start a container of the web image; its name. A runner's root file system is read-only.

        `own`: mounts of the project's own, `source:target:ro`.
        """
        self._number += 1
        name = f"{role}-{self._number}"
        request = ContainerRequest(
            name=qualified(self.lab.environment, name),
            image=web_image(),
            labels=labels(self.lab.environment, "member", role=role, member=name),
            environment=self._environment(role),
            networks=(Attachment(qualified(self.lab.environment, "lab"), address),),
            command=command or (role,),
            volumes=(
                f"{self.folder / 'hosts'}:/etc/hosts:ro",
                f"{self.folder / 'load.php'}:/usr/src/app/.config/load.php:ro",
                *own,
            ),
            tmpfs=() if role == "sandbox" else ("/run:mode=1777,size=8m", "/tmp:mode=1777,size=128m"),
            memory=512 << 20,
            read_only=role != "sandbox",
            cap_drop=("ALL",),
            security_opt=("no-new-privileges:true",),
        )
        self._ids[name] = self.lab.engine.create(request)
        self.lab.engine.start(self._ids[name])
        return name

    def _environment(self, role: str) -> dict[str, str]:
        return {
            "HM_ENV": self.lab.environment,
            "HM_ENV_TYPE": "production",
            "HM_ENV_REGION": "eu-west-1",
            "HM_ENV_ARCHITECTURE": "ecs",
            "SITE_URL": SITE_URL,
            "SITE_SECRET": "seed",
            "DB_HOST": "db-writer",
            "DB_READ_REPLICA_HOST": "db-reader",
            "DB_NAME": "wordpress",
            "DB_USER": "wordpress",
            "DB_PASSWORD": PASSWORD,
            "REDIS_HOST": "cache",
            "REDIS_PORT": "6379",
            "REDIS_AUTH": PASSWORD,
            "ALTIS_MEMBER": role,
        }

    def signal(self, name: str, signal: str = "KILL") -> None:
        self.lab.engine.kill(self._ids[name], signal)

    def remove(self, name: str) -> None:
        self.lab.engine.remove(self._ids.pop(name), force=True)

    def log(self, name: str) -> str:
        return "\n".join(self.lab.engine.logs(self._ids[name], tail=2000))

    def state(self, name: str) -> Container:
        return next(c for c in self.lab.engine.containers(self.lab.environment) if c.member == name)

    def ended(self, name: str, seconds: float = 15) -> int | None:
        """The container's exit code, None if it does not end in time."""
        eventually(lambda: not self.state(name).is_running, seconds)
        return self.state(name).exit_code

    def shell(self, *command: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        """A command in the sandbox: exit code and output."""
        done = self.lab.engine.exec(self._ids["sandbox-1"], command, env=env)
        return done.exit_code, done.output

    # -- the site

    def install(self) -> None:
        code, output = self.shell("install-site")
        assert code == 0, output

    def wp(self, *arguments: str) -> str:
        """A command that must succeed: what it prints."""
        code, output = self.shell("wp", *arguments)
        assert code == 0, output
        return output.rstrip("\n")

    def evaluate(self, code: str) -> Any:
        """The value of PHP code, or of a file of it, that ends in `return`."""
        if code.endswith(".php"):
            code = (CODE / code).read_text().removeprefix("<?php")
        return json.loads(self.wp("eval", f"echo json_encode( ( function () {{\n{code}\n}} )() );"))

    # -- the tables

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        where = {"host": self.members.address("db-1"), "user": "wordpress", "password": PASSWORD}
        with pymysql.connect(**where, database="wordpress", autocommit=True) as link, link.cursor() as cursor:
            yield cursor

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def clear(self) -> None:
        """No job but those of the test that begins."""
        self.sql("DELETE FROM wp_cavalcade_jobs")
        self.sql("DELETE FROM wp_cavalcade_logs")

    def add(
        self, hook: str, *, due: float = -2, interval: int | None = None, args: str = "a:0:{}", site: int = 1
    ) -> int:
        """Insert a job that is due in so many seconds; its id."""
        when = "UTC_TIMESTAMP() + INTERVAL %s SECOND"
        query = (
            "INSERT INTO wp_cavalcade_jobs (site, hook, args, start, nextrun, `interval`) "
            f"VALUES (%s, %s, %s, {when}, {when}, %s)"
        )
        with self._cursor() as cursor:
            cursor.execute(query, (site, hook, args, due, due, interval))
            return int(cursor.lastrowid)

    def count(self, status: str) -> int:
        return int(self.sql("SELECT COUNT(*) FROM wp_cavalcade_jobs WHERE status = %s", status)[0][0])

    def status(self, job: int) -> str:
        return str(self.sql("SELECT status FROM wp_cavalcade_jobs WHERE id = %s", job)[0][0])

    def becomes(self, job: int, status: str, seconds: float = 15) -> bool:
        return eventually(lambda: self.status(job) == status, seconds)

    def wait(self, check: Callable[[], bool], seconds: float = 15) -> None:
        assert eventually(check, seconds)


def started_jobs(log: str) -> list[int]:
    """Ids of the jobs that a runner says it started."""
    return [int(number) for number in re.findall(r"^\[(\d+)\] Running ", log, re.MULTILINE)]
