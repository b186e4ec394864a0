"""Two environments at once: no way from one into the other, to the host, or out; no name leaks; loopback alone."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import socket
import struct
from collections.abc import Iterable

import pytest

from altis_local.clients import host
from altis_local.environment.finding import API_PORT
from altis_local.model.topology import PUBLISHING_NETWORKS, subnet
from tests.stack.world import World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack]

PORTS = (22, 53, 80, 443, 2375, 3306, 6379, 8080, 8443, 9000, 9001, 9999)
SIOCGIFADDR = 0x8915
MEMBERS = ("web-a1", "cdn", "lb-a", "endpoints-a", "db-1", "redis-1")

CONNECT = """
import asyncio, json, sys

async def one(address, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 1.0)
    except (OSError, asyncio.TimeoutError):
        return []
    writer.close()
    return [[address, port]]

async def main():
    found = await asyncio.gather(*(one(*target) for target in json.loads(sys.argv[1])))
    print(json.dumps(sum(found, [])))

asyncio.run(main())
"""
LOOK_UP = """
import json, socket, sys, time

answers = {}
for name in json.loads(sys.argv[1]):
    begun = time.monotonic()
    try:
        said = socket.gethostbyname(name)
    except socket.gaierror as error:
        said = error.errno
    answers[name] = [said, time.monotonic() - begun]
print(json.dumps({"answers": answers, "unknown": socket.EAI_NONAME}))
"""


def answering(world: World, member: str, targets: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Which of these a process in the member's network can connect to."""
    helper = world.helper(CONNECT, json.dumps(sorted(set(targets))), inside=member)
    return [(address, port) for address, port in json.loads(world.finish(helper)[-1])]


def everywhere(world: World) -> list[str]:
    """Every address that any container of the environment has, and the first of each of its networks."""
    shown = json.loads(docker("inspect", *(c.id for c in world.containers().values())))
    found = {n["IPAddress"] for row in shown for n in row["NetworkSettings"]["Networks"].values()}
    return sorted(found | gateways(world))


def gateways(world: World) -> set[str]:
    block = str(world.environment.standing().control.label("block"))  # type: ignore[union-attr]
    return {str(subnet(block, network).network_address + 1) for network in world.engine.networks(world.name)}


def host_addresses() -> set[str]:
    """Of this machine: its own, and of every bridge."""
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, interface in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking.fileno(), SIOCGIFADDR, struct.pack("256s", interface.encode()))
            except OSError:
                continue  # it has none
            found.add(socket.inet_ntoa(answer[20:24]))
    return {address for address in found if not ipaddress.ip_address(address).is_loopback}


@pytest.mark.parametrize("member", MEMBERS)
def test_no_member_reaches_another_environment(ha: World, neighbour: World, member: str) -> None:
    """Neither a member of it, nor its control, nor a port that it publishes."""
    published = {int(neighbour.url.rpartition(":")[2])}
    published |= {p for c in neighbour.environment.standing().containers for p in c.ports.values()}
    targets = {(address, port) for address in everywhere(neighbour) for port in {*PORTS, *published}}
    assert answering(ha, member, targets) == []


@pytest.mark.parametrize("member", MEMBERS)
def test_no_member_reaches_the_host(ha: World, neighbour: World, member: str) -> None:
    own = {p for w in (ha, neighbour) for c in w.environment.standing().containers for p in c.ports.values()}
    targets = {(address, port) for address in host_addresses() | gateways(ha) for port in {*PORTS, *own}}
    assert answering(ha, member, targets) == []


@pytest.mark.parametrize("member", MEMBERS)
def test_no_member_reaches_control(ha: World, member: str) -> None:
    """Its API and, but for its resolver, anything else of it."""
    control = json.loads(docker("inspect", ha.containers()["control"].id))[0]
    addresses = {n["IPAddress"] for n in control["NetworkSettings"]["Networks"].values()}
    ports = {*PORTS, API_PORT, *(p for c in ha.environment.standing().containers for p in c.ports.values())}
    assert answering(ha, member, {(address, port) for address in addresses for port in ports}) == []


def test_the_same_look_finds_what_is_meant_to_be_found(ha: World) -> None:
    """Else the tests above would pass by seeing nothing at all."""
    targets = [("db-writer", 3306), ("db-reader", 3306), ("cache", 6379)]
    assert sorted(answering(ha, "web-a1", targets)) == sorted(targets)


def test_control_sockets_take_nobody_but_control(ha: World) -> None:
    """Members of the network `admin` get no answer from each other's."""
    lb, endpoints = (ha.address(m, "admin") for m in ("lb-b", "endpoints-b"))
    said = ha.finish(ha.helper(ASK, json.dumps([[lb, 9999], [endpoints, 9999]]), inside="lb-a"))
    assert json.loads(said[-1]) == ["", ""]


ASK = """
import json, socket, sys

def ask(address, port):
    try:
        with socket.create_connection((address, port), 2) as raw:
            raw.sendall(b"show info\\n")
            raw.settimeout(2)
            return raw.recv(200).decode()
    except OSError:
        return ""

print(json.dumps([ask(*target) for target in json.loads(sys.argv[1])]))
"""


@pytest.mark.parametrize("member", ["web-a1", "cdn", "db-1"])
def test_names_from_outside_do_not_exist_at_once(ha: World, member: str) -> None:
    names = ["example.org", "wordpress.org", "nowhere.invalid", "localhost.localdomain"]
    said = json.loads(ha.finish(ha.helper(LOOK_UP, json.dumps(names), inside=member))[-1])
    for name, (answer, seconds) in said["answers"].items():
        assert answer == said["unknown"], f"{name} → {answer}"
        assert seconds < 1.0, f"{name} took {seconds:.1f} s"


def test_names_of_the_other_environment_are_unknown(ha: World, neighbour: World) -> None:
    names = [f"altis-{neighbour.name}-web-a1", f"altis-{neighbour.name}-db-1", "redis-9"]
    said = json.loads(ha.finish(ha.helper(LOOK_UP, json.dumps(names), inside="web-a1"))[-1])
    assert {answer for answer, _ in said["answers"].values()} == {said["unknown"]}


def test_published_ports_are_on_loopback_alone(ha: World, neighbour: World) -> None:
    """The site and control's API, and nothing else."""
    for world in (ha, neighbour):
        shown = json.loads(docker("inspect", *(c.id for c in world.containers().values())))
        published = {
            row["Config"]["Labels"]["altis-local.member"]: bindings
            for row in shown
            if (bindings := [b for p in row["NetworkSettings"]["Ports"].values() for b in p or ()])
        }
        assert sorted(published) == ["cdn", "control"]
        assert {b["HostIp"] for bindings in published.values() for b in bindings} == {"127.0.0.1"}


def test_the_host_has_no_way_into_the_networks_of_members(ha: World) -> None:
    """Where it has none, it sends to its default route. (`connect` proves nothing: there may be a proxy for all.)"""
    block = ipaddress.IPv4Network(str(ha.environment.standing().control.label("block")))  # type: ignore[union-attr]
    ways = [route for route in host.routes() if route.prefixlen and route.overlaps(block)]
    assert set(ways) == {subnet(str(block), network) for network in PUBLISHING_NETWORKS}


@pytest.mark.parametrize("port", [3306, 6379, 9200])
def test_no_database_is_published(ha: World, neighbour: World, port: int) -> None:
    """Whoever else may listen there: it is none of ours."""
    holders = ha.environment.reader.port_holders()
    assert not holders.get(port, "").startswith(f"altis-{ha.name}-")
    assert not holders.get(port, "").startswith(f"altis-{neighbour.name}-")
