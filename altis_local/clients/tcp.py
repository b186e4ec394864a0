"""What every kept session has in common: whether it has ended, and what its failing says about the member.

Called by the clients of MySQL, redis and HAProxy; `is_refused` also by the fence, as proof that a process is gone.
"""

from __future__ import annotations

import errno
import select
import socket

from altis_local.errors import Unreachable

LIMIT = 0.03
"""Seconds to wait: a refusal comes within a millisecond on a bridge. The address of a container whose network is just
being taken away answers nothing, and whoever waits for that (0.2 s before) keeps a failover waiting."""


def is_refused(address: str, port: int, limit: float = LIMIT) -> bool:
    """Whether the address answers that nothing listens. False when something does, and when nothing answers."""
    try:
        with socket.create_connection((address, port), timeout=limit):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def is_readable(sock: socket.socket, limit: float) -> bool:
    """Whether the other side has said something, or has ended, within `limit` seconds."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(limit * 1000))


def has_ended(sock: socket.socket | None) -> bool:
    """Whether an idle session is of no use any more: nothing is asked, so all there can be to read is its end."""
    return sock is None or sock.fileno() < 0 or is_readable(sock, 0)


def unreachable(error: BaseException, member: str) -> Unreachable:
    """What a failed connection says of the member: nothing listens there, or no answer came in time."""
    if isinstance(error, TimeoutError):
        return Unreachable("does not answer in time", member=member)
    if isinstance(error, ConnectionRefusedError):
        return Unreachable("connection refused", member=member, refused=True)
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Unreachable("host unreachable", member=member, refused=True)
    return Unreachable(f"connection lost ({error})", member=member, refused=True)
