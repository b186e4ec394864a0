"""What a run has seen so far. Filled by `run` as it goes, also by threads that strike; becomes the run's Facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from altis_local import __version__
from altis_local.drill.evidence import Document, Facts, FaultMark, PhaseMark, Sample, StageMark
from altis_local.errors import AltisError


@dataclass(slots=True)
class Course:
    """Appended to, never taken from."""

    started_at: float
    before: Document = field(default_factory=dict)
    after: Document = field(default_factory=dict)
    faults: list[FaultMark] = field(default_factory=list)
    phases: list[PhaseMark] = field(default_factory=list)
    stages: list[StageMark] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    unsteady: str = ""
    converged: bool | None = None
    converge_seconds: float | None = None

    def note_trouble(self, error: AltisError) -> None:
        """What keeps a drill from being carried out is no verdict on the environment: the verdict is unknown then, and
        what was seen so far is kept."""
        self.troubles.append(" · ".join([str(error), *error.log]))

    def note_convergence(self, journal: Sequence[Document]) -> None:
        """From the fault to the last time that control found the environment whole again."""
        struck = next((m for m in self.faults if m.kind != "hold-receivers"), None)
        found = [float(e["at"]) for e in journal if e.get("kind") == "converged"]
        if struck is not None and found and found[-1] >= struck.at:
            self.converge_seconds = round(found[-1] - struck.at, 3)

    def facts(self, *, drill: str, environment: str, seed: int, planned: int, duration: float) -> Facts:
        return Facts(
            drill=drill,
            environment=environment,
            plan=str(self.before.get("plan")),
            seed=seed,
            started_at=self.started_at,
            version=__version__,
            broken=tuple(self.before.get("broken") or ()),
            planned=planned,
            faults=tuple(sorted(self.faults, key=lambda mark: mark.mono)),
            phases=tuple(self.phases),
            stages=tuple(self.stages),
            samples=tuple(self.samples),
            before=self.before,
            after=self.after,
            converged=self.converged,
            converge_seconds=self.converge_seconds,
            duration=duration,
            unsteady=self.unsteady,
            troubles=tuple(self.troubles),
        )
