"""Hands paths to the CDN's purge listener. Used by main for CloudFront's invalidations; never retries."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Sequence

from altis_local.errors import Unreachable, UsageError

TIME_LIMIT = 5.0


class CdnPurge:
    """`url` such as http://10.0.1.192:9001/invalidate; the token is what the CDN knows this caller by."""

    def __init__(self, url: str, token: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise UsageError(f"not a URL to purge at: {url}")
        self._where = (parts.hostname, parts.port or 80)
        self._path = parts.path or "/"
        self._headers = {"Content-Type": "application/json", "X-Purge-Token": token}

    def __call__(self, paths: Sequence[str]) -> None:
        """Return once every edge and the regional cache have let go of the paths. Raises Unreachable."""
        connection = http.client.HTTPConnection(*self._where, timeout=TIME_LIMIT)
        try:
            connection.request("POST", self._path, json.dumps({"paths": list(paths)}), self._headers)
            response = connection.getresponse()
            said = response.read(500).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"no answer: {error}", member="cdn") from error
        finally:
            connection.close()
        if response.status != 200:
            raise Unreachable(f"answered {response.status}: {said}", member="cdn")
