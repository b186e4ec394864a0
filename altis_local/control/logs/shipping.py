"""Follows the logs of containers and hands their lines to the sender. One thread for each container, asleep but for its
lines; whom to follow is looked up in every snapshot.

Called by control's loop after each snapshot, which it never holds up. A container that control did not see starting is
taken up where its streams end, so no line comes twice and none is left out that the engine still has.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from altis_local.clients import aws_logs
from altis_local.clients.aws import Aws
from altis_local.clients.log_stream import Said, Wanted
from altis_local.control.logs.marks import Mark, Marks
from altis_local.control.logs.sender import Place, Sender
from altis_local.control.logs.sources import Source, group, sources
from altis_local.errors import AltisError
from altis_local.model import cloud
from altis_local.model.spec import Secrets, Spec
from altis_local.model.state import Snapshot

RETRY = 2.0
"""Seconds before a log that could not be read is tried again."""

log = logging.getLogger(__name__)

Follow = Callable[[str, Wanted], Iterator[Said]]
"""Gives a container's lines until it ends: clients/log_stream.said."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What shipping works with. `began`: when control started (epoch seconds)."""

    follow: Follow
    aws: Callable[[Spec], Aws]
    began: float


class Shipping:
    """`missing` is told when a log group is not there."""

    def __init__(self, outside: Outside, spec: Callable[[], Spec], missing: Callable[[], None]) -> None:
        self._outside = outside
        self._spec = spec
        self._sender = Sender(lambda: outside.aws(spec()), missing)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._followed: set[str] = set()
        self._marks: dict[str, Marks] = {}

    def start(self) -> None:
        self._sender.start()

    def close(self) -> None:
        """Send what has gathered, and end."""
        self._closed.set()
        self._sender.close()

    def look(self, snapshot: Snapshot) -> None:
        """Follow whoever runs and is not followed yet, once AWS has told what it has; forget who is gone."""
        if snapshot.aws is None:
            return
        there = {c.id for c in snapshot.containers}
        with self._lock:
            for gone in [container for container in self._marks if container not in there | self._followed]:
                del self._marks[gone]
            new = [source for source in sources(snapshot) if source.container not in self._followed]
            self._followed |= {source.container for source in new}
        for source in new:
            threading.Thread(target=self._follow, args=(source,), name=f"log {source.member}", daemon=True).start()

    def _follow(self, source: Source) -> None:
        """Until the container ends, or the engine stops telling: the next snapshot has it followed again."""
        try:
            spec = self._spec()
            marks = self._marks_of(spec, source)
            secret = _any_of(spec.secrets)
            since = marks.rewind()
            for line in self._outside.follow(source.container, Wanted(since, output=source.has_output)):
                short, at = group(source.role, line.text, is_error=line.is_error), line.at // 10**6
                if marks.is_new(short, at):
                    text = secret.sub("(secret)", line.text)
                    self._sender.add(Place(cloud.group(spec, short), source.stream), at, text)
        except AltisError as error:
            # Most often it is just being removed; what ails the engine or AWS is told by those who need them more.
            log.debug("log of %s: %s", source.member, error)
            self._closed.wait(RETRY)
        except Exception:  # a thread's edge: one odd log must not end the others, nor itself be forgotten
            log.exception("log of %s", source.member)
        finally:
            self._sender.forget(source.stream)
            with self._lock:
                self._followed.discard(source.container)

    def _marks_of(self, spec: Spec, source: Source) -> Marks:
        with self._lock:
            known = self._marks.get(source.container)
        if known is None:
            fresh = source.started_at > self._outside.began
            found = {short: Mark() if fresh else self._mark_at(spec, source, short) for short in source.groups}
            known = Marks(found)
            with self._lock:
                self._marks[source.container] = known
        return known

    def _mark_at(self, spec: Spec, source: Source, short: str) -> Mark:
        """Where the container's newest stream in a group ends."""
        aws, place = self._outside.aws(spec), Place(cloud.group(spec, short), source.stream)
        found = {_part(place, one.name): one for one in aws_logs.streams(aws, place.group, place.stream) if one.last}
        found.pop(0, None)
        if not found:
            return Mark()
        part = max(found)
        self._sender.resume(place, part)
        at = round(found[part].last * 1000)
        return Mark(at, aws_logs.count_at(aws, place.group, found[part].name, at))


def _part(place: Place, name: str) -> int:
    """The number of a stream among those of a place; 0 for another one's."""
    rest = name.removeprefix(place.stream)
    return 1 if not rest else int(rest[1:]) if rest[0] == "." and rest[1:].isdigit() else 0


def _any_of(secrets: Secrets) -> re.Pattern[str]:
    """Finds the environment's secrets in a line: a log group is read by more people than they are meant for."""
    held = (secrets.db, secrets.db_control, secrets.db_replica, secrets.redis, secrets.site, secrets.aws)
    return re.compile("|".join(re.escape(secret) for secret in held if len(secret) > 7) or r"(?!)")
