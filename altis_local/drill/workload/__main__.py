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

from altis_local.drill.workload.config import VARIABLE, Config
from altis_local.drill.workload.direct import Writer, prepare
from altis_local.drill.workload.journal import Journal
from altis_local.drill.workload.reading import read
from altis_local.drill.workload.site import Author, Client

AT_WORK = 20.0
"""Seconds until every client must have been acknowledged once; after that the drill begins anyway and says so."""
LAST = 16.0
"""Seconds that clients get to end their last operation."""
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
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    prepare(config.database)
    clients = _clients(config, journal)
    threads = [threading.Thread(target=c.work, args=(stop,), daemon=True, name=c.name) for c in clients]
    for thread in threads:
        thread.start()
    threading.Thread(target=_on_line, args=(stop,), daemon=True).start()
    end = time.monotonic() + AT_WORK
    while not stop.is_set() and len(journal.acknowledged) < len(clients) and time.monotonic() < end:
        stop.wait(0.02)
    idle = sorted({c.name for c in clients} - journal.acknowledged)
    journal.say("at-work", "workload", "workload", "info" if idle else "ok", {"clients": len(clients), "idle": idle})
    stop.wait(config.seconds)
    stop.set()
    end = time.monotonic() + LAST
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _clients(config: Config, journal: Journal) -> list[Writer | Client]:
    clients: list[Writer | Client] = [
        Writer(f"writer-{n}", config.database, journal, pause=config.pause, seed=config.seed)
        for n in range(1, config.writers + 1)
    ]
    if config.site is None:
        return clients
    author = Author(config.site)
    problem = author.log_in() if config.authors else ""
    journal.say("log-in", "workload", "workload", "info" if problem else "ok", {"error": problem})
    for kind, count in (("post", config.authors), ("page", config.visitors), ("edge", config.edge_visitors)):
        name = {"post": "author", "page": "visitor", "edge": "edge"}[kind]
        for n in range(1, count + 1):
            clients.append(Client(f"{name}-{n}", kind, config.site, journal, author if kind == "post" else None))
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
