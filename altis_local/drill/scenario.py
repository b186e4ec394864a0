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
from altis_local.model.plans import PLANS, SCALABLE, Plan, bounds
from altis_local.model.spec import BREAKABLE

Seconds = Annotated[float, Field(ge=0, le=3600)]
Count = Annotated[int, Field(ge=0, le=64)]


LEAST_WRITERS = 4


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Steady(_Strict):
    """What must hold before anything is broken; else the verdict is unknown."""

    protected: bool = False
    within_s: Seconds = 20


class Workload(_Strict):
    """How many clients of each kind work, for how long, and the bound on their operations."""

    seconds: Annotated[float, Field(ge=1, le=600)] = 12
    """Where the drill has stages they say how long."""
    writers: Count = 6
    """None or at least four: a write gap seen by fewer would measure one client's back-off."""
    authors: Count = 0
    visitors: Count = 0
    """They ask a load balancer for pages that no cache can answer."""
    cdn_visitors: Count = 0
    """They ask the CDN for such pages."""
    edge_visitors: Count = 0
    """They ask the CDN for the front page, which it has."""
    pause_ms: Annotated[float, Field(ge=0, le=1000)] = 10
    think_ms: Annotated[float, Field(ge=0, le=10_000)] = 50
    """Between two pages of a visitor."""
    operations: Annotated[int, Field(ge=1, le=500_000)] = 30_000

    @model_validator(mode="after")
    def _writers_are_enough(self) -> Self:
        if 0 < self.writers < LEAST_WRITERS:
            raise ValueError(f"{self.writers} writers: none, or at least {LEAST_WRITERS}")
        return self


class Until(_Strict):
    """A role has so many members or more, all of them healthy. `most` is the plan's number; so is `least`, which allows
    no more."""

    role: Literal["web", "cavalcade"]
    members: Literal["least", "most"] | Annotated[int, Field(ge=1, le=16)]
    within_s: Seconds = 60


class Stage(_Strict):
    """A part of the run, with load of its own. It waits for `until`, then goes on for `for_s`; then comes the next."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    for_s: Seconds = 0
    until: Until | None = None
    busy: Count = 0
    """Visitors at the CDN who always wait for a page that takes its time."""
    forms: Count = 0
    """The same with a POST, which nobody may ask for twice."""
    jobs: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Scheduled jobs, all due when the stage begins."""
    jobs_kept: Count = 0
    """Whenever fewer are due or running, more come due: so many are under way all the time, however fast they go."""
    job_s: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds that a job takes, at most; half of it at least."""

    @property
    def most_seconds(self) -> float:
        return self.for_s + (self.until.within_s if self.until else 0)


class Fault(_Strict):
    """One fault. `at_s` counts from the moment when the clients are at work, or from where its stage has got what it
    waits for; `jitter_s` adds a seeded part of it."""

    kind: Literal["kill", "pause", "hold-receivers"]
    target: str
    stage: str = ""
    """The first one unless named."""
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
    stages: tuple[Stage, ...] = ()
    faults: tuple[Fault, ...] = ()
    twin: Twin | None = None
    converge_s: Seconds = 120
    checks: tuple[Check, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        wrong = [f"unknown plan {name!r}" for name in self.plans if name not in PLANS]
        wrong += [f"unknown check {check.name!r}" for check in self.checks if check.name not in CHECKS]
        if self.twin and self.twin.broken not in BREAKABLE:
            wrong.append(f"{self.twin.broken!r} is nothing that `start --broken` can break")
        wrong += [problem for fault in self.faults if (problem := self._misplaced(fault))]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _misplaced(self, fault: Fault) -> str:
        stage = next((stage for stage in self.staged() if fault.stage in ("", stage.name)), None)
        if stage is None:
            return f"fault {fault.kind} belongs to the unknown stage {fault.stage!r}"
        if fault.at_s + fault.jitter_s < stage.for_s:
            return ""
        where = f"the stage {stage.name}" if self.stages else "a workload"
        return f"fault {fault.kind} comes {fault.at_s + fault.jitter_s:g} s into {where} of {stage.for_s:g} s"

    def staged(self) -> tuple[Stage, ...]:
        """The stages; a drill that names none has one, as long as its workload."""
        return self.stages or (Stage(name="work", for_s=self.workload.seconds),)

    @property
    def leaves_something(self) -> bool:
        """Whether there is anything to read when all is quiet again."""
        work = self.workload
        return bool(work.writers or work.authors or any(stage.jobs or stage.jobs_kept for stage in self.stages))

    @property
    def most_seconds(self) -> float:
        """How long the clients may be needed."""
        return sum(stage.most_seconds for stage in self.staged())


@dataclass(frozen=True, slots=True)
class Timed:
    """A fault with its offset settled by the seed, from the moment that its stage counts from."""

    fault: Fault
    offset: float
    stage: str


def schedule(scenario: Scenario, *, seed: int, broken: frozenset[str] = frozenset()) -> tuple[Timed, ...]:
    """The faults of one run in order. The same seed gives the same offsets; the twin's faults come first."""
    dice = random.Random(seed)  # noqa: S311  repeatable on purpose, guards nothing
    names = [stage.name for stage in scenario.staged()]
    timed = sorted(
        (
            Timed(fault, round(fault.at_s + dice.uniform(0, fault.jitter_s), 3), fault.stage or names[0])
            for fault in scenario.faults
        ),
        key=lambda item: (names.index(item.stage), item.offset),
    )
    if scenario.twin and scenario.twin.broken in broken and timed:
        begin = timed[0]
        first = [Timed(fault, begin.offset - fault.for_s, begin.stage) for fault in scenario.twin.first]
        timed = [*first, *timed]
    return tuple(timed)


