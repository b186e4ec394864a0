"""Which picture a run gets, by what it did: writes, jobs, or pages alone. Used by the report."""

from __future__ import annotations

from altis_local.drill import canvas, plot, plot_jobs, plot_web
from altis_local.drill.judge import Judgement
from altis_local.drill.ledger import WRITES


def picture(judged: Judgement) -> str:
    """The timeline of the run as SVG; "" when there is nothing to draw."""
    ledger = judged.evidence.ledger
    if not ledger.attempts:
        return ""
    kind = plot if ledger.of(*WRITES) else plot_jobs if ledger.of("job") else plot_web
    return canvas.svg(lambda figure: kind.draw(judged, figure), height=7.4 if kind is plot else 8.4)


def caption(judged: Judgement) -> str:
    """What the lines and areas of the picture mean."""
    if judged.evidence.ledger.of(*WRITES):
        return "Dashed: a fault. Shaded: the write gap, the longest time without an acknowledgement to any client."
    return "Dashed: a fault. Thin lines: a stage begins, and with it another load."
