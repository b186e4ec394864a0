"""Cavalcade: its tables, its runner, and what becomes of jobs. The jobs are the fixture's (orders.php), and removed."""

from __future__ import annotations

import json
import re

from altis_local.fidelity.asking import members, php, poll, redis, shell, sql
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.probes.jobs import HOOK, JOBS, LOGS, SOON, Jobs
from altis_local.fidelity.world import World


def apart_from_web(world: World) -> Finding:
    constant = php(world, "return DISABLE_WP_CRON;", role="web")
    line = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    web, runner = (shell(world, role, line).output for role in ("web", "cavalcade"))
    return claims(
        (constant is True, f"DISABLE_WP_CRON {constant}"),
        ("cavalcade" in runner, "a runner in its own container"),
        ("cavalcade" not in web and "php-fpm" in web, "and none in web"),
    )


def jobs_table(world: World) -> Finding:
    text = sql(world, f"SHOW CREATE TABLE {JOBS}")[0][1].replace("\\n", "\n")
    lines = {m[1]: m[2] for m in re.finditer(r"^\s*`(\w+)` (.+?),?$", text, re.MULTILINE)}
    wanted = {
        "id": r"bigint", "site": r"bigint", "hook": r"varchar\(255\)", "args": r"longtext", "start": r"datetime",
        "nextrun": r"datetime", "interval": r"int.*DEFAULT NULL", "status": r"varchar\(255\).*DEFAULT 'waiting'",
        "schedule": r"varchar\(255\).*DEFAULT NULL",
    }  # fmt: skip
    wrong = [f"{name} {lines.get(name)}" for name, kind in wanted.items() if not re.match(kind, lines.get(name, ""))]
    keys = sorted(re.findall(r"^\s*KEY `(\w+)`", text, re.MULTILINE))
    version = php(world, "return (int) get_site_option( 'cavalcade_db_version' );")
    return claims(
        (not wrong and set(lines) == set(wanted), f"columns {wrong or list(lines)}"),
        (keys == ["hook", "site", "status"], f"keys {keys}"),
        (version == 4, f"version {version}"),
    )


def logs_table(world: World) -> Finding:
    columns = [row[0] for row in sql(world, f"SHOW COLUMNS FROM {LOGS}")]
    with Jobs(world) as jobs:
        ids = [jobs.add(), jobs.add(exit=3)]
        jobs.done(2)
        poll(world, lambda: len(jobs.logs(ids)) == 2)
        found = sorted([row[0], row[1]] for row in jobs.logs(ids))
    return claims(
        (columns == ["id", "job", "status", "timestamp", "content"], f"columns {columns}"),
        (
            found == [["completed", ""], ["failed", "Failed to shutdown worker."]],
            f"of one good and one bad job: {found}",
        ),
    )


def states(world: World) -> Finding:
    with Jobs(world) as jobs:
        jobs.add(due=4, sleep=3)
        seen = [jobs.states()[0]]
        poll(world, lambda: jobs.states() == ["running"], SOON)
        seen.append(jobs.states()[0])
        jobs.done(1)
        seen.append(jobs.states()[0])
        every = jobs.add(interval=3600)
        poll(world, lambda: bool(jobs.logs([every])), SOON)
        seen.append(jobs.states()[1])
    return claims((seen == ["waiting", "running", "completed", "waiting"], f"one-off, then recurring: {seen}"))


def on_time(world: World) -> Finding:
    with Jobs(world) as jobs:
        asked = world.now()
        jobs.add(due=5, sleep=1)
        entered = world.now()
        early = jobs.states()
        poll(world, lambda: jobs.states() != ["waiting"], 5 + SOON)
        begun = world.now()
    return claims(
        (early == ["waiting"], f"before its time {early}"),
        # Its date is five seconds after the moment of the statement, which lies between the two.
        (begun >= asked + 4.9 and begun - entered <= 5 + 3.0, f"begun {begun - entered - 5:.1f} s after its date"),
    )


def four_at_once(world: World) -> Finding:
    runners = len(members(world, "cavalcade"))
    most = 0
    with Jobs(world) as jobs:
        for _ in range(4 * runners + 2):
            jobs.add(sleep=3)

        def look() -> bool:
            nonlocal most
            now = jobs.states()
            most = max(most, now.count("running"))
            return now.count("completed") >= 4 * runners + 2

        poll(world, look, 2 * SOON)
        said = world.logged("cavalcade", "Out of workers")
        left = jobs.states()
    return claims(
        (most == 4 * runners, f"{most} of {4 * runners + 2} ran at once on {runners} runner"),
        (said, f"'Out of workers' in the log: {len(said)} times"),
        (set(left) == {"completed"}, f"in the end {sorted(set(left))}"),
    )


