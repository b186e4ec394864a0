"""Entry of the workload's container: start the clients, tell when all are at work, stop in time, say how it went.

Stops by itself after the configured seconds or operations, on SIGTERM, or on a line on standard input.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from altis_local.drill.workload import jobs
from altis_local.drill.workload.config import VARIABLE, Config
from altis_local.drill.workload.direct import Writer, prepare
from altis_local.drill.workload.gate import Gate
from altis_local.drill.workload.journal import Journal
from altis_local.drill.workload.reading import read
from altis_local.drill.workload.site import Author, Bearing, Client
from altis_local.signals import on_signals

AT_WORK = 20.0
"""Seconds until every client must have been acknowledged once; after that the drill begins anyway and says so."""
LAST = 16.0
"""Seconds that clients get to end their last operation."""
TICK = 0.05
"""Seconds between two looks for the next stage."""
STAGED = ("busy", "form", "job")
"""Kinds of clients that work only where a stage says so."""
Worker = Writer | Client | jobs.Scheduler
_STAT = (Path("/sys/fs/cgroup/cpu.stat"), Path("/sys/fs/cgroup/cpu/cpu.stat"))


def main() -> int:
    config = Config.load(os.environ[VARIABLE])
    journal = Journal(sys.stdout.buffer, run=config.run, limit=config.operations)
    try:
        if config.mode == "read":
            read(config, journal)
        else:
            _write(config, journal)
    except Exception as exc:  # the edge of the process: the history must tell why it ends here
        journal.say("broken", "workload", "workload", "info", {"error": f"{type(exc).__name__}: {exc}"})
        return 1
    journal.say("done", "workload", "workload", "ok", {**_throttled(), "cpu": time.process_time()})
    return 0


def _write(config: Config, journal: Journal) -> None:
    stop, gate = threading.Event(), Gate(config.stages)
    on_signals({signal.SIGTERM: stop.set, signal.SIGUSR1: gate.ask})
    clients = _clients(config, journal, gate)
    threads = [threading.Thread(target=c.work, args=(stop,), daemon=True, name=c.name) for c in clients]
    for thread in threads:
        thread.start()
    threading.Thread(target=_on_line, args=(stop,), daemon=True).start()
    _begin(clients, journal, gate, stop)
    end = time.monotonic() + config.seconds
    while not stop.wait(max(0.0, min(TICK, end - time.monotonic()))) and time.monotonic() < end:
        if gate.follow():
            journal.say("stage", "workload", "workload", "ok", {"name": gate.stage.name})
    stop.set()
    end = time.monotonic() + LAST
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _begin(clients: list[Worker], journal: Journal, gate: Gate, stop: threading.Event) -> None:
    """Wait until each client that the first stage needs was acknowledged once, and say so."""
    needed = {c.name for c in clients if _is_needed(c, gate)}
    end = time.monotonic() + AT_WORK
    while not stop.is_set() and needed - journal.acknowledged and time.monotonic() < end:
        stop.wait(0.02)
    idle = sorted(needed - journal.acknowledged)
    journal.say("at-work", "workload", "workload", "info" if idle else "ok", {"clients": len(needed), "idle": idle})


def _is_needed(client: Worker, gate: Gate) -> bool:
    kind, _, number = client.name.rpartition("-")
    return kind not in STAGED or gate.lets(kind, int(number))


def _clients(config: Config, journal: Journal, gate: Gate) -> list[Worker]:
    clients: list[Worker] = []
    if config.writers:
        prepare(config.database)
    for n in range(1, config.writers + 1):
        clients.append(Writer(f"writer-{n}", config.database, journal, pause=config.pause, seed=config.seed))
    if config.most("job"):
        jobs.prepare(config.database)
        clients.append(jobs.Scheduler("job-1", config.database, journal, gate, seed=config.seed))
    if config.site is None:
        return clients
    author = Author(config.site)
    problem = author.log_in() if config.authors else ""
    journal.say("log-in", "workload", "workload", "info" if problem else "ok", {"error": problem})
    counts = {
        "post": config.authors,
        "page": config.visitors,
        "visit": config.cdn_visitors,
        "edge": config.edge_visitors,
        **{kind: config.most(kind) for kind in ("busy", "form")},
    }
    for kind, count in counts.items():
        for n in range(1, count + 1):
            bearing = Bearing(kind, n, config.think, config.seed)
            mine, when = (author if kind == "post" else None), (gate if kind in STAGED else None)
            clients.append(Client(bearing, config.site, journal, author=mine, gate=when))
    return clients


def _on_line(stop: threading.Event) -> None:
    if sys.stdin and sys.stdin.readline():
        stop.set()


def _throttled() -> dict[str, float]:
    """How often the kernel held this container back: what a gap might owe to the one who measured it."""
    for path in _STAT:
        try:
            found = dict(line.split() for line in path.read_text().splitlines())
        except (OSError, ValueError):
            continue
        seconds = float(found.get("throttled_usec", 0)) / 1e6 or float(found.get("throttled_time", 0)) / 1e9
        return {"throttled": float(found.get("nr_throttled", 0)), "throttled_s": round(seconds, 3)}
    return {}


if __name__ == "__main__":
    sys.exit(main())
