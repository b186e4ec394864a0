"""The picture of a run of jobs: containers by backlog, jobs that waited and ran, and every run in its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altis_local.drill import canvas, plot_scale
from altis_local.drill.canvas import COLOURS
from altis_local.drill.checks.jobs import endings
from altis_local.drill.judge import Judgement
from altis_local.drill.ledger import JobRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LANES = 4
"""Jobs that one runner runs at a time (CAV-08)."""


def draw(judged: Judgement, figure: Figure) -> None:
    """Three panels on one axis of time."""
    above, between, below = figure.subplots(3, 1, height_ratios=[4, 2.5, 4.5], sharex=True)
    plot_scale.numbers(above, judged)
    _backlog(between, judged)
    _runs(below, judged)
    begin, end = plot_scale.span(judged)[1:]
    below.set_xlim(begin, end)
    below.set_xlabel("seconds from the fault" if judged.evidence.facts.struck else "seconds from the beginning")


def _moment(judged: Judgement, epoch: float) -> float:
    return epoch - judged.evidence.facts.ahead - plot_scale.span(judged)[0]


def _backlog(axes: Axes, judged: Judgement) -> None:
    """Jobs that are due and not begun, and jobs that run."""
    zero, begin, end = plot_scale.span(judged)
    runs = judged.evidence.ledger.runs or ()
    first: dict[str, float] = {}
    for run in runs:
        first.setdefault(run.job, _moment(judged, run.begin))
    asked = [((a.end or a.begin) - zero, 1) for a in judged.evidence.ledger.acknowledged("job")]
    due = [*asked, *((moment, -1) for moment in first.values())]
    running = [(_moment(judged, r.begin), 1) for r in runs] + [(_moment(judged, r.end), -1) for r in runs if r.end]
    for moves, colour, label in ((due, "gap", "due"), (running, "new", "running")):
        total, times, counts = 0, [begin], [0]
        for moment, step in sorted(moves):
            total += step
            times.append(moment)
            counts.append(total)
        axes.fill_between(
            [*times, end], [*counts, total], step="post", color=COLOURS[colour], alpha=0.5, lw=0, label=label
        )
    canvas.stages(axes, judged.evidence, zero)
    axes.set_ylabel("jobs")
    canvas.title(axes, "Jobs")
    canvas.legend(axes)


def _runs(axes: Axes, judged: Judgement) -> None:
    """A bar for each run, in the lane of its container; red where the job ran more than once or never ended."""
    found, runs = judged.jobs, judged.evidence.ledger.runs or ()
    twice = frozenset(found.twice) if found else frozenset()
    members = sorted({run.member for run in runs})
    for row, member in enumerate(members):
        free = [float("-inf")] * LANES
        for run in sorted((r for r in runs if r.member == member), key=lambda r: r.begin):
            lane = min(range(LANES), key=lambda n: free[n])
            free[lane] = run.end or run.begin
            _bar(axes, judged, run, place=row - 0.36 + 0.24 * lane, bad=run.job in twice)
        for moment in endings(judged.evidence).get(member, ()):
            axes.plot([_moment(judged, moment)], [row], "|", color=COLOURS["ink"], ms=22, mew=1.5)
    canvas.stages(axes, judged.evidence, plot_scale.span(judged)[0])
    axes.set_yticks(range(len(members)), members)
    axes.set_ylim(len(members) - 0.4, -0.6)
    canvas.title(axes, "Every run of a job; red: more than once, or cut short; a bar across: asked to end")


def _bar(axes: Axes, judged: Judgement, run: JobRun, *, place: float, bad: bool) -> None:
    begin, end = _moment(judged, run.begin), _moment(judged, run.end or run.begin)
    colour = COLOURS["bad" if bad or run.end is None else "fine"]
    axes.plot([begin, max(end, begin + 0.05)], [place, place], color=colour, lw=3, solid_capstyle="butt", alpha=0.8)
    if run.end is None:
        axes.plot([begin], [place], "x", color=COLOURS["bad"], ms=7, mew=2)
