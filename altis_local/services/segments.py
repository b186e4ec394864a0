"""X-Ray segment documents: from a datagram to a Segment, with a tolerant look into its JSON.

Used by the receiver and the trace view. PHP writes an empty map as a list and leaves out or nulls what it does not
know, so nothing inside a document is trusted to have its type; only what joins documents must be right.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from altis_local.errors import AltisError

LARGEST = 64 * 1024
"""A UDP datagram carries no more, and neither does a segment document of X-Ray."""

_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}", re.IGNORECASE)
_SEGMENT_ID = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)


class Malformed(AltisError):
    """A datagram that is no segment document; the message says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One document. `parent_id` is "" for a root, `ended` None while it is in progress; `text` is its JSON."""

    trace_id: str
    id: str
    parent_id: str
    name: str
    started: float
    ended: float | None
    text: str

    @property
    def in_progress(self) -> bool:
        return self.ended is None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """What the list of traces shows of a root segment."""

    method: str
    url: str
    status: int
    client_ip: str
    fault: bool
    error: bool


def parse(datagram: bytes) -> Segment:
    """A header line, a newline, a document. Raises Malformed."""
    head, newline, rest = datagram.partition(b"\n")
    header = _load(head) if newline else None
    if not isinstance(header, dict) or header.get("format") != "json" or header.get("version") != 1:
        raise Malformed('no header line {"format": "json", "version": 1}')
    document = _load(rest)
    if not isinstance(document, dict):
        raise Malformed("the document is no JSON object")
    return _segment(document, rest.decode("utf-8", "replace"))


def _load(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def _segment(document: dict[str, Any], text: str) -> Segment:
    trace_id, own_id, parent = (text_at(document, name) for name in ("trace_id", "id", "parent_id"))
    if not _TRACE_ID.fullmatch(trace_id):
        raise Malformed(f"trace_id is not valid: {trace_id!r:.60}")
    if not _SEGMENT_ID.fullmatch(own_id):
        raise Malformed(f"id is not valid: {own_id!r:.60}")
    if text_at(document, "type") == "subsegment" and not parent:
        raise Malformed("a subsegment of its own needs a parent_id")
    name, started, ended = text_at(document, "name"), number_at(document, "start_time"), number_at(document, "end_time")
    if not name or started is None:
        raise Malformed("name or start_time is missing")
    in_progress = document.get("in_progress") is True
    if ended is None and not in_progress:
        raise Malformed("neither end_time nor in_progress")
    return Segment(
        trace_id=trace_id.lower(),
        id=own_id.lower(),
        parent_id=parent.lower(),
        name=name,
        started=started,
        ended=None if in_progress else ended,
        text=text,
    )


def request_line(segment: Segment) -> RequestLine:
    """The HTTP part of a root."""
    document = json.loads(segment.text)
    return RequestLine(
        method=text_at(document, "http", "request", "method"),
        url=text_at(document, "http", "request", "url"),
        status=int(number_at(document, "http", "response", "status") or 0),
        client_ip=text_at(document, "http", "request", "client_ip"),
        fault=at(document, "fault") is True,
        error=at(document, "error") is True,
    )


def at(value: object, *names: str) -> Any:
    """What stands at a path of names, None where the path ends early."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_at(value: object, *names: str) -> str:
    """The text there, "" for anything else."""
    found = at(value, *names)
    return found if isinstance(found, str) else ""


def number_at(value: object, *names: str) -> float | None:
    """The finite number there, None for anything else."""
    found = at(value, *names)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    # (A float of JSON may be NaN or infinite, an integer too large for a float.)
    return float(found) if abs(found) < 1e15 else None
