"""What operators do by hand: break a part and let go of it, look into the database, ask what the machine lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from altis_local.model.processes import are_held
from tests.stack.world import World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

HELD = "sandbox"
"""It answers nobody, so that control does not heal it while it is held."""


def is_held(world: World) -> bool:
    """Asked of the engine: a command inside would be held as well."""
    return are_held(world.engine.processes(world.containers()[HELD].id))


@pytest.fixture(autouse=True)
def _no_fault_stays(ha: World) -> Iterator[None]:
    yield
    ha.do("fault", "clear", "--all")


# -- faults


def test_a_fault_is_shown_until_it_is_cleared(ha: World) -> None:
    (made,) = ha.json("fault", "add", "pause", HELD, "--for", "90s")["faults"]
    assert made.keys() == {"id", "kind", "target", "expires_at"}
    assert (made["kind"], made["target"]) == ("pause", HELD)
    assert 60 < made["expires_at"] - ha.environment.clock.now() <= 90
    assert is_held(ha)
    assert ha.json("status")["faults"] == [made]
    assert ha.json("fault", "list")["faults"] == [made]
    shown = ha.do("fault", "list").stdout.splitlines()
    assert shown[0].split() == ["FAULT", "KIND", "TARGET", "LEFT"]
    assert shown[1].split()[:3] == [made["id"], "pause", HELD]
    assert made["id"] in ha.do("status").stdout

    assert ha.json("fault", "clear", made["id"])["faults"] == [made]
    eventually(lambda: not is_held(ha), "it is let go", within=10)
    assert ha.json("status")["faults"] == []
    assert ha.do("fault", "clear", made["id"]).stdout.strip() == "there was nothing to clear", "once more is no error"
    assert ha.do("fault", "list").stdout.strip() == "no fault is on"


def test_all_faults_are_cleared_at_once(ha: World) -> None:
    made = [ha.json("fault", "add", "pause", member, "--for", "60s")["faults"][0] for member in (HELD, "tachyon")]
    cleared = ha.json("fault", "clear", "--all")["faults"]
    assert sorted(fault["id"] for fault in cleared) == sorted(fault["id"] for fault in made)
    assert ha.json("fault", "list")["faults"] == []
    eventually(lambda: not is_held(ha), "it is let go", within=10)


def test_a_fault_ends_by_itself(ha: World) -> None:
    said = ha.do("fault", "add", "pause", HELD, "--for", "1500ms").stdout
    assert said.startswith(f"{HELD} is paused for 1.5 s (")
    eventually(lambda: ha.json("fault", "list")["faults"] == [], "its time is up", within=10)
    assert not is_held(ha)


def test_what_is_killed_by_hand_is_healed(ha: World) -> None:
    moment, before = ha.moment(), {name: c.id for name, c in ha.containers().items() if c.role == "lb"}
    made = ha.json("fault", "add", "kill", "lb")["faults"]
    assert sorted(fault["target"] for fault in made) == sorted(before)
    eventually(lambda: sum("exited with 137" in e["text"] for e in ha.journal(moment)) >= len(before), "all are healed")
    ha.converged()
    assert not set(before.values()) & {c.id for c in ha.containers().values()}
    ha.answers()


def test_an_endpoint_stands_for_whoever_serves_it(ha: World) -> None:
    primary = ha.duty("primary")
    (made,) = ha.json("fault", "add", "kill", "cache")["faults"]
    assert made["target"] == primary
    eventually(lambda: duties(ha).get(primary) == "standby", "the other took over, and it came back as its standby")


def duties(world: World) -> dict[str, str]:
    return {m["member"]: m["duty"] for m in world.status()["members"] if m["duty"]}


# -- the database


def ask(world: World, *words: str) -> list[str]:
    return world.do(
        "db", "shell", *words, "-N", "-B", "-e", "SELECT @@super_read_only, @@server_id, CURRENT_USER()"
    ).stdout.split()


def test_a_session_on_the_writer_and_on_a_reader(ha: World) -> None:
    read_only, writer, user = ask(ha)
    assert (read_only, user.split("@")[0]) == ("0", "wordpress")
    read_only, reader, _ = ask(ha, "--reader")
    assert read_only == "1"
    members = {m["duty"]: m["detail"] for m in ha.status()["members"] if m["role"] == "db"}
    assert members["writer"].endswith(f"server {writer}")
    assert reader != writer


def test_a_session_takes_statements_from_a_pipe_and_keeps_their_failure(ha: World) -> None:
    process = ha.spawn("db", "shell", "-N", stdin=-1)
    out, _ = process.communicate("SELECT blog_id FROM wp_blogs;\n", timeout=60)
    assert (process.returncode, out.split()) == (0, ["1"])
    failed = ha.run("db", "shell", "-e", "SELECT nonsense")
    assert failed.returncode == 1
    assert "Unknown column" in failed.stderr


def test_who_follows_whom(ha: World) -> None:
    document, status = ha.json("db", "topology"), ha.status()
    assert document["protected"] is True
    assert [m["member"] for m in document["members"]] == ["db-1", "db-2"]
    assert document["endpoints"]["db-writer"]["members"] == [ha.duty("writer")]
    assert document["endpoints"]["db-reader"]["members"] == [ha.duty("reader")]
    assert document["database"] == status["database"]
    shown = ha.do("db", "topology").stdout.splitlines()
    assert shown[0].split() == ["MEMBER", "ZONE", "DUTY", "STATE", "DETAIL"]
    assert f"db-writer → {ha.duty('writer')}" in shown
    assert any("receiver Yes, applier Yes" in line for line in shown)


# -- doctor


def test_this_machine_is_well(ha: World) -> None:
    told = ha.json("doctor")
    assert told["ok"]
    assert {check["check"] for check in told["checks"]} >= {"engine", "compose", "disk", "memory", "port", "CA bundle"}
    shown = ha.do("doctor").stdout.splitlines()
    assert shown[0].split()[1] == "engine"


def test_doctor_without_an_engine(ha: World) -> None:
    done = ha.run("doctor", "--json", env={"PATH": "/usr/bin:/bin", "HOME": "/root", "DOCKER_HOST": "unix:///no/such"})
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert (told["ok"], told["checks"][0]["state"]) == (False, "wrong")
    assert "/no/such" in told["checks"][0]["detail"]
