"""A whole environment as the stack tests handle it: commands, pages, SQL, faults, and waiting for convergence.

What changes the world goes through the command line, as a user's hand would; looking goes by the façade and the engine.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from altis_local.clients.engine import Engine
from altis_local.clients.engine_values import Attachment, ContainerRequest, ExecResult, labels, qualified
from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.drill.faults import Faults
from altis_local.environment.facade import Environment
from altis_local.errors import AltisError, UndoIncomplete
from altis_local.model.state import Container

CLOCK = SystemClock()
CONVERGED = 90.0
"""Seconds for an environment to be well again: crash recovery of a database on a busy machine included."""
LOOK = 0.2
"""Seconds between two looks at an environment: each of them asks the engine or control, which have other work."""
TABLE = "altis_drill.stack"
COMMAND = (sys.executable, "-m", "altis_local.cli.main")

Row = dict[str, Any]
Ended = subprocess.CompletedProcess[str]


def unique(what: str) -> str:
    """A name of an environment that no other run of these tests has."""
    return f"t-stack-{what}-{secrets.token_hex(3)}"


def eventually(check: Callable[[], bool], what: str, within: float = CONVERGED, every: float = LOOK) -> None:
    """Wait until it is so; the test fails, saying what was waited for, when it is not in time."""
    if not wait_until(check, Deadline.after(within, CLOCK), every):
        pytest.fail(f"not within {within:.0f} s: {what}")


class World:
    """One environment by name. Nothing is made before `start`. `command`: altis-local, where it is not the one here."""

    def __init__(self, name: str, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self.name = name
        self.folder = folder
        self.command = tuple(command)
        self.engine = Engine()
        self.environment = Environment(name, folder=folder)
        self.faults = Faults(name, self.engine, self.environment.reader, CLOCK)
        self._helpers = 0

    # -- commands

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """A command begun and not waited for, in a process group of its own."""
        environ = options.pop("env", {k: v for k, v in os.environ.items() if not k.startswith("ALTIS_LOCAL_")})
        return subprocess.Popen(
            [*self.command, "-p", self.name, *words],
            cwd=options.pop("cwd", self.folder),
            env=environ,
            text=True,
            start_new_session=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *words: str, timeout: float = 180.0, **options: Any) -> Ended:
        process = self.spawn(*words, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"altis-local {' '.join(words)} did not end in {timeout:.0f} s\n{out}\n{err}")
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def do(self, *words: str, **options: Any) -> Ended:
        """A command that must succeed."""
        done = self.run(*words, **options)
        assert done.returncode == 0, f"altis-local {' '.join(words)} → {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words: str, **options: Any) -> Row:
        document: Row = json.loads(self.do(*words, "--json", **options).stdout)
        assert document["schema"] == 1
        return document

    def wipe(self) -> None:
        """Remove every trace, by label, whatever state it is in. Networks that the engine miscounts may stay."""
        try:
            self.environment.destroy()
        except UndoIncomplete as error:
            assert error.unheld, error
            assert not self.environment.exists()
            return
        assert not self.environment.remains()

    # -- looking

    def status(self) -> Row:
        return self.environment.status()

    def converged(self, within: float = CONVERGED) -> Row:
        """Its status once it has converged and stands so: settled, every member healthy, nothing more or less."""
        last: Row = {}

        def is_so() -> bool:
            nonlocal last
            try:
                self.environment.control()
                last = self.status()
            except AltisError as error:
                last = {"error": str(error)}
            return bool(last.get("converged"))

        if not wait_until(is_so, Deadline.after(within, CLOCK), every=LOOK):
            pytest.fail(f"{self.name} has not converged within {within:.0f} s\n{self._story(last)}")
        return last

    def _story(self, status: Row) -> str:
        lines = [f"{m['member']}: {m['state']} {m['health'] or ''} {m['detail']}" for m in status.get("members", ())]
        try:
            lines += [f"{e['at']:.3f} {e['kind']} {e['action']} {e['text']}" for e in self.journal()[-60:]]
        except AltisError as error:
            lines.append(f"no journal: {error}")
        missing = [f"{row['member']}: {row['why']}" for row in status.get("missing", ())]
        rest = {k: v for k, v in status.items() if k not in ("members", "endpoints", "missing")}
        return "\n".join([json.dumps(rest), *missing, *lines])

    def journal(self, after: int = 0) -> tuple[Mapping[str, Any], ...]:
        return self.environment.control().journal(after, limit=5000)

    def moment(self) -> int:
        """The number of the journal's last event."""
        return int(self.status()["sequence"])

    def containers(self) -> dict[str, Container]:
        """Members and control by name."""
        return {c.member: c for c in self.engine.containers(self.name) if c.kind in ("member", "control")}

    def duty(self, duty: str) -> str:
        """The member with this duty."""
        return next(m["member"] for m in self.status()["members"] if m["duty"] == duty)

    def address(self, member: str, network: str) -> str:
        """A member's address as the engine has it."""
        shown = subprocess.run(
            ["docker", "inspect", self.containers()[member].id], capture_output=True, text=True, check=True
        )
        networks = json.loads(shown.stdout)[0]["NetworkSettings"]["Networks"]
        return str(networks[qualified(self.name, network)]["IPAddress"])

    # -- the site

    @property
    def url(self) -> str:
        return str(self.status()["urls"]["site"]).rstrip("/")

    def client(self, **options: Any) -> httpx.Client:
        """A visitor. Certificates are checked where a test is about them."""
        return httpx.Client(base_url=self.url, verify=False, timeout=20.0, **options)

    @contextmanager
    def administrator(self) -> Iterator[httpx.Client]:
        """A browser in which the administrator has logged in, by the form and its cookies."""
        with self.client(follow_redirects=True) as browser:
            browser.get("/wp-login.php")
            form = {"log": "admin", "pwd": "password", "testcookie": "1", "redirect_to": f"{self.url}/wp-admin/"}
            page = browser.post("/wp-login.php", data=form)
            assert page.status_code == 200
            assert page.url.path == "/wp-admin/", page.text[:2000]
            yield browser

    def answers(self) -> None:
        """The site answers, asked past every cache, and says what it is."""
        with self.client() as visitor:
            page = visitor.get(f"/?fresh={secrets.token_hex(6)}")
        assert page.status_code == 200, page.text[:500]
        assert "<title>Altis" in page.text, page.text[:500]

    def wp(self, member: str, *arguments: str) -> str:
        """WP-CLI in a certain container, as a user's `exec` would run it."""
        url = f"--url={self.url}"
        done = self.exec(member, "wp", url, *arguments, user="www-data")
        assert done.exit_code == 0, done.output
        return done.output.strip()

    # -- inside

    def exec(self, member: str, *argv: str, user: str = "", timeout: float = 60.0) -> ExecResult:
        return self.engine.exec(self.containers()[member].id, argv, user=user, timeout=timeout)

    def sql(self, member: str, statement: str) -> list[list[str]]:
        """Rows that a db member answers, asked inside of it."""
        done = self.exec(member, "mysql", "-uroot", "-N", "-B", "-e", statement)
        assert done.exit_code == 0, done.output
        return [line.split("\t") for line in done.output.splitlines()]

    def helper(self, code: str, *arguments: str, inside: str = "") -> str:
        """Run Python in a container of the environment: a client on `data` and `data-ro`, or in a member's own network.

        Returns the container's id. `destroy` removes it by its label.
        """
        self._helpers += 1
        found = self.containers()
        made = self.engine.create(
            ContainerRequest(
                name=qualified(self.name, f"helper-{self._helpers}-{secrets.token_hex(3)}"),
                image=found["control"].image,
                labels=labels(self.name, "workload"),
                environment={"DB_PASSWORD": self.password()},
                networks=()
                if inside
                else tuple(Attachment(qualified(self.name, network)) for network in ("data", "data-ro")),
                network_mode=f"container:{found[inside].id}" if inside else "",
                entrypoint=("tini", "--", "python", "-u", "-c", code, *arguments),
                command=(),
                memory=96 << 20,
                cap_drop=("ALL",),
                user="65534",
            )
        )
        self.engine.start(made)
        return made

    def password(self) -> str:
        """The application's own, as its containers hold it."""
        web = self.containers()["web-a1"]
        return self.environment.reader.environment_of(web.id)["DB_PASSWORD"]

    def finish(self, helper: str, within: float = 30.0) -> list[str]:
        """What a helper said, once it has ended; it is removed."""

        def has_ended() -> bool:
            return any(c.id == helper and c.phase == "exited" for c in self.engine.containers(self.name))

        eventually(has_ended, "the helper's end", within)
        said = list(self.engine.logs(helper, 1_000_000))
        self.engine.remove(helper, force=True)
        return said

    # -- faults

    def hurt(self, way: str, members: Iterable[str]) -> None:
        """Do it to all of them at once. Ways: killed, process-killed, paused, frozen, gone."""
        found = self.environment.standing()
        targets = [c for c in found.containers if c.member in set(members)]
        match way:
            case "killed":
                docker("kill", *(t.id for t in targets))
            case "process-killed":
                self.faults.kill(targets)
            case "paused":
                docker("pause", *(t.id for t in targets))
            case "frozen":
                self.faults.pause(targets, 600.0)
            case "gone":
                docker("rm", "--force", *(t.id for t in targets))
            case _:
                raise ValueError(way)


def docker(*words: str) -> str:
    """The engine's own client, where the test is about somebody's hand and not about ours."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {words[0]}: {done.stderr}"
    return done.stdout
