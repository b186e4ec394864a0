"""The write gap when the writer crashes: the drill db-writer-crash, made short, again and again on one environment.

Each run is the drill's own machinery (clients, SIGKILL, converge, final read) and its own judge, with the direct
writers alone. The gap is the longest time in which no client was acknowledged; an acknowledged write that is gone, or
any failed check, is shown with the run.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from altis_local.clients.log_stream import follow
from altis_local.drill import scenario
from altis_local.drill.figures import Gap
from altis_local.drill.judge import Judgement, judge
from altis_local.drill.run import Drilling, Tools
from altis_local.drill.scenario import Scenario
from altis_local.drill.store import Run
from altis_local.errors import ActionFailed
from altis_local.model.history import Verdict
from benchmarks.histories import client_time, errors
from benchmarks.stage import Stage
from benchmarks.values import Aim, Figure, Line, Sample

PLAN = "production-ha"
DRILL = "db-writer-crash"
_SITE_CHECKS = ("site-answered", "failed-requests")
"""They judge visitors and authors, who are not here; and errors are counted by client instead."""
_DIRECT = {"seconds": 3.0, "authors": 0, "visitors": 0, "edge_visitors": 0}


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="write_gap_writer_crash",
            runs=40,
            lines=(
                Line("value", "write gap, writer's process killed", "s", Aim("p95", 0.3)),
                Line("errors_per_client", "errors of the client that had most", "", Aim("max", 1)),
                Line("lost", "acknowledged writes lost", "", Aim("max", 0)),
                Line("converge", "from the crash until whole and protected again", "s"),
            ),
            measure=measure,
            prepare=lambda stage: stage.up(PLAN),
            shows_all=True,
        ),
    )


def quick(full: Scenario) -> Scenario:
    """The drill as short as it can be: the gap and the losses do not need a long workload."""
    data = full.model_dump(mode="json")
    data["workload"].update(_DIRECT)
    for fault in data["faults"]:
        fault.update(at_s=0.8, jitter_s=0.4)
    data["checks"] = [{**one, "most": None} for one in data["checks"] if one["name"] not in _SITE_CHECKS]
    return Scenario.model_validate(data)


def measure(stage: Stage) -> Sample:
    world = stage.up(PLAN).world
    seed = random.SystemRandom().randrange(1, 1_000_000)
    folder = stage.folder / f"{DRILL}-{seed}"
    folder.mkdir()
    run = Run(folder)
    tools = Tools(world, world.engine, world.reader, follow, world.clock, world.progress)
    Drilling(tools, quick(scenario.find(DRILL)), run, seed=seed).carry_out()
    judged = judge(*run.load())
    kept = _put_away(folder, stage.keep, judged)
    if judged.verdict is Verdict.UNKNOWN or judged.gap is None:
        return Sample(0.0, void=_why(judged) or "no write was acknowledged", more={"seed": seed, "kept": kept})
    return Sample(round(judged.gap.seconds, 4), more={**_more(judged, judged.gap), "seed": seed, "kept": kept})


def _more(judged: Judgement, gap: Gap) -> dict[str, Any]:
    """`began`: seconds from the kill to the gap's begin. Near zero, or the longest gap was not the crash's."""
    struck = judged.evidence.facts.struck
    if judged.lost is None:
        raise ActionFailed("the final read is missing, and the judge did not say so")
    return {
        "verdict": judged.verdict.value,
        "began": round(gap.begin - struck.mono, 3) if struck else None,
        "failed": _why(judged),
        "acknowledged": judged.acknowledged,
        "lost": len(judged.lost),
        **errors(judged.evidence.ledger.of("insert")),
        **client_time(judged.evidence.ledger.notes),
        "converge": judged.evidence.facts.converge_seconds,
        "duration": round(judged.evidence.facts.duration, 2),
    }


def _why(judged: Judgement) -> str:
    bad = (c for c in judged.checked if c.finding.verdict is not Verdict.OK)
    return "; ".join(f"{c.name}: {c.finding.detail}" for c in bad)


def _put_away(folder: Path, keep: Path, judged: Judgement) -> str | None:
    """Evidence of a run that was not `ok` is kept; the name of its folder."""
    if judged.verdict is Verdict.OK:
        shutil.rmtree(folder)
        return None
    keep.mkdir(parents=True, exist_ok=True)
    shutil.move(folder, keep / folder.name)
    return folder.name
