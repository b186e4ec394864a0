"""Control's HTTP API: snapshot, status, journal, events, Spec and actions, for whoever holds the token.

Bound on the api network alone and published on loopback (design.md, decision 3). It changes the world only by handing
a Spec or Steps to the loop.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from altis_local import __version__, wire
from altis_local.control.aws_api import AwsApi
from altis_local.control.loop import Loop, Seen
from altis_local.control.parameters import number
from altis_local.control.requests import carry_out, first_look
from altis_local.control.scaling_status import scaling_status
from altis_local.control.service_api import ServiceApi
from altis_local.control.status import lagging, status
from altis_local.errors import AltisError, Conflict, UsageError
from altis_local.model.history import Event
from altis_local.model.spec import NO_SECRETS, Spec

Memory = Callable[[Seen], dict[str, int]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The routes, over one loop."""

    def __init__(self, loop: Loop, *, token: str, memory: Memory, content_hash: str) -> None:
        self._loop = loop
        self._token = token
        self._memory = memory
        self._hash = content_hash

    def app(self) -> Starlette:
        aws = AwsApi(lambda: self._loop.store.spec)
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/status", self._guarded(self.status)),
                Route("/snapshot", self._guarded(self.snapshot)),
                Route("/journal", self._guarded(self.journal)),
                Route("/events", self._guarded(self.events)),
                Route("/spec", self._guarded(self.get_spec), methods=["GET"]),
                Route("/spec", self._guarded(self.put_spec), methods=["PUT"]),
                Route("/action", self._guarded(self.action), methods=["POST"]),
                Route("/aws/object/{key:path}", self._guarded(aws.object), methods=["GET", "PUT"]),
                Route("/aws/{operation}", self._guarded(aws.operation), methods=["GET", "POST"]),
                *ServiceApi(self._loop).routes(self._guarded),
            ]
        )

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return _error(401, "wrong or missing token", hint="run the command as the user who started it")
            try:
                return await endpoint(request)
            except UsageError as error:
                return _error(422, str(error), hint=error.hint)
            except Conflict as error:
                return _error(409, str(error), hint=error.hint)
            except AltisError as error:
                return _error(500, str(error), hint=error.hint)

        return guarded

    async def health(self, request: Request) -> Response:
        spec = self._loop.store.spec
        return JSONResponse(
            {"ok": True, "environment": spec and spec.environment, "hash": self._hash, "version": __version__}
        )

    async def status(self, request: Request) -> Response:
        seen = self._loop.seen or await run_in_threadpool(first_look, self._loop)
        if seen is None:
            return _error(503, "nothing was observed yet")
        memory = await run_in_threadpool(self._memory, seen)
        document = status(seen.spec, seen.snapshot, seen.recent, memory)
        if seen.asked is not self._loop.store.spec:
            # What was seen belongs to an older Spec: nothing is known of the new one yet.
            document["settled"] = document["converged"] = False
        document["missing"] = self._missing(seen)
        document["scaling"] = scaling_status(seen)
        document["sequence"] = self._loop.journal.last
        return JSONResponse(document)

    def _missing(self, seen: Seen) -> list[dict[str, Any]]:
        why = lagging(seen.spec, seen.snapshot, seen.recent)
        events = self._loop.journal.after(0)
        rows = []
        for name, text in why.items():
            said = [e for e in events if e.log and (e.member == name or e.text.endswith(name))]
            rows.append({"member": name, "why": text, "log": list(said[-1].log) if said else []})
        return rows

    async def snapshot(self, request: Request) -> Response:
        seen = self._loop.seen
        return JSONResponse(wire.dump(seen.snapshot) if seen else None)

    async def journal(self, request: Request) -> Response:
        after, limit = number(request.query_params, "after", 0), number(request.query_params, "limit", 1000)
        return JSONResponse({"events": [wire.dump(e) for e in self._loop.journal.after(after, limit)]})

    async def events(self, request: Request) -> Response:
        after = number(request.query_params, "after", self._loop.journal.last)
        return StreamingResponse(_lines(self._loop.journal.follow(after)), media_type="application/x-ndjson")

    async def get_spec(self, request: Request) -> Response:
        spec = self._loop.store.spec
        if spec is None:
            return Response(status_code=204)
        return JSONResponse(wire.dump(replace(spec, secrets=NO_SECRETS)))

    async def put_spec(self, request: Request) -> Response:
        spec = wire.load(Spec, await _body(request))
        before = self._loop.store.spec
        if before is not None and before.block != spec.block:
            raise Conflict(f"the environment lives in {before.block}, not in {spec.block}")
        sequence = self._loop.journal.last
        await run_in_threadpool(self._loop.store.save_spec, spec)
        event = Event(at=self._loop.now(), kind="spec", text=f"{spec.plan}, {spec.wish.value}")
        self._loop.forget_convergence()
        self._loop.journal.add(event)
        self._loop.wake()
        return JSONResponse({"sequence": sequence})

    async def action(self, request: Request) -> Response:
        asked = await _body(request)
        if not isinstance(asked, dict):
            raise UsageError("an action is an object")
        return JSONResponse(await run_in_threadpool(carry_out, self._loop, asked))


def _error(code: int, message: str, *, hint: str | None = None) -> Response:
    return JSONResponse({"error": message, "hint": hint}, status_code=code)


async def _body(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise UsageError(f"the body is no JSON: {error}") from error


def _lines(events: Iterator[Event | None]) -> Iterator[str]:
    for event in events:
        yield "\n" if event is None else json.dumps(wire.dump(event)) + "\n"
