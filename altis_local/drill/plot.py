"""The picture of a run that writes: acknowledgements, errors, who wrote, what control did. Used by `pictures`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from altis_local.drill import figures
from altis_local.drill.canvas import COLOURS
from altis_local.drill.evidence import duty_holder
from altis_local.drill.judge import Judgement
from altis_local.drill.ledger import Attempt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BUCKET = 0.05
_STEPS = ("Fence", "Promote", "Route")
_ROWS = (("posts", "post"), ("pages (lb)", "page"), ("front page (edge)", "edge"))


def draw(judged: Judgement, figure: Figure) -> None:
    """The whole run above, and the moment of the fault from near below."""
    above, between, below = figure.subplots(3, 1, height_ratios=[3, 2, 4])
    between.sharex(above)
    picture = _Picture(judged)
    picture.acknowledged(above)
    picture.others(between)
    picture.near(below)


def _short(action: str) -> str:
    """`Route({…}, db-writer, {db-2}, …)` says what matters as `Route db-writer → db-2`."""
    route = re.match(r"Route\(\{[^}]*\}, ([^,]+), \{([^}]*)\}", action)
    return f"Route {route[1]} → {route[2] or 'nobody'}" if route else action


class _Picture:
    """The panels. Zero is the moment of the first fault."""

    def __init__(self, judged: Judgement) -> None:
        self._judged = judged
        run = judged.evidence
        self._ledger = run.ledger
        attempts = self._ledger.attempts
        self._begin = min(a.begin for a in attempts)
        self._end = max(a.end or a.begin for a in attempts)
        struck = run.facts.struck
        self._zero = struck.mono if struck else self._begin
        self._offset = (struck.at - struck.mono) if struck else 0.0
        self._servers = list(dict.fromkeys(a.value.get("server") for a in self._ledger.acknowledged("insert")))

    def _label(self, server: int | None) -> str:
        """A server by its member's name, where the status tells it."""
        facts = self._judged.evidence.facts
        holder = duty_holder(facts.before if server == self._servers[0] else facts.after, "writer")
        return f"{holder or 'writer'} (server {server})" if server else "acknowledged"

    def _moments(self, attempts: tuple[Attempt, ...]) -> list[float]:
        return [(a.end or a.begin) - self._zero for a in attempts]

    def _marks(self, axes: Axes, *, gap: bool = True) -> None:
        found = self._judged.gap
        if gap and found:
            axes.axvspan(found.begin - self._zero, found.end - self._zero, color=COLOURS["gap"], alpha=0.25, lw=0)
        for mark in self._judged.evidence.facts.faults:
            axes.axvline(mark.mono - self._zero, color=COLOURS["fault"], lw=1.2, ls="--")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)

    def acknowledged(self, axes: Axes) -> None:
        """Acknowledged rows per bucket, by server; errors as ticks below."""
        edges: list[float] = []
        floor = [0] * len(figures.per_bucket([], begin=self._begin, end=self._end, width=BUCKET))
        for server, colour in zip(self._servers, ("old", "new", "fine", "ink"), strict=False):
            mine = [a.end or a.begin for a in self._ledger.acknowledged("insert") if a.value.get("server") == server]
            counts = figures.per_bucket(mine, begin=self._begin, end=self._end, width=BUCKET)
            edges = [self._begin - self._zero + BUCKET * n for n in range(len(counts))]
            tall = [a + b for a, b in zip(floor, counts, strict=True)]
            axes.fill_between(
                edges, floor, tall, step="post", color=COLOURS[colour], lw=0, alpha=0.85, label=self._label(server)
            )
            floor = tall
        bad = tuple(a for a in self._ledger.of("insert") if not a.is_acknowledged)
        top = max(floor, default=1) or 1
        axes.plot(
            self._moments(bad), [-0.06 * top] * len(bad), "|", color=COLOURS["bad"], ms=7, label="not acknowledged"
        )
        gone = tuple(a for a in self._judged.lost or () if a.kind == "insert")
        if gone:
            moments = self._moments(gone)
            axes.plot(moments, [1.06 * top] * len(moments), "v", color=COLOURS["bad"], ms=5, label="lost")
        self._marks(axes)
        axes.set_ylabel(f"rows per {BUCKET * 1000:.0f} ms")
        axes.set_title("Rows through db-writer", loc="left", fontsize=10, fontweight="bold")
        axes.legend(loc="lower right", fontsize=8, frameon=False, ncols=4, bbox_to_anchor=(1, 1))

    def others(self, axes: Axes) -> None:
        """Posts and pages, one mark for each."""
        rows = [(label, kind) for label, kind in _ROWS if self._ledger.of(kind)]
        for n, (_, kind) in enumerate(rows):
            good = self._ledger.acknowledged(kind)
            bad = tuple(a for a in self._ledger.of(kind) if not a.is_acknowledged)
            axes.plot(self._moments(good), [n] * len(good), "|", color=COLOURS["fine"], ms=9)
            axes.plot(self._moments(bad), [n] * len(bad), "x", color=COLOURS["bad"], ms=6)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        self._marks(axes)
        axes.set_title("The site", loc="left", fontsize=10, fontweight="bold")
        axes.set_xlabel("seconds from the fault")

    def near(self, axes: Axes) -> None:
        """Each client around the gap, and what control did."""
        gap = self._judged.gap
        begin, end = (gap.begin - self._zero, gap.end - self._zero) if gap else (0.0, 1.0)
        room = max(0.15, 0.5 * (end - begin))
        begin, end = min(begin, 0.0) - room, max(end, 0.1) + room
        inserts = self._ledger.of("insert")
        clients = sorted({a.client for a in inserts})
        for attempt in inserts:
            self._bar(axes, attempt, clients.index(attempt.client), within=(begin, end))
        self._marks(axes)
        self._steps(axes, begin, end, len(clients))
        if gap:
            middle = (gap.begin + gap.end) / 2 - self._zero
            axes.text(middle, -0.55, f"{gap.seconds * 1000:.0f} ms", ha="center", va="bottom", fontweight="bold")
        axes.set_xlim(begin, end)
        axes.set_yticks(range(len(clients)), clients)
        axes.set_ylim(len(clients) + 1.6, -1.2)
        axes.set_xlabel("seconds from the fault")
        axes.set_title("The gap from near: every operation of each client", loc="left", fontsize=10, fontweight="bold")

    def _bar(self, axes: Axes, attempt: Attempt, row: int, *, within: tuple[float, float]) -> None:
        begin, end = attempt.begin - self._zero, (attempt.end or self._end) - self._zero
        if end < within[0] or begin > within[1]:
            return
        first = self._servers and attempt.value.get("server") == self._servers[0]
        colour = ("old" if first else "new") if attempt.is_acknowledged else "bad"
        axes.plot([begin, end], [row, row], color=COLOURS[colour], lw=5, solid_capstyle="butt", alpha=0.8)
        axes.plot([end], [row], "|" if attempt.is_acknowledged else "x", color=COLOURS[colour], ms=8)

    def _steps(self, axes: Axes, begin: float, end: float, row: int) -> None:
        """Control's steps of the failover, from its journal; they end at the moment that is written there."""
        shown = 0
        for event in self._judged.evidence.journal or ():
            action = str(event.get("action") or "")
            at = float(event["at"]) - self._offset - self._zero
            if not action.startswith(_STEPS) or not begin < at < end or event.get("key") == "cache":
                continue
            text = _short(action)
            place: dict[str, Any] = {"fontsize": 8, "color": COLOURS["ink"], "va": "center"}
            axes.plot([at], [row + 0.6 * (shown % 3)], "o", color=COLOURS["ink"], ms=3)
            axes.text(at, row + 0.6 * (shown % 3), f"  {text}", **place)
            shown += 1
