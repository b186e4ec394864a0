"""The part of control's API that is about services: a closed list of routes, each one question or one order.

Mounted by the server behind its token. It reads requests and gives answers; what is asked and done stands in
service_requests.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from altis_local.control import service_requests as asks
from altis_local.control.loop import Loop, Seen
from altis_local.control.requests import complete_view
from altis_local.errors import UsageError

Endpoint = Callable[[Request], Awaitable[Response]]
Guard = Callable[[Endpoint], Endpoint]
Work = Callable[[Seen], dict[str, Any]]


class ServiceApi:
    """The routes, over one loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def routes(self, guard: Guard) -> list[Route]:
        return [
            Route("/cache", guard(self.cache)),
            Route("/cache/flush", guard(self.flush), methods=["POST"]),
            Route("/search", guard(self.search)),
            Route("/cdn", guard(self.cdn)),
            Route("/cdn/invalidations", guard(self.purge), methods=["POST"]),
            Route("/jobs", guard(self.jobs)),
            Route("/jobs/ends", guard(self.job_ends)),
            Route("/jobs/{id:int}", guard(self.job)),
            Route("/traces", guard(self.traces)),
            Route("/traces/{id}", guard(self.trace)),
        ]

    async def cache(self, request: Request) -> Response:
        return await self._do(asks.cache)

    async def flush(self, request: Request) -> Response:
        return await self._do(lambda seen: asks.flush(self._loop, seen))

    async def search(self, request: Request) -> Response:
        return await self._do(asks.search)

    async def cdn(self, request: Request) -> Response:
        return await self._do(asks.cdn)

    async def purge(self, request: Request) -> Response:
        body = await _document(request)
        return await self._do(lambda seen: asks.purge(self._loop, seen, body.get("paths")))

    async def jobs(self, request: Request) -> Response:
        return await self._do(lambda seen: asks.jobs(seen, request.query_params))

    async def job(self, request: Request) -> Response:
        return await self._do(lambda seen: asks.job(seen, request.path_params["id"]))

    async def job_ends(self, request: Request) -> Response:
        return await self._do(lambda seen: asks.job_ends(seen, request.query_params))

    async def traces(self, request: Request) -> Response:
        return await self._do(lambda seen: asks.traces(seen, request.query_params))

    async def trace(self, request: Request) -> Response:
        return await self._do(lambda seen: asks.trace(seen, request.path_params["id"]))

    async def _do(self, work: Work) -> Response:
        return JSONResponse(await run_in_threadpool(lambda: work(complete_view(self._loop))))


async def _document(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise UsageError(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise UsageError("the body must be an object")
    return body
