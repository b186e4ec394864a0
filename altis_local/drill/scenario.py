"""Drill files: what a drill does, as YAML data. Read by the command line and by `run`.

Files are checked whole: one error lists every problem. What a plan cannot run is refused with the reason. Nothing here
touches an environment.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from altis_local.drill.checks import CHECKS
from altis_local.environment.paths import shipped
from altis_local.errors import RefusedByPlan, UsageError
from altis_local.model.plans import PLANS
from altis_local.model.spec import BREAKABLE

Seconds = Annotated[float, Field(ge=0, le=3600)]
Count = Annotated[int, Field(ge=0, le=64)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Steady(_Strict):
    """What must hold before anything is broken; else the verdict is unknown."""

    protected: bool = False
    within_s: Seconds = 20


class Workload(_Strict):
    """How many clients of each kind work, for how long, and the bound on their operations."""

    seconds: Annotated[float, Field(ge=1, le=600)] = 12
    writers: Annotated[int, Field(ge=4, le=64)] = 6
    """At least four: a write gap seen by fewer would measure one client's back-off."""
    authors: Count = 0
    visitors: Count = 0
    edge_visitors: Count = 0
    pause_ms: Annotated[float, Field(ge=0, le=1000)] = 10
    operations: Annotated[int, Field(ge=1, le=500_000)] = 30_000


class Fault(_Strict):
    """One fault. `at_s` counts from the moment when the clients are at work; `jitter_s` adds a seeded part of it."""

    kind: Literal["kill", "pause", "hold-receivers"]
    target: str
    at_s: Seconds = 0
    for_s: Seconds = 0
    jitter_s: Seconds = 0


class Twin(_Strict):
    """The broken twin: the faults on an environment made with `broken`, each `for_s` before the drill's first."""

    broken: str
    first: tuple[Fault, ...] = ()


class Check(_Strict):
    """A check by name, with its budget where it has one."""

    name: str
    most: float | None = None


class Scenario(_Strict):
    """A whole drill file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    version: Literal[1]
    description: str
    plans: tuple[str, ...]
    steady: Steady = Steady()
    workload: Workload = Workload()
    faults: tuple[Fault, ...]
    twin: Twin | None = None
    converge_s: Seconds = 120
    checks: tuple[Check, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        wrong = [f"unknown plan {name!r}" for name in self.plans if name not in PLANS]
        wrong += [f"unknown check {check.name!r}" for check in self.checks if check.name not in CHECKS]
        if self.twin and self.twin.broken not in BREAKABLE:
            wrong.append(f"{self.twin.broken!r} is nothing that `start --broken` can break")
        wrong += [
            f"fault {fault.kind} comes {fault.at_s + fault.jitter_s:g} s into a workload of {self.workload.seconds:g} s"
            for fault in self.faults
            if fault.at_s + fault.jitter_s >= self.workload.seconds
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


@dataclass(frozen=True, slots=True)
class Timed:
    """A fault with its offset settled by the seed."""

    fault: Fault
    offset: float


def schedule(scenario: Scenario, *, seed: int, broken: frozenset[str] = frozenset()) -> tuple[Timed, ...]:
    """The faults of one run in order. The same seed gives the same offsets; the twin's faults come first."""
    dice = random.Random(seed)  # noqa: S311  repeatable on purpose, guards nothing
    timed = sorted(
        (Timed(fault, round(fault.at_s + dice.uniform(0, fault.jitter_s), 3)) for fault in scenario.faults),
        key=lambda item: item.offset,
    )
    if scenario.twin and scenario.twin.broken in broken and timed:
        first = [Timed(fault, timed[0].offset - fault.for_s) for fault in scenario.twin.first]
        timed = [*first, *timed]
    return tuple(timed)


def lasting(scenario: Scenario, seconds: float) -> Scenario:
    """The same drill with a workload of another length, checked again."""
    data = scenario.model_dump()
    data["workload"]["seconds"] = seconds
    return _checked(data, "--duration")


def refuse(scenario: Scenario, plan: str) -> None:
    """Raise RefusedByPlan where the plan cannot run this drill."""
    if plan in scenario.plans:
        return
    why = "has no reader that could take over" if not PLANS[plan].readers.least else "is not among its plans"
    raise RefusedByPlan(
        f"the drill {scenario.name} cannot run here: plan {plan} {why}",
        hint=f"start an environment that can: altis-local -p drill start --plan {scenario.plans[0]}",
    )


def load(path: Path) -> Scenario:
    """Read one drill file. Raises UsageError with every problem."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise UsageError(f"cannot read the drill file {path}: {exc.strerror}") from exc
    except yaml.YAMLError as exc:
        raise UsageError(f"{path} is not YAML: {exc}") from exc
    return _checked(data, str(path))


def _checked(data: object, source: str) -> Scenario:
    try:
        return Scenario.model_validate(data)
    except ValidationError as exc:
        found = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in exc.errors()]
        problems = [f"{where}: {what}" if where else what for where, what in found]
        raise UsageError(f"{source}: " + "; ".join(problems)) from exc


def builtin() -> tuple[Scenario, ...]:
    """Every drill that comes with the package, by name."""
    return tuple(load(path) for path in sorted((shipped() / "fixtures" / "drills").glob("*.yaml")))


def find(name: str) -> Scenario:
    """A drill by its name, or by the path of a drill file."""
    if name.endswith((".yaml", ".yml")):
        return load(Path(name))
    known = {scenario.name: scenario for scenario in builtin()}
    if name not in known:
        raise UsageError(f"no drill is called {name!r}", hint=f"drills here: {', '.join(known)}")
    return known[name]
