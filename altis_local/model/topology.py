"""Who stands where: roles, members, networks and their fixed addresses.

An environment owns one /20 block: a /24 for each network, a /26 of each for each zone. A member has the same host
number in every network it joins, so a zone is one range everywhere and proxies need no DNS.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal

ZONES = ("a", "b", "c")

NETWORKS = ("ingress", "edge", "app", "data", "data-ro", "store", "platform", "api", "admin")
"""In the order of their /24 inside the block. `admin` holds the control sockets of cdn, lb and endpoints."""

PUBLISHING_NETWORKS = ("ingress", "api")
"""The engine publishes no port of a container that is on internal networks only."""

BLOCK_PREFIX = 20
_ZONE_SPAN = 64
_REGIONAL_BASE = 192

Counting = Literal["regional", "single", "zone", "zone-indexed", "indexed"]


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of member. `counting`: regional (one, of no zone), single (one, in the first zone), zone (one each),
    zone-indexed (web-a1), indexed (db-1)."""

    name: str
    counting: Counting
    slot: int
    networks: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    """(network, alias) pairs that the engine's DNS answers with this member."""


ROLES = {
    role.name: role
    for role in (
        Role("cdn", "regional", 0, ("ingress", "edge", "admin")),
        Role("lb", "zone", 2, ("edge", "app", "admin")),
        Role("web", "zone-indexed", 10, ("app", "data", "data-ro", "platform")),
        Role(
            "endpoints",
            "zone",
            3,
            ("data", "data-ro", "store", "admin"),
            (("data", "db-writer"), ("data-ro", "db-reader"), ("data", "cache"), ("data", "search")),
        ),
        Role("sandbox", "single", 4, ("data", "data-ro", "platform")),
        Role("cavalcade", "zone-indexed", 30, ("data", "data-ro", "platform")),
        Role("db", "indexed", 40, ("store",)),
        Role("redis", "indexed", 50, ("store",)),
        Role("search", "indexed", 54, ("store",)),
        Role("aws", "regional", 1, ("platform", "edge"), (("platform", "aws"), ("edge", "aws"))),
        Role("tachyon", "regional", 2, ("edge",)),
        Role("standins", "regional", 3, ("platform", "edge"), (("platform", "standins"),)),
        Role("control", "regional", 4, NETWORKS),
    )
}

READER_ENDPOINT = "db-reader"
MEMBER_ROLES = (
    *("db", "search", "aws", "redis", "endpoints", "web"),
    *("lb", "cdn", "tachyon", "standins", "cavalcade", "sandbox"),
)
"""Roles that control makes and heals, in the order they are started: the slowest to answer first."""


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One slot of the environment. `zone` is "" for regional roles; `index` counts from 1 (0 where there is one)."""

    name: str
    role: str
    zone: str
    index: int

    @property
    def host(self) -> int:
        """The member's host number in every network it joins."""
        base = _ZONE_SPAN * ZONES.index(self.zone) if self.zone else _REGIONAL_BASE
        return base + ROLES[self.role].slot + self.index


def member(role: str, zones: tuple[str, ...], *, index: int = 0, zone: str = "") -> Member:
    """The member of `role` at `index` (from 1), or the one in `zone`, in an environment with `zones`."""
    match ROLES[role].counting:
        case "regional":
            return Member(role, role, "", 0)
        case "single":
            return Member(role, role, zones[0], 0)
        case "zone":
            return Member(f"{role}-{zone}", role, zone, 0)
        case "zone-indexed":
            place = zones[(index - 1) % len(zones)]
            rank = (index - 1) // len(zones) + 1
            return Member(f"{role}-{place}{rank}", role, place, rank)
        case "indexed":
            return Member(f"{role}-{index}", role, zones[(index - 1) % len(zones)], index)


def members_of(role: str, zones: tuple[str, ...], count: int) -> tuple[Member, ...]:
    """The first `count` members of a role, spread over the zones; one each for roles that are not counted."""
    match ROLES[role].counting:
        case "regional" | "single":
            return (member(role, zones),)
        case "zone":
            return tuple(member(role, zones, zone=zone) for zone in zones)
        case _:
            return tuple(member(role, zones, index=index) for index in range(1, count + 1))


def subnet(block: str, network: str) -> ipaddress.IPv4Network:
    """The /24 of a network in the block (such as "10.208.16.0/20")."""
    base = ipaddress.IPv4Network(block).network_address + 256 * NETWORKS.index(network)
    return ipaddress.IPv4Network(f"{base}/24")


def address(block: str, network: str, who: Member) -> str:
    """The member's fixed address in one of its networks."""
    return str(subnet(block, network).network_address + who.host)


def automatic_range(block: str, network: str) -> str:
    """Where the engine may place helpers (workloads, shells): above every member's slot."""
    return f"{subnet(block, network).network_address + 224}/27"


CONTROL = member("control", ZONES)
