"""Questions over HTTP to members that answer in JSON: cdn's admin server, search, the stand-ins.

Called by control when somebody asks about a service. One short connection for each question, with a time limit; a
refusal becomes an error of ours with the member's own words. It knows no service.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from altis_local.clients.plain_http import Request, exchange
from altis_local.clients.tcp import unreachable
from altis_local.errors import ActionFailed, UsageError

LIMIT = 5.0
"""Seconds for each wait of a question."""


@dataclass(frozen=True, slots=True)
class MemberHttp:
    """One server of one member."""

    member: str
    address: str
    port: int

    def get(self, path: str) -> Any:
        """The document at `path` (encoded, with its query). Raises UsageError where the server knows none there."""
        return self._ask(Request("GET", path, timeout=LIMIT))

    def post(self, path: str, body: object) -> Any:
        return self._ask(Request("POST", path, json.dumps(body).encode(), timeout=LIMIT))

    def delete(self, path: str) -> Any:
        return self._ask(Request("DELETE", path, timeout=LIMIT))

    def _ask(self, request: Request) -> Any:
        try:
            answer = exchange(f"tcp://{self.address}:{self.port}", request)
        except OSError as error:
            raise unreachable(error, self.member) from error
        document = _document(answer.body)
        if answer.status < 300:
            return document
        kind = UsageError if answer.status in (400, 404) else ActionFailed
        raise kind(_words(document) or f"answered {answer.status} to {request.path}", member=self.member)


def _document(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return body.decode(errors="replace")


def _words(document: Any) -> str:
    """What a refusal says of itself."""
    said = document.get("error") if isinstance(document, dict) else document
    if isinstance(said, dict):
        said = said.get("reason")
    return str(said or "").strip()[:500]
