"""Client of the control plane's small API (design.md section 3), on loopback with the environment's token.

Called by `environment` and, through it, by the command line and drills. It only carries values; it decides nothing
and starts nothing. Errors of the API become errors of ours with the hint the control plane gave.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode

from altis_local.clients.plain_http import Answer, Request, blocks, exchange, stream, upload
from altis_local.errors import ActionFailed, AltisError, Conflict, RefusedByPlan, Unreachable, UsageError

Document = Mapping[str, Any]

_NEWER = "`altis-local start` replaces it by the one of this version"


class ControlApi(NamedTuple):
    """Where the API is published on this machine, and the token for it."""

    port: int
    token: str

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def health(self, timeout: float = 1.0) -> Document | None:
        """What /health says; None while it does not answer."""
        try:
            answer = exchange(self.address, Request("GET", "/health", timeout=timeout))
            return _document(answer) if answer.status == 200 else None
        except (OSError, ValueError):
            return None

    def status(self, timeout: float = 5.0) -> Document:
        return self._call("GET", "/status", timeout=timeout)

    def snapshot(self, timeout: float = 5.0) -> Document:
        return self._call("GET", "/snapshot", timeout=timeout)

    def spec(self) -> Document | None:
        """The Spec with its secrets redacted; None before the first one."""
        answer = self._exchange("GET", "/spec", None, 5.0)
        return None if answer.status in (204, 404) else self._checked(answer)

    def put_spec(self, spec: Mapping[str, Any]) -> int:
        """Hand over a Spec; the sequence number from which its events count. Empty secrets mean: keep yours."""
        return int(self._call("PUT", "/spec", spec, timeout=30.0).get("sequence", 0))

    def action(self, timeout: float = 60.0, **request: Any) -> Document:
        """Ask for a failover or a change of scale."""
        return self._call("POST", "/action", request, timeout=timeout)

    def journal(self, after: int = 0, limit: int = 1000) -> tuple[Document, ...]:
        return tuple(self._call("GET", f"/journal?after={after}&limit={limit}")["events"])

    def ask(self, path: str, words: Mapping[str, str] | None = None) -> Document:
        """Ask about a service (control/service_api has the list)."""
        query = f"?{urlencode(words)}" if words else ""
        return self._call("GET", f"{path}{query}", timeout=30.0)

    def order(self, path: str, body: Mapping[str, Any] | None = None) -> Document:
        """Let a service do something (control/service_api has the list)."""
        return self._call("POST", path, body or {}, timeout=60.0)

    def aws(self, question: str, **words: str) -> Document:
        """Ask the environment's AWS services something (control/aws_requests has the list)."""
        query = f"?{urlencode(words)}" if words else ""
        return self._call("GET", f"/aws/{question}{query}", timeout=30.0)

    def aws_order(self, order: str, **words: Any) -> Document:
        """Let the environment's AWS services change something (control/aws_requests has the list)."""
        return self._call("POST", f"/aws/{order}", words, timeout=300.0)

    def object(self, key: str) -> Iterator[bytes]:
        """An object of the bucket in blocks. Refused before the first one where there is none."""
        request = Request("GET", f"/aws/object/{quote(key)}", headers=self._headers(), timeout=60.0)
        with self._reached():
            yield from self._whole(blocks(self.address, request))

    def store(self, key: str, content: Iterable[bytes], size: int, **headers: str) -> Document:
        """Put an object of `size` bytes into the bucket. `headers` such as content_type and x_amz_acl."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request("PUT", f"/aws/object/{quote(key)}", headers={**self._headers(), **named}, timeout=120.0)
        with self._reached():
            return self._checked(upload(self.address, request, content, size))

    def events(self, after: int = 0, timeout: float | None = None) -> Iterator[Document]:
        """Events as they come. `timeout` is the longest silence; ends with Unreachable when the API goes."""
        try:
            request = Request("GET", f"/events?after={after}", headers=self._headers(), timeout=timeout)
            for line in stream(self.address, request):
                if line.strip():
                    yield json.loads(line)
        except (OSError, ValueError) as error:
            raise Unreachable(f"the event stream ended ({error})", member="control") from error

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _exchange(self, method: str, path: str, body: Any, timeout: float) -> Answer:
        encoded = b"" if body is None else json.dumps(body).encode()
        with self._reached():
            return exchange(self.address, Request(method, path, encoded, self._headers(), timeout))

    def _whole(self, answer: Iterator[Answer | bytes]) -> Iterator[bytes]:
        """The blocks of an answer, unless it is an error's document."""
        for part in answer:
            if isinstance(part, Answer):
                self._checked(part)
            else:
                yield part

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unreachable(
                f"its API on port {self.port} does not answer ({error})",
                member="control",
                refused=isinstance(error, ConnectionRefusedError),
            ) from error

    def _call(self, method: str, path: str, body: Any = None, *, timeout: float = 5.0) -> Document:
        return self._checked(self._exchange(method, path, body, timeout))

    def _checked(self, answer: Answer) -> Document:
        try:
            document = _document(answer)
        except ValueError:
            document = {"error": answer.text.strip()[:500]}
            if answer.status == 404:
                # Its refusals are documents. This is the answer of one that does not know the path.
                raise ActionFailed("it is of another version", member="control", hint=_NEWER) from None
        if answer.status >= 400:
            raise _error(answer.status, document)
        return document


def _document(answer: Answer) -> Document:
    return cast(Document, json.loads(answer.body or b"{}"))


def _error(status: int, document: Document) -> AltisError:
    message = str(document.get("error") or f"the control plane answered {status}")
    hint = document.get("hint")
    kind: type[AltisError] = {400: UsageError, 403: RefusedByPlan, 404: UsageError, 409: Conflict, 422: UsageError}.get(
        status, ActionFailed
    )
    if status == 409 and document.get("refused"):
        kind = RefusedByPlan
    return kind(message, hint=hint)
