"""What the clients are to do, as one JSON object in the environment variable ALTIS_DRILL_CONFIG.

Made by `drill.carrier` on the host, read once here. Values only.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

VARIABLE = "ALTIS_DRILL_CONFIG"

Mode = Literal["write", "read"]


@dataclass(frozen=True, slots=True, repr=False)
class Database:
    """Where rows go: an endpoint's name, as WordPress is given it."""

    host: str
    user: str
    password: str
    port: int = 3306
    posts_table: str = "wordpress.wp_posts"
    jobs_table: str = "wordpress.wp_cavalcade_jobs"
    logs_table: str = "wordpress.wp_cavalcade_logs"


@dataclass(frozen=True, slots=True, repr=False)
class Site:
    """Where pages come from. Addresses are tried in turn."""

    host: str
    """As a visitor's browser sends it, with the port where it has one."""
    balancers: tuple[str, ...]
    """`address:port` of the load balancers, asked as the CDN asks them."""
    edge: str
    """`address:port` of the CDN, TLS."""
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done in one stage, besides what is done in all of them."""

    name: str
    busy: int = 0
    """Clients who always wait for a page that takes its time."""
    forms: int = 0
    """The same with a POST."""
    jobs: int = 0
    """Jobs that are due at once when the stage begins."""
    jobs_kept: int = 0
    """So many are due or running at least."""
    job_s: float = 0.0
    """Seconds that a job takes, at most; half of it at least."""

    def clients(self, kind: str) -> int:
        """How many clients of a kind are at work."""
        return {"busy": self.busy, "form": self.forms, "job": int(bool(self.jobs or self.jobs_kept))}[kind]


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Config:
    """One run of the workload. `read` looks at what is left, `write` makes it."""

    mode: Mode
    run: str
    """Unique; every id and title begins with it."""
    seed: int
    seconds: float
    """At most; it ends earlier when it is told to."""
    operations: int
    pause: float
    """Seconds between two operations of a writer; it tries again sooner."""
    think: float = 0.05
    """Seconds between two pages of a visitor."""
    database: Database
    site: Site | None
    writers: int = 0
    authors: int = 0
    visitors: int = 0
    cdn_visitors: int = 0
    edge_visitors: int = 0
    stages: tuple[Turn, ...] = (Turn("work"),)
    """The next one begins on SIGUSR1."""

    def most(self, kind: str) -> int:
        """How many clients of a kind there are when most are at work."""
        return max(turn.clients(kind) for turn in self.stages)

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Config:
        raw = json.loads(text)
        site = raw["site"]
        raw["site"] = Site(**{**site, "balancers": tuple(site["balancers"])}) if site else None
        raw["database"] = Database(**raw["database"])
        raw["stages"] = tuple(Turn(**turn) for turn in raw["stages"])
        return cls(**raw)
