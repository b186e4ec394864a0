"""Chooses what environments must not share: an address block, the site's port, the API's port.

Called when an environment is made. Labels of what exists are the record of what is taken; the choice is made under a
lock of the whole user, so that two first starts at once do not choose the same.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from altis_local.clients import host
from altis_local.clients.engine_reader import EngineReader, Found, FoundNetwork
from altis_local.errors import Conflict
from altis_local.model.topology import NETWORKS

FIRST_SITE_PORT = 8443
FIRST_API_PORT = 28080
PORTS_TRIED = 500

_POOLS = ("10.208.0.0/12", "10.96.0.0/12", "172.20.0.0/14", "192.168.128.0/17")
"""Private ranges that offices and VPNs use least, tried in this order."""


def blocks() -> Iterator[ipaddress.IPv4Network]:
    for pool in _POOLS:
        yield from ipaddress.IPv4Network(pool).subnets(new_prefix=20)


def choose_block(reader: EngineReader, controls: Iterable[Found]) -> str:
    """A free /20: no route, no network of the engine, no resolver and no other environment in it."""
    taken = [*host.routes(), *(ipaddress.IPv4Network(address) for address in host.nameservers())]
    taken += [ipaddress.IPv4Network(s) for n in reader.networks() for s in n.subnets if ":" not in s]
    taken += [ipaddress.IPv4Network(c.label("block")) for c in controls if c.label("block")]
    found = host.free_block(taken, blocks())
    if found is None:
        raise Conflict("no free private address block is left", hint="`altis-local list`, and destroy one")
    return str(found)


def block_of(name: str, networks: Iterable[FoundNetwork]) -> str | None:
    """The block an environment lives in, by its networks; None where it has none."""
    for network in networks:
        short = network.name.removeprefix(f"altis-{name}-")
        if network.environment == name and short in NETWORKS and network.subnets:
            first = ipaddress.IPv4Network(network.subnets[0]).network_address
            return f"{first - 256 * NETWORKS.index(short)}/20"
    return None


def choose_port(first: int, reader: EngineReader, controls: Iterable[Found]) -> int:
    """The first port from `first` upwards that nobody listens on, publishes, or keeps for a stopped environment."""
    kept = {int(c.label(name)) for c in controls for name in ("api-port", "site-port") if c.label(name).isdigit()}
    taken = kept | set(reader.port_holders())
    for port in range(first, first + PORTS_TRIED):
        if port not in taken and host.is_port_free(port):
            return port
    raise Conflict(f"no port from {first} to {first + PORTS_TRIED - 1} is free")


def require_port(port: int, name: str, reader: EngineReader, controls: Iterable[Found]) -> None:
    """Raise Conflict naming the holder when the site's port is somebody else's."""
    container = reader.port_holders().get(port, "")
    if container.startswith(f"altis-{name}-"):
        return
    keeper = next((c.environment for c in controls if c.label("site-port") == str(port) and c.environment != name), "")
    holder = f"container {container}" if container else ""
    if not holder and not host.is_port_free(port):
        holder = host.port_holder(port) or "a process that cannot be seen"
    if not holder and keeper:
        holder = f"environment {keeper}, which keeps it while stopped"
    if holder:
        raise Conflict(
            f"port {port} of the site is taken by {holder}",
            hint="end that one; a new environment may also be given another port with --port",
        )
