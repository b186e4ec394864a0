"""Scheduled jobs per second through Cavalcade: many due at once, and as many containers as the plan allows.

Each job is a process of its own that loads WordPress, writes down that it ran and takes no further time, so that what
is measured is the runners' work. Baseline: the same beside one container only. Each job must have run exactly once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from altis_local.clock import Deadline, wait_until
from altis_local.drill import figures as drill_figures
from altis_local.drill.ledger import Ledger
from altis_local.drill.workload.config import Turn
from altis_local.drill.workload.jobs import HOOK
from altis_local.environment.facade import Environment
from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.plans import PLANS, bounds
from benchmarks.clients import Clients, at_work, config, new_run, read, setting_of
from benchmarks.stage import Stage, Subject
from benchmarks.values import Aim, Figure, Line, Sample

PLAN = "production"
ROLE = "cavalcade"
ALONE = 100
"""Jobs of the baseline: one runner has a second's pause whenever its four workers are busy, so it takes its time."""
ASKED_WITHIN = 30.0
DONE_WITHIN = 600.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of the jobs of one burst."""

    rate: float
    """Jobs per second, from the first one's beginning to the last one's end."""
    wrong: int
    """Jobs that did not run exactly once, from begin to end, with one line in the runners' log."""


def figures() -> tuple[Figure, ...]:
    return (_figure("jobs_rate", 300, runs=3), replace(_figure("jobs_rate_many", 2000, runs=1), on_request=True))


def _figure(name: str, count: int, *, runs: int) -> Figure:
    most = bounds(PLANS[PLAN], ROLE).most
    return Figure(
        name=name,
        runs=runs,
        lines=(
            Line("value", f"{count:,} due jobs, {most} Cavalcade containers", "jobs/s", more_is_better=True),
            Line("wrong", "jobs that did not run exactly once", "", Aim("max", most=0)),
        ),
        measure=_measured(count, most),
        prepare=lambda stage: stage.up(PLAN),
        baseline=f"one Cavalcade container, {ALONE} jobs",
        note=f"Over {most} when runners alone are the limit; the processors of the machine are one, too",
    )


def _measured(count: int, most: int) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(PLAN)
        try:
            many = _burst(stage, subject, containers=most, count=count)
            alone = _burst(stage, subject, containers=1, count=ALONE)
        finally:
            subject.world.scale(ROLE, None)
        wrong = many.wrong + alone.wrong
        return Sample(round(many.rate, 3), round(alone.rate, 3), {"wrong": wrong, "containers": most})

    return measure


def _burst(stage: Stage, subject: Subject, *, containers: int, count: int) -> Burst:
    world, history = subject.world, stage.folder / "jobs.jsonl"
    world.scale(ROLE, containers)
    # Those of a run that failed would take their part.
    await_done(world)
    where, run = setting_of(world, subject.await_converged()), new_run()
    told = config(where, run, (Turn("calm"), Turn("burst", jobs=count)))
    with at_work(where, world, history, told) as clients:
        clients.go_on()
        clients.until(f"{count} jobs", lambda: _asked(clients) == count, ASKED_WITHIN)
        await_done(world)
    return judged(read(where, world, history, replace(told, mode="read")), count)


def _asked(clients: Clients) -> int:
    return sum(op.kind == "job" and op.type == "ok" for op in clients.ops())


def await_done(world: Environment) -> None:
    """Until no job of the drills waits or runs. Raises ActionFailed when that takes too long."""
    if not wait_until(lambda: not _is_any_open(world), Deadline.after(DONE_WITHIN, world.clock), every=0.5):
        raise ActionFailed(f"jobs wait or run still after {DONE_WITHIN:g} s")


def _is_any_open(world: Environment) -> bool:
    try:
        jobs = world.services().jobs
        return any(jobs(hook=HOOK, status=status, limit="1")["jobs"] for status in ("running", "waiting"))
    except (ActionFailed, Unreachable):
        return True  # control does not know at this moment


def judged(ledger: Ledger, count: int) -> Burst:
    """The rate, and how many jobs went wrong. Raises ActionFailed where it is not known what became of them."""
    found = drill_figures.jobs(ledger, {})
    if found is None or not ledger.runs:
        raise ActionFailed("nobody wrote down what became of the jobs")
    ends = [run.end for run in ledger.runs if run.end is not None]
    if not ends:
        raise ActionFailed("no job came to its end")
    wrong = {a.op for a in found.lost} | set(found.twice) | set(found.unlogged)
    wrong |= {run.job for run in (*found.cut, *found.stuck)}
    seconds = max(ends) - min(run.begin for run in ledger.runs)
    return Burst(len(ledger.runs) / seconds if seconds else 0.0, len(wrong) + abs(count - found.asked))
