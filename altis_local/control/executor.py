"""Runs Steps side by side, never two of one key at once, and tells the loop when one has ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from altis_local.model.actions import Steps, StopMember

ENDING = 32
"""Members that may be stopped at once: the largest plan as it starts has 28."""

log = logging.getLogger(__name__)


class Executor:
    """Knows which keys are under way. `run` does the work; `ended` is called after each."""

    def __init__(self, run: Callable[[Steps], None], ended: Callable[[], None], width: int = 8) -> None:
        self._run = run
        self._ended = ended
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="steps")
        self._ending = ThreadPoolExecutor(ENDING, thread_name_prefix="ending")
        self._urgent = ThreadPoolExecutor(4, thread_name_prefix="urgent")
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._finished: set[str] = set()

    def begin(self, steps: Steps) -> bool:
        """Start the Steps; False when their key is under way."""
        with self._lock:
            if steps.key in self._busy:
                return False
            self._busy.add(steps.key)
        self._pool_for(steps).submit(self._one, steps)
        return True

    def _pool_for(self, steps: Steps) -> ThreadPoolExecutor:
        """Starting many containers must not keep a failover waiting for a free thread. A stop only waits."""
        if not steps.key.startswith("member:"):
            return self._urgent
        return self._ending if all(isinstance(a, StopMember) for a in steps.actions) else self._pool

    def _one(self, steps: Steps) -> None:
        try:
            self._run(steps)
        except Exception:  # the loop's edge: a defect in one handler must not end healing
            log.exception("steps %s (%s) broke", steps.key, steps.reason)
        finally:
            with self._lock:
                self._busy.discard(steps.key)
                self._finished.add(steps.key)
            self._ended()

    def begin_snapshot(self) -> None:
        """From here on, keys that end are remembered until `busy` is asked."""
        with self._lock:
            self._finished.clear()

    def busy(self) -> frozenset[str]:
        """Keys under way, and those that ended since `begin_snapshot`: what was seen may be older than their end."""
        with self._lock:
            return frozenset(self._busy | self._finished)

    def close(self) -> None:
        """Take nothing new; do not wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._urgent.shutdown(wait=False, cancel_futures=True)
        self._ending.shutdown(wait=False, cancel_futures=True)