def child_process(world: World) -> Finding:
    line = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null; echo \" @ $(readlink $p/cwd)\"; done"
    found: list[str] = []
    with Jobs(world) as jobs:
        job = jobs.add(sleep=5)

        def look() -> bool:
            nonlocal found
            lines = [
                text
                for name in members(world, "cavalcade")
                for text in shell(world, name, line, "www-data").output.splitlines()
            ]
            found = [text for text in lines if f"cavalcade run {job} " in text and "sh -c" not in text]
            return bool(found)

        poll(world, look, SOON)
        jobs.done(1)
        url = jobs.seen(1)["url"]
    home = str(world.status["urls"]["site"])
    host = re.sub(r"^https?://", "", home)
    return claims(
        (found and f"--url={host.rstrip('/')}" in found[0], found[0][:140] if found else "no process of the job"),
        (found and "wordpress" in found[0].rpartition("@")[2], "in WordPress's folder"),
        (url == home, f"its home_url {url}"),
    )


def failure_is_final(world: World) -> Finding:
    with Jobs(world) as jobs:
        job = jobs.add(interval=60, exit=1)
        query = f"SELECT nextrun FROM {JOBS} WHERE id = {job}"
        before = sql(world, query)
        jobs.done(1)
        world.wait(2.5)
        after, state, runs = sql(world, query), jobs.states(), len(jobs.logs([job]))
    return claims(
        (state == ["failed"], f"status {state}"),
        (after == before, f"nextrun {'unchanged' if after == before else 'moved'}"),
        (runs == 1, f"{runs} runs"),
    )


def catches_up(world: World) -> Finding:
    with Jobs(world) as jobs:
        job = jobs.add(due=-4 * 3600 - 1800, interval=3600)
        poll(world, lambda: len(jobs.logs([job])) >= 5, 2 * SOON)
        world.wait(1.5)
        runs = len(jobs.logs([job]))
        row = sql(world, f"SELECT status, TIMESTAMPDIFF( SECOND, start, nextrun ) FROM {JOBS} WHERE id = {job}")[0]
    return claims(
        (runs == 5, f"{runs} runs for 5 missed dates"),
        (row == ["waiting", "18000"], f"then {row[0]}, {row[1]} s after the first date"),
    )


def grace(world: World) -> Finding:
    shown = world.inspect("cavalcade")["Config"]
    return claims((shown.get("StopTimeout") == 3600, f"a container has {shown.get('StopTimeout')} s to stop"))


def duplicates(world: World) -> Finding:
    token = world.token()
    code = f"""
        $once = fn ( $seconds ) => wp_schedule_single_event( time() + $seconds, 'fidelity_{token}', [ '{token}' ] );
        $every = fn ( $at ) => wp_schedule_event( $at, 'hourly', 'fidelity_every_{token}', [ '{token}' ] );
        $far = time() + 7200;
        $found = [ $once( 3600 ), $once( 3600 + 500 ), $once( 3600 + 700 ), $every( $far ), $every( $far ), $every( $far + 1 ) ];
        wp_clear_scheduled_hook( 'fidelity_{token}', [ '{token}' ] );
        wp_clear_scheduled_hook( 'fidelity_every_{token}', [ '{token}' ] );
        return $found;
    """
    found = php(world, code)
    return claims(
        (found[:3] == [True, False, True], f"one-off: first, 500 s later, 700 s later: {found[:3]}"),
        (
            found[3] is True and found[4] is False and found[5] is True,
            f"recurring: first, same instant, a second later: {found[3:]}",
        ),
    )


def intervals(world: World) -> Finding:
    ran = world.run("sandbox", "wp", "cron", "schedule", "list", "--format=json", user="www-data")
    found = {row["name"]: int(row["interval"]) for row in json.loads(ran.output[ran.output.find("[") :])}
    wanted = {
        "hourly": 3600, "twicedaily": 43200, "daily": 86400, "weekly": 604800,
        "hm-platform-healthcheck_10min": 600, "minutely": 60,
    }  # fmt: skip
    missing = {name: found.get(name) for name, seconds in wanted.items() if found.get(name) != seconds}
    return claims((not missing, f"missing or other: {missing}" if missing else f"{found}"))


