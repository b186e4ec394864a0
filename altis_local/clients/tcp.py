"""One question to an address: does anything listen there?"""

from __future__ import annotations

import socket

LIMIT = 0.2
"""Seconds to wait; a refusal comes within a millisecond on a bridge."""


def is_refused(address: str, port: int, limit: float = LIMIT) -> bool:
    """Whether the address answers that nothing listens. False when something does, and when nothing answers."""
    try:
        with socket.create_connection((address, port), timeout=limit):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
