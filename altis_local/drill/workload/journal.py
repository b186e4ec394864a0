"""Writing the history: every operation is on standard output before it begins and when it ends.

Shared by all clients of one workload. Also counts operations, so that a run is bounded.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any, BinaryIO


class Journal:
    """Safe for many threads; each line is flushed, so that whatever ends this process, the line is told."""

    def __init__(self, out: BinaryIO, *, run: str, limit: int) -> None:
        self._out = out
        self._run = run
        self._left = limit
        self._lock = threading.Lock()
        self.acknowledged: set[str] = set()
        """Clients that were acknowledged at least once."""

    def begin(self, client: str, number: int, kind: str, **value: Any) -> str | None:
        """Write an invocation; the operation's name, or None when the bound on operations is reached."""
        with self._lock:
            if self._left <= 0:
                return None
            self._left -= 1
        op = f"{self._run}-{client}-{number}"
        self.say(op, client, kind, "invoke", value)
        return op

    def end(self, op: str, client: str, kind: str, outcome: str, **value: Any) -> None:
        """Write what became of it: ok, fail (certainly not done) or info (nobody knows)."""
        self.say(op, client, kind, outcome, value)
        if outcome == "ok":
            self.acknowledged.add(client)

    def say(self, op: str, client: str, kind: str, type_: str, value: Mapping[str, Any]) -> None:
        # The moment is taken first: waiting for the lock is not the operation's time.
        line = {"op": op, "client": client, "kind": kind, "type": type_, "at": time.time(), "mono": time.monotonic()}
        text = json.dumps({**line, "value": value}, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._out.write(text)
            self._out.flush()
