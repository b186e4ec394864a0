"""Jobs come due at once on a real production: each runs once, and more than once where the lock is broken."""

from __future__ import annotations

import pytest

from altis_local.drill import scenario
from altis_local.drill.scenario import Until
from altis_local.environment import Environment
from altis_local.model.history import Verdict
from tests.drills.conftest import SOUND, TWIN, Drill

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

BURST = scenario.find("cavalcade-burst")
CALM, PEAK, _ = scenario.with_jobs(BURST, 60).stages
TWO = Until(role="cavalcade", members=2, within_s=120)
FEW = BURST.model_copy(update={"stages": (CALM, PEAK.model_copy(update={"until": TWO}))})
"""Enough for two runners that ignore the lock to meet; what they do twice takes time. Nobody waits until they go."""


@SOUND
def test_each_job_runs_once_while_containers_rise_and_fall(production: Environment, drill: Drill) -> None:
    judged = drill(production, BURST, 1)
    assert judged.verdict is Verdict.OK, [c for c in judged.checked if c.finding.verdict is not Verdict.OK]
    assert judged.jobs is not None
    assert judged.jobs.asked >= 300
    assert (judged.changes[0].before, max(c.after for c in judged.changes), judged.changes[-1].after) == (1, 4, 1)


@TWIN
def test_without_the_lock_jobs_run_twice(production: Environment, drill: Drill) -> None:
    judged = drill(production, FEW, 1)
    assert judged.verdict is Verdict.FAILED
    assert judged.jobs is not None
    assert judged.jobs.twice
    assert "jobs-ran-once" in [c.name for c in judged.checked if c.finding.verdict is Verdict.FAILED]
