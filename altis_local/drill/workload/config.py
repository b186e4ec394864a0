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


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """One run of the workload. `read` looks at what is left, `write` makes it."""

    mode: Mode
    run: str
    """Unique; every id and title begins with it."""
    seed: int
    seconds: float
    operations: int
    pause: float
    """Seconds between two operations of a writer; it tries again sooner."""
    database: Database
    site: Site | None
    writers: int = 0
    authors: int = 0
    visitors: int = 0
    edge_visitors: int = 0

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Config:
        raw = json.loads(text)
        site = raw["site"]
        raw["site"] = Site(**{**site, "balancers": tuple(site["balancers"])}) if site else None
        raw["database"] = Database(**raw["database"])
        return cls(**raw)
