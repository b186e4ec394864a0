"""Runners: the lock, the hooks, and what becomes of jobs when a runner is told to end, is killed or loses its database.

Disruptive but for the hooks.
"""

from __future__ import annotations

import textwrap

from altis_local.fidelity.asking import members, poll, shell
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.probes.jobs import SOON, Jobs
from altis_local.fidelity.probes.moving import kill, life, members_of, settle
from altis_local.fidelity.world import World

HOOKS = (
    *("bootstrap.table_prefix", "run.before", "run.loop_start"),
    *("connect_to_db.dsn", "connect_to_db.options", "connect_to_db.connected"),
    *("get_next_job.query", "get_next_job.job", "run_job.started", "get_job_command.command"),
    *("check_workers.logger", "check_workers.job_failed", "check_workers.job_completed"),
    *("terminate.will_terminate", "terminate.terminated"),
)
"""Cavalcade-Runner's, without `Runner.` (CAV-22)."""
AGAIN = 8
"""Seconds that a job takes: a second run of it would be seen soon after."""


def each_once(world: World) -> Finding:
    """CAV-07."""
    runners, number = len(members(world, "cavalcade")) + 1, 60
    with members_of(world, "cavalcade", runners), Jobs(world) as jobs:
        ids = [jobs.add() for _ in range(number)]
        jobs.done(number, 4 * SOON)
        world.wait(1.0)
        states, runs = jobs.states(), len(jobs.logs(ids))
    return claims(
        (set(states) == {"completed"}, f"{states.count('completed')} of {number} jobs completed"),
        (runs == number, f"{runs} runs by {runners} runners"),
    )


def _runner_of(world: World, jobs: Jobs, job: str) -> str:
    """The runner that is at a job, once it is."""
    poll(world, lambda: jobs.states() == ["running"], SOON)
    look = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    for runner in members(world, "cavalcade"):
        if f"cavalcade run {job} " in shell(world, runner, look, "www-data").output:
            return runner
    raise CannotTell(f"no runner is at job {job}")


def told_to_end(world: World) -> Finding:
    """CAV-12: TERM lets it end its job, and it takes no other."""
    with Jobs(world) as jobs:
        job = jobs.add(sleep=6)
        runner = _runner_of(world, jobs, job)
        before = life(world, runner)
        for name in members(world, "cavalcade"):
            shell(world, name, "kill -TERM 1")
        said = poll(world, lambda: bool(world.logged(runner, "shutting down 1 worker(s)")), 5.0)
        late = jobs.add()
        world.wait(2.5)
        meanwhile = jobs.states()
        jobs.done(2, 2 * SOON)
        states, runs = jobs.states(), len(jobs.logs([job, late]))
    settle(world)
    after = life(world, runner)
    return claims(
        (said, "it says that it waits for one worker"),
        (meanwhile[:1] == ["running"] and meanwhile[1:] == ["waiting"], f"the job and a later one: {meanwhile}"),
        (states == ["completed", "completed"] and runs == 2, f"in the end {states}, {runs} runs"),
        (after != before, "by another container" if after != before else "by the same container"),
    )


def killed(world: World) -> Finding:
    """CAV-13: the row stays, and nobody runs it again."""
    with Jobs(world) as jobs:
        job = jobs.add(sleep=AGAIN)
        kill(world, _runner_of(world, jobs, job))
        settle(world)
        other = jobs.add()
        poll(world, lambda: jobs.states()[1:] == ["completed"], SOON)
        world.wait(AGAIN + 4.0)  # run again, it would have ended by now
        states, runs = jobs.states(), len(jobs.logs([job]))
    return claims(
        (states == ["running", "completed"], f"its job and a later one: {states}"),
        (runs == 0, f"{runs} runs of job {job} are logged; the later one is {other}"),
    )


def database_lost(world: World) -> Finding:
    """CAV-21: the runner ends and is started anew; what it had at work stays `running`."""
    with Jobs(world) as jobs:
        job = jobs.add(sleep=AGAIN)
        runner = _runner_of(world, jobs, job)
        before = life(world, runner)
        kill(world, "db-writer")
        settle(world)
        replaced = poll(world, lambda: life(world, runner) not in ("", before), SOON)
        jobs.add()
        poll(world, lambda: jobs.states()[1:] == ["completed"], 2 * SOON)
        world.wait(AGAIN + 4.0)
        states, runs = jobs.states(), len(jobs.logs([job]))
    settle(world)
    return claims(
        (replaced, "the platform started another"),
        (
            states == ["running", "completed"] and runs == 0,
            f"its job and a later one: {states}, {runs} runs of the first",
        ),
    )


def hooks(world: World) -> Finding:
    """CAV-22: a runner in the sandbox, with a project's code that registers for all of them; it takes our jobs alone."""
    token = world.token()
    said: list[str] = []
    with Jobs(world) as jobs:
        ids = [jobs.add(due=3600), jobs.add(due=3600)]
        code = f"""\
            <?php
            $hooks = HM\\Cavalcade\\Runner\\Runner::instance()->hooks;
            foreach ( [ {", ".join(repr(f"Runner.{name}") for name in HOOKS)} ] as $name ) {{
                $hooks->register( $name, function ( $value ) use ( $name ) {{ echo "hook $name\\n"; return $value; }} );
            }}
            $hooks->register( 'Runner.get_next_job.query', fn () =>
                "SELECT * FROM wp_cavalcade_jobs WHERE id IN ({", ".join(ids)}) AND status = 'waiting' LIMIT 1" );
            $hooks->register( 'Runner.get_job_command.command', fn ( $command, $job ) =>
                (int) $job->id === {ids[0]} ? 'exit 0' : 'exit 3' );
            require '/usr/src/app/wp-config.php';
            """
        line = (
            f"mkdir -p /tmp/{token} && cat > /tmp/{token}/wp-config.php << 'PHP'\n{textwrap.dedent(code)}PHP\n"
            f"timeout -s TERM 6 php /usr/local/lib/cavalcade/main.php /tmp/{token}; echo ended with $?; rm -r /tmp/{token}"
        )
        said = shell(world, "sandbox", line, "www-data").output.splitlines()
        states = jobs.states()
    told = {text.removeprefix("hook Runner.") for text in said if text.startswith("hook ")}
    missing = sorted(set(HOOKS) - told)
    return claims(
        (not missing, f"not called: {', '.join(missing)}" if missing else f"all {len(HOOKS)} were called"),
        (states == ["completed", "failed"], f"its jobs, by its command: {states}"),
        ("Shutting down!" in " ".join(said), said[-1] if said else "it said nothing"),
    )
