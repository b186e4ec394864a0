"""The X-Ray daemon's port: takes datagrams as fast as they come and hands them to the store in batches.

One thread receives, one stores; between them a bounded heap, so that a burst costs traces and never memory. Started
by main. What was dropped or malformed is counted, and said once in a while.
"""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping

from altis_local.services.segments import LARGEST, Malformed, Segment, parse
from altis_local.services.trace_store import TraceStore

PORT = 2000
MOST_WAITING = 16 * 1024 * 1024
PRUNE_EVERY = 10.0

_WAKE = 1.0
_BATCH = 500

log = logging.getLogger(__name__)


class TraceInbox:
    """`threads` shows both threads: when one has ended, so has the service."""

    def __init__(self, store: TraceStore, *, now: Callable[[], float], port: int = PORT, address: str = "") -> None:
        self._store = store
        self._now = now
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A burst waits in the kernel while a batch is stored. (It grants what it allows.)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        self._socket.bind((address, port))
        self._socket.settimeout(_WAKE)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = threading.Condition()
        self._ended = threading.Event()
        self._counts: Counter[str] = Counter(received=0, stored=0, malformed=0, dropped=0)
        self._pruned = now()
        self.threads = tuple(
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._receive, "xray-receive"), (self._keep, "xray-store"))
        )

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        """Store what has arrived, then end."""
        self._ended.set()
        for thread in self.threads:
            thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._ended.is_set():
            try:
                datagram = self._socket.recv(LARGEST)
            except TimeoutError:
                continue
            self._counts["received"] += 1
            with self._news:
                if self._waiting_bytes + len(datagram) > MOST_WAITING:
                    self._counts["dropped"] += 1
                    continue
                self._waiting.append(datagram)
                self._waiting_bytes += len(datagram)
                self._news.notify()

    def _keep(self) -> None:
        while not self._ended.is_set() or self._waiting:
            if batch := self._take():
                self._store_all(batch)
            if self._now() - self._pruned >= PRUNE_EVERY:
                self._pruned = self._now()
                self._guarded(self._store.prune)
        self._store.close()

    def _take(self) -> list[bytes]:
        with self._news:
            if not self._waiting:
                self._news.wait(_WAKE)
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._waiting_bytes -= sum(map(len, batch))
            return batch

    def _store_all(self, batch: list[bytes]) -> None:
        segments: list[Segment] = []
        for datagram in batch:
            try:
                segments.append(parse(datagram))
            except Malformed as error:
                self._counts["malformed"] += 1
                # The first tells the developer; the thousandth would only fill the log.
                if self._counts["malformed"] in (1, 10, 100) or self._counts["malformed"] % 1000 == 0:
                    log.warning("malformed segment (%d so far): %s", self._counts["malformed"], error)
        stored = self._guarded(lambda: self._store.add(segments))
        self._counts["stored" if stored else "dropped"] += len(segments)

    def _guarded(self, work: Callable[[], None]) -> bool:
        """Whether it was done; a full disk costs traces, and must not cost the other stand-ins."""
        try:
            work()
        except sqlite3.Error as error:
            log.warning("the store: %s", error)
            return False
        return True
