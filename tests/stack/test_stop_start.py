"""Stop and start, and the crash of every db member at once: the right writer, and every acknowledged row."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.stack.holding import CANARY, Held
from tests.stack.inserting import Inserter
from tests.stack.keeping import Kept
from tests.stack.media import Media, Upload
from tests.stack.services import Services
from tests.stack.world import World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]


@pytest.fixture
def upload(ha: World) -> Upload:
    return Media(ha).upload()


def test_stop_and_start_keep_writer_data_and_address(ha: World, upload: Upload) -> None:
    ha.do("failover", "db", "--graceful")
    before = ha.converged()
    writer, url = ha.duty("writer"), ha.url
    inserter = Inserter(ha, secrets.token_hex(4))
    inserter.stop()
    kept, services = Kept(ha), Services(ha)
    job = held_job(ha, services)
    stopping = ha.json("stop")
    assert stopping["cut"] == [{"member": "cavalcade-a1", "jobs": [f"{job} {CANARY}"]}]
    assert [name for name, c in ha.containers().items() if c.is_running] == []
    stopped = ha.run("status", "--json")
    assert stopped.returncode == 0
    assert not json.loads(stopped.stdout)["converged"]
    listed = json.loads(ha.do("list", "--json").stdout)["environments"]
    assert next(e["state"] for e in listed if e["environment"] == ha.name) == "stopped"
    assert ha.do("stop").stdout.strip() == f"{ha.name} was stopped already"

    after = ha.json("start")
    assert after["converged"]
    assert ha.duty("writer") == writer
    assert ha.url == url
    assert sorted(m["member"] for m in after["members"]) == sorted(m["member"] for m in before["members"])
    assert inserter.missing(writer) == set()
    ha.answers()
    kept.check()
    with ha.client() as visitor:
        page = visitor.get(f"/{upload.key}", params={"fresh": secrets.token_hex(4)})
    assert (page.status_code, page.content) == (200, upload.content)
    assert Media(ha).is_public(upload.key)
    # The job that was cut: as in the cloud it is left to people.
    assert services.job(job) == "running"
    eventually(lambda: ha.status()["jobs"]["left"] >= 1, "it is told from those at work", within=30)
    left = ha.status()["jobs"]["left"]
    ha.sql(writer, f"DELETE FROM wordpress.wp_cavalcade_jobs WHERE id = {job}")
    eventually(lambda: ha.status()["jobs"]["left"] < left, "put right", within=10)
    assert ha.json("start")["converged"], "once more changes nothing"


def held_job(ha: World, services: Services) -> int:
    """A job that takes longer than `stop` waits."""
    held = Held(ha, seconds=600)
    job = services.schedule(CANARY, secrets.token_hex(4))
    services.becomes(job, "running")
    held.forget()
    return job


@pytest.mark.slow
def test_restart_lets_nobody_in_between(ha: World) -> None:
    before = ha.converged()
    lives = {c.id for c in ha.containers().values() if c.kind == "member"}
    restarting = ha.spawn("restart", "--json")
    eventually(lambda: ha.status()["state"] == "stopped", "it stops", within=30)
    assert "waiting for `restart`" in ha.do("start").stderr
    document = json.loads(restarting.communicate(timeout=120)[0])
    assert restarting.returncode == 0
    assert document["converged"]
    assert document["cut"] == []
    assert document["urls"] == before["urls"]
    assert [name for name, c in ha.containers().items() if c.id in lives] == []


def test_a_crash_of_every_db_member_at_once_loses_no_row(ha: World) -> None:
    inserter = Inserter(ha, secrets.token_hex(4))
    moment = ha.moment()
    docker("kill", *(c.id for c in ha.containers().values() if c.role == "db"))
    eventually(lambda: any("exited with 137" in e["text"] for e in ha.journal(moment)), "the crash is noticed")
    inserter.more()
    ha.converged()
    inserter.more()
    inserter.stop()
    writer, reader = ha.duty("writer"), ha.duty("reader")
    assert inserter.missing(writer) == set()
    eventually(lambda: inserter.missing(reader) == set(), "the reader has every row too")
    ((read_only,),) = ha.sql(writer, "SELECT @@global.read_only")
    assert read_only == "0"
    ha.answers()


def test_a_crash_of_everything_at_once_loses_no_row(ha: World) -> None:
    """Control's own container included: the next command brings it all back."""
    inserter = Inserter(ha, secrets.token_hex(4))
    docker("kill", *(c.id for c in ha.containers().values()))
    ha.do("start")
    inserter.more()
    inserter.stop()
    ha.converged()
    assert inserter.missing(ha.duty("writer")) == set()
    ha.answers()
