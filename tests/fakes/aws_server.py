"""CloudWatch Logs, SES identities and metrics in memory, over HTTP: what control uses of them, and no more.

The contract tests run the same cases on it and on LocalStack. `away` makes it hang up on everybody.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from altis_local.clients.aws import Aws
from altis_local.clients.aws_signature import Credentials


class Refused(Exception):
    """An operation's refusal."""


class AwsServer:
    """Serves until closed."""

    def __init__(self) -> None:
        self.groups: dict[str, int] = {}
        self.streams: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.identities: list[str] = []
        self.metrics: list[dict[str, str]] = []
        self.away = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def client(self) -> Aws:
        return Aws("127.0.0.1", Credentials("key", "secret"), port=self._server.server_address[1])

    def forget(self) -> None:
        """As after a restart."""
        self.groups.clear()
        self.streams.clear()
        self.identities.clear()

    def texts(self, group: str, stream: str) -> list[str]:
        return [event["message"] for event in self.streams.get((group, stream), [])]

    # -- operations

    def call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        return getattr(self, f"_{operation}")(asked, asked.get("logGroupName", ""))

    def _CreateLogGroup(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        if group in self.groups:
            raise Refused("ResourceAlreadyExistsException")
        self.groups[group] = 0
        return {}

    def _PutRetentionPolicy(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        self.groups[group] = asked["retentionInDays"]
        return {}

    def _DeleteRetentionPolicy(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        self.groups[group] = 0
        return {}

    def _DescribeLogGroups(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        prefix = asked.get("logGroupNamePrefix", "")
        rows = [(name, days) for name, days in sorted(self.groups.items()) if name.startswith(prefix)]
        return {"logGroups": [{"logGroupName": n, **({"retentionInDays": d} if d else {})} for n, d in rows]}

    def _CreateLogStream(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        if group not in self.groups:
            raise Refused("ResourceNotFoundException")
        if (group, asked["logStreamName"]) in self.streams:
            raise Refused("ResourceAlreadyExistsException")
        self.streams[group, asked["logStreamName"]] = []
        return {}

    def _DeleteLogStream(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        if self.streams.pop((group, asked["logStreamName"]), None) is None:
            raise Refused("ResourceNotFoundException")
        return {}

    def _DescribeLogStreams(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        if group not in self.groups:
            raise Refused("ResourceNotFoundException")
        prefix = asked.get("logStreamNamePrefix", "")
        rows = [(name, events) for (held, name), events in self.streams.items() if held == group]
        return {"logStreams": [_described(name, events) for name, events in rows if name.startswith(prefix)]}

    def _PutLogEvents(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        held = self.streams.get((group, asked["logStreamName"]))
        if held is None:
            raise Refused("ResourceNotFoundException")
        times = [event["timestamp"] for event in asked["logEvents"]]
        if times != sorted(times) or not 0 < len(times) <= 10_000:
            raise Refused("InvalidParameterException")
        if sum(len(event["message"].encode()) + 26 for event in asked["logEvents"]) > 1_048_576:
            raise Refused("InvalidParameterException")
        held.extend(asked["logEvents"])
        return {}

    def _GetLogEvents(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        held = self.streams.get((group, asked["logStreamName"]), [])
        return {"events": [e for e in held if asked["startTime"] <= e["timestamp"] < asked["endTime"]]}

    def _FilterLogEvents(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        if group not in self.groups:
            raise Refused("ResourceNotFoundException")
        found = [
            {**event, "logStreamName": name, "eventId": str(number)}
            for (held, name), events in self.streams.items()
            for number, event in enumerate(events)
            if held == group and event["timestamp"] >= asked.get("startTime", 0)
        ]
        found.sort(key=lambda event: event["timestamp"])
        start = int(asked.get("nextToken", 0))
        page = found[start : start + asked["limit"]]
        rest = start + len(page) < len(found)
        return {"events": page, **({"nextToken": str(start + len(page))} if rest else {})}

    def form(self, asked: dict[str, str]) -> str:
        match asked["Action"]:
            case "ListIdentities":
                names = "".join(f"<member>{name}</member>" for name in self.identities)
                return f'<r xmlns="urn:x"><Identities>{names}</Identities></r>'
            case "VerifyDomainIdentity" | "VerifyEmailIdentity":
                name = asked.get("Domain") or asked["EmailAddress"]
                self.identities += [name] if name not in self.identities else []
            case "PutMetricData":
                self.metrics.append(asked)
        return "<r/>"


def _described(name: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    size = sum(len(event["message"]) for event in events)
    last = {"lastEventTimestamp": max(event["timestamp"] for event in events)} if events else {}
    return {"logStreamName": name, "storedBytes": size, **last}


def _handler(server: AwsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if server.away:
                self.close_connection = True
                return
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            try:
                if target:
                    self.answer(200, json.dumps(server.call(target, json.loads(body))))
                else:
                    self.answer(200, server.form(dict(parse_qsl(body.decode()))))
            except Refused as refused:
                self.answer(400, json.dumps({"__type": str(refused), "message": "refused"}))

        def answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
