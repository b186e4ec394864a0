"""Scheduled jobs on real parts: the connector in the site, the runner's contract (CAV rows), the sandbox."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.contract.jobs_site import SITE_URL, JobsSite, started_jobs
from tests.contract.members import Lab, RealMembers, eventually

pytestmark = pytest.mark.engine

CANARY = "hm-platform.healthcheck.cavalcade"


@pytest.fixture(scope="module")
def made(lab: Lab, real_members: RealMembers, tmp_path_factory: pytest.TempPathFactory) -> JobsSite:
    """The site as its installation leaves it."""
    site = JobsSite(lab, real_members, Path(tmp_path_factory.mktemp("site")))
    site.start()
    return site


@pytest.fixture
def site(made: JobsSite) -> Iterator[JobsSite]:
    """The site with no job in it and no runner beside it."""
    made.clear()
    before = {c.member for c in made.lab.engine.containers(made.lab.environment)}
    yield made
    for container in made.lab.engine.containers(made.lab.environment):
        if container.member not in before:
            made.remove(container.member)


# -- connector


def test_installation_makes_the_tables_and_schedules_the_canary_once(made: JobsSite) -> None:
    columns = [row[0] for row in made.sql("SHOW COLUMNS FROM wp_cavalcade_jobs")]
    assert columns == ["id", "site", "hook", "args", "start", "nextrun", "interval", "status", "schedule"]
    assert {row[2] for row in made.sql("SHOW INDEX FROM wp_cavalcade_jobs")} == {"PRIMARY", "status", "site", "hook"}
    assert [row[0] for row in made.sql("SHOW COLUMNS FROM wp_cavalcade_logs")] == [
        *("id", "job", "status", "timestamp", "content")
    ]
    made.install()
    query = "SELECT `interval`, schedule, site FROM wp_cavalcade_jobs WHERE hook = %s"
    assert made.sql(query, CANARY) == [(600, "hm-platform-healthcheck_10min", 1)]
    assert made.evaluate("return [ (int) get_site_option( 'cavalcade_db_version' ), DISABLE_WP_CRON ];") == [4, True]


def test_events_are_rows(site: JobsSite) -> None:
    assert site.evaluate("events.php") == {
        "single": True,
        "within 10 minutes": False,
        "as an error": "duplicate_event",
        "after 10 minutes": True,
        "other arguments": True,
        "overdue": True,
        "soon as well": False,
        "recurring": True,
        "same instant": False,
        "next second": True,
        "other schedule": True,
        "unknown schedule": False,
        "rows": 6,
        "next": 0,
        "interval": 86400,
        "ready": ["x.due"],
        "reschedule": True,
        "rescheduled": True,
        "unschedule": True,
        "no such event": False,
        "clear": 2,
        "unschedule hook": 1,
        "rows left": 2,
    }
    assert site.sql("SELECT args, `interval`, status FROM wp_cavalcade_jobs WHERE hook = 'x.often'") == [
        ("a:0:{}", 86400, "waiting")
    ]


def test_the_option_is_virtual(site: JobsSite) -> None:
    site.add("by.sql", due=500)
    seen = site.evaluate("option.php")
    assert seen["version"] == 2
    assert "by.option" in seen["hooks"]
    assert "by.sql" not in seen["hooks"]
    assert "by.option" not in seen["stored"]


def test_wp_cron(site: JobsSite) -> None:
    assert "Success: Scheduled event with hook 'x.hook' for" in site.wp(
        "cron", "event", "schedule", "x.hook", "+1 hour"
    )
    site.wp("cron", "event", "schedule", "x.often", "now", "hourly", "--name=value")
    site.add("x.by-sql", due=900)
    hooks = site.wp("cron", "event", "list", "--field=hook").splitlines()
    assert {"x.hook", "x.often", "x.by-sql"} <= set(hooks)
    assert "Executed the cron event 'x.often'" in site.wp("cron", "event", "run", "x.often")
    assert site.wp("cron", "event", "delete", "x.hook") == "Success: Deleted a total of 1 cron event."
    left = dict(site.sql("SELECT hook, args FROM wp_cavalcade_jobs WHERE hook LIKE 'x.%%'"))
    assert left == {"x.often": 'a:1:{i:0;s:5:"value";}', "x.by-sql": "a:0:{}"}

    assert site.shell("wp", "cron", "event", "delete", "x.none")[0] == 1
    assert site.shell("wp", "cron", "event", "schedule", "x.hook", "now", "sometimes")[0] == 1
    assert site.shell("wp", "cron", "test")[0] == 1
    schedules = site.wp("cron", "schedule", "list", "--format=csv", "--fields=name,interval").splitlines()[1:]
    assert {"hourly,3600", "twicedaily,43200", "daily,86400", "weekly,604800"} <= set(schedules)
    assert "hm-platform-healthcheck_10min,600" in schedules


def test_wp_cavalcade(site: JobsSite) -> None:
    first, second = site.add("x.first", due=500), site.add("x.second", due=100)
    site.sql("INSERT INTO wp_cavalcade_logs (job, status, timestamp, content) VALUES (%s, 'failed', NOW(), '')", first)
    shown = site.wp("cavalcade", "jobs", "--hook=x.first").splitlines()
    assert shown[0].split("\t") == ["id", "site", "hook", "start", "nextrun", "status"]
    assert shown[1].split("\t")[0] == str(first)
    options = ("--status=waiting", "--limit=1", "--orderby=nextrun", "--order=asc", "--format=ids")
    assert site.wp("cavalcade", "jobs", *options, f"--id={second}") == str(second)
    assert site.shell("wp", "cavalcade", "jobs", "--hook=none") == (1, "Error: No Cavalcade jobs found.\n")
    assert site.shell("wp", "cavalcade", "run", "99999999") == (1, "Error: Invalid job ID\n")
    assert site.wp("cavalcade", "log", f"--job={first}", "--fields=hook,status", "--format=csv").endswith(
        "x.first,failed"
    )
    assert site.wp("cavalcade", "upgrade") == "Success: Database upgrade not required."


def test_health_of_jobs(site: JobsSite) -> None:
    def checks() -> dict[str, str]:
        rows = site.shell("wp", "healthcheck", "run", "--format=csv")[1].splitlines()[1:]
        return {name: status for name, _, status in (row.partition(",") for row in rows)}

    site.add("x.late", due=-70)
    seen = checks()
    assert "jobs passed their run date" in seen["cron-waiting"]
    assert "Last job was run" in seen["cron-canary"]
    site.clear()
    site.add("x.soon", due=-30)
    site.wp("eval", f"do_action( '{CANARY}' );")
    seen = checks()
    assert seen["cron-waiting"] == seen["cron-canary"] == "Passed"


# -- runner


def test_a_job_runs_as_its_site(site: JobsSite) -> None:
    args = 'a:1:{i:0;s:12:"test.context";}'
    runner = site.run("cavalcade")
    site.wait(lambda: "hook Runner.run.before" in site.log(runner))
    put, job = time.time(), site.add("test.context", due=2, args=args)
    site.wait(lambda: site.status(job) != "waiting")
    assert 2 < time.time() - put < 6
    assert site.becomes(job, "completed")
    # Two constants of the job, the site's address, the folder of WordPress.
    assert site.evaluate("return get_option( 'test.context' );") == [job, True, SITE_URL, "/usr/src/app/wordpress"]
    site.wait(lambda: bool(site.sql("SELECT 1 FROM wp_cavalcade_logs")))
    assert site.sql("SELECT job, status, content FROM wp_cavalcade_logs") == [(job, "completed", "")]
    assert f"wp cavalcade run {job} --url='localhost:8443/'" in site.log(runner)
    site.signal(runner, "TERM")
    assert site.ended(runner) == 0
    hooks = [line[5:] for line in site.log(runner).splitlines() if line.startswith("hook ")]
    assert len(hooks) == 14, hooks


def test_three_runners_run_each_of_100_jobs_once(site: JobsSite) -> None:
    runners = [site.run("cavalcade") for _ in range(3)]
    site.wait(lambda: all("hook Runner.run.before" in site.log(runner) for runner in runners), 30)
    # Due in a moment, when all of them are written down; each long enough that one runner does not end all of them
    # within the second that another one sleeps.
    jobs = {site.add("sh:sleep 0.2", due=3) for _ in range(100)}
    site.wait(lambda: site.count("completed") == 100, 60)
    site.wait(lambda: site.sql("SELECT COUNT(*), COUNT(DISTINCT job) FROM wp_cavalcade_logs") == [(100, 100)])
    started = [started_jobs(site.log(runner)) for runner in runners]
    assert sorted(chain(*started)) == sorted(jobs)
    # On two cores a third runner may come late to everything.
    assert sum(map(bool, started)) >= 2, [site.log(runner)[-600:] for runner in runners]


def test_four_at_once_and_term_lets_them_end(site: JobsSite) -> None:
    for _ in range(10):
        site.add("sh:sleep 3")
    runner = site.run("cavalcade")
    site.wait(lambda: site.count("running") == 4)
    assert not eventually(lambda: site.count("running") != 4, 1.5)
    assert "Out of workers" in site.log(runner)
    site.signal(runner, "TERM")
    assert site.ended(runner) == 0
    assert (site.count("completed"), site.count("running"), site.count("waiting")) == (4, 0, 6)
    assert "shutting down 4 worker(s)" in site.log(runner)


def test_failed_jobs_stay_failed_and_recurring_ones_catch_up(site: JobsSite) -> None:
    failing = site.add("test.fail", interval=60)
    before = site.sql("SELECT nextrun FROM wp_cavalcade_jobs")
    missed = site.add("sh:true", due=-3000, interval=600)
    runner = site.run("cavalcade")
    assert site.becomes(failing, "failed", 20)
    site.wait(lambda: "hook Runner.check_workers.job_failed" in site.log(runner))
    site.wait(lambda: site.sql("SELECT COUNT(*) FROM wp_cavalcade_logs WHERE job = %s", missed)[0][0] >= 5, 20)
    assert not eventually(
        lambda: site.sql("SELECT COUNT(*) FROM wp_cavalcade_logs WHERE job = %s", missed)[0][0] > 6, 2.5
    )
    after = "SELECT status, TIMESTAMPDIFF(SECOND, start, nextrun) DIV 600, TIMESTAMPDIFF(SECOND, start, nextrun) %% 600"
    assert site.sql(f"{after} FROM wp_cavalcade_jobs WHERE id = %s", missed) == [("waiting", 6, 0)]
    assert site.status(failing) == "failed"
    assert site.sql("SELECT nextrun FROM wp_cavalcade_jobs WHERE id = %s", failing) == before
    row = "SELECT status, content FROM wp_cavalcade_logs WHERE job = %s"
    assert site.sql(row, failing) == [("failed", "Failed to shutdown worker.")]


def test_a_killed_runner_leaves_its_jobs_running(site: JobsSite) -> None:
    job = site.add("sh:sleep 2")
    first = site.run("cavalcade")
    assert site.becomes(job, "running")
    site.signal(first, "KILL")
    site.run("cavalcade")
    probe = site.add("sh:true")
    assert site.becomes(probe, "completed")
    assert site.status(job) == "running"


def test_an_endpoint_that_is_silent_is_passed_over(site: JobsSite) -> None:
    """One that is frozen, for which the kernel accepts, and an address where nobody is."""
    frozen, nobody = f"{site.lab.prefix}.40", f"{site.lab.prefix}.41"
    listen = "$socket = stream_socket_server( 'tcp://0.0.0.0:3306' ); sleep( 600 );"
    site.run("silent", "php", "-r", listen, address=frozen)
    site.name_endpoints(frozen, nobody)
    try:
        # Which address comes first is by chance.
        runners = [site.run("cavalcade") for _ in range(3)]
    finally:
        site.name_endpoints()
    assert all(eventually(lambda r=r: "hook Runner.run.before" in site.log(r), 10) for r in runners)  # type: ignore[misc]


def test_a_lost_or_closed_database_ends_the_runner(site: JobsSite) -> None:
    cut = site.run("cavalcade")
    site.wait(lambda: "hook Runner.run.before" in site.log(cut))
    site.members.db("db-1").kill_sessions()
    assert site.ended(cut) == 1

    refused = site.run("cavalcade")
    site.wait(lambda: "hook Runner.run.before" in site.log(refused))
    site.add("sh:true", due=1)
    site.members.db("db-1").demote()
    assert site.ended(refused) == 1
    assert "read-only" in site.log(refused) or "gone away" in site.log(refused)
    site.members.db("db-1").promote(2, "db-1")


# -- what a project brings


@pytest.mark.parametrize("place", ["vendor/bin/cavalcade", "vendor/humanmade/cavalcade-runner/bin/cavalcade"])
def test_a_projects_own_runner_and_wp_cli_win(site: JobsSite, tmp_path: Path, place: str) -> None:
    for name, text in (
        ("cavalcade", 'echo "own runner of $1"; wp own words; exec sleep 60'),
        ("wp", 'echo "own wp: $*"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    own = (f"{tmp_path / 'cavalcade'}:/usr/src/app/{place}:ro", f"{tmp_path / 'wp'}:/usr/src/app/vendor/bin/wp:ro")
    runner = site.run("cavalcade", own=own)
    said = "own runner of /usr/src/app/wordpress\nown wp: own words"
    assert eventually(lambda: site.log(runner) == said, 20), site.log(runner)


# -- sandbox


def test_the_sandbox_is_writable_and_has_its_tools(site: JobsSite) -> None:
    code, output = site.shell("sh", "-c", "id -un; pwd; touch x && rm x && which wp screen wget && cat /proc/1/cmdline")
    assert code == 0, output
    assert output.splitlines()[:3] == ["www-data", "/usr/src/app", "/usr/local/bin/wp"]
    assert site.shell("screen", "-dmS", "test", "true")[0] == 0
    assert site.wp("db", "query", "SELECT @@read_only").splitlines()[-1] == "0"


def test_a_session_in_the_sandbox_warns_and_ends(site: JobsSite) -> None:
    """A terminal of its own: idle for a second, or longer than it may."""
    name = site.state("sandbox-1").name
    for limits, said in (({"IDLE": "1"}, b"auto-logout"), ({"LIMIT": "2"}, b"live site")):
        options = [word for key, value in limits.items() for word in ("-e", f"ALTIS_SHELL_{key}_SECONDS={value}")]
        ours, theirs = pty.openpty()
        began = time.monotonic()
        session = subprocess.Popen(
            ["docker", "exec", "-it", *options, name, "bash"], stdin=theirs, stdout=theirs, stderr=theirs
        )
        session.wait(20)
        assert 1 <= time.monotonic() - began < 15
        assert said in os.read(ours, 65536)
        os.close(ours)
        os.close(theirs)
