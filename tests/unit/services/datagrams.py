"""Datagrams as the aws-xray plugin of Altis sends them for one request, with its oddities (fidelity APM-03 to APM-11).

PHP writes empty maps as lists and what it does not know as null or leaves it out.
"""

from __future__ import annotations

import json
from typing import Any

TRACE = "1-6922f1a0-0123456789abcdef01234567"
ROOT = "aaaaaaaaaaaaaaa1"
BEGAN = 1763900000.25

HEADER = b'{"format": "json", "version": 1}\n'


def datagram(document: dict[str, Any]) -> bytes:
    return HEADER + json.dumps(document).encode()


def root_in_progress(url: str = "https://localhost:8443/shop/", **changes: Any) -> dict[str, Any]:
    return {
        "name": "my-env",
        "id": ROOT,
        "trace_id": TRACE,
        "start_time": BEGAN,
        "service": {"version": "r42"},
        "origin": "AWS::ECS::Container",
        "http": {
            "request": {"method": "GET", "url": url, "client_ip": "10.208.0.1", "user_agent": "Mozilla/5.0"},
        },
        "in_progress": True,
        "metadata": {"$_GET": [], "$_POST": [], "$_COOKIE": [], "$_SERVER": {"HTTP_HOST": "localhost"}, "response": []},
        "annotations": [],
    } | changes


def root_final(status: int = 200, url: str = "https://localhost:8443/shop/", **changes: Any) -> dict[str, Any]:
    document = root_in_progress(url)
    document["http"]["response"] = {"status": status}
    document["metadata"] |= {
        "$_POST": {"log": "admin", "pwd": "REDACTED"},
        "response": {"headers": ["X-Powered-By: PHP"]},
        "stats": {
            "object_cache": {"hits": 40, "misses": 2, "time": 0.012},
            "db": {"time": 0.025},
            "remote": {"time": None},
            "cpu": {"user_time": 0.08, "sys_time": 0.01, "total_time": 0.09},
        },
    }
    return (
        document
        | {
            "end_time": BEGAN + 0.2,
            "user": True,
            "fault": False,
            "error": False,
            "cause": None,
            "in_progress": False,
            "annotations": {"memoryUsage": 21.5, "fpmQueueTime": 0.003},
            "aws": {"ec2": {"availability_zone": "eu-west-1b", "instance_id": "i-1"}},
        }
        | changes
    )


def sql(number: int = 1, host: str = "db-reader", **changes: Any) -> dict[str, Any]:
    return {
        "name": host,
        "id": f"bbbbbbbbbbbbbb{number:02x}",
        "trace_id": TRACE,
        "parent_id": ROOT,
        "type": "subsegment",
        "start_time": BEGAN + 0.01 * number,
        "end_time": BEGAN + 0.01 * number + 0.004,
        "namespace": "remote",
        "sql": {
            "user": "wordpress",
            "url": host,
            "database_type": "mysql",
            "sanitized_query": f"SELECT {number} FROM wp_posts",
        },
        "in_progress": False,
    } | changes


def remote(*, final: bool, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": "api.example.test",
        "id": "cccccccccccccc01",
        "trace_id": TRACE,
        "parent_id": ROOT,
        "type": "subsegment",
        "start_time": BEGAN + 0.1,
        "namespace": "remote",
        "http": {"request": {"method": "POST", "url": "https://api.example.test/v1", "user_agent": "WordPress/6"}},
        "in_progress": not final,
    }
    if final:
        document["end_time"] = BEGAN + 0.15
        document["http"]["response"] = {"status": 201}
    return document | changes


def call(number: int, *below: dict[str, Any]) -> dict[str, Any]:
    """A frame of the profile, inside its parent: no trace, no parent of its own."""
    return {
        "name": f"call_{number}",
        "id": f"dddddddddddd{number:04x}",
        "start_time": BEGAN + 0.001 * number,
        "end_time": BEGAN + 0.1,
        "subsegments": list(below),
    }


def profile(*below: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "xhprof",
        "id": "dddddddddddddddd",
        "trace_id": TRACE,
        "parent_id": ROOT,
        "type": "subsegment",
        "start_time": BEGAN,
        "end_time": BEGAN + 0.19,
        "in_progress": False,
        "subsegments": list(below),
    }


def apart(document: dict[str, Any], parent: str) -> dict[str, Any]:
    """A subsegment as it is sent on its own, when the whole would not fit into a datagram."""
    return document | {"trace_id": TRACE, "parent_id": parent, "type": "subsegment"}


def object_cache() -> dict[str, Any]:
    return {
        "name": "object-cache",
        "id": "eeeeeeeeeeeeeeee",
        "trace_id": TRACE,
        "parent_id": ROOT,
        "type": "subsegment",
        "start_time": BEGAN,
        "end_time": BEGAN + 0.012,
        "namespace": "remote",
        "in_progress": False,
    }


def one_request() -> list[dict[str, Any]]:
    """Everything of one request, in the order in which it is sent (APM-04)."""
    return [
        root_in_progress(),
        sql(1, "db-writer"),
        sql(2),
        remote(final=False),
        remote(final=True),
        sql(3),
        profile(call(1, call(2), call(3))),
        root_final(),
        object_cache(),
    ]
