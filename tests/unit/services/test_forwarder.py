"""The forwarder behind `db expose`: bytes both ways, ends and resets passed on, nobody there told at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from altis_local.clients.host import is_port_free
from altis_local.clock import Deadline, SystemClock, wait_until

CLOCK = SystemClock()
Serve = Callable[[socket.socket], None]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Serves one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    serve(listening.accept()[0])

        threading.Thread(target=run, daemon=True).start()
        yield int(listening.getsockname()[1])


@contextlib.contextmanager
def forwarder(target: int) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "altis_local.services.forwarder", str(port), f"localhost:{target}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: not is_port_free(port), Deadline.after(10, CLOCK))
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def echo(link: socket.socket) -> None:
    """Says everything back, then goodbye once the other side has ended."""
    with link:
        while block := link.recv(65536):
            link.sendall(block)
        link.sendall(b"bye")


def reset(link: socket.socket) -> None:
    """Ends without a goodbye, as a killed server does."""
    link.recv(1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def test_bytes_go_both_ways_and_an_end_is_passed_on() -> None:
    sent = os.urandom(1 << 20)
    with server(echo) as target, forwarder(target) as port, socket.create_connection(("127.0.0.1", port)) as link:
        link.settimeout(10)
        pusher = threading.Thread(target=lambda: (link.sendall(sent), link.shutdown(socket.SHUT_WR)))
        pusher.start()
        with link.makefile("rb") as answer:
            assert answer.read() == sent + b"bye"
        pusher.join()


def test_a_reset_is_no_tidy_end() -> None:
    with server(reset) as target, forwarder(target) as port, socket.create_connection(("127.0.0.1", port)) as link:
        link.settimeout(10)
        link.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            link.recv(1)


def test_nobody_there_is_told_at_once() -> None:
    with forwarder(free_port()) as port, socket.create_connection(("127.0.0.1", port)) as link:
        link.settimeout(10)
        with pytest.raises(ConnectionResetError):
            link.recv(1)


@pytest.mark.parametrize("arguments", [[], ["x", "host:1"], ["1", "host"], ["1", "host:x"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "altis_local.services.forwarder", *arguments]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 64
