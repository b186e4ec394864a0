"""Clients of Tachyon for `tachyon_rate`: so many at once ask for every picture of a list; prints how long it took.

It runs in a container of the environment, as the text of `python -c`, and imports the standard library alone.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

TIMEOUT = 60.0


def ask(config: dict[str, Any], paths: SimpleQueue[str], told: list[tuple[int, int]]) -> None:
    """One client, on one connection, until there is nothing more to ask for. Notes status and bytes of each answer."""
    link = http.client.HTTPConnection(config["host"], config["port"], timeout=TIMEOUT)
    while True:
        try:
            path = paths.get_nowait()
        except Empty:
            link.close()
            return
        try:
            link.request("GET", path)
            answer = link.getresponse()
            told.append((answer.status, len(answer.read())))
        except (OSError, http.client.HTTPException):
            told.append((0, 0))
            link.close()


def main() -> None:
    config: dict[str, Any] = json.loads(os.environ["ALTIS_BENCH_TACHYON"])
    paths: SimpleQueue[str] = SimpleQueue()
    for path in config["paths"]:
        paths.put(path)
    told: list[tuple[int, int]] = []
    threads = [threading.Thread(target=ask, args=(config, paths, told)) for _ in range(config["clients"])]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    made = [size for status, size in told if status == 200]
    print(json.dumps({"seconds": seconds, "made": len(made), "failed": len(told) - len(made), "bytes": sum(made)}))


if __name__ == "__main__":
    main()
