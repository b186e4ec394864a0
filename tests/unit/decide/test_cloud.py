"""When AWS's services are prepared, and with what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.decide import cloud, turn
from altis_local.model import actions as do
from altis_local.model.cloud import LogGroup, identities, log_groups
from altis_local.model.spec import Secrets, Service, Spec, Wish
from altis_local.model.state import AwsNode, Health, Reach, Snapshot
from tests.unit.decide.states import container, recent, snapshot

SPEC = Spec(
    "t", "local", "10.208.0.0/20", 8443, {"aws": Service("aws", "altis-local/aws:1", memory=1)}, Secrets(*"abcdefg")
)
ALL = AwsNode("aws", identities(SPEC), log_groups(SPEC))


def seen(node: AwsNode | None, reach: Reach = Reach.OK) -> Snapshot:
    base = snapshot(container("aws", "aws"))
    return replace(base, aws=node, health={"aws": Health(reach)})


def planned(node: AwsNode | None, spec: Spec = SPEC, reach: Reach = Reach.OK) -> list[do.Action]:
    return [action for steps in cloud.decide(spec, seen(node, reach)) for action in steps.actions]


def test_what_an_environment_needs() -> None:
    assert identities(SPEC) == {"altis.cloud", "t.altis.cloud"}
    assert identities(replace(SPEC, site_host="www.example.org")) >= {"example.org", "t.altis.cloud"}
    assert LogGroup("t/ses", 30) in log_groups(SPEC)
    assert LogGroup("t/cavalcade", 0) in log_groups(SPEC)


def test_after_its_start_everything_is_made() -> None:
    (action,) = planned(AwsNode("aws", frozenset(), frozenset()))
    assert isinstance(action, do.PrepareAws)
    assert set(action.identities) == identities(SPEC)
    assert set(action.groups) == log_groups(SPEC)


def test_only_what_lacks_is_made() -> None:
    other = ALL.groups - {LogGroup("t/php", 14)} | {LogGroup("t/php", 0), LogGroup("own", 1)}
    (action,) = planned(AwsNode("aws", ALL.identities | {"own.org"}, frozenset(other)))
    assert action == do.PrepareAws("aws", (), (LogGroup("t/php", 14),))


@pytest.mark.parametrize(
    ("node", "reach", "wish"),
    [
        (ALL, Reach.OK, Wish.RUNNING),
        (None, Reach.OK, Wish.RUNNING),
        (AwsNode("aws", frozenset(), frozenset()), Reach.SILENT, Wish.RUNNING),
        (AwsNode("aws", frozenset(), frozenset()), Reach.OK, Wish.STOPPED),
    ],
    ids=["all there", "not told yet", "not well", "stopped"],
)
def test_nothing_is_made(node: AwsNode | None, reach: Reach, wish: Wish) -> None:
    assert planned(node, replace(SPEC, wish=wish), reach) == []


@pytest.mark.parametrize(
    ("node", "expected"),
    [(ALL, True), (None, False), (AwsNode("aws", frozenset(), ALL.groups), False)],
    ids=["all", "unknown", "no identities"],
)
def test_an_environment_has_converged_only_when_prepared(node: AwsNode | None, expected: bool) -> None:
    assert cloud.is_prepared(SPEC, seen(node)) is expected
    assert not turn.is_converged(SPEC, seen(node), recent()) or expected


def test_an_environment_without_aws_needs_nothing() -> None:
    assert cloud.is_prepared(replace(SPEC, services={}), snapshot())
