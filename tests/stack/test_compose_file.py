"""What `config compose` writes runs by itself with the engine's own client: no control, and the site answers."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from altis_local.clients.engine_reader import EngineReader
from altis_local.environment.allocation import choose_port
from tests.stack.world import World, docker, unique

pytestmark = [pytest.mark.engine, pytest.mark.stack]

FIRST_PORT = 18443
"""Far from where `start` looks: an environment that is begun meanwhile must not take it."""


class Rendered:
    """The file of a plan in a folder of its own, and what Compose does with it."""

    def __init__(self, plan: str, folder: Path) -> None:
        reader = EngineReader()
        controls = [c for c in reader.containers() if c.kind == "control"]
        self.port = choose_port(FIRST_PORT, reader, controls)
        self.world = World(unique("file"), folder)
        self.file = folder / "rendered.yml"
        (folder / "altis-local.yml").write_text(f"plan: {plan}\nport: {self.port}\n")
        self.world.do("build", timeout=900.0)
        self.file.write_text(self.world.do("config", "compose").stdout)

    def compose(self, *words: str) -> str:
        return docker("compose", "--file", str(self.file), *words)

    def inside(self, service: str, *argv: str) -> str:
        return self.compose("exec", "-T", service, *argv)

    def page(self, **fresh: str) -> httpx.Response:
        with httpx.Client(base_url=f"https://localhost:{self.port}", verify=False, timeout=30.0) as visitor:
            return visitor.get("/", params={"fresh": secrets.token_hex(6), **fresh})


@pytest.fixture
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rendered]:
    one = Rendered(request.param, tmp_path)
    try:
        yield one
    finally:
        one.compose("down", "--volumes", "--timeout", "5")


@pytest.mark.parametrize("rendered", ["local"], indirect=True)
def test_it_serves_a_page_and_nobody_takes_it_for_an_environment(rendered: Rendered) -> None:
    rendered.compose("up", "--wait")
    page = rendered.page()
    assert page.status_code == 200
    assert "<title>Altis" in page.text
    word = secrets.token_hex(6)
    site = f"--url=https://localhost:{rendered.port}"
    rendered.inside("web-a1", "wp", "option", "update", "blogdescription", word, site)
    assert rendered.inside("sandbox", "wp", "option", "get", "blogdescription", site).strip() == word
    assert not rendered.world.environment.remains()
    # Once more: what ran once runs again and finds its work done.
    rendered.compose("up", "--wait")
    assert rendered.page().status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("rendered", ["local"], indirect=True)
def test_without_what_it_fixes_nothing_comes_up(rendered: Rendered) -> None:
    """A writer that stays read-only, as members boot: `up --wait` says that the site could not be installed."""
    text = rendered.file.read_text()
    assert text.count("--super-read-only=OFF") == 1
    rendered.file.write_text(text.replace("--super-read-only=OFF", "--super-read-only=ON"))
    ended = subprocess.run(
        ["docker", "compose", "--file", str(rendered.file), "up", "--wait"], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "install" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("rendered", ["production-ha"], indirect=True)
def test_readers_and_standby_follow_in_the_file_of_production_ha(rendered: Rendered) -> None:
    rendered.compose("up", "--wait")
    assert rendered.page().status_code == 200
    row = secrets.token_hex(6)
    write = (
        f"CREATE TABLE altis_drill.file (word VARCHAR(20) PRIMARY KEY); INSERT INTO altis_drill.file VALUES ('{row}')"
    )
    rendered.inside("db-1", "mysql", "-uroot", "-e", write)
    waited = "SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', 20)"
    done = (
        rendered.inside("db-1", "mysql", "-uroot", "-Ne", "SELECT @@gtid_executed").replace("\n", "").replace("\\n", "")
    )
    rendered.inside("db-2", "mysql", "-uroot", "-e", waited.format(done))
    assert row in rendered.inside("db-2", "mysql", "-uroot", "-Ne", "SELECT word FROM altis_drill.file")
    assert rendered.inside("db-2", "mysql", "-uroot", "-Ne", "SELECT @@super_read_only").strip() == "1"
    link = rendered.inside("redis-2", "bash", "-c", 'REDISCLI_AUTH="$ALTIS_REDIS_PASSWORD" redis-cli info replication')
    assert "role:slave" in link
    assert "master_link_status:up" in link
