"""Where the workload of a drill is set: addresses, names and credentials, as the running containers tell them.

Read once before a drill, by `run`. Pure but for what it is handed: the containers with their labels, the status
document, and a web container's variables. The clients then know what WordPress and the CDN know, and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from altis_local.clients.engine_reader import Found
from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.drill.evidence import Document
from altis_local.drill.scenario import Scenario
from altis_local.drill.workload.config import VARIABLE, Config, Database, Mode, Site, Turn
from altis_local.errors import ActionFailed
from altis_local.model.topology import CONTROL, ZONES, address, member

NETWORKS = ("data", "data-ro", "edge", "ingress")
"""What the clients join: the application's endpoints, the load balancers as the CDN sees them, the CDN."""

BALANCER_PORT = 80
EDGE_PORT = 8443
LOGIN = ("admin", "password")
"""The site's first login, as WordPress' own installation gives it."""
MEMORY = 160 << 20
CPUS = 0.5


@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """One environment as its clients know it."""

    environment: str
    image: str
    resolver: str
    database: Database
    site: Site


def look(environment: str, containers: Sequence[Found], status: Document, web: Mapping[str, str]) -> Setting:
    """Put the setting together. `web`: the variables of a web container. Raises ActionFailed when a part is missing."""
    control = next((c for c in containers if c.kind == "control"), None)
    block = control.label("block") if control else ""
    url = (status.get("urls") or {}).get("site")
    balancers = sorted(c.zone for c in containers if c.kind == "member" and c.role == "lb")
    if control is None or not block or not url or not balancers:
        raise ActionFailed("the environment is not whole: control, its site or its load balancers are missing")
    lbs = [address(block, "edge", member("lb", ZONES, zone=zone)) for zone in balancers]
    return Setting(
        environment,
        control.image,
        address(block, "data", CONTROL),
        Database(web.get("DB_HOST", "db-writer"), web.get("DB_USER", "wordpress"), web["DB_PASSWORD"]),
        Site(
            urlsplit(url).netloc,
            tuple(f"{lb}:{BALANCER_PORT}" for lb in lbs),
            f"{address(block, 'ingress', member('cdn', ZONES))}:{EDGE_PORT}",
            *LOGIN,
        ),
    )


def config(setting: Setting, scenario: Scenario, *, mode: Mode, run: str, seed: int) -> Config:
    """What the clients of one run are told."""
    work, stages = scenario.workload, scenario.staged()
    pages = work.visitors or work.cdn_visitors or work.edge_visitors
    needs_site = work.authors or pages or any(stage.busy or stage.forms for stage in stages)
    return Config(
        mode=mode,
        run=run,
        seed=seed,
        seconds=scenario.most_seconds,
        operations=work.operations,
        pause=work.pause_ms / 1000,
        think=work.think_ms / 1000,
        database=setting.database,
        site=setting.site if needs_site else None,
        writers=work.writers,
        authors=work.authors,
        visitors=work.visitors,
        cdn_visitors=work.cdn_visitors,
        edge_visitors=work.edge_visitors,
        stages=tuple(Turn(s.name, s.busy, s.forms, s.jobs, s.jobs_kept, s.job_s) for s in stages),
    )


def request(setting: Setting, told: Config) -> ContainerRequest:
    """The clients' container. Its log is their history, so the log must hold all of it."""
    return ContainerRequest(
        name=qualified(setting.environment, f"workload-{told.run}-{told.mode}"),
        image=setting.image,
        labels={**labels(setting.environment, "workload"), "altis-local.run": told.run},
        environment={VARIABLE: told.dump(), "PYTHONUNBUFFERED": "1"},
        networks=tuple(Attachment(qualified(setting.environment, network)) for network in NETWORKS),
        entrypoint=("tini", "--", "python", "-m", "altis_local.drill.workload"),
        command=(),
        dns=(setting.resolver,),
        memory=MEMORY,
        cpus=CPUS,
        pids=128,
        read_only=True,
        user="65534:65534",
        cap_drop=("ALL",),
        stop_timeout=20.0,
        log_size="256m",
        log_files=1,
    )