def lasting(scenario: Scenario, seconds: float) -> Scenario:
    """The same drill with a workload of another length, checked again."""
    if scenario.stages:
        raise UsageError(f"the stages of {scenario.name} say how long it lasts", hint="leave --duration out")
    data = scenario.model_dump()
    data["workload"]["seconds"] = seconds
    return _checked(data, "--duration")


def with_jobs(scenario: Scenario, count: int) -> Scenario:
    """The same drill with another number of jobs that are due at once, checked again."""
    data = scenario.model_dump()
    bursts = [stage for stage in data["stages"] if stage["jobs"]]
    if not bursts:
        raise UsageError(f"{scenario.name} has no jobs", hint="leave --jobs out")
    for stage in bursts:
        stage["jobs"] = count
    return _checked(data, "--jobs")


def members(until: Until, plan: Plan) -> int:
    """The number that is waited for."""
    limits = bounds(plan, until.role)
    return {"least": limits.least, "most": limits.most}.get(str(until.members)) or int(until.members)


def refuse(scenario: Scenario, plan: str) -> None:
    """Raise RefusedByPlan where the plan cannot run this drill."""
    if plan in scenario.plans:
        return
    raise RefusedByPlan(
        f"the drill {scenario.name} cannot run here: plan {plan} {_why_not(scenario, PLANS[plan])}",
        hint=f"start another that can: altis-local -p NAME start --plan {scenario.plans[0]}",
    )


def _why_not(scenario: Scenario, plan: Plan) -> str:
    fixed = [role for role in SCALABLE if bounds(plan, role).least == bounds(plan, role).most]
    if role := next((s.until.role for s in scenario.stages if s.until and s.until.role in fixed), None):
        return f"has just {bounds(plan, role).least} {role}, whatever the load"
    if not scenario.stages and not plan.readers.least:
        return "has no reader that could take over"
    return "is not among its plans"


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


def folder() -> Path:
    """Where the built-in drills are."""
    return shipped() / "fixtures" / "drills"


def builtin() -> tuple[Scenario, ...]:
    """Every drill that comes with the package, by name."""
    return tuple(load(path) for path in sorted(folder().glob("*.yaml")))


def find(name: str) -> Scenario:
    """A drill by its name, or by the path of a drill file."""
    if name.endswith((".yaml", ".yml")):
        return load(Path(name))
    known = {scenario.name: scenario for scenario in builtin()}
    if name not in known:
        raise UsageError(f"no drill is called {name!r}", hint=f"drills here: {', '.join(known)}")
    return known[name]
