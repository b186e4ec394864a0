"""How each role is asked how it is: one time-limited question, answered by a Reading; failure is a value.

Called by the observer, in threads. Asks only; whatever a member answers or fails to answer becomes a Health.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from altis_local.errors import AltisError, Unreachable
from altis_local.model.spec import Spec
from altis_local.model.state import AwsNode, CacheNode, DbNode, Edge, Health, Jobs, Load, Proxy, Reach, Runner, SemiSync
from altis_local.model.topology import Member, address


class DbReader(Protocol):
    """What observation needs of a db member."""

    def observe(self) -> DbNode: ...
    def jobs(self) -> Jobs | None: ...


class CacheReader(Protocol):
    """What observation needs of a redis member."""

    def observe(self) -> CacheNode: ...


class ProxyReader(Protocol):
    """What observation needs of an lb or endpoints member."""

    def observe(self) -> Proxy: ...


class AwsReader(Protocol):
    """What observation needs of the AWS services."""

    def observe(self) -> AwsNode | None: ...
    def forget(self) -> None: ...


class Sessions(Protocol):
    """Kept sessions to the members, by name."""

    def db(self, member: Member) -> DbReader: ...
    def cache(self, member: Member) -> CacheReader: ...
    def proxy(self, member: Member) -> ProxyReader: ...
    def aws(self, member: Member) -> AwsReader: ...
    def http(self, url: str, host: str) -> Health: ...
    def origins(self, url: str) -> frozenset[str] | None: ...
    def busy_workers(self, url: str) -> int | None: ...


PHP_WORKERS = 8
"""Workers of one web container: pm.max_children in compose/images/web/php-fpm.conf."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a probe ended, and what the member said where it says more than that it is well."""

    health: Health
    value: DbNode | CacheNode | Proxy | Load | Runner | Edge | AwsNode | None = None


def probe(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    """Ask one member. Never raises."""
    try:
        return _BY_ROLE[member.role](spec, sessions, member)
    except Unreachable as error:
        return Reading(Health(Reach.REFUSED if error.refused else Reach.SILENT, error.message))
    except AltisError as error:
        return Reading(Health(Reach.FAILING, error.message))


def _db(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    reader = sessions.db(member)
    try:
        node = reader.observe()
    except Unreachable as error:
        if not error.refused:
            raise
        # A session that somebody killed is no dead server: ask again on a new one.
        node = reader.observe()
    if "cavalcade" in spec.services and not node.read_only and node.site_url:
        node = replace(node, jobs=reader.jobs())
    if "semi-sync" in spec.broken:
        node = _believed(node)
    return Reading(Health(Reach.OK), node)


def _believed(node: DbNode) -> DbNode:
    """The broken twin: semi-sync is off while control is made to believe that it is on."""
    return replace(node, semi_sync=SemiSync(source=not node.read_only, count=1, clients=1, replica=node.read_only))


def _redis(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    return Reading(Health(Reach.OK), sessions.cache(member).observe())


def _proxy(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    return Reading(Health(Reach.OK), sessions.proxy(member).observe())


_HEALTH_PAGES = {
    "web": ("app", 80, "/__instance_healthcheck"),
    "cdn": ("admin", 9000, "/health"),
    "search": ("store", 9200, "/_cluster/health?timeout=1s&cluster_manager_timeout=1s"),
    "aws": ("platform", 4566, "/_localstack/health"),
    "tachyon": ("edge", 8080, "/health"),
    "standins": ("platform", 8080, "/health"),
}
"""Role -> the network on which control asks, port and page."""


def _page(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    network, port, path = _HEALTH_PAGES[member.role]
    where = address(spec.block, network, member)
    return Reading(sessions.http(f"http://{where}:{port}{path}", where))


def _cdn(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    """Well or not, and which load balancers it would use."""
    network, port, path = _HEALTH_PAGES[member.role]
    found = sessions.origins(f"http://{address(spec.block, network, member)}:{port}{path}")
    return _page(spec, sessions, member) if found is None else Reading(Health(Reach.OK), Edge(found))


def _web(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    """Well or not, and how busy. One that is silent because every worker serves a request is at work."""
    busy = sessions.busy_workers(f"http://{address(spec.block, 'app', member)}:9001/status?json")
    reading = _page(spec, sessions, member)
    if busy is None:
        return reading
    health = reading.health
    if health.reach is Reach.SILENT and busy >= PHP_WORKERS:
        health = Health(Reach.OK, f"all {PHP_WORKERS} PHP workers are busy")
    return Reading(health, Load(busy, PHP_WORKERS))


def _aws(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    """Well or not, and what they have, which they may have forgotten whenever they were not well."""
    reading = _page(spec, sessions, member)
    services = sessions.aws(member)
    if not reading.health.is_ok:
        services.forget()
        return reading
    return Reading(reading.health, services.observe())


def _runs(spec: Spec, sessions: Sessions, member: Member) -> Reading:
    """A container that listens to nobody is well as long as its process lives, which the engine knows."""
    return Reading(Health(Reach.OK))


_BY_ROLE: Mapping[str, Callable[[Spec, Sessions, Member], Reading]] = {
    "db": _db,
    "redis": _redis,
    "lb": _proxy,
    "endpoints": _proxy,
    **dict.fromkeys(_HEALTH_PAGES, _page),
    "cdn": _cdn,
    "web": _web,
    "aws": _aws,
    "sandbox": _runs,
}
