"""Scheduled jobs: run once, by runners only; what becomes of those at work when their runner is killed or stopped."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest

from altis_local.clock import Deadline, wait_until
from tests.stack.holding import CANARY, Held
from tests.stack.services import Services
from tests.stack.world import CLOCK, World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

RUNNER = "cavalcade-a1"


@pytest.fixture
def services(ha: World) -> Services:
    return Services(ha)


@pytest.fixture
def held(ha: World) -> Iterator[Held]:
    held = Held(ha)
    yield held
    held.let_go()


@pytest.fixture
def one_runner(ha: World) -> Iterator[World]:
    yield ha
    ha.do("scale", "cavalcade", "1")
    ha.do("scale", "cavalcade", "auto")


def is_replaced(world: World, before: str) -> bool:
    """Whether the runner is another container; between the two there is none."""
    found = world.containers().get(RUNNER)
    return found is not None and found.id != before


def log(world: World, member: str = RUNNER) -> str:
    return "\n".join(world.engine.logs(world.containers()[member].id, 100_000))


def test_a_job_of_the_site_runs_once(ha: World, services: Services) -> None:
    name = secrets.token_hex(4)
    ha.wp("sandbox", "option", "update", "hm-platform.healthcheck.last_run", "1")
    ha.wp("sandbox", "cron", "event", "schedule", CANARY, "now", f"--name={name}")
    find = f"SELECT id FROM wordpress.wp_cavalcade_jobs WHERE args LIKE '%{name}%'"
    ((number,),) = ha.sql(ha.duty("writer"), find)
    services.becomes(int(number), "completed")
    eventually(lambda: services.runs(int(number)) == ["completed"], "its end is written down", within=5)
    assert int(ha.wp("sandbox", "option", "get", "hm-platform.healthcheck.last_run")) > 1
    assert log(ha).count(f"[{number}] Running ") == 1
    shown = ha.wp("sandbox", "cavalcade", "jobs", f"--id={number}", "--fields=hook,status", "--format=csv")
    assert shown.splitlines()[-1] == f"{CANARY},completed"
    assert CANARY in ha.wp("sandbox", "cron", "event", "list", "--field=hook").splitlines(), "the recurring one"


def test_the_end_of_a_job_is_told_to_cloudwatch(ha: World, services: Services) -> None:
    """CAV-23, CAV-24."""
    job = services.schedule(CANARY, secrets.token_hex(4))
    services.becomes(job, "completed")

    def lines() -> list[dict[str, object]]:
        told = (json.loads(line) for line in services.log_lines("cavalcade", "success"))
        return [line for line in told if line["id"] == job]

    eventually(lambda: bool(lines()), "its line", within=10, every=0.5)
    (line,) = lines()
    assert (line["hook"], line["status"], line["site_id"]) == (CANARY, "completed", 1)
    assert 0 < float(str(line["duration"])) < 60
    metrics = services.aws("cloudwatch", "list_metrics", Namespace="Cavalcade")["Metrics"]
    named = {(metric["MetricName"], *(d["Value"] for d in metric.get("Dimensions", ()))) for metric in metrics}
    assert named >= {(n, *d) for n in ("Invocations", "Completed", "Duration") for d in ((), (ha.name,))}


def test_pages_run_no_jobs(ha: World, services: Services) -> None:
    """DISABLE_WP_CRON: while the runner does nothing, nothing runs, whoever visits the site."""
    refused = ha.exec("sandbox", "wp", f"--url={ha.url}", "cron", "test", user="www-data")
    assert refused.exit_code == 1
    assert "DISABLE_WP_CRON" in refused.output
    ha.faults.pause([c for c in ha.environment.standing().containers if c.member == RUNNER], 5.0)
    job = services.schedule(CANARY, secrets.token_hex(4))
    for _ in range(5):
        ha.answers()
    with ha.client() as visitor:
        visitor.get(f"/wp-cron.php?doing_wp_cron={secrets.token_hex(4)}")
    assert services.job(job) == "waiting"
    services.becomes(job, "completed")


def test_a_killed_runner_leaves_its_job_running(ha: World, services: Services, held: Held) -> None:
    """CAV-13, as in the cloud: its container is replaced, its row stays; others go on."""
    before = ha.containers()[RUNNER].id
    job = services.schedule(CANARY, secrets.token_hex(4))
    services.becomes(job, "running")
    docker("kill", before)
    eventually(lambda: is_replaced(ha, before), "the runner is replaced")
    held.let_go()
    other = services.schedule(CANARY, secrets.token_hex(4))
    services.becomes(other, "completed")
    assert services.job(job) == "running"
    assert services.runs(job) == []
    # What the documentation says to do by hand. (A job in the past counts as late, HC-06.)
    ha.sql(ha.duty("writer"), f"UPDATE wordpress.wp_cavalcade_jobs SET status = 'failed' WHERE id = {job}")


def test_a_runner_that_is_asked_to_stop_ends_its_job_first(ha: World, services: Services, held: Held) -> None:
    """CAV-12: nothing new is taken, and the container ends by itself."""
    before = ha.containers()[RUNNER].id
    moment = ha.moment()
    job = services.schedule(CANARY, secrets.token_hex(4))
    services.becomes(job, "running")
    docker("kill", "--signal", "TERM", before)
    eventually(lambda: "shutting down 1 worker(s)" in log(ha), "it says so", within=10)
    late = services.schedule(CANARY, secrets.token_hex(4))
    assert ha.containers()[RUNNER].id == before
    assert services.job(job) == "running"
    held.let_go()
    services.becomes(job, "completed")
    eventually(lambda: is_replaced(ha, before), "a new one")
    services.becomes(late, "completed")
    assert any(f"{RUNNER} exited with 0" in e["text"] for e in ha.journal(moment))


def test_scaling_in_waits_for_jobs(one_runner: World, services: Services, held: Held) -> None:
    """CAV-14. Both runners are full, so the one that has to go has jobs at work."""
    ha = one_runner
    ha.do("scale", "cavalcade", "2")
    jobs = [services.schedule(CANARY, f"{n}-{secrets.token_hex(4)}") for n in range(8)]
    # The recurring canary may be one of the eight that find a worker.
    running = f"SELECT COUNT(*) FROM wordpress.wp_cavalcade_jobs WHERE hook = '{CANARY}' AND status = 'running'"
    eventually(lambda: ha.sql(ha.duty("writer"), running) == [["8"]], "both runners are full", within=30, every=0.2)
    going = ha.spawn("scale", "cavalcade", "1")
    eventually(lambda: states(ha).get("cavalcade-b1") == "draining", "it drains")
    eventually(lambda: "shutting down 4 worker(s)" in log(ha, "cavalcade-b1"), "it takes no more", within=10)
    held.let_go()
    for job in jobs:
        services.becomes(job, "completed")
    assert going.wait(60) == 0
    assert "cavalcade-b1" not in ha.containers()


def states(world: World) -> dict[str, str]:
    return {m["member"]: m["state"] for m in world.status()["members"]}


def test_health_tells_whether_jobs_run(ha: World, services: Services) -> None:
    """HC-02 to HC-06: all is well; a job that waits for over a minute is not, which ejects no web container."""

    def health() -> tuple[int, dict[str, object]]:
        with ha.client() as visitor:
            page = visitor.get("/__healthcheck", params={"_accept": "json", "fresh": secrets.token_hex(4)})
        assert page.headers["cache-control"] == "no-cache, must-revalidate, max-age=0"
        return page.status_code, page.json()["checks"]

    # What a killed runner has left running counts as late, until somebody puts that right by hand.
    left = "SET status = 'failed' WHERE status = 'running' AND nextrun < UTC_TIMESTAMP() - INTERVAL 30 SECOND"
    ha.sql(ha.duty("writer"), f"UPDATE wordpress.wp_cavalcade_jobs {left}")
    assert wait_until(lambda: health()[0] == 200, Deadline.after(30, CLOCK), every=0.5), health()
    code, checks = health()
    assert (code, checks) == (
        200,
        dict.fromkeys(("mysql", "object-cache", "cron-waiting", "cron-canary", "elasticsearch"), True),
    )
    ha.faults.pause([c for c in ha.environment.standing().containers if c.member == RUNNER], 4.0)
    late = services.schedule(CANARY, secrets.token_hex(4), due=-90)
    code, checks = health()
    assert code == 500
    assert [name for name, said in checks.items() if said is not True] == ["cron-waiting"]
    ha.answers()
    services.becomes(late, "completed")
    eventually(lambda: health()[0] == 200, "well again", within=10)
    assert {m["state"] for m in ha.converged()["members"]} == {"healthy"}
