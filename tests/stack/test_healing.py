"""Every role is healed, each way that it may fail: killed, its process killed, paused, frozen, gone; control too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from altis_local.model.state import Container
from tests.stack.keeping import Kept
from tests.stack.traffic import Traffic
from tests.stack.world import World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

WAYS = {
    "killed": r"exited with 137|is gone",
    "process-killed": r"exited with \d+|is gone",
    "paused": r"is frozen|says paused|no primary",
    "frozen": r"did not answer|does not answer|is frozen|no primary",
    "gone": r"is missing|is gone|exited with 137|no primary",
}
"""How, and what the journal may call it: healing's words, the database's, the cache's."""
RUNNER = "cavalcade-a1"


def hurt_and_healed(world: World, way: str, members: tuple[str, ...]) -> None:
    """Do it to all members at once: they come back, all is as before, and the journal says why."""
    shape = sorted(m["member"] for m in world.status()["members"])
    before, moment = world.containers(), world.moment()
    world.hurt(way, members)
    eventually(lambda: _are_new(world, members, before), f"{way}: {members} are made anew")
    status = world.converged()
    world.answers()
    assert sorted(m["member"] for m in status["members"]) == shape
    assert {m["state"] for m in status["members"]} == {"healthy"}
    duties = sorted(m["duty"] for m in status["members"] if m["duty"])
    assert duties == ["primary", "reader", "standby", "writer"]
    assert status["protected"] is True
    told = [e for e in world.journal(moment) if e["kind"] == "action"]
    for member in members:
        why = [e["text"] for e in told if member in (e["member"], *re.findall(r"[\w-]+", e["text"]))]
        assert any(re.search(WAYS[way], text) for text in why), f"{member} {way}: the journal says {why}"


def _are_new(world: World, members: tuple[str, ...], before: Mapping[str, Container]) -> bool:
    found = world.containers()
    return all(member in found and found[member].id != before[member].id for member in members)


@pytest.mark.parametrize("way", WAYS)
def test_members_without_a_duty_and_followers(ha: World, way: str) -> None:
    hurt_and_healed(ha, way, ("web-a1", "lb-a", "endpoints-a", "cdn", ha.duty("standby"), ha.duty("reader")))


@pytest.mark.parametrize(
    # The engine's word on the rest is what it says of the other members.
    "way",
    [w if w in ("killed", "frozen") else pytest.param(w, marks=pytest.mark.slow) for w in WAYS],
)
def test_the_services(ha: World, way: str) -> None:
    """None of them is needed for a page: visitors are answered all the time, and what was kept is kept."""
    # (A sandbox listens to nobody: whether it sleeps or is held makes no difference to those who come in.)
    members = ("search-1", "aws", "tachyon", "standins", RUNNER, *(("sandbox",) if way != "frozen" else ()))
    kept = Kept(ha)
    with Traffic(ha) as traffic:
        hurt_and_healed(ha, way, members)
    assert traffic.served > 5
    assert (traffic.failed, traffic.slow) == ([], [])
    kept.check()


@pytest.mark.parametrize("way", WAYS)
def test_the_writer_and_the_primary(ha: World, way: str) -> None:
    writer, primary = ha.duty("writer"), ha.duty("primary")
    hurt_and_healed(ha, way, (writer, primary))
    assert ha.duty("writer") != writer
    assert ha.duty("primary") != primary


def _kill_its_process(world: World) -> None:
    world.faults.kill([c for c in world.environment.standing().containers if c.kind == "control"])


def _kill(world: World) -> None:
    docker("kill", world.containers()["control"].id)


def _pause(world: World) -> None:
    docker("pause", world.containers()["control"].id)


def _remove(world: World) -> None:
    docker("rm", "--force", world.containers()["control"].id)


@pytest.mark.parametrize("fault", [_kill_its_process, _kill, _pause, _remove])
def test_control_comes_back_with_the_next_command(ha: World, fault: Callable[[World], None]) -> None:
    """What failed while it was away is healed too; nothing that ran well is touched."""
    before = {name: c.id for name, c in ha.containers().items()}
    fault(ha)
    docker("kill", before["web-b1"])
    ha.do("scale", "web", "2")
    ha.do("scale", "web", "auto")
    assert {m["state"] for m in ha.converged()["members"]} == {"healthy"}
    after = {name: c.id for name, c in ha.containers().items()}
    assert after["web-b1"] != before["web-b1"]
    touched = {name for name in before if after[name] != before[name]}
    assert touched <= {"web-b1", "control"}
    ha.answers()


def test_control_whose_process_was_killed_needs_no_command(ha: World) -> None:
    """The engine itself starts it again."""
    control = ha.containers()["control"].id
    _kill_its_process(ha)
    docker("kill", ha.containers()["web-a1"].id)
    eventually(lambda: ha.status()["converged"], "healed without a command")
    assert ha.containers()["control"].id == control


def test_a_frozen_member_that_wakes_up_is_not_killed(ha: World) -> None:
    """Held for less than anybody's patience: its connections go on."""
    before = ha.containers()["lb-b"].id
    targets = [c for c in ha.environment.standing().containers if c.member == "lb-b"]
    ha.faults.pause(targets, 0.8)
    eventually(lambda: not ha.faults.active(), "the fault's end", within=10)
    ha.converged()
    assert ha.containers()["lb-b"].id == before
