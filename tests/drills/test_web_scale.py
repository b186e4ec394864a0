"""Load comes and goes on a real production: the sound one serves every request, its broken twin cuts some."""

from __future__ import annotations

import pytest

from altis_local.drill import scenario
from altis_local.environment import Environment
from altis_local.model.history import Verdict
from tests.drills.conftest import SOUND, TWIN, Drill

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

SCALE = scenario.find("web-scale")
SHORT = SCALE.model_copy(
    update={
        "stages": tuple(stage for stage in SCALE.stages if stage.name != "rush"),
        "faults": (),
        "checks": tuple(check for check in SCALE.checks if check.name not in ("fault-struck", "killed-replaced")),
    }
)
"""To three containers and back, and none is killed: enough to lose what one does that goes."""


@SOUND
def test_web_follows_the_load_and_nobody_notices(production: Environment, drill: Drill) -> None:
    judged = drill(production, SCALE, 1)
    assert judged.verdict is Verdict.OK, [c for c in judged.checked if c.finding.verdict is not Verdict.OK]
    assert judged.failed == ()
    assert (judged.changes[0].before, max(c.after for c in judged.changes), judged.changes[-1].after) == (2, 4, 2)
    assert {"page", "visit", "busy", "form"} == {a.kind for a in judged.evidence.ledger.attempts}


@TWIN
def test_without_draining_requests_are_cut(production: Environment, drill: Drill) -> None:
    judged = drill(production, SHORT, 1)
    assert judged.verdict is Verdict.FAILED
    failed = [c.name for c in judged.checked if c.finding.verdict is Verdict.FAILED]
    assert "failed-requests" in failed
    # Those that nobody may ask for twice are sure to be cut. For the others the load balancer asks again, which mostly
    # helps; not where the answer had begun, or the next one it asked was gone too.
    assert "form" in {a.kind for a in judged.failed}
