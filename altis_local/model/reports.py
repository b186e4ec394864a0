"""What services of the environment say of themselves when somebody asks: cache, jobs and their ends.

Values only, made by clients and handed through control's API to the command line. Nothing is decided from them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheReport:
    """One redis member. Sizes in bytes; counts since its start."""

    member: str
    duty: str
    """primary or standby."""
    version: str
    up_seconds: int
    keys: int
    used: int
    limit: int
    """0: no limit."""
    policy: str
    hits: int
    misses: int
    evicted: int
    expired: int
    clients: int

    @property
    def hit_rate(self) -> float | None:
        """0 to 1; None before the first question."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


JOB_STATUSES = ("waiting", "running", "completed", "failed")
"""As Cavalcade writes them down."""


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the jobs table. Times are ISO 8601 in UTC; "" where the row has none."""

    id: int
    site: int
    hook: str
    args: str
    """As PHP serialises them."""
    start: str
    next_run: str
    interval: int | None
    """Seconds between runs; None for a job that runs once."""
    status: str
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """A row of the jobs' log: how a run ended. `hook` is "" where the job's own row is gone."""

    id: int
    job: int
    hook: str
    status: str
    at: str
    content: str
