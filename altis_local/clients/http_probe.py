"""One health check over HTTP, as the cloud's load balancer asks: cheap, time-limited, its end a value."""

from __future__ import annotations

import errno
import http.client
import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

from altis_local.model.state import Health, Reach

USER_AGENT = "ELB-HealthChecker/2.0"
"""The load balancer's own (LB-05): such requests make no trace."""


def probe(url: str, *, host_header: str, timeout: float) -> Health:
    """OK for 2xx and 3xx; FAILING for another answer; REFUSED or SILENT where there is none. Never raises."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    try:
        connection.request("GET", _target(parts), headers={"Host": host_header, "User-Agent": USER_AGENT})
        answer = connection.getresponse()
        if answer.status < 400:
            return Health(Reach.OK)
        return Health(Reach.FAILING, f"answered {answer.status}")
    except ConnectionRefusedError:
        return Health(Reach.REFUSED, "connection refused")
    except TimeoutError:
        return Health(Reach.SILENT, f"no answer within {timeout:g} s")
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return Health(Reach.REFUSED, "host unreachable")
        return Health(Reach.FAILING, f"connection lost ({type(error).__name__})")
    finally:
        connection.close()


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def origins(url: str, *, timeout: float) -> frozenset[str] | None:
    """Load balancers that the CDN would use, by its health page; None when it does not say."""
    try:
        return frozenset(name for name, lb in _document(url, timeout)["lbs"].items() if lb["state"] != "silent")
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return None


def busy_workers(url: str, *, timeout: float) -> int | None:
    """PHP workers at work, and requests that wait for one, by PHP-FPM's status page; None when it says nothing."""
    try:
        said = _document(url, timeout)
        return int(said["active processes"]) + int(said["listen queue"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None


def _document(url: str, timeout: float) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    try:
        connection.request("GET", _target(parts))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
