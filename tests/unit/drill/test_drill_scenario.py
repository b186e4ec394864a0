"""Drill files: read whole, refused by plan, repeatable by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from altis_local.drill import scenario
from altis_local.drill.checks import CHECKS
from altis_local.errors import RefusedByPlan, UsageError
from altis_local.model.plans import PLANS
from altis_local.model.spec import BREAKABLE

CRASH = scenario.find("db-writer-crash")


def test_the_builtin_drills_are_there_and_make_every_check() -> None:
    assert [s.name for s in scenario.builtin()] == ["cavalcade-burst", "db-writer-crash", "web-scale"]
    assert {check.name for s in scenario.builtin() for check in s.checks} == CHECKS.keys()


def test_every_breakable_setting_has_its_drill() -> None:
    assert {s.twin.broken for s in scenario.builtin() if s.twin} == set(BREAKABLE)


def test_the_seed_settles_the_offsets() -> None:
    once, again = (scenario.schedule(CRASH, seed=3) for _ in range(2))
    assert once == again
    assert 4.0 <= once[0].offset <= 4.5
    assert scenario.schedule(CRASH, seed=4) != once


def test_the_twin_holds_the_receivers_first() -> None:
    first, then = scenario.schedule(CRASH, seed=3, broken=frozenset({"semi-sync"}))
    assert (first.fault.kind, then.fault.kind) == ("hold-receivers", "kill")
    assert round(then.offset - first.offset, 3) == first.fault.for_s == 1.0


@pytest.mark.parametrize("plan", ["local", "staging"])
def test_a_plan_without_readers_is_refused_with_the_reason(plan: str) -> None:
    with pytest.raises(RefusedByPlan, match="has no reader") as caught:
        scenario.refuse(CRASH, plan)
    assert caught.value.exit_code == 2
    assert "production-ha" in (caught.value.hint or "")


def test_the_right_plan_is_not_refused() -> None:
    scenario.refuse(CRASH, "production-ha")


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "name: Bad\nversion: 2\ndescription: x\nplans: []\n"
        "faults: [{kind: melt, target: db-1}]\nchecks: []\ncolour: red\n"
    )
    with pytest.raises(UsageError) as caught:
        scenario.find(str(file))
    for word in ("name", "version", "faults.0.kind", "colour"):
        assert word in str(caught.value)


def test_unknown_names_are_told(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    text = (scenario.folder() / "db-writer-crash.yaml").read_text()
    file.write_text(text.replace("enterprise", "huge").replace("one-writer", "one-wroter").replace("semi-sync", "glue"))
    with pytest.raises(UsageError, match=r"huge.*one-wroter.*glue"):
        scenario.load(file)


def test_a_duration_that_ends_before_the_fault_is_refused() -> None:
    assert scenario.lasting(CRASH, 9).workload.seconds == 9
    with pytest.raises(UsageError, match=r"comes 4\.5 s into a workload of 3 s"):
        scenario.lasting(CRASH, 3)


@pytest.mark.parametrize("name", ["nope", "nope.yaml"])
def test_an_unknown_drill_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError):
        scenario.find(name)


def test_a_broken_file_is_a_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("a: [")
    with pytest.raises(UsageError, match="not YAML"):
        scenario.load(file)


BURST, SCALE = scenario.find("cavalcade-burst"), scenario.find("web-scale")


@pytest.mark.parametrize(
    ("drill", "plan", "why"),
    [(SCALE, "local", "has just 1 web"), (BURST, "local", "has just 1 cavalcade"), (SCALE, "staging", "not among its")],
)
def test_a_plan_that_cannot_scale_is_refused_with_the_reason(drill: scenario.Scenario, plan: str, why: str) -> None:
    with pytest.raises(RefusedByPlan, match=why):
        scenario.refuse(drill, plan)


def test_faults_belong_to_a_stage(tmp_path: Path) -> None:
    (kill,) = scenario.schedule(SCALE, seed=1)
    assert (kill.stage, kill.fault.target) == ("rush", "web-b1")
    assert scenario.schedule(CRASH, seed=1)[0].stage == "work"
    file = tmp_path / "bad.yaml"
    text = (scenario.folder() / "web-scale.yaml").read_text()
    file.write_text(text.replace("stage: rush", "stage: rash"))
    with pytest.raises(UsageError, match="unknown stage 'rash'"):
        scenario.load(file)
    file.write_text(text.replace("at_s: 4.5", "at_s: 50"))
    with pytest.raises(UsageError, match=r"comes 50\.5 s into the stage rush of 12 s"):
        scenario.load(file)


def test_the_number_of_jobs_is_a_parameter() -> None:
    assert [stage.jobs for stage in scenario.with_jobs(BURST, 2000).stages] == [0, 2000, 0]
    with pytest.raises(UsageError, match="has no jobs"):
        scenario.with_jobs(SCALE, 5)
    with pytest.raises(UsageError, match="stages of web-scale"):
        scenario.lasting(SCALE, 5)


@pytest.mark.parametrize(("plan", "numbers"), [("production", [2, 3, 4, 2]), ("enterprise", [3, 3, 4, 3])])
def test_least_and_most_are_the_plans(plan: str, numbers: list[int]) -> None:
    assert [scenario.members(stage.until, PLANS[plan]) for stage in SCALE.stages if stage.until] == numbers


@pytest.mark.parametrize("writers", [1, 3])
def test_too_few_writers_would_measure_one_clients_pause(writers: int) -> None:
    with pytest.raises(ValueError, match="at least 4"):
        scenario.Workload(writers=writers)
