"""logs --groups, logs --group NAME: what the environment wrote to CloudWatch Logs, asked through control.

Called by `logs`. A group's short name (`php`) is of this environment.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from altis_local.cli.show import print_json
from altis_local.cli.tables import columns
from altis_local.clock import Clock, Deadline, wait_until

EVERY = 1.0
"""Seconds between looks with --follow."""
LATE = 5.0
"""Seconds by which a line may arrive later than newer ones of other streams, and is still shown with --follow."""
_FOREVER = 10 * 365 * 86400.0

Event = dict[str, Any]


class Questions(Protocol):
    """What this needs of control's API."""

    def aws(self, question: str, **words: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of a group: between two moments (epoch seconds, 0: open), with a text in them, the last ones."""

    group: str
    since: float = 0.0
    until: float = 0.0
    text: str = ""
    tail: int = 100


def show_groups(api: Questions, environment: str, *, as_json: bool) -> None:
    """Every group, with its retention."""
    groups = api.aws("log-groups")["groups"]
    if as_json:
        print_json({"groups": [{**g, "short": g["name"].removeprefix(f"{environment}/")} for g in groups]})
        return
    rows = [(g["name"], f"{g['days']} days" if g["days"] else "for ever", f"{g['bytes'] / 1024:.0f}") for g in groups]
    print(columns(("GROUP", "KEPT", "KB"), rows))


def full_name(environment: str, group: str) -> str:
    return group if "/" in group else f"{environment}/{group}"


def show(api: Questions, wanted: Wanted, *, as_json: bool) -> None:
    """Print the last lines."""
    for event in deque(events(api, wanted), maxlen=wanted.tail):
        _write(wanted.group, event, as_json=as_json)


def follow(api: Questions, wanted: Wanted, clock: Clock, *, as_json: bool) -> None:
    """Print the last lines, then those that come, until interrupted."""
    known: dict[tuple[str, str, float], float] = {}

    def look(shown: Callable[[list[Event]], list[Event]], since: float) -> float:
        fresh = [e for e in events(api, replace(wanted, since=since)) if _key(e) not in known]
        for event in shown(fresh):
            _write(wanted.group, event, as_json=as_json)
        known.update((_key(event), event["at"]) for event in fresh)
        return max(known.values(), default=since)

    newest = look(lambda fresh: fresh[-wanted.tail :] if wanted.tail else [], wanted.since)

    def again() -> bool:
        nonlocal newest
        newest = look(lambda fresh: fresh, max(wanted.since, newest - LATE))
        for key in [key for key, at in known.items() if at < newest - LATE]:
            del known[key]
        return False

    wait_until(again, Deadline.after(_FOREVER, clock), every=EVERY)


def _key(event: Event) -> tuple[str, str, float]:
    return event["stream"], event["id"], event["at"]


def events(api: Questions, wanted: Wanted) -> Iterator[Event]:
    """All pages, oldest first."""
    token = ""
    words = {"group": wanted.group, "since": f"{wanted.since:.3f}", "until": f"{wanted.until:.3f}"}
    if wanted.text:
        words["filter"] = wanted.text
    while True:
        page = api.aws("log-events", **words, **({"next": token} if token else {}))
        yield from page["events"]
        token = page["next"]
        if not token:
            return


def _write(group: str, event: Event, *, as_json: bool) -> None:
    if as_json:
        document = {"schema": 1, "group": group, "stream": event["stream"], "at": event["at"], "line": event["message"]}
        text = json.dumps(document)
    else:
        stamp = datetime.fromtimestamp(event["at"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = f"{stamp} {event['stream']} | {event['message']}"
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
