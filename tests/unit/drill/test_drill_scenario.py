"""Drill files: read whole, refused by plan, repeatable by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from altis_local.drill import scenario
from altis_local.errors import RefusedByPlan, UsageError

CRASH = scenario.find("db-writer-crash")


def test_the_builtin_drill_is_there_with_every_check() -> None:
    assert [s.name for s in scenario.builtin()] == ["db-writer-crash"]
    assert len(CRASH.checks) == 11


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
    text = (scenario.FOLDER / "db-writer-crash.yaml").read_text()
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
