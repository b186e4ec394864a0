"""The API's routes to the environment's AWS services: questions and orders as JSON, objects as streams.

Mounted by server, which guards them with the token. What can be asked stands in aws_requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from anyio import from_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from altis_local.control.aws_requests import Object, carry_out
from altis_local.errors import UsageError
from altis_local.model.spec import Spec

_PASSED_ON = ("content-length", "content-type", "cache-control", "etag", "last-modified", "x-amz-version-id")
_TAKEN = ("content-length", "content-type", "cache-control", "x-amz-acl")


class AwsApi:
    """Two endpoints over the Spec that is kept now."""

    def __init__(self, spec: Callable[[], Spec | None]) -> None:
        self._spec = spec

    async def operation(self, request: Request) -> Response:
        """GET asks, POST orders."""
        words = dict(request.query_params)
        if request.method == "POST":
            try:
                given = json.loads(await request.body() or b"{}")
            except ValueError as error:
                raise UsageError(f"the body is no JSON: {error}") from error
            if not isinstance(given, dict):
                raise UsageError("an order is an object")
            words |= given
        name = request.path_params["operation"]
        return JSONResponse(await run_in_threadpool(carry_out, self._spec(), request.method, name, words))

    async def object(self, request: Request) -> Response:
        """GET an object of the bucket, or PUT one: the body with its content-length, as it comes."""
        spec = self._spec()
        if spec is None:
            raise UsageError("the environment has no Spec yet")
        thing = Object(spec, request.path_params["key"])
        if request.method == "PUT":
            return await self._store(request, thing)
        about = await run_in_threadpool(thing.about)
        headers = {name: value for name in _PASSED_ON if (value := about.headers.get(name))}
        return StreamingResponse(thing.read(about), headers=headers)

    async def _store(self, request: Request, thing: Object) -> Response:
        headers = {name: request.headers[name] for name in _TAKEN if name in request.headers}
        if "content-length" not in headers:
            raise UsageError("an object needs its content-length")
        stored = await run_in_threadpool(thing.write, _blocks(request), headers)
        return JSONResponse({"key": thing.key, "version": stored.headers.get("x-amz-version-id")})


def _blocks(request: Request) -> Iterator[bytes]:
    """The body, read in a worker's thread as it comes over the event loop."""
    stream = request.stream().__aiter__()

    async def one() -> bytes | None:
        return await anext(stream, None)

    while (block := from_thread.run(one)) is not None:
        if block:
            yield block
