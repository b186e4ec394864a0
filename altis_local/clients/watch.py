"""Watches kept sessions for their end: a killed server's sockets close 0.05 s before the engine says that it died.

One thread for all of them. It asks the kernel for the other side's end alone, so data never wakes it and the sessions'
owners notice nothing. Linux only, as control's container is.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_END = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class SessionWatcher:
    """`watch` may be called again and again; a socket is watched once, until it ends."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._lock = threading.Lock()
        self._wanted: dict[int, tuple[socket.socket, Callable[[], None]]] = {}
        self._wake, self._writer = os.pipe()
        self._poll.register(self._wake, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="sessions", daemon=True)
        self._thread.start()

    def watch(self, sock: socket.socket, on_end: Callable[[], None]) -> None:
        """Call `on_end` once when the other side closes `sock`."""
        number = sock.fileno()
        with self._lock:
            known = self._wanted.get(number)
            if number < 0 or (known and known[0] is sock):
                return
            self._forget(number)  # a descriptor that was closed by its owner and is used again
            with suppress(OSError, ValueError):  # closed meanwhile: the socket, or this watcher
                self._poll.register(number, _END)
                self._wanted[number] = (sock, on_end)

    def close(self) -> None:
        """End the thread; sockets are left to their owners."""
        with suppress(OSError):  # closed before
            os.write(self._writer, b"x")

    def _forget(self, number: int) -> None:
        self._wanted.pop(number, None)
        with suppress(OSError, ValueError):
            self._poll.unregister(number)

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            self._poll.close()
            os.close(self._wake)
            os.close(self._writer)

    def _follow(self) -> None:
        while True:
            for number, _ in self._poll.poll():
                if number == self._wake:
                    return
                with self._lock:
                    _, on_end = self._wanted.get(number, (None, _nothing))
                    self._forget(number)
                on_end()


def _nothing() -> None:
    """Nobody waits for this one any more."""
