"""One run: every row that has a probe is probed, several at once, and each gets its finding.

Called by the command line. A probe that breaks or is late costs its own row and no other. What only a larger plan
has, and what would disturb, is left out with the reason.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from altis_local.clock import Clock, Deadline
from altis_local.errors import AltisError
from altis_local.fidelity.catalogue import NEEDS, Row, probe
from altis_local.fidelity.finding import Finding, NotHere, Result
from altis_local.fidelity.world import Document, World

WORKERS = 10
LIMIT = 300.0
"""Seconds for all that runs side by side."""

_log = logging.getLogger(__name__)

Told = Callable[[Row, Finding], None]


def run(
    rows: Iterable[Row], world: World, *, clock: Clock, disruptive: bool = False, told: Told | None = None
) -> Mapping[str, Finding]:
    """A finding for every row. `told` hears of each as it comes."""
    found: dict[str, Finding] = {}

    def note(row: Row, finding: Finding) -> None:
        found[row.id] = finding
        if told:
            told(row, finding)

    due: list[Row] = []
    for row in rows:
        if (finding := without_probe(row, world.status, disruptive=disruptive)) is not None:
            note(row, finding)
        else:
            due.append(row)
    _side_by_side([row for row in due if not row.disruptive], world, note, Deadline.after(LIMIT, clock))
    for row in due:
        if row.disruptive:
            note(row, probed(row, world))
    return found


def without_probe(row: Row, status: Document, *, disruptive: bool) -> Finding | None:
    """What can be said without asking; None when the row's probe shall ask."""
    if row.differs:
        return Finding(Result.DIFFERS, row.differs)
    if not row.probe:
        return Finding(Result.NOT_PROBED)
    missing = [NEEDS[need] for need in row.needs if not has(status, need)]
    if missing:
        return Finding(Result.NOT_PROBED, f"{', '.join(missing)}: plan {status.get('plan')} has none here")
    if row.disruptive and not disruptive:
        return Finding(Result.NOT_PROBED, "would disturb: --disruptive")
    return None


def has(status: Document, need: str) -> bool:
    """Whether the environment has what a probe needs."""
    members: Sequence[Document] = status.get("members", ())
    match need:
        case "readers" | "standby":
            return any(m["duty"] == need.removesuffix("s") for m in members)
        case "zones":
            return len({m["zone"] for m in members if m["zone"]}) > 1
        case "webs" | "runners":
            role = {"webs": "web", "runners": "cavalcade"}[need]
            return len([m for m in members if m["role"] == role]) > 1
        case _:
            raise ValueError(f"nobody knows what {need} is")


def probed(row: Row, world: World) -> Finding:
    """Ask. Whatever breaks becomes `unknown` with the reason."""
    try:
        return probe(row)(world)
    except NotHere as error:
        return Finding(Result.NOT_PROBED, str(error))
    except AltisError as error:
        return Finding(Result.UNKNOWN, str(error))
    except Exception as error:
        # An answer of a shape that nobody thought of, in a probe of many: it must not end the others.
        _log.debug("%s", row.id, exc_info=True)
        return Finding(Result.UNKNOWN, f"the probe broke: {type(error).__name__}: {error}")


def _side_by_side(rows: Sequence[Row], world: World, note: Callable[[Row, Finding], None], deadline: Deadline) -> None:
    waiting: queue.SimpleQueue[tuple[Row, ...]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Row, Finding]] = queue.SimpleQueue()
    for task in tasks(rows):
        waiting.put(task)

    def work() -> None:
        with suppress(queue.Empty):
            while True:
                for row in waiting.get_nowait():
                    done.put((row, probed(row, world)))

    for number in range(WORKERS):
        # Daemons: one that hangs must not keep the command from ending.
        threading.Thread(target=work, name=f"fidelity-{number}", daemon=True).start()
    left = {row.id: row for row in rows}
    with suppress(queue.Empty):
        while left:
            row, finding = done.get(timeout=deadline.left() or 0.001)
            del left[row.id]
            note(row, finding)
    for row in left.values():
        note(row, Finding(Result.UNKNOWN, "not done in time"))


def tasks(rows: Iterable[Row]) -> tuple[tuple[Row, ...], ...]:
    """What may be done side by side: the longest first, rows of one turn together."""
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(row.turn or row.id, []).append(row)
    return tuple(sorted(map(tuple, together.values()), key=lambda task: -len(task) - 100 * task[0].slow))
