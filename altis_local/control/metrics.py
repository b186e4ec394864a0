"""Puts the figures of every role into CloudWatch, once a minute, as the cloud's services do by themselves.

A thread of control's own, which reads the newest view and two files per container. What cannot be put is lost, as a
figure of a minute ago interests nobody.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from altis_local.clients import aws_metrics
from altis_local.clients.aws import Aws
from altis_local.clock import Clock
from altis_local.control.figures import Usage, figures
from altis_local.control.loop import Seen
from altis_local.errors import AltisError
from altis_local.model.spec import Spec, Wish

NAMESPACE = "altis-local"
EVERY = 60.0
"""Seconds: the resolution of CloudWatch's standard metrics. More often would cost more than it tells: LocalStack writes
each value to disk by itself."""
FIRST = 5.0
"""Seconds after control's start."""

log = logging.getLogger(__name__)


class Kernel(Protocol):
    """What metrics need of the engine's client."""

    def memory(self, ids: Iterable[str]) -> dict[str, int]: ...
    def processor(self, ids: Iterable[str]) -> dict[str, float]: ...


class Metrics:
    """`seen` gives the newest view, `aws` the services of an environment."""

    def __init__(self, seen: Callable[[], Seen | None], kernel: Kernel, aws: Callable[[Spec], Aws], clock: Clock):
        self._seen = seen
        self._kernel = kernel
        self._aws = aws
        self._clock = clock
        self._before = Usage(0.0)
        self._closed = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        pause = FIRST
        while not self._closed.wait(pause):
            pause = EVERY
            try:
                if not self.put():
                    pause = FIRST
            except AltisError as error:
                log.info("metrics: %s", error)
            except Exception:  # a thread's edge: one odd figure must not end the others
                log.exception("metrics")

    def put(self) -> bool:
        """Put the figures of now; False while there is nobody to give them to. Raises AwsError and Unreachable."""
        seen = self._seen()
        if seen is None or seen.spec.wish is not Wish.RUNNING or seen.snapshot.aws is None:
            return False
        ids = [c.id for c in seen.snapshot.containers if c.is_running]
        now = Usage(self._clock.now(), self._kernel.memory(ids), self._kernel.processor(ids))
        data = figures(seen.spec, seen.snapshot, self._before, now)
        self._before = now
        aws_metrics.put(self._aws(seen.spec), NAMESPACE, data, now.at)
        return True
