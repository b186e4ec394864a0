"""The end of a session is told at once; data and closing by its owner are no end of the server."""

from __future__ import annotations

import socket
import threading

from altis_local.clients.watch import SessionWatcher


def test_the_end_is_told_once_and_data_is_not() -> None:
    watcher = SessionWatcher()
    ours, theirs = socket.socketpair()
    ended = threading.Event()
    watcher.watch(ours, ended.set)
    watcher.watch(ours, ended.set)
    theirs.send(b"data")
    assert not ended.wait(0.1)
    assert ours.recv(10) == b"data"
    theirs.close()
    assert ended.wait(2)
    ours.close()
    watcher.close()


def test_a_reused_descriptor_is_watched_anew() -> None:
    watcher = SessionWatcher()
    first, other = socket.socketpair()
    watcher.watch(first, lambda: None)
    number = first.fileno()
    first.close()
    other.close()
    second, peer = socket.socketpair()
    ended = threading.Event()
    watcher.watch(second if second.fileno() == number else peer, ended.set)
    (peer if second.fileno() == number else second).close()
    assert ended.wait(2)
    watcher.close()
