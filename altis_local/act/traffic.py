"""Carries out what was decided about the cache, about who takes traffic, and about the site's first installation.

One function for each action; called by the executor.
"""

from __future__ import annotations

from contextlib import suppress

from altis_local.act.context import Context, ProxyWriter
from altis_local.errors import ActionFailed, AltisError, Unreachable
from altis_local.model import actions as do
from altis_local.model.topology import address

ENDPOINTS = "endpoints"
FRONTENDS = ("db-writer", "db-reader", "cache", "search")
_ALSO = {"web": ("web-open",)}
"""The load balancer has a second list of the same servers, used when every one fails its check (fail open, LB-06)."""
INSTALL = "install-site"
"""In the web image: installs unless it is installed, then migrates; safe to run again after any interruption."""
INSTALL_LIMIT = 180.0
"""Seconds for the site's installation; a large project's migration may take minutes."""
CATCH_UP_LIMIT = 5.0
"""Seconds for a reader to apply the installation; it usually has within 0.1 s."""
LAST_LINES = 15


def hold(context: Context, action: do.Hold) -> None:
    """All at once. One that does not answer lets nobody through either, and healing replaces it."""

    def one(name: str) -> None:
        with suppress(Unreachable):
            _proxy(context, name).hold(action.frontend)

    list(context.pool.map(one, action.proxies))


def _proxy(context: Context, name: str) -> ProxyWriter:
    return context.sessions.proxy(context.member(name))


def route(context: Context, action: do.Route) -> None:
    """Ends when every proxy that still runs has confirmed. A held frontend of the same name is released after."""

    def one(name: str) -> None:
        member = context.member(name)
        proxy = context.sessions.proxy(member)
        modes = {}
        for slot in context.spec.slots(_role_behind(action.backend)):
            drains = slot.name in action.draining
            modes[slot.name] = "ready" if slot.name in action.ready else "drain" if drains else "maint"
        for backend in (action.backend, *_ALSO.get(action.backend, ())):
            proxy.set_servers(backend, modes)
        if member.role == ENDPOINTS and action.backend in FRONTENDS:
            proxy.release(action.backend)

    list(context.pool.map(one, action.proxies))


def cut(context: Context, action: do.Cut) -> None:
    """Those that are gone by then are fine."""

    def one(name: str) -> None:
        for server in sorted(action.members):
            _proxy(context, name).cut(action.backend, server)

    list(context.pool.map(one, action.proxies))


def _role_behind(backend: str) -> str:
    return {"db-writer": "db", "db-reader": "db", "cache": "redis", "search": "search"}.get(backend, "web")


def promote_cache(context: Context, action: do.PromoteCache) -> None:
    """Primary from now on."""
    context.sessions.cache(context.member(action.member)).promote()


def follow_cache(context: Context, action: do.FollowCache) -> None:
    """Follow, and end the sessions of clients that may still take it for the primary (CACHE-08)."""
    redis = context.sessions.cache(context.member(action.member))
    redis.follow(address(context.spec.block, "store", context.member(action.primary)))
    redis.kill_clients()


def install_site(context: Context, action: do.InstallSite) -> None:
    """By the project's own commands, in a web container, as a deployment would; then noted in the database.

    Visitors of a site that is not there yet, or not yet in the reader that they meet, leave in the cache that there is
    none, and nothing would find it from then on: the cache is emptied before, and after when every reader has it.
    """
    container = context.container(action.member)
    if container is None:
        raise ActionFailed("is gone", member=action.member)
    _empty_cache(context)
    done = context.engine.exec(container.id, (INSTALL,), user="www-data", timeout=INSTALL_LIMIT)
    if done.exit_code != 0:
        lines = tuple(done.output.splitlines()[-LAST_LINES:])
        context.note(f"{INSTALL} ended with {done.exit_code} in {action.member}", lines)
        raise ActionFailed(f"{INSTALL} ended with {done.exit_code}", member=action.member, log=lines)
    nodes = [context.sessions.db(m) for m in context.spec.members("db") if context.container(m.name)]
    writer = next(node for node in nodes if not node.observe().read_only)
    installed = writer.executed()
    for node in nodes:
        if node is not writer:
            with suppress(AltisError):  # a broken reader is not routed either
                node.wait_applied(installed, timeout=CATCH_UP_LIMIT)
    _empty_cache(context)
    writer.mark_site(context.spec.site_url)


def _empty_cache(context: Context) -> None:
    for m in context.spec.members("redis"):
        node = context.sessions.cache(m)
        with suppress(AltisError):  # without a primary there is nothing to empty
            if node.observe().is_primary:
                node.forget(())
