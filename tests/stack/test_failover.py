"""The duty moves, by a crash and gracefully; the names that clients know stay, and no acknowledged row is lost."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.stack.inserting import Inserter
from tests.stack.world import World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

WAYS = {"crash": (), "graceful": ("--graceful",)}


@pytest.fixture
def inserter(ha: World) -> Iterator[Inserter]:
    made = Inserter(ha, secrets.token_hex(4))
    yield made


def addresses(world: World) -> dict[str, list[str]]:
    """Of the names that clients know."""
    return {name: sorted(e["addresses"]) for name, e in world.status()["endpoints"].items()}


@pytest.mark.parametrize("way", WAYS)
def test_the_writer_changes(ha: World, inserter: Inserter, way: str) -> None:
    names, writer, reader = addresses(ha), ha.duty("writer"), ha.duty("reader")
    answer = ha.json("failover", "db", *WAYS[way])
    assert (answer["from"], answer["to"]) == (writer, reader)
    inserter.more()
    status = ha.converged()
    inserter.more()
    inserter.stop()
    assert {m["member"]: m["duty"] for m in status["members"] if m["role"] == "db"} == {
        writer: "reader",
        reader: "writer",
    }
    assert addresses(ha) == names
    assert status["endpoints"]["db-writer"]["members"] == [reader]
    assert inserter.missing(reader) == set()
    eventually(lambda: inserter.missing(writer) == set(), "the former writer has every row too")
    if way == "graceful":
        assert inserter.failed() == []
    ha.answers()


@pytest.mark.parametrize("way", WAYS)
def test_the_primary_changes(ha: World, way: str) -> None:
    key, value = f"k{secrets.token_hex(4)}", secrets.token_hex(8)
    ha.wp("web-a1", "cache", "set", key, value, "stack", "600")
    names, primary, standby = addresses(ha), ha.duty("primary"), ha.duty("standby")
    answer = ha.json("failover", "cache", *WAYS[way])
    assert (answer["from"], answer["to"]) == (primary, standby)
    status = ha.converged()
    assert ha.duty("primary") == standby
    assert ha.duty("standby") == primary
    assert addresses(ha) == names
    assert status["endpoints"]["cache"]["members"] == [standby]
    for web in ("web-a1", "web-b1"):
        assert ha.wp(web, "cache", "get", key, "stack") == value
    ha.wp("web-b1", "cache", "set", key, "anew", "stack", "600")
    assert ha.wp("web-a1", "cache", "get", key, "stack") == "anew"
    ha.answers()


def test_a_graceful_change_to_nobody_is_refused(ha: World) -> None:
    writer = ha.duty("writer")
    refused = ha.run("failover", "db", "--graceful", "--to", "db-9")
    assert refused.returncode == 8
    assert "db-9 is no reader" in refused.stderr
    assert ha.run("failover", "cheese").returncode == 2
    assert ha.duty("writer") == writer
