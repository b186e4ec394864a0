"""Figures of members and roles, and how they reach CloudWatch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from altis_local.clients import cgroups
from altis_local.clock import SystemClock
from altis_local.control.figures import Usage, figures
from altis_local.control.loop import Seen
from altis_local.control.metrics import Metrics
from altis_local.model.history import Recent
from altis_local.model.spec import Secrets, Service, Spec, Wish
from altis_local.model.state import AwsNode, Jobs, Load, Snapshot
from tests.fakes.aws_server import AwsServer
from tests.unit.decide.states import NOW, STARTED, container, db, proxy, receiver, redis, snapshot

SERVICES = {role: Service(role, f"altis-local/{role}:1", memory=1000) for role in ("web", "db", "redis", "cavalcade")}
SPEC = Spec("t", "production-ha", "10.208.0.0/20", 8443, SERVICES, Secrets(*"abcdefg"))


def seen() -> Snapshot:
    base = snapshot(
        container("web-a1", "web"),
        container("db-1", "db"),
        container("db-2", "db"),
        container("redis-1", "redis"),
        container("lb-a", "lb"),
        nodes=(
            db("db-1", writable=True, jobs=Jobs(4, frozenset({1, 2}))),
            db("db-2", receiver=receiver(SPEC, "db-1", lag=3.0)),
            redis("redis-1", primary=True, keys=12),
            proxy("lb-a", web={"web-a1"}),
        ),
    )
    return replace(base, load={"web-a1": Load(3, 8)}, aws=AwsNode("aws", frozenset(), frozenset()))


def table(before: Usage, now: Usage) -> dict[tuple[str, str], tuple[float, str]]:
    """(role or member, name) -> (value, unit)."""
    data = figures(SPEC, seen(), before, now)
    return {(d.dimensions.get("Member") or d.dimensions["Role"], d.name): (d.value, d.unit) for d in data}


def test_what_control_sees_anyway() -> None:
    found = table(Usage(0.0), Usage(NOW))
    assert found["web-a1", "BusyWorkers"] == (3, "Count")
    assert found["db-2", "ReplicaLag"] == (3.0, "Seconds")
    assert found["redis-1", "CurrItems"] == (12, "Count")
    assert found["cavalcade", "JobsDue"] == (4, "Count")
    assert found["cavalcade", "JobsRunning"] == (2, "Count")
    assert found["web", "HealthyHostCount"] == (1, "Count")
    assert found["lb-a", "ActiveConnectionCount"] == (0, "Count")
    assert ("web-a1", "CPUUtilization") not in found


@pytest.mark.parametrize(
    ("before", "now", "percent"),
    [
        (Usage(NOW - 60, processor={"web-a1": 10.0}), Usage(NOW, processor={"web-a1": 16.0}), 10.0),
        (Usage(0.0), Usage(NOW, processor={"web-a1": 5.0}), 5.0),
        (Usage(STARTED - 1, processor={"old": 9.0}), Usage(NOW, processor={"web-a1": 5.0}), 5.0),
        (Usage(STARTED + 1), Usage(NOW, processor={"web-a1": 5.0}), None),
    ],
    ids=["between two", "since its start", "replaced since", "not seen before"],
)
def test_processor_time(before: Usage, now: Usage, percent: float | None) -> None:
    found = table(before, now).get(("web-a1", "CPUUtilization"))
    assert found == (None if percent is None else (pytest.approx(percent), "Percent"))


def test_memory_is_told_by_the_limit() -> None:
    assert table(Usage(0.0), Usage(NOW, {"web-a1": 250}))["web-a1", "MemoryUtilization"] == (25.0, "Percent")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("cpuacct/docker/x/cpuacct.usage", "2500000000\n"),
        ("docker/x/cpu.stat", "usage_usec 2500000\nuser_usec 1\n"),
        ("system.slice/docker-x.scope/cpu.stat", "usage_usec 2500000\n"),
    ],
)
def test_processor_time_of_both_kernels(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(content)
    assert cgroups.processor(["x", "gone"], tmp_path) == {"x": 2.5}


class Kernel:
    """Of a machine whose containers use nothing."""

    def memory(self, ids: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(ids, 100)

    def processor(self, ids: Iterable[str]) -> dict[str, float]:
        return dict.fromkeys(ids, 1.0)


def test_they_are_put_in_one_request_with_their_dimensions() -> None:
    with AwsServer() as aws:
        metrics = Metrics(
            lambda: Seen(SPEC, SPEC, SPEC, seen(), Recent()), Kernel(), lambda _: aws.client, SystemClock()
        )
        assert metrics.put()
        (put,) = aws.metrics
    assert put["Namespace"] == "altis-local"
    found = [n for n in range(1, 99) if put.get(f"MetricData.member.{n}.MetricName") == "ReplicaLag"]
    assert len(found) == 1
    said = {name.rpartition(f"{found[0]}.")[2]: value for name, value in put.items() if f"member.{found[0]}." in name}
    assert said["Value"] == "3.0"
    assert {"t", "db", "db-2"} <= set(said.values())


@pytest.mark.parametrize("wish", [Wish.STOPPED, None])
def test_nobody_to_give_them_to(wish: Wish | None) -> None:
    spec = replace(SPEC, wish=Wish.STOPPED) if wish else SPEC
    view = Seen(spec, spec, spec, seen() if wish else replace(seen(), aws=None), Recent())
    assert not Metrics(lambda: view, Kernel(), lambda _: AwsServer().client, SystemClock()).put()
