"""What wire writes can be read back, as JSON text too, and nothing else is read."""

from __future__ import annotations

import json

import pytest

from altis_local import wire
from altis_local.errors import UsageError
from altis_local.model import actions
from altis_local.model.cloud import LogGroup
from altis_local.model.gtid import GtidSet
from altis_local.model.history import Event, Miss, Recent
from altis_local.model.spec import Secrets, Service, Spec, Volume, Wish
from altis_local.model.state import (
    AwsNode,
    CacheNode,
    Container,
    DbNode,
    Health,
    Phase,
    Protection,
    Proxy,
    ProxyServer,
    Reach,
    Receiver,
    Runner,
    SemiSync,
    Snapshot,
)

GTIDS = GtidSet.parse("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7")
RECORD = Protection(term=3, writer="db-1", voters=frozenset({"db-3", "db-2"}), k=1)
SERVICE = Service(
    role="cdn",
    image="altis-local/cdn:1234",
    environment={"ALTIS_MEMBER": "${ALTIS_MEMBER}"},
    command=("nginx", "-g"),
    volumes=(Volume("data", "/var/lib/x"),),
    memory=64 << 20,
    ulimits={"nofile": (1024, 2048)},
    publish={8443: "site"},
)
SPEC = Spec(
    environment="t",
    plan="production-ha",
    block="10.208.16.0/20",
    site_port=8443,
    services={"cdn": SERVICE},
    secrets=Secrets("a", "b", "c", "d", "e", "f", "g"),
    counts={"web": 3},
    wish=Wish.STOPPED,
)
DB = DbNode(
    member="db-2",
    server_id=7,
    server_uuid="u",
    read_only=True,
    executed=GTIDS,
    term=3,
    term_member="db-1",
    receiver=Receiver("10.0.0.1", "Yes", "Yes", GTIDS, lag=None),
    semi_sync=SemiSync(source=False, count=1, clients=0, replica=True),
)
SNAPSHOT = Snapshot(
    taken_at=12.5,
    containers=(Container("i", "n", "member", "db", "db-2", "b", "h", "m", Phase.EXITED, exit_code=137),),
    networks=frozenset({"data", "app"}),
    health={"db-2": Health(Reach.SILENT, "no answer")},
    db={"db-2": DB},
    cache={"redis-1": CacheNode("redis-1", True, "", False, 10, 3)},
    proxies={"lb-a": Proxy("lb-a", (ProxyServer("web", "web-a1", "ready", True, 2),), frozenset({"fw"}))},
    runners={"cavalcade-a1": Runner(frozenset({12, 3}), 4)},
    edge=frozenset({"lb-b", "lb-a"}),
    aws=AwsNode("aws", frozenset({"altis.cloud"}), frozenset({LogGroup("t/php", 14), LogGroup("t/access", 0)})),
    protection=RECORD,
)
STEPS = actions.Steps(
    "db",
    "writer dead",
    (
        actions.Fence("db-1", "id"),
        actions.WriteRecord(RECORD),
        actions.Route(("lb-a",), "web", frozenset({"web-b1", "web-a1"})),
        actions.StopReceivers(("db-2",)),
    ),
)


@pytest.mark.parametrize(
    "value",
    [
        RECORD,
        SERVICE,
        SPEC,
        DB,
        SNAPSHOT,
        STEPS,
        Event(1.0, "outcome", "x", seconds=0.25, log=("a",)),
        Recent({"a": Miss(2, 1.0)}, {"b": 2.0}, {"c": (1.0, 2.0)}, unattended={12: 1.5}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_survives_json(value: object) -> None:
    assert wire.load(type(value), json.loads(json.dumps(wire.dump(value)))) == value


def test_every_action_is_tagged_by_its_class() -> None:
    for action in STEPS.actions:
        data = json.loads(json.dumps(wire.dump(action)))
        assert data["action"] == type(action).__name__
        assert wire.load_action(data) == action


def test_sets_are_written_in_order() -> None:
    assert wire.dump(RECORD)["voters"] == ["db-2", "db-3"]


def test_gtid_sets_are_text() -> None:
    assert wire.dump(DB)["executed"] == str(GTIDS)


def test_unknown_keys_are_ignored_and_missing_ones_take_their_default() -> None:
    assert wire.load(Protection, {"term": 1, "writer": "db-1", "later": True}) == Protection(1, "db-1")


@pytest.mark.parametrize(
    "data",
    [
        {"term": "1", "writer": "db-1"},
        {"term": True, "writer": "db-1"},
        {"term": 1, "writer": None},
        {"term": 1},
        {"term": 1, "writer": "db-1", "voters": 3},
        [],
        None,
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(data: object) -> None:
    with pytest.raises(UsageError, match="not readable"):
        wire.load(Protection, data)


def test_a_refusal_names_every_field() -> None:
    with pytest.raises(UsageError, match=r"term.*writer|writer.*term"):
        wire.load(Protection, {"term": "x", "writer": 1})


@pytest.mark.parametrize("data", [{"action": "Nothing"}, {}, "Fence"], ids=str)
def test_an_unknown_action_is_refused(data: object) -> None:
    with pytest.raises(UsageError):
        wire.load_action(data)
