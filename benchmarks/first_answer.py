"""When a site first answers: visitors ask for its front page over and over, at the CDN.

Used by `stage` around a start. Each question has a query of its own, so that no answer of a cache, not even a cached
error, is taken for the site's. A few visitors, so that one who waits for a slow answer holds up nobody else.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from typing import Self

VISITORS = 3
EVERY = 0.09
"""Seconds between two questions of one visitor; together they ask every 30 ms, which is how exact the answer is."""
TIMEOUT = 10.0


class FirstAnswer:
    """Asks from its entry on until the first 200, or until its exit."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._began = 0.0
        self._moments: list[float] = []
        self._answered = threading.Event()
        self._stop = threading.Event()
        self._context = ssl.create_default_context()
        # The local authority's certificate is not what is measured.
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        for number in range(VISITORS):
            threading.Thread(target=self._visit, args=(number,), name=f"visitor-{number}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def seconds(self, patience: float) -> float | None:
        """Seconds from the entry to the first answer; None when there was none, even after `patience` more."""
        self._answered.wait(patience)
        return min(self._moments) - self._began if self._moments else None

    def _visit(self, visitor: int) -> None:
        self._stop.wait(visitor * EVERY / VISITORS)
        while not self._stop.is_set() and not self._answered.is_set():
            if self._is_answered(f"/?visit={visitor}-{time.time_ns()}"):
                self._moments.append(time.perf_counter())
                self._answered.set()
            self._stop.wait(EVERY)

    def _is_answered(self, path: str) -> bool:
        link = http.client.HTTPSConnection("localhost", self._port, timeout=TIMEOUT, context=self._context)
        try:
            link.request("GET", path)
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()
