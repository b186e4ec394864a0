"""Several environments on one machine: started at once, each with its own, and the end of one is nobody else's."""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.traffic import Traffic
from tests.stack.world import World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack]

MB = 2**20
AT_MOST = {"local": 1500.0, "production-ha": 3800.0}
"""MB of working set that an idle environment of a plan may take (issue 4, figures)."""


def start_at_once(worlds: Sequence[World], *options: Sequence[str]) -> None:
    """Every `start` begins before any has ended; all must succeed."""
    with ThreadPoolExecutor(len(worlds)) as pool:
        begun = [
            pool.submit(w.do, "start", "--timeout", "280", *words, timeout=300.0)
            for w, words in zip(worlds, options, strict=True)
        ]
        for one in begun:
            one.result()


def of_engine(kind: str, world: World) -> list[dict[str, object]]:
    """What the engine has of an environment: `network` or `container`, as it describes them."""
    listed = docker(kind, "ls", "--quiet", "--filter", f"label=altis-local.environment={world.name}").split()
    found: list[dict[str, object]] = json.loads(docker(kind, "inspect", *listed))
    return found


def subnets(world: World) -> Iterator[ipaddress.IPv4Network]:
    for network in of_engine("network", world):
        for config in network["IPAM"]["Config"]:  # type: ignore[index]
            yield ipaddress.IPv4Network(config["Subnet"])


def ports(world: World) -> set[int]:
    """Published by the running containers, all on loopback."""
    found = set()
    for container in of_engine("container", world):
        for bound in container["NetworkSettings"]["Ports"].values():  # type: ignore[index]
            for place in bound or ():
                assert place["HostIp"] == "127.0.0.1"
                found.add(int(place["HostPort"]))
    return found


def check_apart(worlds: Sequence[World]) -> None:
    """No port, name or address of one is another's."""
    for look in (ports, lambda w: {c["Name"] for c in of_engine("container", w)}):
        sets: list[Iterable[object]] = [look(world) for world in worlds]
        assert len(set().union(*sets)) == sum(len(list(one)) for one in sets)
    nets = [net for world in worlds for net in subnets(world)]
    assert not [(a, b) for place, a in enumerate(nets) for b in nets[place + 1 :] if a.overlaps(b)]


def check_each_has_its_own(worlds: Sequence[World]) -> None:
    """What is written in one is read there and nowhere else."""
    words = {world.name: secrets.token_hex(8) for world in worlds}
    for world in worlds:
        world.wp("web-a1", "option", "update", "blogdescription", words[world.name])
    for world in worlds:
        assert world.wp("web-a1", "option", "get", "blogdescription") == words[world.name]
        with world.client() as visitor:
            page = visitor.get(f"/?apart={secrets.token_hex(6)}")
        assert page.status_code == 200
        assert f"{world.url}/" in page.text


def memory(worlds: Sequence[World]) -> dict[str, float]:
    """Working set in MB."""
    return {w.name: sum(w.engine.memory([c.id for c in w.containers().values()]).values()) / MB for w in worlds}


def test_two_more_beside_production_ha(ha: World, neighbour: World, make_world: Callable[[str], World]) -> None:
    another = make_world("another")
    another.do("start", "--plan", "local", timeout=300.0)
    worlds = [ha, neighbour, another]
    listed = {e["environment"]: e for e in json.loads(ha.do("list", "--json").stdout)["environments"]}
    assert {listed[world.name]["state"] for world in worlds} == {"running"}
    check_apart(worlds)
    check_each_has_its_own(worlds)
    with Traffic(ha) as at_ha, Traffic(neighbour) as at_neighbour:
        another.do("destroy", "--yes")
    assert (at_ha.failed, at_neighbour.failed) == ([], [])
    assert min(at_ha.served, at_neighbour.served) > 0
    assert not another.environment.remains()
    for world in (ha, neighbour):
        assert world.converged()
        world.answers()


@pytest.mark.slow
def test_three_local_ones_and_production_ha_started_at_once(
    make_world: Callable[[str], World], record_property: Callable[[str, object], None]
) -> None:
    plans = ("local", "local", "local", "production-ha")
    worlds = [make_world(f"{plan[0]}{place}") for place, plan in enumerate(plans)]
    start_at_once(worlds, *(("--plan", plan) for plan in plans))
    check_apart(worlds)
    check_each_has_its_own(worlds)
    used = memory(worlds)
    record_property("memory_mb", {name: round(mb) for name, mb in used.items()})
    assert [name for (name, mb), plan in zip(used.items(), plans, strict=True) if not 0 < mb < AT_MOST[plan]] == []
    first, *rest = worlds
    with Traffic(rest[-1]) as traffic:
        first.do("destroy", "--yes")
    assert traffic.failed == []
    for world in rest:
        assert world.converged()
        world.answers()
