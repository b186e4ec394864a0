"""Entry point of the standins container: `python -m altis_local.services.main`, the control image with this command.

Starts every stand-in and ends when told to, or as soon as one of them has ended: healing starts the container anew.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from altis_local.errors import UsageError
from altis_local.services.cloudfront import CloudFront
from altis_local.services.invalidations import Invalidations
from altis_local.services.metadata import Account, Metadata
from altis_local.services.purging import CdnPurge
from altis_local.services.server import Server
from altis_local.services.trace_api import TraceApi
from altis_local.services.trace_inbox import TraceInbox
from altis_local.services.trace_store import TraceStore
from altis_local.signals import on_signals

METADATA_PORT = 8169
CLOUDFRONT_PORT = 8170
TRACES_PORT = 8080

REQUIRED = (
    "ALTIS_ENVIRONMENT",
    "ALTIS_REGION",
    "ALTIS_CDN_PURGE",
    "ALTIS_PURGE_TOKEN",
    "CLOUDFRONT_DISTRIBUTION_ID",
)
TRACES_FOLDER = "/var/lib/altis-traces"
_MEGABYTE = 1024 * 1024

log = logging.getLogger(__name__)


class Standins:
    """All of them in one process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        missing = [name for name in REQUIRED if not environ.get(name)]
        if missing:
            raise UsageError(f"not set: {', '.join(missing)}")
        now = time.time
        account = Account(
            environment=environ["ALTIS_ENVIRONMENT"],
            region=environ["ALTIS_REGION"],
            access_key=environ.get("AWS_ACCESS_KEY_ID", "test"),
            secret_key=environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        )
        invalidations = Invalidations(
            CdnPurge(environ["ALTIS_CDN_PURGE"], environ["ALTIS_PURGE_TOKEN"]),
            now=now,
            lasts=_number(environ, "ALTIS_INVALIDATION_SECONDS", 0),
        )
        folder = Path(environ.get("ALTIS_TRACES", TRACES_FOLDER))
        folder.mkdir(parents=True, exist_ok=True)
        largest = int(_number(environ, "ALTIS_TRACES_MB", 64) * _MEGABYTE)
        store = TraceStore(folder / "traces.sqlite", largest=largest, now=now)
        self._inbox = TraceInbox(store, now=now)
        traces = TraceApi(
            store,
            trusted=frozenset(filter(None, [environ.get("ALTIS_CONTROL_PLATFORM", "")])),
            counts=lambda: self._inbox.counts,
            is_well=self.is_well,
            now=now,
        )
        metadata = Metadata(account, secret=secrets.token_bytes(32), now=now)
        cloudfront = CloudFront(environ["CLOUDFRONT_DISTRIBUTION_ID"], invalidations)
        self._servers = (
            Server(METADATA_PORT, metadata.respond, name="metadata"),
            Server(CLOUDFRONT_PORT, cloudfront.respond, name="cloudfront"),
            Server(TRACES_PORT, traces.respond, name="traces"),
        )

    @property
    def _threads(self) -> Sequence[threading.Thread]:
        return (*self._inbox.threads, *(server.thread for server in self._servers))

    def is_well(self) -> bool:
        """Whether every part still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        self._inbox.start()
        for server in self._servers:
            server.start()

    def close(self) -> None:
        """End the servers, then the receiver, which stores what has arrived."""
        # Side by side: each notices within half a second.
        with ThreadPoolExecutor(len(self._servers)) as pool:
            list(pool.map(Server.close, self._servers))
        self._inbox.close()


def _number(environ: Mapping[str, str], name: str, preset: float) -> float:
    text = environ.get(name) or str(preset)
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{name} is not a number: {text}") from error


def main() -> int:
    """Run in the container until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout)
    told_to_end = threading.Event()
    on_signals({signal.SIGTERM: told_to_end.set, signal.SIGINT: told_to_end.set})
    try:
        standins = Standins(os.environ)
    except UsageError as error:
        log.error("%s", error)
        return 64
    standins.start()
    log.info("stand-ins of %s", os.environ["ALTIS_ENVIRONMENT"])
    while not told_to_end.wait(1.0):
        if not standins.is_well():
            log.error("a part has ended: so does the container")
            os._exit(1)
    standins.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
