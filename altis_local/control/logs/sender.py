"""Sends what has gathered in the tails to CloudWatch Logs: in batches, one stream for each container and group.

One thread; it sleeps until a line comes, lets more gather, and sends. What cannot be sent stays in its tail. LocalStack
keeps events in memory for ever, so a stream is continued in another one when it is long, and the oldest streams of a
group go when the group is large.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from altis_local.clients import aws_logs
from altis_local.clients.aws import Aws, AwsError
from altis_local.control.logs.tail import Batch, Tail
from altis_local.errors import AltisError

GATHER = 1.0
"""Seconds for which lines gather before they are sent."""
RETRY = 2.0
"""Seconds before what could not be sent is tried again."""
LONGEST_STREAM = 5000
"""Events after which a container's lines go on in another stream."""
LARGEST_GROUP = 4 * 2**20
"""Bytes of messages that a group keeps of ours; LocalStack needs several times as much memory for them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where lines go: a group, and the name of the first stream of their own in it."""

    group: str
    stream: str

    def part(self, number: int) -> str:
        """The name of the first, second … stream."""
        return self.stream if number == 1 else f"{self.stream}.{number}"


class Sender:
    """`aws` gives the services; `missing` is told when a group is not there."""

    def __init__(self, aws: Callable[[], Aws], missing: Callable[[], None]) -> None:
        self._aws = aws
        self._missing = missing
        self._lock = threading.Lock()
        self._tails: dict[Place, Tail] = {}
        self._parts: dict[Place, tuple[int, int]] = {}
        self._is_waiting = False
        self._work = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Send what is there once more, and end."""
        self._closed.set()
        self._work.set()

    def add(self, place: Place, at: int, text: str) -> None:
        """A line (milliseconds since the epoch) for a stream."""
        with self._lock:
            self._tails.setdefault(place, Tail()).add(at, text)
        self._work.set()

    def resume(self, place: Place, part: int) -> None:
        """Go on with a stream that is there already."""
        with self._lock:
            self._parts[place] = (part, 0)

    def forget(self, stream: str) -> None:
        """A container is gone: nothing more comes for it."""
        with self._lock:
            for place in [place for place in self._parts if place.stream == stream and place not in self._tails]:
                del self._parts[place]

    def _run(self) -> None:
        while not self._closed.is_set():
            self._work.wait()
            self._closed.wait(GATHER)
            self._work.clear()
            if not self.send():
                self._closed.wait(RETRY)
                self._work.set()
        self.send()

    def send(self) -> bool:
        """Send every tail; False when something is left."""
        with self._lock:
            waiting = [(place, tail) for place, tail in self._tails.items() if len(tail)]
        sent = [self._send(place, tail) for place, tail in waiting]
        return all(sent)

    def _send(self, place: Place, tail: Tail) -> bool:
        try:
            while (batch := tail.batch()).lines:
                self._put(place, batch)
                tail.sent(batch)
        except AwsError as error:
            log.warning("logs of %s: %s", place.stream, error)
            if error.code == aws_logs.MISSING:
                self._missing()
            elif error.status < 500:
                tail.sent(batch)  # what is refused now will be refused again
            return False
        except AltisError as error:
            if not self._is_waiting:
                log.info("logs wait: %s", error)
            self._is_waiting = True
            return False
        self._is_waiting = False
        with self._lock:
            if not len(tail):
                self._tails.pop(place, None)
        return True

    def _put(self, place: Place, batch: Batch) -> None:
        number, held = self._parts.get(place, (1, 0))
        if held >= LONGEST_STREAM:
            number, held = number + 1, 0
        lines = [(line.at, line.text) for line in batch.events]
        stream = place.part(number)
        try:
            aws_logs.put(self._aws(), place.group, stream, lines)
        except AwsError as error:
            if error.code != aws_logs.MISSING:
                raise
            aws_logs.create_stream(self._aws(), place.group, stream)
            aws_logs.put(self._aws(), place.group, stream, lines)
            self._prune(place.group)
        with self._lock:
            self._parts[place] = (number, held + len(lines))

    def _prune(self, group: str) -> None:
        """Whenever a stream is new, the oldest ones go as long as the group is too large."""
        found = sorted(aws_logs.streams(self._aws(), group), key=lambda stream: stream.last, reverse=True)
        size = 0
        for stream in found:
            size += stream.bytes
            # Names with a slash are ours; the site writes into others.
            if size > LARGEST_GROUP and stream is not found[0] and "/" in stream.name:
                aws_logs.delete_stream(self._aws(), group, stream.name)
