"""Stages wait for a role's number, keep what they saw, and end a run that does not get there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from drill_histories import EPOCH

from altis_local.drill import scenario
from altis_local.drill.course import Course
from altis_local.drill.staging import Staging
from altis_local.errors import Unreachable

SCALE = scenario.find("web-scale")
CALM, _, RUSH, EBB = SCALE.stages


class Clock:
    """Sleeping is free here."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return EPOCH + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += max(seconds, 0.01)


def status(**states: str) -> dict[str, Any]:
    rows = [{"member": name.replace("_", "-"), "role": "web", "state": state} for name, state in states.items()]
    rows.append({"member": "db-1", "role": "db", "state": "healthy"})
    return {"members": rows, "scaling": {"web": {"automatic": True, "load": 0.3, "target": 0.6}}}


def healthy(count: int) -> dict[str, Any]:
    return status(**{f"web_a{n}": "healthy" for n in range(count)})


class Play:
    """One stage on a world that answers with what is given, the last of it for ever."""

    def __init__(self, stage: scenario.Stage, *answers: Mapping[str, Any] | Exception) -> None:
        self.clock, self.course = Clock(), Course(EPOCH)
        self.course.before = {"plan": "production"}
        self._answers = list(answers)
        self.staging = Staging(SCALE, self._status, self.clock, self.course)
        self.staging.begin(stage)
        self.reached = self.staging.wait()
        self.staging.end(self.reached)

    def _status(self) -> Mapping[str, Any]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def draining() -> dict[str, Any]:
    return status(web_a1="healthy", web_b1="healthy", web_a2="draining")


@pytest.mark.parametrize(
    ("stage", "last", "reached"),
    [
        (CALM, healthy(2), True),
        (CALM, healthy(3), False),
        (RUSH, healthy(3), False),
        (RUSH, healthy(4), True),
        (RUSH, healthy(5), True),
        (EBB, draining(), False),
        (EBB, status(web_a1="healthy", web_b1="starting"), False),
        (EBB, Unreachable("gone", member="control"), False),
    ],
    ids=["least", "still more", "too few", "enough", "more than asked for", "draining", "starting", "silent"],
)
def test_when_a_stage_has_its_number(stage: scenario.Stage, last: dict[str, Any], reached: bool) -> None:
    play = Play(stage, healthy(3), last)
    assert (play.reached is not None) == reached
    (mark,) = play.course.stages
    assert (mark.name, mark.role, mark.members) == (stage.name, "web", 4 if stage is RUSH else 2)
    assert stage.until is not None
    assert mark.end >= stage.until.within_s if not reached else mark.end < stage.until.within_s


def test_what_is_news_is_kept() -> None:
    play = Play(RUSH, healthy(2), healthy(2), Unreachable("gone", member="control"), healthy(3), healthy(4))
    assert [len(sample.of("web")) for sample in play.course.samples] == [2, 3, 4]
    assert {sample.load["web"] for sample in play.course.samples} == {0.5}


def test_staying_goes_on_looking() -> None:
    play = Play(RUSH, healthy(4), healthy(4), healthy(3), healthy(4))
    play.staging.stay(play.clock.monotonic() + 3.0)
    assert [len(sample.of("web")) for sample in play.course.samples] == [4, 3, 4]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(lambda s: s, ""), (lambda s: s | {"scaling": {"web": {"automatic": False, "why": "asked for"}}}, "asked for")],
    ids=["automatic", "by hand"],
)
def test_a_number_that_somebody_asked_for_is_not_steady(
    spoil: Callable[[dict[str, Any]], dict[str, Any]], why: str
) -> None:
    said = Play(CALM, healthy(2)).staging.unsteady(spoil(healthy(2)))
    assert said == (f"web does not follow its load: {why}" if why else "")
