"""The drills' own clients at work on an environment under test, for figures of load and of jobs.

A figure says in stages what they do, tells them to go on, and reads their history; nothing is judged here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altis_local.clients.log_stream import follow
from altis_local.clock import Deadline, wait_until
from altis_local.drill import setting
from altis_local.drill.carrier import Carrier
from altis_local.drill.ledger import Ledger, Op, build, parse
from altis_local.drill.setting import Setting
from altis_local.drill.workload.config import Config, Mode, Turn
from altis_local.environment.facade import Environment
from altis_local.errors import ActionFailed

AT_WORK_WITHIN = 45.0
END_WITHIN = 25.0
READ_WITHIN = 90.0
MOST_SECONDS = 900.0
OPERATIONS = 50_000
LOOK = 0.2
"""Seconds between two looks at what there is."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients at work."""

    world: Environment
    carrier: Carrier
    history: Path

    def go_on(self) -> None:
        """To the next stage."""
        self.carrier.next_stage()

    def ops(self) -> tuple[Op, ...]:
        """What they wrote down so far."""
        return _ops(self.history)

    def until(self, what: str, check: Callable[[], bool], within: float) -> None:
        """Wait for something that the clients bring about. Raises ActionFailed when it does not come."""
        if not wait_until(check, Deadline.after(within, self.world.clock), every=LOOK):
            raise ActionFailed(f"{what} did not come within {within:g} s", hint=self.carrier.problem or None)


def setting_of(world: Environment, status: Mapping[str, Any]) -> Setting:
    """Where the clients of an environment are set."""
    web = world.standing().pick("web")
    return setting.look(world.name, world.reader.containers(world.name), status, world.reader.environment_of(web.id))


def new_run() -> str:
    return f"{random.SystemRandom().randrange(1 << 32):08x}"


@contextmanager
def at_work(where: Setting, world: Environment, history: Path, told: Config) -> Iterator[Clients]:
    """Clients at work until the block's end; their history is whole then."""
    history.unlink(missing_ok=True)
    carrier = Carrier(world.engine, follow, history)
    try:
        carrier.start(setting.request(where, told))
        carrier.wait_at_work(AT_WORK_WITHIN)
        yield Clients(world, carrier, history)
        carrier.stop()
        if not carrier.wait_ended(END_WITHIN):
            raise ActionFailed("the clients did not end in time", hint=carrier.problem or None)
    finally:
        carrier.remove()


def read(where: Setting, world: Environment, history: Path, told: Config) -> Ledger:
    """The final read of what a run left, which also takes it away; the whole history."""
    carrier = Carrier(world.engine, follow, history)
    try:
        carrier.start(setting.request(where, told))
        if not carrier.wait_ended(READ_WITHIN):
            raise ActionFailed("the final read did not end", hint=carrier.problem or None)
    finally:
        carrier.remove()
    return build(_ops(history))


def config(where: Setting, run: str, stages: tuple[Turn, ...], *, mode: Mode = "write", pages: bool = False) -> Config:
    """What they are told. `pages`: they visit the site."""
    return Config(
        mode=mode,
        run=run,
        seed=1,
        seconds=MOST_SECONDS,
        operations=OPERATIONS,
        pause=0.01,
        database=where.database,
        site=where.site if pages else None,
        stages=stages,
    )


def _ops(history: Path) -> tuple[Op, ...]:
    return parse(history.read_text(encoding="utf-8").splitlines()) if history.exists() else ()