def virtual_option(world: World) -> Finding:
    with Jobs(world) as jobs:
        jobs.add(due=7200)
        code = """
            global $wpdb;
            $hooks = fn () => array_sum( array_map( fn ( $at ) => is_array( $at ) ? array_sum( array_map( 'count', $at ) ) : 0, get_option( 'cron' ) ) );
            $stored = $wpdb->get_var( "SELECT option_value FROM $wpdb->options WHERE option_name = 'cron'" );
            $rows = (int) $wpdb->get_var( "SELECT COUNT(*) FROM {$wpdb->base_prefix}cavalcade_jobs WHERE site = 1 AND status IN ( 'waiting', 'running' )" );
            return [ $hooks(), $rows, $stored && str_contains( $stored, 'altis_order_job' ) ];
        """
        events, rows, stored = php(world, code)
        listed = world.run("sandbox", "wp", "cron", "event", "list", "--fields=hook", user="www-data").output
    return claims(
        (events > 0 and abs(events - rows) <= 3, f"{events} events in the option, {rows} rows (others come and go)"),
        (not stored, "and none of them in the table of options"),
        (HOOK in listed, "`wp cron event list` shows a row of the table"),
    )


def commands(world: World) -> Finding:
    def wp(*words: str) -> tuple[int, str]:
        ran = world.run("sandbox", "wp", "cavalcade", *words, user="www-data")
        return ran.code, ran.output.strip()

    with Jobs(world) as jobs:
        ids = [jobs.add(due=7200), jobs.add(due=7201)]
        listed = json.loads(wp("jobs", f"--hook={HOOK}", "--format=json")[1] or "[]")
        none = wp("jobs", "--hook=fidelity-nothing")
        ran = wp("run", ids[0])
        log, upgrade = wp("log", "--format=json"), wp("upgrade")
        seen = jobs.seen(1)
    order = [str(row["id"]) for row in listed if str(row["id"]) in ids]
    return claims(
        (order == ids[::-1], f"jobs: newest first {order}"),
        (none[0] == 1 and "No Cavalcade jobs found." in none[1], f"of no hook: {none[1][:60]}"),
        (ran[0] == 0 and str(seen["job"]) == ids[0], f"run: exit code {ran[0]}, CAVALCADE_JOB_ID {seen['job']}"),
        (log[0] == 0 and upgrade[0] == 0, f"log {log[0]}, upgrade {upgrade[0]}"),
    )


def context(world: World) -> Finding:
    with Jobs(world) as jobs:
        job = jobs.add()
        jobs.done(1)
        seen = jobs.seen(1)
    return claims(
        (str(seen["job"]) == job, f"CAVALCADE_JOB_ID {seen['job']} of job {job}"),
        (seen["cron"] is True, f"DOING_CRON {seen['cron']}"),
    )


def visible_at_once(world: World) -> Finding:
    """Also to a process that has asked before, since lists of jobs are never kept in Redis."""
    with Jobs(world) as jobs:
        code = f"""
            $query = [ 'hook' => 'altis_order_job', 'args' => null, 'limit' => 0 ];
            $found = HM\\Cavalcade\\Plugin\\Job::get_jobs_by_query( $query );
            return count( array_filter( $found, fn ( $job ) => str_starts_with( $job->args[0], '{jobs.token}' ) ) );
        """
        before = php(world, code)
        for _ in range(3):
            jobs.add(due=7200)
        after = php(world, code)
    stored = redis(world, "--scan", "--pattern", "*cavalcade-jobs:*")
    return claims(
        ((before, after) == (0, 3), f"{before} jobs, then {after} after 3 were inserted"),
        (not stored, f"in Redis of that group: {stored[:60] or 'nothing'}"),
    )


def canary(world: World) -> Finding:
    row = sql(
        world, f"SELECT site, `interval`, schedule, status FROM {JOBS} WHERE hook = 'hm-platform.healthcheck.cavalcade'"
    )
    age = php(world, "return time() - (int) get_blog_option( get_main_site_id(), 'hm-platform.healthcheck.last_run' );")
    return claims(
        (len(row) == 1 and row[0][:3] == ["1", "600", "hm-platform-healthcheck_10min"], f"jobs {row}"),
        (age < 900, f"last run {age} s ago"),
    )


def reads_the_writer(world: World) -> Finding:
    """The runner's own connections, from the kernel's table: to the writer's endpoints, and to no reader's."""
    code = "return [ gethostbynamel( DB_HOST ), gethostbynamel( DB_READ_REPLICA_HOST ) ];"
    writers, readers = php(world, code)
    lines = shell(world, "cavalcade", "cat /proc/net/tcp").output.splitlines()[1:]
    open_ = [line.split()[2] for line in lines if line.split()[3] == "01" and line.split()[2].endswith(":0CEA")]
    found = {".".join(str(int(a[i : i + 2], 16)) for i in (6, 4, 2, 0)) for a in open_}
    return claims(
        (found & set(writers), f"connected to {sorted(found)} on port 3306; db-writer is {writers}"),
        (not found & (set(readers) - set(writers)) or _has_job(world), f"db-reader is {readers}"),
    )


def _has_job(world: World) -> bool:
    """A job that runs just now reads from readers, as every process of the site does."""
    return bool(sql(world, f"SELECT id FROM {JOBS} WHERE status = 'running'"))
