"""The loop: one turn after another, each observe → decide → act. Woken by events, else once in IDLE seconds.

Called by control's main, or in-process by tests. Killing it at any instant loses nothing: the next turn of the next
process rediscovers everything; only the Spec and the protection record are kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue

from altis_local.act.context import Context, EngineWriter, Writers
from altis_local.act.execute import execute
from altis_local.clock import Clock
from altis_local.control.executor import Executor
from altis_local.control.journal import Journal
from altis_local.control.store import Store
from altis_local.decide import database, draining, renewal, scaling, turn
from altis_local.decide.diagnosis import diagnose
from altis_local.errors import AltisError
from altis_local.model.actions import SignalMember, StartMember, Steps
from altis_local.model.history import Event, Recent, advance
from altis_local.model.spec import Spec
from altis_local.model.state import Snapshot
from altis_local.observe.observer import Observer

IDLE = 1.0
"""Seconds between turns when all is well; events and ended sessions wake the loop at once."""
EAGER = 0.1
"""Seconds between turns while something is not yet as it should be (a server that starts sends no event)."""
EAGER_FOR = 30.0
"""Seconds after the last change for which an unsettled environment is looked at so often; then as when idle."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a loop works with. `own_container`: control's own, "" outside of one."""

    store: Store
    journal: Journal
    engine: EngineWriter
    sessions: Writers
    observer: Observer
    clock: Clock
    own_container: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest snapshot with what belongs to it. `asked` is the Spec as kept; `spec` has one more of a role that is
    being renewed, too."""

    asked: Spec
    scaled: Spec
    """With the numbers that the load asks for."""
    spec: Spec
    snapshot: Snapshot
    recent: Recent


class Loop:
    """Owns Recent and the newest snapshot; everything else is looked up in each turn."""

    def __init__(self, parts: Parts, *, after_snapshot: Callable[[Snapshot], None] = lambda _: None) -> None:
        self.store = parts.store
        self.journal = parts.journal
        self._parts = parts
        self._listeners = [after_snapshot]
        self._joined: set[str] = set()
        self._linked: dict[str, float] = {}
        self._failed_starts: SimpleQueue[str] = SimpleQueue()
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="act")
        self._executor = Executor(self._run, self.wake)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._recent = Recent()
        self._said: tuple[str, bool] = ("", False)
        self._changed_at = parts.clock.monotonic()
        self.seen: Seen | None = None

    def listen(self, listener: Callable[[Snapshot], None]) -> None:
        """Tell one more of each snapshot; it must not keep the loop waiting."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Take the next turn now."""
        self._wake.set()

    def close(self) -> None:
        """Begin nothing new and end after the turn."""
        self._stopping.set()
        self._executor.close()
        self.wake()

    def run(self) -> None:
        """Turns until closed. An engine that does not answer is waited for: it may be restarting."""
        while not self._stopping.is_set():
            pause, began = IDLE, self._parts.clock.monotonic()
            try:
                # So many seconds from turn to turn, however long one takes.
                pause = max(EAGER, self.turn() - (self._parts.clock.monotonic() - began))
            except AltisError as error:
                self._say(f"cannot observe: {error}", False)
            except Exception:  # the loop's edge: a defect in one turn must not end healing
                log.exception("a turn broke")
            self._wake.wait(pause)
            self._wake.clear()

    def turn(self) -> float:
        """One turn; the seconds to wait before the next one unless woken."""
        spec = self.store.spec
        if spec is None:
            return IDLE
        self._executor.begin_snapshot()
        before = self._executor.busy()
        snapshot = self._parts.observer.take(
            spec, joined=frozenset(self._joined), record=self.store.record, in_flight=before
        )
        snapshot = replace(snapshot, in_flight=before | self._executor.busy(), linked=self._still_linked(snapshot))
        asked, scaled = spec, self._scaled(spec, snapshot)
        spec = renewal.applied(scaled, snapshot, self._recent)
        self._recent = advance(
            self._recent, snapshot, draining.members(spec, snapshot, self._recent), self._take_failed_starts()
        )
        self.seen = Seen(asked, scaled, spec, snapshot, self._recent)
        for listener in self._listeners:
            listener(snapshot)
        for steps in turn.decide(spec, snapshot, self._recent):
            if self._executor.begin(steps):
                self._changed_at = self._parts.clock.monotonic()
                self._recent = replace(self._recent, told={**self._recent.told, **_told(steps, snapshot)})
        return self._rhythm(spec, snapshot)

    def _still_linked(self, snapshot: Snapshot) -> frozenset[str]:
        """Lives that are left alone now. Those that ended, or whose time is over, are forgotten."""
        there = {container.life for container in snapshot.containers}
        for life, until in list(self._linked.items()):
            if life not in there or until < self._parts.clock.monotonic():
                self._linked.pop(life, None)
        return frozenset(self._linked)

    def _link(self, life: str, seconds: float) -> None:
        self._linked[life] = self._parts.clock.monotonic() + seconds

    def _scaled(self, spec: Spec, snapshot: Snapshot) -> Spec:
        """The Spec with the numbers that the load asks for; a change is journaled with its reason."""
        before = self._recent.scales
        scales = scaling.decide(spec, snapshot, self._recent)
        self._recent = replace(self._recent, scales=scales)
        for role, scale in scales.items():
            known = before.get(role)
            if known and known.count != scale.count:
                text = f"{role} {known.count} → {scale.count}: {scale.reason}"
                self.journal.add(Event(at=self._parts.clock.now(), kind="scale", text=text, key=role))
        return scaling.applied(spec, self._recent)

    def _rhythm(self, spec: Spec, snapshot: Snapshot) -> float:
        converged = turn.is_converged(spec, snapshot, self._recent)
        found = diagnose(spec, snapshot, self._recent)
        protected = turn.protected(spec, snapshot, self._recent)
        said = {True: "protected", False: "not protected", None: "no reader in this plan"}[protected]
        if database.KEY in snapshot.in_flight and not converged:
            return EAGER  # what was seen while the database is being changed is neither the old state nor the new one
        self._say(f"database {found.finding.name.lower()} {found.writer} term {found.term}, {said}", converged)
        fresh = self._parts.clock.monotonic() - self._changed_at < EAGER_FOR
        return EAGER if fresh and not converged else IDLE

    def _say(self, text: str, converged: bool) -> None:
        """Journal a finding when it changes, and convergence when it is reached or left."""
        if (text, converged) != self._said:
            self._said = (text, converged)
            self._changed_at = self._parts.clock.monotonic()
            kind = "converged" if converged else "observation"
            self.journal.add(Event(at=self._parts.clock.now(), kind=kind, text=text))

    def now(self) -> float:
        """Seconds since the epoch, by the loop's clock."""
        return self._parts.clock.now()

    def forget_convergence(self) -> None:
        """Say it again when the environment converges: something else was asked for."""
        self._said = ("", False)

    def begin(self, steps: Steps) -> bool:
        """Begin Steps that were asked for; False when their key is under way."""
        return self._executor.begin(steps)

    def execute(self, steps: Steps) -> bool:
        """Carry out Steps here and now; False when an action failed. Used by `begin` and by tests that cut Steps."""
        return execute(self._context(), steps, self.journal.add)

    def _run(self, steps: Steps) -> None:
        if not self.execute(steps):
            for action in steps.actions:
                if isinstance(action, StartMember):
                    self._failed_starts.put(action.member)

    def _take_failed_starts(self) -> frozenset[str]:
        """Members whose start has failed since this was asked last."""
        return frozenset(self._failed_starts.get() for _ in range(self._failed_starts.qsize()))

    def _context(self) -> Context:
        spec = self.store.spec
        if spec is None:
            raise RuntimeError("no Spec yet")
        return Context(
            spec=spec,
            engine=self._parts.engine,
            sessions=self._parts.sessions,
            clock=self._parts.clock,
            pool=self._pool,
            save_record=self.store.save_record,
            save_aside=self.store.save_aside,
            joined=self._joined.add,
            linked=self._link,
            own_container=self._parts.own_container,
            note=self._note,
            cut=self._cut,
        )

    def _cut(self, member: str, jobs: Mapping[int, str]) -> None:
        named = tuple(f"{job} {hook}" for job, hook in sorted(jobs.items()))
        text = f"{member} was stopped with {len(jobs)} of its jobs under way: {', '.join(named)}"
        self.journal.add(Event(at=self._parts.clock.now(), kind="cut", text=text, member=member, log=named))

    def _note(self, text: str, lines: tuple[str, ...]) -> None:
        self.journal.add(Event(at=self._parts.clock.now(), kind="note", text=text, log=lines))


def _told(steps: Steps, snapshot: Snapshot) -> Mapping[str, float]:
    """Lives of the members that are told now to take nothing new."""
    found = (snapshot.container(a.member) for a in steps.actions if isinstance(a, SignalMember))
    return {container.life: snapshot.taken_at for container in found if container}
