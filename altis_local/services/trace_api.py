"""The traces, to be asked over HTTP: `/traces` lists, `/traces/<id>` shows one, `/stats` counts, `/health`.

Traces hold cookies and form fields, so only control and the container itself are answered; `/health` answers anyone.
Served by main; the command line's `traces` and the dashboard ask through control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from altis_local.errors import UsageError
from altis_local.services.server import Answer, Request, as_json
from altis_local.services.trace_filter import wanted
from altis_local.services.trace_store import TraceStore
from altis_local.services.trace_view import view

LOOPBACK = "127.0.0.1"


class TraceApi:
    """`trusted`: addresses that may see traces. `counts`: what the receiver counted."""

    def __init__(
        self,
        store: TraceStore,
        *,
        trusted: frozenset[str],
        counts: Callable[[], Mapping[str, int]],
        is_well: Callable[[], bool],
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._trusted = trusted | {LOOPBACK}
        self._counts = counts
        self._is_well = is_well
        self._now = now

    def respond(self, request: Request) -> Answer:
        """The answer to one request, in JSON."""
        if request.path == "/health":
            well = self._is_well()
            return as_json(200 if well else 503, {"status": "ok" if well else "a part has ended"})
        if request.client not in self._trusted:
            return as_json(403, {"error": "traces are for the control plane"})
        if request.method != "GET":
            return as_json(405, {"error": "use GET"})
        match request.path.strip("/").split("/"):
            case ["stats"]:
                return as_json(200, {**self._counts(), **self._store.counts()})
            case ["traces"]:
                return self._list(request.query)
            case ["traces", trace_id]:
                found = view(trace_id, self._store.documents(trace_id))
                return as_json(200, found) if found else as_json(404, {"error": f"no trace {trace_id} is known"})
            case _:
                return as_json(404, {"error": "there are /traces, /traces/<id>, /stats and /health"})

    def _list(self, query: Mapping[str, str]) -> Answer:
        try:
            rows = self._store.requests(wanted(query, self._now()))
        except UsageError as error:
            return as_json(400, {"error": str(error)})
        return as_json(200, {"traces": [row.as_dict() for row in rows]})
