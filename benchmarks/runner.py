"""Measures figures run by run: goes on where an earlier bench stopped, keeps every run at once, tells of each.

Called by __main__. A figure that fails does not keep the next ones from being measured.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from altis_local.errors import AltisError
from benchmarks import machine
from benchmarks.stage import Stage
from benchmarks.store import Document, Store
from benchmarks.summary import counted
from benchmarks.values import Figure, Sample

MOST_VOID = 3
"""Runs in a row that say nothing, after which a figure is given up."""

Tell = Callable[[str], object]


class Runner:
    """Measures figures on one stage into one store. `limit`: at most so many runs of a figure in all."""

    def __init__(self, stage: Stage, store: Store, tell: Tell, *, limit: int | None = None) -> None:
        self._stage = stage
        self._store = store
        self._tell = tell
        self._limit = limit

    def measure(self, figures: Iterable[Figure], *, again: bool) -> tuple[str, ...]:
        """Measure what is missing; the names of figures that could not be."""
        failed = []
        for figure in figures:
            try:
                self._figure(figure, [] if again else self._store.runs(figure))
            except AltisError as exc:
                failed.append(figure.name)
                self._stage.discard()
                self._tell("\n  ".join([f"{figure.name}: {exc}", *exc.log, *([exc.hint] if exc.hint else [])]))
        return tuple(failed)

    def _figure(self, figure: Figure, runs: list[Document]) -> None:
        wanted = min(figure.runs, self._limit or figure.runs)
        if len(counted(runs)) >= wanted:
            self._tell(f"{figure.name}: {len(counted(runs))} runs are there already")
            return
        figure.prepare(self._stage)
        if (load := machine.load()) > machine.cores():
            self._tell(f"the machine is busy (load {load:g} on {machine.cores()} cores): the figures will be, too")
        void = 0
        while len(counted(runs)) < wanted and void < MOST_VOID:
            before = {"at": _now(), "revision": machine.revision(), "load_before": machine.load()}
            sample = self._sample(figure)
            void = void + 1 if sample.void else 0
            runs.append(_run(sample, before))
            self._store.write(figure, runs)
            self._tell(_told(figure, len(counted(runs)), wanted, runs[-1]))
        if void:
            raise AltisError(f"{void} runs in a row said nothing")

    def _sample(self, figure: Figure) -> Sample:
        """One run; one that failed is kept as void, with the reason, so that none is dropped in silence."""
        try:
            return figure.measure(self._stage)
        except AltisError as exc:
            return Sample(0.0, void=" · ".join([str(exc), *exc.log])[:400])


def _run(sample: Sample, before: dict[str, Any]) -> Document:
    found = {key: value for key, value in asdict(sample).items() if value or key in ("value", "more")}
    return {"value": found.pop("value"), **found, **before}


def _told(figure: Figure, number: int, wanted: int, run: Document) -> str:
    if run.get("void"):
        return f"{figure.name} void: {run['void']}"
    beside = f" (bare {run['baseline']:g})" if run.get("baseline") is not None else ""
    extra = [f"{line.key} {run['more'][line.key]}" for line in figure.lines[1:] if line.key in run["more"]]
    if run["more"].get("failed"):
        extra.append(f"FAILED {run['more']['failed']}")
    value = f"{run['value']:g} {figure.unit}{beside}"
    return "  ".join([f"{figure.name} {number}/{wanted}", value, *extra, f"load {run['load_before']:g}"])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
