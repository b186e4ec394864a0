"""A web container whose workers are all at work may keep a health check waiting: that is no evidence against it."""

from __future__ import annotations

import pytest

from altis_local.clock import SystemClock
from altis_local.model.state import Health, Load, Reach
from altis_local.observe.probes import PHP_WORKERS, probe
from tests.fakes.world import FakeSessions, World
from tests.unit.test_loop_in_a_world import make_spec

SPEC = make_spec("local")
(WEB,) = SPEC.members("web")


class Answering(FakeSessions):
    """A web container with these answers."""

    def __init__(self, reach: Reach, busy: int | None) -> None:
        super().__init__(World(SystemClock()), SPEC)
        self._reach = reach
        self._busy = busy

    def http(self, url: str, host: str) -> Health:
        return Health(self._reach)

    def busy_workers(self, url: str) -> int | None:
        return self._busy


@pytest.mark.parametrize(
    ("reach", "busy", "seen"),
    [
        (Reach.OK, 1, Reach.OK),
        (Reach.OK, PHP_WORKERS, Reach.OK),
        (Reach.SILENT, PHP_WORKERS, Reach.OK),
        (Reach.SILENT, PHP_WORKERS + 9, Reach.OK),
        (Reach.SILENT, PHP_WORKERS - 1, Reach.SILENT),
        (Reach.SILENT, None, Reach.SILENT),
        (Reach.FAILING, PHP_WORKERS, Reach.FAILING),
        (Reach.REFUSED, None, Reach.REFUSED),
    ],
)
def test_silence_counts_only_where_a_worker_could_have_answered(reach: Reach, busy: int | None, seen: Reach) -> None:
    reading = probe(SPEC, Answering(reach, busy), WEB)
    assert reading.health.reach is seen
    assert reading.value == (None if busy is None else Load(busy, PHP_WORKERS))
