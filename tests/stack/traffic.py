"""Visitors who ask for pages that no cache has, one after another, while a test does something to the environment."""

from __future__ import annotations

import secrets
import threading
import time

import httpx

from tests.stack.world import World

VISITORS = 2
PAUSE = 0.05
SLOW = 5.0
"""Seconds after which a page counts as slow: far more than it takes, on a machine that is busy healing."""


class Traffic:
    """Between enter and exit; what failed and what was slow is told afterwards."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._visit) for _ in range(VISITORS)]
        self.served = 0
        self.failed: list[str] = []
        self.slow: list[str] = []

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        with self._world.client() as visitor:
            while not self._stop.wait(PAUSE):
                began = time.monotonic()
                try:
                    page = visitor.get(f"/?visit={secrets.token_hex(6)}")
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                if page.status_code == 200 and "<title>Altis" in page.text:
                    self.served += 1
                else:
                    self.failed.append(f"{page.status_code} {page.headers} {page.text[:200]}")
                if (took := time.monotonic() - began) > SLOW:
                    self.slow.append(f"{took:.1f} s")
