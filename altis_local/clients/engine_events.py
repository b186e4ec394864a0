"""The engine's event stream for one environment. Iterating blocks; `close` from another thread ends it.

Control's loop is woken by it. An end that nobody asked for is EngineUnavailable: what happened since is unknown, so
the caller observes anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from altis_local.clients.engine_errors import HINT, translated
from altis_local.clients.engine_values import LABEL, EngineEvent
from altis_local.errors import EngineUnavailable

if TYPE_CHECKING:
    from docker import APIClient

ACTIONS = ("create", "start", "die", "kill", "pause", "unpause", "oom", "stop", "destroy")
"""Left out: exec and attach, which come by the dozen."""


class Hearer(Protocol):
    """Who keeps what events say."""

    def happened(self, container: str, action: str, exit_code: int | None) -> None: ...
    def unheard(self) -> None: ...


class EventStream:
    """Iterable once."""

    def __init__(self, client: APIClient, environment: str, *, since: float | None, hearer: Hearer) -> None:
        filters = {"type": "container", "event": list(ACTIONS), "label": f"{LABEL}environment={environment}"}
        # With a fraction: a whole second would repeat what is known, or leave out what is not.
        begin: Any = None if since is None else f"{since:.9f}"
        self._stream = client.events(since=begin, decode=True, filters=filters)
        self._hearer = hearer
        self._is_closed = False

    def __iter__(self) -> Iterator[EngineEvent]:
        try:
            with translated("events"):
                for row in self._stream:
                    event = _event(row)
                    self._hearer.happened(event.id, event.action, event.exit_code)
                    yield event
        finally:
            self._hearer.unheard()
        if not self._is_closed:
            raise EngineUnavailable("the engine's event stream ended", hint=HINT)

    def close(self) -> None:
        """End the stream; the iteration ends without error."""
        self._is_closed = True
        self._stream.close()


def _event(row: Mapping[str, Any]) -> EngineEvent:
    attributes = row["Actor"]["Attributes"]
    code = attributes.get("exitCode")
    return EngineEvent(
        at=row["timeNano"] / 1e9,
        type=row["Type"],
        action=row["Action"],
        member=attributes.get(f"{LABEL}member", ""),
        id=row["Actor"]["ID"],
        exit_code=int(code) if code is not None else None,
    )
