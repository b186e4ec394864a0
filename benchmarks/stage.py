"""What is measured stands here: one environment of our own at a time, made, stopped and destroyed as figures need it.

Used by every figure. Whatever a killed bench left under these names is removed at first use; `close` removes all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altis_local.clients.host import free_port
from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.environment.facade import Environment
from altis_local.errors import ActionFailed
from altis_local.model.plans import PLANS, bounds
from altis_local.model.topology import MEMBER_ROLES, members_of
from benchmarks.bare import Bare
from benchmarks.commands import ALTIS_LOCAL, Timed, timed
from benchmarks.first_answer import FirstAnswer

NAMES = {"local": "bench-local", "production": "bench-production", "production-ha": "bench-ha"}
CONVERGED_WITHIN = 90.0
SITE_WITHIN = 30.0


class Subject:
    """One environment under test."""

    def __init__(self, plan: str, folder: Path) -> None:
        self.name = NAMES[plan]
        self.plan = plan
        self._folder = folder
        self._port = str(free_port())
        self.world = Environment(self.name, folder=folder)
        self.destroy()

    @property
    def containers(self) -> int:
        """How many an environment of this plan has, control among them."""
        plan = PLANS[self.plan]
        return 1 + sum(len(members_of(role, plan.zones, bounds(plan, role).least)) for role in MEMBER_ROLES)

    def cli(self, *words: str) -> Timed:
        """One command line of the product."""
        return timed((ALTIS_LOCAL, "-p", self.name, *words), folder=self._folder)

    def start(self) -> Timed:
        """`start`, whatever there is already; it ends when the environment has converged."""
        return self.cli("start", "--plan", self.plan, "--port", self._port, "--json")

    def start_watched(self) -> tuple[Timed, float]:
        """`start`, and the seconds until the site answered a visitor for the first time."""
        with FirstAnswer(int(self._port)) as first:
            done = self.start()
            seconds = first.seconds(SITE_WITHIN)
        if seconds is None:
            raise ActionFailed(f"the site did not answer within {SITE_WITHIN:g} s of the start's end")
        return done, seconds

    def stop(self) -> Timed:
        """`stop`: every container has ended then; data stays."""
        return self.cli("stop")

    def destroy(self) -> None:
        if self.world.remains():
            self.world.destroy()

    def await_converged(self) -> dict[str, Any]:
        """Its status, once it is whole and protected as its plan can be. Raises ActionFailed when it is late."""
        deadline = Deadline.after(CONVERGED_WITHIN, self.world.clock)
        seen: dict[str, Any] = {}

        def whole() -> bool:
            seen.update(self.world.status())
            return bool(seen["converged"]) and seen["protected"] is not False

        if not wait_until(whole, deadline, every=0.25):
            raise ActionFailed(f"{self.name} did not converge in {CONVERGED_WITHIN:g} s", log=(json.dumps(seen),))
        return seen


class Stage:
    """Where figures find their environment. `folder`: an empty one, so that no configuration is found."""

    def __init__(self, folder: Path, keep: Path) -> None:
        self.clock = SystemClock()
        self.bare = Bare()
        self.folder = folder
        self.keep = keep
        """For evidence of runs that went wrong."""
        self._subject: Subject | None = None

    def subject(self, plan: str) -> Subject:
        """The environment of this plan, in whatever state; that of another plan is removed: it would be load."""
        if self._subject is None or self._subject.plan != plan:
            if self._subject:
                self._subject.destroy()
            self._subject = Subject(plan, self.folder)
            # Images are the builder's time, which is no figure of this issue.
            self._subject.world.build()
        return self._subject

    def images(self) -> Mapping[str, str]:
        """Role -> its image; those that are missing are built."""
        return Environment(NAMES["local"], folder=self.folder).build()

    def up(self, plan: str) -> Subject:
        """The environment of this plan, converged."""
        subject = self.subject(plan)
        if not subject.world.exists() or not subject.world.status()["converged"]:
            subject.start()
        return subject

    def discard(self) -> None:
        """After trouble: the next figure gets an environment made anew."""
        if self._subject:
            self._subject.destroy()

    def close(self) -> None:
        """Leave nothing behind."""
        try:
            self.discard()
        finally:
            self.bare.remove()
