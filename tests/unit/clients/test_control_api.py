"""The client of control's API: token, errors with their hint, the event stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from altis_local.clients.control_api import ControlApi
from altis_local.errors import ActionFailed, AltisError, Conflict, Unreachable, UsageError
from tests.fakes.http_server import HttpFake


def test_documents_and_bodies() -> None:
    with HttpFake(
        {"GET /status": {"converged": True}, "PUT /spec": {"sequence": 7}, "GET /spec": (204, b"")}
    ) as control:
        api = ControlApi(control.port, "token")
        assert api.status() == {"converged": True}
        assert api.put_spec({"plan": "local"}) == 7
        assert api.spec() is None
        assert control.asked[1] == ("PUT", "/spec", {"plan": "local"})


@pytest.mark.parametrize(
    ("status", "kind"), [(422, UsageError), (409, Conflict), (500, ActionFailed), (401, ActionFailed)]
)
def test_errors_become_ours(status: int, kind: type[AltisError]) -> None:
    with HttpFake({"POST /action": (status, {"error": "no reader", "hint": "larger plan"})}) as control:
        with pytest.raises(kind, match="no reader") as caught:
            ControlApi(control.port, "token").action(action="failover")
        assert caught.value.hint == "larger plan"


def test_events_as_they_come() -> None:
    lines: list[dict[str, Any]] = [{"kind": "action", "sequence": 1}, {"kind": "converged", "sequence": 2}]
    body = "\n\n".join(json.dumps(line) for line in lines).encode()
    with HttpFake({"GET /events": body}) as control:
        assert list(ControlApi(control.port, "t").events(5)) == lines
        assert control.asked[0][1] == "/events?after=5"


def test_nobody_there() -> None:
    api = ControlApi(1, "token")
    assert api.health() is None
    with pytest.raises(Unreachable) as caught:
        api.status()
    assert caught.value.refused
    with pytest.raises(Unreachable):
        list(api.events())
