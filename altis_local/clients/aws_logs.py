"""CloudWatch Logs: groups, streams and events. Control makes the groups, ships logs into them and reads them out.

Times are seconds since the epoch here, and milliseconds at AWS. It holds no policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from altis_local.clients.aws import Aws, AwsError
from altis_local.model.cloud import LogGroup

PAGE = 1000
"""Events of one answer to a question for events; AWS allows 10,000."""

MISSING = "ResourceNotFoundException"
"""AWS's word for a group or stream that is not there."""


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
class Stream:
    """A stream of a group; `last` is the time of its newest event, 0 where it has none."""

    name: str
    last: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Window:
    """Which events are meant: from `since` until `until` (seconds; 0: open). (LocalStack knows no filter patterns.)"""

    since: float = 0.0
    until: float = 0.0
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


def streams(aws: Aws, group: str, prefix: str = "") -> tuple[Stream, ...]:
    """Every stream of a group whose name begins so."""
    asked = {"logGroupName": group} | ({"logStreamNamePrefix": prefix} if prefix else {})
    rows = (row for page in _pages(aws, "DescribeLogStreams", asked) for row in page["logStreams"])
    return tuple(
        Stream(row["logStreamName"], (row.get("lastEventTimestamp") or 0) / 1000, int(row.get("storedBytes") or 0))
        for row in rows
    )


def count_at(aws: Aws, group: str, stream: str, at: int) -> int:
    """How many events of a stream have just that time (milliseconds)."""
    # LocalStack takes both ends into the range, AWS leaves the end out.
    said = aws.json(
        "logs",
        "GetLogEvents",
        logGroupName=group,
        logStreamName=stream,
        startTime=at,
        endTime=at + 1,
        startFromHead=True,
    )
    return sum(1 for row in said["events"] if row["timestamp"] == at)


def create_stream(aws: Aws, group: str, stream: str) -> None:
    """Make a stream; one that is there is fine. AwsError ResourceNotFoundException where the group is not."""
    try:
        aws.json("logs", "CreateLogStream", logGroupName=group, logStreamName=stream)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise


def put(aws: Aws, group: str, stream: str, lines: Iterable[tuple[int, str]]) -> None:
    """Append events (milliseconds, text) in the order of their times, within the limits of one request."""
    rows = [{"timestamp": at, "message": text} for at, text in lines]
    aws.json("logs", "PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=rows)


def delete_stream(aws: Aws, group: str, stream: str) -> None:
    """Remove a stream with its events; one that is not there is fine."""
    try:
        aws.json("logs", "DeleteLogStream", logGroupName=group, logStreamName=stream)
    except AwsError as error:
        if error.code != MISSING:
            raise


def _pages(aws: Aws, operation: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = aws.json("logs", operation, **asked, **({"nextToken": token} if token else {}))
        yield page
        token = str(page.get("nextToken") or "")
        if not token:
            return
