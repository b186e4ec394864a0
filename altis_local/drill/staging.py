"""Takes a run from stage to stage: waits until a role has so many members, and notes who was there all the while.

Used by `run`. It only looks: the load of a stage is the clients', and what comes of it is control's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from altis_local.clock import Clock, Deadline, wait_until
from altis_local.drill.course import Course
from altis_local.drill.evidence import Document, Sample, StageMark
from altis_local.drill.scenario import Scenario, Stage, members
from altis_local.errors import AltisError
from altis_local.model.plans import PLANS

LOOK = 0.3
"""Seconds between two looks; control itself looks once a second when all is well."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage under way: when it began, and the number of whose members it waits for."""

    stage: Stage
    role: str
    members: int
    at: float
    begin: float

    @property
    def is_exact(self) -> bool:
        """On the way down it is to be just so many. On the way up more will do: the load may ask for them at once."""
        return self.stage.until is not None and self.stage.until.members == "least"


class Staging:
    """The stages of one run. `status` gives control's status document."""

    def __init__(
        self, scenario: Scenario, status: Callable[[], Mapping[str, Any]], clock: Clock, course: Course
    ) -> None:
        self._roles: tuple[str, ...] = tuple(
            dict.fromkeys(stage.until.role for stage in scenario.stages if stage.until)
        )
        self._status = status
        self._clock = clock
        self._course = course
        self._now: Standing | None = None

    def begin(self, stage: Stage) -> None:
        plan = PLANS.get(str(self._course.before.get("plan")))
        wanted = members(stage.until, plan) if stage.until and plan else 0
        role = stage.until.role if stage.until else ""
        self._now = Standing(stage, role, wanted, self._clock.now(), self._clock.monotonic())

    def wait(self) -> float | None:
        """The moment at which the stage has got what it waits for (monotonic); None when it does not come in time."""
        now = self._now
        assert now is not None
        until = now.stage.until
        if until is None:
            return self._clock.monotonic()
        deadline = Deadline(now.begin + until.within_s, self._clock)
        return self._clock.monotonic() if wait_until(self._is_reached, deadline, every=LOOK) else None

    def stay(self, moment: float) -> None:
        """Until that moment (monotonic), looking."""
        if self._roles:
            self.watch(lambda: False, moment - self._clock.monotonic())
        else:
            self._clock.sleep(max(0.0, moment - self._clock.monotonic()))

    def watch(self, is_over: Callable[[], bool], within: float) -> None:
        """Look until it is over, where there is something to look at; it does not hold up who has nothing."""

        def look() -> bool:
            if is_over():
                return True
            self._look()
            return False

        if self._roles:
            wait_until(look, Deadline.after(max(0.0, within), self._clock), every=LOOK)

    def end(self, reached: float | None) -> None:
        now = self._now
        assert now is not None
        mark = StageMark(now.stage.name, now.at, now.begin, now.role, now.members, reached, self._clock.monotonic())
        self._course.stages.append(mark)

    def unsteady(self, status: Document) -> str:
        """Why the stages could not come about; "" where they can."""
        scaling = status.get("scaling") or {}
        fixed = next((role for role in self._roles if not (scaling.get(role) or {}).get("automatic", True)), None)
        return f"{fixed} does not follow its load: {scaling[fixed].get('why')}" if fixed else ""

    def _is_reached(self) -> bool:
        now = self._now
        status = self._look()
        if status is None or now is None:
            return False
        states = [row.get("state") for row in status.get("members", ()) if row.get("role") == now.role]
        is_enough = len(states) == now.members if now.is_exact else len(states) >= now.members
        return is_enough and set(states) == {"healthy"}

    def _look(self) -> Mapping[str, Any] | None:
        """The status; what it says of the roles is kept where it is news."""
        try:
            status = self._status()
        except AltisError:
            return None
        rows = [row for row in status.get("members", ()) if row.get("role") in self._roles]
        states = {str(row["member"]): str(row.get("state")) for row in rows}
        scaling = status.get("scaling") or {}
        load = {role: value for role in self._roles if (value := _load(scaling.get(role) or {})) is not None}
        last = self._course.samples[-1] if self._course.samples else None
        if states and (last is None or (last.members, last.load) != (states, load)):
            self._course.samples.append(Sample(self._clock.monotonic(), states, load))
        return status


def _load(scaling: Mapping[str, Any]) -> float | None:
    """A role's load in units of its target; None where it is not known."""
    load, target = scaling.get("load"), scaling.get("target")
    return None if load is None or not target else round(float(load) / float(target), 3)
