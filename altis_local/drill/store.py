"""Runs on disk: one folder each, with all that is needed to judge again and nothing secret.

history.jsonl  what the clients did    journal.jsonl  what control did    run.json  the drill, its facts, its seed
report.html, report.json, report.md, junit.xml  the verdict
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from altis_local.drill import evidence as facts_of
from altis_local.drill.evidence import Document, Evidence, Facts
from altis_local.drill.ledger import build, parse
from altis_local.drill.scenario import Scenario
from altis_local.errors import UsageError

WHERE = Path(".altis-local") / "drills"
"""In the project's folder."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run's folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def history(self) -> Path:
        return self.folder / "history.jsonl"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def save(self, scenario: Scenario, facts: Facts) -> None:
        document = {"schema": 1, "scenario": scenario.model_dump(mode="json"), "facts": facts_of.dump(facts)}
        (self.folder / "run.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def save_journal(self, events: Iterable[Document]) -> None:
        lines = "".join(json.dumps(event) + "\n" for event in events)
        (self.folder / "journal.jsonl").write_text(lines, encoding="utf-8")

    def load(self) -> tuple[Scenario, Evidence]:
        """All that is known of the run. Raises UsageError for a folder that holds none."""
        try:
            document = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
            scenario = Scenario.model_validate(document["scenario"])
            facts = facts_of.load(document["facts"])
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise UsageError(f"{self.folder} holds no run that can be judged: {exc}") from exc
        lines = self.history.read_text(encoding="utf-8").splitlines() if self.history.exists() else []
        return scenario, Evidence(facts, build(parse(lines)), self._journal())

    def _journal(self) -> tuple[Document, ...] | None:
        file = self.folder / "journal.jsonl"
        if not file.exists():
            return None
        return tuple(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def create(project: Path, drill: str, started_at: float) -> Run:
    """A new folder for a run that begins now."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started_at))
    for attempt in range(100):
        folder = project / WHERE / (f"{stamp}-{drill}" if not attempt else f"{stamp}-{drill}-{attempt + 1}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return Run(folder)
    raise UsageError(f"cannot make a folder for the run in {project / WHERE}")


def find(project: Path, name: str) -> Run:
    """A run by its folder's name or path, or the last one. Raises UsageError."""
    runs = sorted(project.joinpath(WHERE).glob("*/run.json"), key=lambda file: (file.stat().st_mtime, file))
    if name == "last":
        if not runs:
            raise UsageError("no drill was run here yet", hint="altis-local drill run db-writer-crash")
        return Run(runs[-1].parent)
    for folder in (project / WHERE / name, Path(name)):
        if (folder / "run.json").is_file():
            return Run(folder)
    known = ", ".join(file.parent.name for file in runs[-5:])
    raise UsageError(f"there is no run {name}", hint=f"the latest here: {known}" if known else "none was run here yet")
