"""Clients of the cache for `redis_gap`: SET and GET through the endpoint, one history line for each turn of each.

It runs in a container of the environment, as the text of `python -c`: it may import what control's image has, and
nothing of benchmarks. Stops after the configured seconds or operations, or on SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from altis_local.drill.workload.journal import Journal
from altis_local.signals import on_signals

PAUSE = 0.008
"""Seconds between two operations of a client, after an error too."""
AT_WORK = 15.0


def connect(password: str) -> redis.Redis:
    """A client that tells every error at once: the library's own retries would hide the gap."""
    return redis.Redis(
        host="cache",
        password=password,
        socket_connect_timeout=1.0,
        socket_timeout=6.0,
        retry=Retry(NoBackoff(), 0),
        lib_name=None,
        lib_version=None,
    )


def work(name: str, kind: str, cache: redis.Redis, *, journal: Journal, stop: threading.Event) -> None:
    """One client. Its connection is kept, as PHP keeps one for a request, and had anew after an error."""
    number = 0
    while not stop.wait(PAUSE):
        number += 1
        op = journal.begin(name, number, kind)
        if op is None:
            return
        try:
            if kind == "set":
                cache.set(f"bench:{name}", number, ex=60)
            else:
                cache.get("bench:set-1")
        except (redis.RedisError, OSError) as exc:
            journal.end(op, name, kind, "info", error=f"{type(exc).__name__}: {exc}"[:160])
        else:
            journal.end(op, name, kind, "ok")


def main() -> int:
    config: dict[str, Any] = json.loads(os.environ["ALTIS_BENCH_CACHE"])
    journal = Journal(sys.stdout.buffer, run=config["run"], limit=config["operations"])
    stop = threading.Event()
    on_signals({signal.SIGTERM: stop.set})
    names = [(f"{kind}-{n}", kind) for kind in ("set", "get") for n in range(1, config[kind] + 1)]
    threads = [
        threading.Thread(
            target=work,
            args=(name, kind, connect(config["password"])),
            kwargs={"journal": journal, "stop": stop},
            daemon=True,
        )
        for name, kind in names
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + AT_WORK
    while len(journal.acknowledged) < len(names) and time.monotonic() < end:
        stop.wait(0.02)
    journal.say("at-work", "workload", "workload", "ok", {"clients": len(names)})
    stop.wait(config["seconds"])
    stop.set()
    for thread in threads:
        thread.join(8.0)
    journal.say("done", "workload", "workload", "ok", {"cpu": time.process_time()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
