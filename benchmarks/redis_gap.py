"""The gap when Redis' primary crashes: the longest time in which no client's SET through `cache` was acknowledged.

The clients (cache_clients) run in a container of the environment; carrying them, killing and reading their history are
the drill's own parts. Nothing is judged about keys: a cache that fails over may lose its last ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.clients.log_stream import follow
from altis_local.drill import setting
from altis_local.drill.carrier import Carrier
from altis_local.drill.evidence import duty_holder
from altis_local.drill.faults import Faults
from altis_local.drill.figures import Gap, longest_gap
from altis_local.drill.ledger import Ledger, build, parse
from altis_local.drill.setting import Setting
from altis_local.drill.targets import resolve
from altis_local.environment.facade import Environment
from altis_local.errors import ActionFailed
from benchmarks.clients import setting_of
from benchmarks.histories import client_time, errors
from benchmarks.stage import Stage
from benchmarks.values import Aim, Figure, Line, Sample

PLAN = "production-ha"
SETTERS, GETTERS = 4, 2
SECONDS = 3.0
STRIKE_AFTER = (0.8, 1.2)
"""Seconds from the clients' first work to the kill, by chance between these."""
OPERATIONS = 20_000
_CODE = Path(__file__).with_name("cache_clients.py")


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="redis_gap",
            runs=20,
            lines=(
                Line("value", "time without a SET, Redis primary's process killed", "s", Aim("p95", 0.3)),
                Line("get", "time without a GET", "s"),
                Line("errors_per_client", "errors of the client that had most", ""),
            ),
            measure=measure,
            prepare=lambda stage: stage.up(PLAN),
            shows_all=True,
        ),
    )


def measure(stage: Stage) -> Sample:
    subject = stage.up(PLAN)
    before = subject.await_converged()
    history = stage.folder / "cache.jsonl"
    history.unlink(missing_ok=True)
    struck = _exercise(subject.world, history, before)
    after = subject.await_converged()
    ledger = build(parse(history.read_text(encoding="utf-8").splitlines()))
    gap, reads = longest_gap(ledger, "set"), longest_gap(ledger, "get")
    if gap is None or reads is None:
        return Sample(0.0, void="no client was acknowledged")
    primaries = {"before": duty_holder(before, "primary"), "after": duty_holder(after, "primary")}
    return Sample(
        round(gap.seconds, 4), more={**_more(ledger, gap, struck), "get": round(reads.seconds, 4), **primaries}
    )


def _more(ledger: Ledger, gap: Gap, struck: float) -> dict[str, Any]:
    """`began`: seconds from the kill to the gap's begin. Near zero, or the longest gap was not the crash's."""
    return {
        "began": round(gap.begin - struck, 3),
        "acknowledged": len(ledger.acknowledged("set")),
        **errors(ledger.of("set", "get")),
        **client_time(ledger.notes),
    }


def _exercise(world: Environment, history: Path, status: Mapping[str, Any]) -> float:
    """Clients at work, kill, clients go on; the moment of the kill on the monotonic clock."""
    where = setting_of(world, status)
    password = world.reader.environment_of(world.standing().pick("web").id)["REDIS_AUTH"]
    carrier = Carrier(world.engine, follow, history)
    try:
        carrier.start(_request(where, password))
        carrier.wait_at_work(30.0)
        struck = _strike(world, status)
        if not carrier.wait_ended(SECONDS + 15.0):
            raise ActionFailed("the clients did not end in time", hint=carrier.problem or None)
    finally:
        carrier.remove()
    return struck


def _strike(world: Environment, status: Mapping[str, Any]) -> float:
    targets = resolve("cache", world.reader.containers(world.name), status)
    world.clock.sleep(random.uniform(*STRIKE_AFTER))
    mono, at = world.clock.monotonic(), world.clock.now()
    return mono + Faults(world.name, world.engine, world.reader, world.clock).kill(targets) - at


def _request(where: Setting, password: str) -> ContainerRequest:
    run = f"{random.SystemRandom().randrange(1 << 32):x}"
    told = {
        "run": run,
        "password": password,
        "set": SETTERS,
        "get": GETTERS,
        "seconds": SECONDS,
        "operations": OPERATIONS,
    }
    return ContainerRequest(
        name=qualified(where.environment, f"workload-{run}"),
        image=where.image,
        labels=labels(where.environment, "workload"),
        environment={"ALTIS_BENCH_CACHE": json.dumps(told)},
        networks=(Attachment(qualified(where.environment, "data")),),
        entrypoint=("tini", "--", "python", "-c", _CODE.read_text(encoding="utf-8")),
        command=(),
        dns=(where.resolver,),
        memory=setting.MEMORY,
        # No limit of CPU: the kernel would hold the clients back for up to 0.1 s, which is the size of the gap.
        pids=64,
        read_only=True,
        user="65534:65534",
        cap_drop=("ALL",),
        log_size="64m",
        log_files=1,
    )
