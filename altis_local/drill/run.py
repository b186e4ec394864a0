"""One run of a drill: steady state, clients, faults, heal, converge, final read. Then the verdict is the judge's.

Called by the command line, the pytest plugin and benchmarks. It works through narrow protocols, asks control for
nothing but its status and journal, and whatever happens it heals what it broke and takes its clients away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from altis_local.clients.engine_reader import Found
from altis_local.clock import Clock, Deadline, wait_until
from altis_local.drill import setting as settings
from altis_local.drill.carrier import Carrier, Follow
from altis_local.drill.course import Course
from altis_local.drill.evidence import Document, FaultMark, PhaseMark
from altis_local.drill.faults import Faults, Hands
from altis_local.drill.scenario import Scenario, Stage, Timed, refuse, schedule
from altis_local.drill.setting import Setting
from altis_local.drill.staging import Staging
from altis_local.drill.store import Run
from altis_local.drill.targets import resolve
from altis_local.environment.progress import Progress
from altis_local.errors import ActionFailed, AltisError
from altis_local.model.faults import Fault

WORK_WITHIN = 45.0
"""Seconds for the clients' container to start and for each client to be acknowledged once."""
STRIKE_WITHIN = 30.0
"""Seconds after which a fault that is still being applied is waited for without looking at anything else."""
END_WITHIN = 25.0
"""Seconds for the clients to end their last operation."""
READ_WITHIN = 90.0
ARM = 1.5
"""Seconds before its moment that a fault is armed: by then its shell waits inside the target."""


class World(Protocol):
    """The environment, as far as a drill may know it."""

    @property
    def name(self) -> str: ...
    def status(self) -> Mapping[str, Any]: ...
    def journal(self, after: int = 0) -> Sequence[Document]: ...


