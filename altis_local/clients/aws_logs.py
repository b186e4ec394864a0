"""CloudWatch Logs: groups, streams and events. Control makes the groups, ships logs into them and reads them out.

Times are seconds since the epoch here, and milliseconds at AWS. It holds no policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from altis_local.clients.aws import Aws, AwsError
from altis_local.model.cloud import LogGroup

PAGE = 1000
"""Events of one answer to a question for events; AWS allows 10,000."""


@dataclass(frozen=True, slots=True)
class Group:
    """`days`: how long it keeps events; 0 for ever."""

    name: str
    days: int
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of a stream."""

    at: float
    stream: str
    message: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Which events are meant: from `since` until `until` (seconds; 0: open), that match a filter pattern of AWS."""

    since: float = 0.0
    until: float = 0.0
    pattern: str = ""
    streams: tuple[str, ...] = ()


def groups(aws: Aws, prefix: str = "") -> tuple[Group, ...]:
    """Every group whose name begins so."""
    asked = {"logGroupNamePrefix": prefix} if prefix else {}
    rows = (row for page in _pages(aws, "DescribeLogGroups", asked) for row in page["logGroups"])
    return tuple(
        Group(row["logGroupName"], int(row.get("retentionInDays") or 0), int(row.get("storedBytes") or 0))
        for row in rows
    )


def create(aws: Aws, group: LogGroup) -> None:
    """Make a group, or set the retention of the one that is there."""
    try:
        aws.json("logs", "CreateLogGroup", logGroupName=group.name)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
    if group.days:
        aws.json("logs", "PutRetentionPolicy", logGroupName=group.name, retentionInDays=group.days)
    else:
        aws.json("logs", "DeleteRetentionPolicy", logGroupName=group.name)


def events(aws: Aws, group: str, window: Window, token: str = "") -> tuple[tuple[LogEvent, ...], str]:
    """One page of a group's events, oldest first, and the token of the next page ("" at the end)."""
    asked: dict[str, Any] = {"logGroupName": group, "limit": PAGE, "interleaved": True}
    if window.since:
        asked["startTime"] = round(window.since * 1000)
    if window.until:
        asked["endTime"] = round(window.until * 1000)
    if window.pattern:
        asked["filterPattern"] = window.pattern
    if window.streams:
        asked["logStreamNames"] = list(window.streams)
    if token:
        asked["nextToken"] = token
    said = aws.json("logs", "FilterLogEvents", **asked)
    found = (
        LogEvent(row["timestamp"] / 1000, row["logStreamName"], row["message"], str(row.get("eventId", "")))
        for row in said.get("events", ())
    )
    return tuple(found), str(said.get("nextToken") or "")


def _pages(aws: Aws, operation: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = aws.json("logs", operation, **asked, **({"nextToken": token} if token else {}))
        yield page
        token = str(page.get("nextToken") or "")
        if not token:
            return
