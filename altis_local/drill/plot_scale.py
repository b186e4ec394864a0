"""How a role rose and fell, drawn: what the load asked for, which members were there, and the load itself.

Shared by the pictures of web and Cavalcade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altis_local.drill import canvas
from altis_local.drill import scaling_story as story
from altis_local.drill.canvas import COLOURS
from altis_local.drill.judge import Judgement

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def role(judged: Judgement) -> str:
    """The role that the run is about."""
    return next((stage.role for stage in story.waited(judged.evidence)), "web")


def span(judged: Judgement) -> tuple[float, float, float]:
    """(zero, begin, end): the moment from which is counted, and the run's first and last, counted from it."""
    run = judged.evidence
    moments = [m for a in run.ledger.attempts for m in (a.begin, a.end or a.begin)]
    moments += [m for stage in run.facts.stages for m in (stage.begin, stage.end)]
    zero = run.facts.zero
    zero = min(moments) if zero is None else zero
    return zero, min(moments) - zero, max(moments) - zero


def numbers(axes: Axes, judged: Judgement) -> None:
    """Healthy members as an area, the number that was asked for as a line, the load in units of its target beside."""
    run, name = judged.evidence, role(judged)
    zero, begin, end = span(judged)
    seen = [(sample.mono - zero, len(sample.of(name))) for sample in run.facts.samples]
    if seen:
        times, counts = [t for t, _ in seen] + [end], [n for _, n in seen] + [seen[-1][1]]
        axes.fill_between(times, counts, step="post", color=COLOURS["new"], alpha=0.25, lw=0, label="healthy members")
    found = story.changes(run, name)
    before = found[0].before if found else (seen[0][1] if seen else 0)
    steps = [(begin, before), *((c.moment - zero, c.after) for c in found), (end, found[-1].after if found else before)]
    axes.step([t for t, _ in steps], [n for _, n in steps], where="post", color=COLOURS["old"], lw=2, label="asked for")
    most = max([n for _, n in (*steps, *seen)], default=1)
    for change in found:
        place: dict[str, Any] = {"fontsize": 7.5, "color": COLOURS["ink"], "va": "bottom", "ha": "left"}
        axes.text(change.moment - zero, change.after + 0.05, f" {change.why.partition(',')[0]}", **place)
    axes.set_ylim(0, most + 1.0)
    axes.set_yticks(range(most + 1))
    axes.set_ylabel(f"{name} containers")
    canvas.stages(axes, run, zero, named=True)
    canvas.title(axes, "Containers, by the load alone")
    _load(axes, judged, zero)


def _load(axes: Axes, judged: Judgement, zero: float) -> None:
    name = role(judged)
    points = [(s.mono - zero, s.load[name]) for s in judged.evidence.facts.samples if name in s.load]
    beside = axes.twinx()
    beside.plot([t for t, _ in points], [v for _, v in points], color=COLOURS["gap"], lw=1.2, label="load ÷ target")
    beside.axhline(1.0, color=COLOURS["gap"], lw=0.8, ls=":")
    beside.set_ylim(0, max([2.2, *(1.15 * v for _, v in points)]))
    beside.set_ylabel("load ÷ target")
    beside.spines["top"].set_visible(False)
    lines = [*axes.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
    axes.legend(handles=lines, loc="lower right", fontsize=8, frameon=False, ncols=3, bbox_to_anchor=(1, 1))
