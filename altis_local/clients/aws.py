"""AWS's services in the environment's LocalStack: signed requests, their answers and refusals as values.

Control prepares the services with it, ships logs and metrics, and passes on what the command line asks for. It knows
the three spellings of AWS's protocols and no operation; those are in aws_logs, aws_mail, aws_metrics and aws_storage.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode
from xml.etree import ElementTree

from altis_local.clients.aws_signature import UNSIGNED, Credentials, Signable, encoded_path, encoded_query, sign
from altis_local.errors import ActionFailed, RefusedByPlan, Unreachable
from altis_local.model.spec import AWS_KEY, Spec
from altis_local.model.topology import address, member

PORT = 4566
LIMIT = 10.0
"""Seconds that an answer may take: a service of LocalStack loads at its first call, which takes up to 1 s."""
_TARGETS = {"logs": "Logs_20140328", "ssm": "AmazonSSM"}
"""Services that are spoken to in JSON: the name in front of their operations."""
_VERSIONS = {"email": ("ses", "2010-12-01"), "monitoring": ("monitoring", "2010-08-01")}
"""Services that take forms and answer in XML: the name that they are signed with, and their API's version."""


class AwsError(ActionFailed):
    """A service refused; `code` is its own word for the reason, `status` that of HTTP."""

    def __init__(self, code: str, text: str, *, status: int, member: str) -> None:
        super().__init__(f"{code}: {text}" if text else code, member=member)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """`path` and `query` unencoded. A body that is no bytes needs a content-length among the headers."""

    service: str
    method: str = "POST"
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a request that was not refused; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Aws:
    """One environment's services. Safe for many threads: each call has a connection of its own."""

    def __init__(self, host: str, credentials: Credentials, *, port: int = PORT, member: str = "aws") -> None:
        self._host = host
        self._port = port
        self._credentials = credentials
        self._member = member

    def json(self, service: str, operation: str, **body: Any) -> dict[str, Any]:
        """Call an operation of Logs or SSM. Raises AwsError and Unreachable, as all calls do."""
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{_TARGETS[service]}.{operation}",
        }
        answer = self.send(Request(service, headers=headers, body=json.dumps(body).encode()))
        return cast("dict[str, Any]", json.loads(answer.body or b"{}"))

    def form(self, service: str, operation: str, **values: str) -> ElementTree.Element:
        """Call an operation of SES ("email") or CloudWatch ("monitoring"); the answer without its namespace."""
        name, version = _VERSIONS[service]
        body = urlencode({"Action": operation, "Version": version, **values}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return _document(self.send(Request(name, headers=headers, body=body)).body)

    def xml(self, request: Request) -> ElementTree.Element:
        """One request to a service that answers in XML (S3); the answer without its namespace."""
        return _document(self.send(request).body)

    def send(self, request: Request, *, limit: float = LIMIT) -> Answer:
        """One request and its whole answer."""
        with self.open(request, limit=limit) as answer:
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read())

    @contextmanager
    def open(self, request: Request, *, limit: float = LIMIT) -> Iterator[http.client.HTTPResponse]:
        """One request and its answer, to be read as it comes."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=limit)
        try:
            self._write(connection, request)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise self._refusal(answer.status, answer.read())
            yield answer
        except ConnectionRefusedError as error:
            raise Unreachable("refuses connections", member=self._member, refused=True) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"does not answer ({error or type(error).__name__})", member=self._member) from error
        finally:
            connection.close()

    def _write(self, connection: http.client.HTTPConnection, request: Request) -> None:
        body = request.body
        signable = Signable(
            request.method,
            request.path,
            request.query,
            {"host": f"{self._host}:{self._port}", **request.headers},
            hashlib.sha256(body).hexdigest() if isinstance(body, bytes) else UNSIGNED,
        )
        target = encoded_path(request.path)
        if request.query:
            target += f"?{encoded_query(request.query)}"
        headers = sign(signable, request.service, self._credentials, time.time())
        connection.request(request.method, target, body=body, headers=headers)

    def _refusal(self, status: int, body: bytes) -> AwsError:
        code, text = _reason(body)
        return AwsError(code or f"HTTP {status}", text, status=status, member=self._member)


def aws_of(spec: Spec) -> Aws:
    """The services of an environment, as control reaches them. Raises RefusedByPlan where it has none."""
    if "aws" not in spec.services:
        raise RefusedByPlan("this environment has no AWS services")
    place = address(spec.block, "platform", member("aws", spec.shape.zones))
    return Aws(place, Credentials(AWS_KEY, spec.secrets.aws, spec.region))


def _document(body: bytes) -> ElementTree.Element:
    """XML without namespaces, which differ from service to service and say nothing."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - our own LocalStack's
    except ElementTree.ParseError as error:
        raise ActionFailed(f"answered what is no XML: {error}", member="aws") from error
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    return root


def _reason(body: bytes) -> tuple[str, str]:
    """(code, message) of a refusal in JSON or XML; empty where it says neither."""
    if body.startswith(b"{"):
        said = json.loads(body)
        return str(said.get("__type", "")).rpartition("#")[2], str(said.get("message") or said.get("Message") or "")
    try:
        root = _document(body)
    except ActionFailed:
        return "", ""
    found = root if root.tag == "Error" else root.find(".//Error")
    return ("", "") if found is None else (found.findtext("Code", ""), found.findtext("Message", ""))
