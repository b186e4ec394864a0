"""The picture of a run of pages: containers by load, answers of each container, and how long each request took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altis_local.drill import canvas, figures, plot_scale
from altis_local.drill.canvas import COLOURS, SERIES
from altis_local.drill.judge import Judgement
from altis_local.drill.ledger import PAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BUCKET = 1.0
_KINDS = {
    "page": ("at a load balancer", "fine"),
    "visit": ("through the CDN", "old"),
    "busy": ("takes its time", "gap"),
    "form": ("POST that takes its time", "new"),
}


def draw(judged: Judgement, figure: Figure) -> None:
    """Three panels on one axis of time."""
    above, between, below = figure.subplots(3, 1, height_ratios=[4, 4, 3], sharex=True)
    plot_scale.numbers(above, judged)
    _answers(between, judged)
    _requests(below, judged)
    begin, end = plot_scale.span(judged)[1:]
    below.set_xlim(begin, end)
    below.set_xlabel("seconds from the fault" if judged.evidence.facts.struck else "seconds")


def _answers(axes: Axes, judged: Judgement) -> None:
    """Answers per second, one layer for each container."""
    zero, begin, end = plot_scale.span(judged)
    good = judged.evidence.ledger.acknowledged(*PAGES)
    members = sorted({str(a.value["served"]) for a in good if a.value.get("served")})
    layers = []
    for name in members:
        moments = [(a.end or a.begin) - zero for a in good if a.value.get("served") == name]
        layers.append(figures.per_bucket(moments, begin=begin, end=end, width=BUCKET))
    if layers:
        edges = [begin + BUCKET * n for n in range(len(layers[0]))]
        colours = [SERIES[n % len(SERIES)] for n in range(len(members))]
        axes.stackplot(edges, *layers, labels=members, colors=colours, alpha=0.85, step="post", lw=0)
    canvas.stages(axes, judged.evidence, zero)
    axes.set_ylabel("answers per second")
    canvas.title(axes, "Answers, by the container that made them")
    if layers:
        canvas.legend(axes, columns=8)


def _requests(axes: Axes, judged: Judgement) -> None:
    """Every request at its end: how long it took; a cross for one without an answer."""
    zero = plot_scale.span(judged)[0]
    ledger = judged.evidence.ledger
    for kind, (label, colour) in _KINDS.items():
        good = ledger.acknowledged(kind)
        if good:
            moments = [(a.end or a.begin) - zero for a in good]
            axes.plot(
                moments, [(a.end or a.begin) - a.begin for a in good], ".", color=COLOURS[colour], ms=3, label=label
            )
    bad = judged.failed
    if bad:
        moments = [(a.end or a.begin) - zero for a in bad]
        took = [(a.end or a.begin) - a.begin for a in bad]
        axes.plot(moments, took, "x", color=COLOURS["bad"], ms=7, mew=2, label=f"failed ({len(bad)})")
    canvas.stages(axes, judged.evidence, zero)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("seconds")
    canvas.title(axes, "How long each request took")
    canvas.legend(axes, columns=5)
