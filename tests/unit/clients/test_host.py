"""Facts of the machine, from /proc as recorded and from real sockets."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

from altis_local.clients import host

ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
br-1	0010D00A	00000000	0001	0	0	0	00F0FFFF	0	0	0
"""


def test_routes_without_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "route").write_text(ROUTES)
    assert [str(route) for route in host.routes(tmp_path)] == ["172.17.0.0/16", "10.208.16.0/20"]


def test_first_block_that_overlaps_nothing() -> None:
    candidates = list(ipaddress.IPv4Network("10.208.0.0/16").subnets(new_prefix=20))
    taken = [ipaddress.IPv4Network("10.208.0.0/20"), ipaddress.IPv4Network("10.208.17.0/24")]
    assert str(host.free_block(taken, candidates)) == "10.208.32.0/20"
    assert host.free_block([ipaddress.IPv4Network("10.0.0.0/8")], candidates) is None


def test_held_port_is_seen_and_its_holder_named() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        assert not host.is_port_free(port)
        assert host.port_holder(port).endswith(f"(pid {os.getpid()})")
    assert host.is_port_free(port)


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert host.routes(tmp_path) == ()
    assert host.kernel("fs/nothing", tmp_path) is None
    assert host.memory_available(tmp_path) is None
    assert host.port_holder(1, tmp_path) == ""


def test_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert host.disk_free(tmp_path / "a" / "b") == host.disk_free(tmp_path)


def test_resolvers_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "resolv").write_text("# x\nnameserver 10.1.2.3\nnameserver fe80::1\nsearch x\n")
    assert [str(a) for a in host.nameservers(tmp_path / "resolv")] == ["10.1.2.3"]
