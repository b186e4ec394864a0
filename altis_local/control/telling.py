"""What control tells AWS of the environment while it runs: logs and metrics. Started and ended by main.

Nothing here decides or acts, and nothing waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from altis_local.clients.aws import aws_of
from altis_local.clients.engine import Engine
from altis_local.clients.log_stream import said
from altis_local.clock import SystemClock
from altis_local.control.logs.shipping import Outside, Shipping
from altis_local.control.loop import Loop
from altis_local.control.metrics import Metrics
from altis_local.control.sessions import LiveSessions
from altis_local.errors import UsageError
from altis_local.model.spec import Spec


@dataclass(frozen=True, slots=True)
class Telling:
    """Both, started."""

    shipping: Shipping
    metrics: Metrics

    def close(self) -> None:
        self.shipping.close()
        self.metrics.close()


def start(loop: Loop, engine: Engine, sessions: LiveSessions) -> Telling:
    """Ship logs and put metrics from now on."""
    clock = SystemClock()

    def spec() -> Spec:
        if loop.store.spec is None:
            raise UsageError("no Spec was given yet")
        return loop.store.spec

    def ask_again() -> None:
        if services := sessions.kept().get("aws"):
            services.forget()

    shipping = Shipping(Outside(said, aws_of, clock.now()), spec, ask_again)
    metrics = Metrics(lambda: loop.seen, engine, aws_of, clock)
    loop.listen(shipping.look)
    shipping.start()
    metrics.start()
    return Telling(shipping, metrics)
