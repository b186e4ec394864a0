"""One trace put together: its segments as a tree with timings, its queries, remote calls and errors. Pure functions.

Documents of one trace arrive one by one: subsegments inside their parent, or apart with a parent_id (fidelity APM-03).
What belongs to nobody that arrived is shown apart, not left out. Used by trace_api.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from altis_local.services.segments import at, number_at, text_at

DEEPEST = 200
"""Calls below this are left out: JSON of that depth is no reader's friend."""

PROFILE = "xhprof"
CACHE = "object-cache"

Document = Mapping[str, Any]
Node = dict[str, Any]


def view(trace_id: str, texts: Sequence[str]) -> Mapping[str, object] | None:
    """The trace, or None where nothing is known of it."""
    documents = [document for document in map(json.loads, texts) if isinstance(document, dict)]
    if not documents:
        return None
    family = _Family(documents)
    roots = [family.tree(document) for document in documents if not text_at(document, "parent_id")]
    apart = [family.tree(document) for document in documents if id(document) not in family.placed]
    nodes = [node for tree in [*roots, *apart] for node in _walk(tree)]
    return {
        "trace_id": trace_id,
        "requests": [
            _request(document, root)
            for document, root in zip((d for d in documents if not text_at(d, "parent_id")), roots, strict=True)
        ],
        "without_parent": apart,
        "queries": [node for node in map(_leaf, nodes) if node["kind"] == "sql"],
        "remote": [node for node in map(_leaf, nodes) if node["kind"] == "remote"],
        "errors": [error for node in nodes for error in node["errors"]],
    }


class _Family:
    """Who is whose child; `placed` are the documents (by identity) that stand in a tree already."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.placed: set[int] = set()
        self._start = min((number_at(document, "start_time") or 0.0 for document in documents), default=0.0)
        self._children: dict[str, list[Document]] = {}
        for document in documents:
            self._children.setdefault(text_at(document, "parent_id").lower(), []).append(document)

    def tree(self, document: Document, depth: int = 0) -> Node:
        """The node of a document with all below it; one that was placed before is never placed again."""
        self.placed.add(id(document))
        node = _node(document, self._start)
        if depth < DEEPEST:
            below = [child for child in self._below(document) if id(child) not in self.placed]
            # Marked before any of them is entered, so that a circle of parents cannot close.
            self.placed.update(map(id, below))
            node["children"] = sorted((self.tree(child, depth + 1) for child in below), key=lambda child: child["at"])
        return node

    def _below(self, document: Document) -> list[Document]:
        inside = at(document, "subsegments")
        own = [child for child in inside if isinstance(child, dict)] if isinstance(inside, list) else []
        own_id = text_at(document, "id").lower()
        return own + (self._children.get(own_id, []) if own_id else [])


def _node(document: Document, start: float) -> Node:
    """Times in milliseconds: `at` since the trace began, `took` None while in progress."""
    started, ended = number_at(document, "start_time"), number_at(document, "end_time")
    began = start if started is None else started
    running = at(document, "in_progress") is True or ended is None
    return {
        "id": text_at(document, "id"),
        "name": text_at(document, "name"),
        "kind": _kind(document),
        "at": _milliseconds(began - start),
        "took": None if running or ended is None else _milliseconds(ended - began),
        "fault": at(document, "fault") is True,
        "error": at(document, "error") is True,
        **_details(document),
        "errors": _errors(document),
        "children": [],
    }


def _kind(document: Document) -> str:
    if isinstance(at(document, "sql"), dict):
        return "sql"
    if text_at(document, "name") in (PROFILE, CACHE):
        return "profile" if text_at(document, "name") == PROFILE else "cache"
    if text_at(document, "namespace") in ("remote", "aws"):
        return "remote"
    return "call" if text_at(document, "parent_id") or not isinstance(at(document, "http"), dict) else "request"


def _details(document: Document) -> Mapping[str, object]:
    if isinstance(at(document, "sql"), dict):
        return {"query": text_at(document, "sql", "sanitized_query"), "user": text_at(document, "sql", "user")}
    if isinstance(at(document, "http"), dict):
        status = number_at(document, "http", "response", "status")
        return {
            "method": text_at(document, "http", "request", "method"),
            "url": text_at(document, "http", "request", "url"),
            "status": None if status is None else int(status),
        }
    return {}


def _errors(document: Document) -> list[Mapping[str, str]]:
    found = at(document, "cause", "exceptions")
    exceptions = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [
        {
            "name": text_at(document, "name"),
            "type": text_at(one, "type"),
            "message": text_at(one, "message"),
            **_place(one),
        }
        for one in exceptions
    ]


def _place(exception: Document) -> Mapping[str, str]:
    stack = at(exception, "stack")
    first = stack[0] if isinstance(stack, list) and stack else None
    line = number_at(first, "line")
    return {"at": f"{text_at(first, 'path')}:{int(line)}"} if line is not None else {}


def _request(document: Document, root: Node) -> Mapping[str, object]:
    """A root with what the page of a request derives (APM-13); times in milliseconds, memory in MB."""
    stats = at(document, "metadata", "stats")
    queue = number_at(document, "annotations", "fpmQueueTime")
    queries = [node for node in _walk(root) if node["kind"] == "sql"]
    counted = sum(node["took"] or 0.0 for node in queries)
    return {
        "started": number_at(document, "start_time"),
        "client_ip": text_at(document, "http", "request", "client_ip"),
        "user_agent": text_at(document, "http", "request", "user_agent"),
        "origin": text_at(document, "origin"),
        "revision": text_at(document, "service", "version"),
        "zone": text_at(document, "aws", "ec2", "availability_zone"),
        "queue": None if queue is None else _milliseconds(queue),
        "cpu": {name: _scaled(stats, "cpu", f"{name}_time") for name in ("total", "user", "sys")},
        "database": {"queries": len(queries), "took": _scaled(stats, "db", "time") or round(counted, 3)},
        "cache": {
            "took": _scaled(stats, "object_cache", "time"),
            "hits": number_at(stats, "object_cache", "hits"),
            "misses": number_at(stats, "object_cache", "misses"),
        },
        "memory": number_at(document, "annotations", "memoryUsage"),
        "metadata": at(document, "metadata"),
        "tree": root,
    }


def _scaled(value: object, *names: str) -> float | None:
    seconds = number_at(value, *names)
    return None if seconds is None else _milliseconds(seconds)


def _milliseconds(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 3)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node["children"]:
        yield from _walk(child)


def _leaf(node: Node) -> Node:
    return {name: value for name, value in node.items() if name != "children"}