class Eyes(Protocol):
    """What tells which containers there are, and a container's variables."""

    def containers(self, environment: str | None = None) -> tuple[Found, ...]: ...
    def environment_of(self, container: str) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run works with."""

    world: World
    hands: Hands
    eyes: Eyes
    follow: Follow
    clock: Clock
    progress: Progress


class Drilling:
    """Runs one scenario on one environment into one folder."""

    def __init__(self, tools: Tools, scenario: Scenario, run: Run, *, seed: int) -> None:
        self._tools = tools
        self._scenario = scenario
        self._run = run
        self._seed = seed
        self._clock = tools.clock
        self._faults = Faults(tools.world.name, tools.hands, tools.eyes, tools.clock)
        self._to_heal: list[Callable[[], object]] = []
        self._course = Course(tools.clock.now())
        self._began = tools.clock.monotonic()
        self._planned = len(scenario.faults)
        self._staging = Staging(scenario, tools.world.status, tools.clock, self._course)

    def carry_out(self) -> None:
        """Do it all; the folder then holds what the judge needs, also when this raises.

        What keeps a drill from being carried out is no error but a trouble of the run: its verdict is unknown then.
        Raises RefusedByPlan, and whatever the environment answers before anything has begun.
        """
        status = self._tools.world.status()
        refuse(self._scenario, str(status.get("plan")))
        sequence = int(status.get("sequence") or 0)
        try:
            if self._steady():
                self._exercise()
        except KeyboardInterrupt:
            self._course.troubles.append("the drill was interrupted")
            raise
        except AltisError as exc:
            self._course.note_trouble(exc)
        finally:
            self._save(sequence)

    # -- phases

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        self._tools.progress.phase(name)
        begin = self._clock.monotonic()
        try:
            yield
        finally:
            self._course.phases.append(PhaseMark(name, begin, self._clock.monotonic()))
            self._tools.progress.end()

    def _steady(self) -> bool:
        with self._phase("steady state"):
            deadline = Deadline.after(self._scenario.steady.within_s, self._clock)
            wait_until(lambda: not self._unsteady(), deadline, every=0.2)
            self._course.unsteady = self._unsteady()
        return not self._course.unsteady

    def _unsteady(self) -> str:
        """Why the drill cannot begin; "" when it can."""
        self._course.before = status = self._tools.world.status()
        if not status.get("converged"):
            return "the environment is not converged"
        if self._scenario.steady.protected and status.get("protected") is not True:
            return "the database is not protected: no promise could be kept"
        if held := self._faults.active():
            return f"another fault is on: {held[0].id}"
        return self._staging.unsteady(status)

    def _exercise(self) -> None:
        where = self._look()
        try:
            self._work(where)
        except ActionFailed as exc:
            self._course.note_trouble(exc)
        self._converge()
        if self._scenario.leaves_something:
            self._read(where)

    def _look(self) -> Setting:
        containers = self._tools.eyes.containers(self._tools.world.name)
        web = next((c for c in containers if c.role == "web" and c.kind == "member"), None)
        if web is None:
            raise ActionFailed("there is no web container")
        variables = self._tools.eyes.environment_of(web.id)
        return settings.look(self._tools.world.name, containers, self._course.before, variables)

    @property
    def _id(self) -> str:
        """Names the clients' rows, posts and containers."""
        return f"{int(self._course.started_at):x}"

    def _work(self, where: Setting) -> None:
        told = settings.config(where, self._scenario, mode="write", run=self._id, seed=self._seed)
        carrier = Carrier(self._tools.hands, self._tools.follow, self._run.history)
        try:
            with self._phase("clients get to work"):
                carrier.start(settings.request(where, told))
                carrier.wait_at_work(WORK_WITHIN)
            self._play(carrier)
            with self._phase("clients end"):
                carrier.stop()
                if not carrier.wait_ended(END_WITHIN):
                    raise ActionFailed("the clients did not end in time", hint=carrier.problem or None)
        finally:
            self._heal()
            carrier.stop()
            carrier.remove()

    def _play(self, carrier: Carrier) -> None:
        """Stage after stage; one that does not get what it waits for is the last."""
        broken = frozenset(self._course.before.get("broken") or ())
        timed = schedule(self._scenario, seed=self._seed, broken=broken)
        self._planned = len(timed)
        for number, stage in enumerate(self._scenario.staged()):
            if number:
                carrier.next_stage()
            self._staging.begin(stage)
            with self._phase(_waiting(stage)):
                reached = self._staging.wait()
            if reached is not None:
                self._strike(reached, [one for one in timed if one.stage == stage.name])
                with self._phase("clients go on"):
                    self._staging.stay(reached + stage.for_s)
            self._staging.end(reached)
            if reached is None:
                return

    def _strike(self, begin: float, timed: Sequence[Timed]) -> None:
        if not timed:
            return
        with self._phase("clients at work"):
            self._staging.stay(begin + timed[0].offset - ARM)
        names = " + ".join(f"{one.fault.kind} {one.fault.target}" for one in timed)
        with self._phase(names), ThreadPoolExecutor(len(timed)) as pool:
            # Side by side, since each is armed before its moment and waits for it.
            struck = [pool.submit(self._apply, one, begin + one.offset) for one in timed]
            self._staging.watch(lambda: all(one.done() for one in struck), STRIKE_WITHIN)
            for one in struck:
                one.result()

    def _pass_until(self, moment: float) -> None:
        self._clock.sleep(max(0.0, moment - self._clock.monotonic()))

    def _apply(self, one: Timed, moment: float) -> None:
        """Aim before the moment, strike at it, and note what was really done when."""
        self._pass_until(moment - ARM)
        fault, world = one.fault, self._tools.world
        targets = resolve(fault.target, self._tools.eyes.containers(world.name), world.status())
        ahead = self._clock.now() - self._clock.monotonic()
        at = moment + ahead
        match fault.kind:
            case "kill":
                at = self._faults.kill(targets, at=at)
            case "pause":
                self._pass_until(moment)
                at = self._clock.now()
                self._forget_later(self._faults.pause(targets, fault.for_s))
            case "hold-receivers":
                self._to_heal.append(lambda: self._faults.release_receivers(targets))
                at = self._faults.hold_receivers(targets, at=at)
        names = tuple(t.member for t in targets)
        self._tools.progress.detail(f"{fault.kind}: {', '.join(names)}")
        self._course.faults.append(FaultMark(fault.kind, fault.target, names, at, at - ahead, True))

    def _forget_later(self, held: Sequence[Fault]) -> None:
        for one in held:
            self._to_heal.append(lambda name=one.id: self._faults.clear(name))  # type: ignore[misc]

    def _heal(self) -> None:
        """Undo every fault. One that cannot be undone must not keep the others: its lease ends it."""
        while self._to_heal:
            try:
                self._to_heal.pop()()
            except AltisError as exc:
                self._course.troubles.append(f"healing: {exc}")

    def _converge(self) -> None:
        with self._phase("converging"):
            deadline = Deadline.after(self._scenario.converge_s, self._clock)
            self._course.converged = wait_until(self._is_whole, deadline, every=0.25)

    def _is_whole(self) -> bool:
        try:
            self._course.after = status = self._tools.world.status()
        except AltisError:
            return False  # control may be what was broken
        before = self._course.before
        return bool(status.get("converged")) and status.get("protected") == before.get("protected")

    def _read(self, where: Setting) -> None:
        told = settings.config(where, self._scenario, mode="read", run=self._id, seed=self._seed)
        carrier = Carrier(self._tools.hands, self._tools.follow, self._run.history)
        with self._phase("final read"):
            try:
                carrier.start(settings.request(where, told))
                if not carrier.wait_ended(READ_WITHIN):
                    self._course.troubles.append(f"the final read did not end: {carrier.problem}")
            finally:
                carrier.remove()

    # -- what is kept

    def _save(self, sequence: int) -> None:
        journal = self._journal(sequence)
        if journal is not None:
            self._run.save_journal(journal)
            self._course.note_convergence(journal)
        facts = self._course.facts(
            drill=self._scenario.name,
            environment=self._tools.world.name,
            seed=self._seed,
            planned=self._planned,
            duration=self._clock.monotonic() - self._began,
        )
        self._run.save(self._scenario, facts)

    def _journal(self, after: int) -> list[Document] | None:
        events: list[Document] = []
        try:
            while more := self._tools.world.journal(after):
                events += more
                after = int(more[-1]["sequence"])
        except AltisError as exc:
            self._course.troubles.append(f"the journal could not be read: {exc}")
            return None
        return events


def _waiting(stage: Stage) -> str:
    if stage.until is None:
        return stage.name
    return f"{stage.name}: until {stage.until.members} {stage.until.role}"
