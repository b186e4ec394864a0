"""What people ask of cache, search, CDN, jobs and traces, in control's closed words.

Called by the service API. Each question goes to the members over a connection of its own, so that it never delays
control's own look at them. Two change something: the cache is flushed, paths are purged; both are journaled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote, urlencode

from altis_local import wire
from altis_local.clients.member_http import MemberHttp
from altis_local.clients.mysql_jobs import JobTables, Wanted, job_tables
from altis_local.clients.redis_node import RedisNode
from altis_local.control.asking import named, place, running
from altis_local.control.loop import Loop, Seen
from altis_local.control.parameters import number
from altis_local.control.requests import holder
from altis_local.control.sessions import CONTROL_USER
from altis_local.errors import ActionFailed, AltisError, UsageError
from altis_local.model.history import Event
from altis_local.model.invalidation import excess, problem
from altis_local.model.topology import Member

SESSIONS = ("sessions:", "PHPREDIS_SESSION:")
"""How the keys of PHP's sessions begin, which live beside the object cache: the fixture's, and PHP's own handler's."""
CDN_ADMIN, SEARCH, TRACES = 9000, 9200, 8080
MOST_ROWS = 1000
_NODES = "name,node.roles,heap.percent,cluster_manager"
_INDICES = "index,health,status,docs.count,store.size,pri,rep"
_TRACE_WORDS = ("from", "to", "url", "client_ip", "status", "filter", "limit")

Document = dict[str, Any]


def note(loop: Loop, text: str) -> None:
    """Something that a person asked for, for the journal."""
    loop.journal.add(Event(at=loop.now(), kind="note", text=text))


# -- cache


def cache(seen: Seen) -> Document:
    """Every redis member's own account; one that does not answer tells why."""
    rows: list[Document] = []
    for member in running(seen, "redis"):
        node = _redis(seen, member)
        try:
            report = node.report()
            rows.append({**wire.dump(report), "hit_rate": report.hit_rate, "error": None})
        except AltisError as error:
            rows.append({"member": member.name, "error": error.message})
        finally:
            node.close()
    return {"members": sorted(rows, key=lambda row: str(row["member"]))}


def flush(loop: Loop, seen: Seen) -> Document:
    """Empty the object cache (and the page cache in it) of the primary; sessions stay."""
    name = holder(seen, "cache")
    if not name:
        raise ActionFailed("there is no primary now", hint="`altis-local status` tells what becomes of it")
    node = _redis(seen, named(seen, "redis", name))
    try:
        count = node.forget(SESSIONS)
    finally:
        node.close()
    note(loop, f"cache flushed on {name}: {count} keys")
    return {"member": name, "removed": count}


def _redis(seen: Seen, member: Member) -> RedisNode:
    return RedisNode(member.name, place(seen, member, "store"), seen.spec.secrets.redis)


# -- search


def search(seen: Seen) -> Document:
    """The cluster's health, its nodes and the site's indices, as any node that answers has them."""
    error: AltisError | None = None
    for member in running(seen, "search"):
        node = MemberHttp(member.name, place(seen, member, "store"), SEARCH)
        try:
            return {
                "asked": member.name,
                "health": node.get("/_cluster/health"),
                "nodes": node.get(f"/_cat/nodes?format=json&h={_NODES}&s=name"),
                "indices": node.get(f"/_cat/indices?format=json&h={_INDICES}&s=index&bytes=b"),
            }
        except AltisError as refused:
            error = error or refused
    assert error is not None
    raise error


# -- cdn


def cdn(seen: Seen) -> Document:
    """Requests by point of presence and by what the cache did, and how many paths were purged."""
    return {**_cdn(seen).get("/stats")}


def purge(loop: Loop, seen: Seen, paths: object) -> Document:
    """Purge paths from every cache of the CDN at once, by CloudFront's rules."""
    checked = _checked(paths)
    answer = _cdn(seen).post("/invalidate", {"paths": checked})
    note(loop, f"cdn purged: {' '.join(checked[:5])}{' …' if len(checked) > 5 else ''}")
    return {"id": answer["id"], "paths": checked}


def _checked(paths: object) -> Sequence[str]:
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise UsageError("purge takes a list of paths", hint="altis-local cdn purge /a '/b/*'")
    if why := next(filter(None, map(problem, paths)), None) or excess(paths):
        raise UsageError(why, hint="CloudFront refuses it too; '/*' purges everything")
    return [path if path.startswith("/") else f"/{path}" for path in paths]


def _cdn(seen: Seen) -> MemberHttp:
    member = running(seen, "cdn")[0]
    return MemberHttp(member.name, place(seen, member, "admin"), CDN_ADMIN)


# -- jobs


def jobs(seen: Seen, query: Mapping[str, str]) -> Document:
    """Jobs that fit `status` and `hook`, and how many there are of each status."""
    wanted = Wanted(status=query.get("status", ""), hook=query.get("hook", ""), limit=_count(query, "limit", 100))
    with _tables(seen) as tables:
        return {"jobs": [wire.dump(job) for job in tables.jobs(wanted)], "counts": dict(tables.counts())}


def job(seen: Seen, number: int) -> Document:
    """One job, with the address of its site."""
    with _tables(seen) as tables:
        found = tables.jobs(Wanted(id=number, limit=1)) if number else ()
        if not found:
            raise UsageError(f"there is no job {number}", hint="`altis-local jobs list`")
        return {**wire.dump(found[0]), "url": tables.site(found[0].site)}


def job_ends(seen: Seen, query: Mapping[str, str]) -> Document:
    """Runs that ended after number `after`, or the `last` ones."""
    with _tables(seen) as tables:
        if "last" in query:
            rows = tables.last_ends(_count(query, "last", 10))
        else:
            rows = tables.ends(number(query, "after", 0), _count(query, "limit", 100))
    return {"ends": [wire.dump(row) for row in rows]}


def _tables(seen: Seen) -> AbstractContextManager[JobTables]:
    name = holder(seen, "db")
    if not name:
        raise ActionFailed("the database has no writer now", hint="`altis-local db topology` tells what becomes of it")
    where = place(seen, named(seen, "db", name), "store")
    return job_tables(name, where, CONTROL_USER, seen.spec.secrets.db_control)


# -- traces


def traces(seen: Seen, query: Mapping[str, str]) -> Document:
    """Requests that were traced, newest first; the parameters are the stand-in's."""
    asked = {name: query[name] for name in _TRACE_WORDS if name in query}
    return {**_standins(seen).get(f"/traces?{urlencode(asked)}")}


def trace(seen: Seen, trace_id: str) -> Document:
    """One trace as a tree."""
    return {**_standins(seen).get(f"/traces/{quote(trace_id, safe='')}")}


def _standins(seen: Seen) -> MemberHttp:
    member = running(seen, "standins")[0]
    return MemberHttp(member.name, place(seen, member, "platform"), TRACES)


# -- parameters


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    found = number(query, name, default)
    if not 1 <= found <= MOST_ROWS:
        raise UsageError(f"{name} must be from 1 to {MOST_ROWS}")
    return found
