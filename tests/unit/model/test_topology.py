"""Addresses: every member of every plan has its own, in its zone's range, the same number in all its networks."""

from __future__ import annotations

import ipaddress

import pytest

from altis_local.model.plans import PLANS, Plan, bounds, refusal
from altis_local.model.topology import (
    CONTROL,
    MEMBER_ROLES,
    NETWORKS,
    ROLES,
    ZONES,
    address,
    automatic_range,
    members_of,
    subnet,
)

BLOCK = "10.208.16.0/20"


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_member_has_an_address_of_its_own(plan: Plan) -> None:
    everybody = [m for role in MEMBER_ROLES for m in members_of(role, plan.zones, bounds(plan, role).most)]
    numbers = [m.host for m in [*everybody, CONTROL]]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 1  # .1 is the gateway's
    for m in everybody:
        for network in ROLES[m.role].networks:
            at = ipaddress.IPv4Address(address(BLOCK, network, m))
            assert at in subnet(BLOCK, network)
            assert at not in ipaddress.IPv4Network(automatic_range(BLOCK, network))
        if m.zone:
            assert m.host // 64 == ZONES.index(m.zone)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("role", ["web", "db", "redis"])
def test_members_are_spread_over_the_zones(plan: Plan, role: str) -> None:
    for count in range(1, bounds(plan, role).most + 1):
        zones = [m.zone for m in members_of(role, plan.zones, count)]
        per_zone = [zones.count(z) for z in plan.zones]
        assert max(per_zone) - min(per_zone) <= 1


def test_networks_do_not_overlap() -> None:
    nets = [subnet(BLOCK, n) for n in NETWORKS]
    assert all(n.subnet_of(ipaddress.IPv4Network(BLOCK)) for n in nets)
    assert len(set(nets)) == len(nets)


@pytest.mark.parametrize(
    ("plan", "role", "count", "reason"),
    [
        ("local", "web", 1, None),
        ("local", "web", 2, "plan local has exactly 1 web"),
        ("production-ha", "web", 6, None),
        ("production-ha", "web", 7, "plan production-ha allows 2 to 6 web, not 7"),
        ("production-ha", "web", 0, "plan production-ha allows 2 to 6 web, not 0"),
        ("local", "db", 2, "plan local has exactly 1 db"),
    ],
)
def test_refusals_give_the_reason(plan: str, role: str, count: int, reason: str | None) -> None:
    assert refusal(PLANS[plan], role, count) == reason
