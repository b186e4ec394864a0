"""The resolver says no, at once, and is not upset by nonsense."""

from __future__ import annotations

import socket
import struct

import pytest

from altis_local.control.resolver import NXDOMAIN, Resolver, answer


def query(name: str, *, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", 7, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def test_every_name_does_not_exist() -> None:
    reply = answer(query("example.com"))
    assert reply is not None
    number, flags, questions, answers, _, _ = struct.unpack(">HHHHHH", reply[:12])
    assert (number, flags & 0xF, questions, answers) == (7, NXDOMAIN, 1, 0)
    assert reply[12:] == query("example.com")[12:]


@pytest.mark.parametrize("junk", [b"", b"x" * 5, query("a.b", flags=0x8100), query("example.com")[:15]])
def test_junk_gets_no_answer(junk: bytes) -> None:
    assert answer(junk) is None


def test_over_a_socket() -> None:
    resolver = Resolver("127.0.0.1", 0)
    resolver.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"junk", resolver.where)
        client.sendto(query("nope.test"), resolver.where)
        assert client.recv(512)[3] & 0xF == NXDOMAIN
    resolver.close()
