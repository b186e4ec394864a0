"""A real browser for the end-to-end test: the machine's Chromium, driven by Playwright; it reaches nobody but us."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, Request, sync_playwright

from tests.stack.world import World, docker

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000
"""Milliseconds: the block editor alone is a hundred requests, on a machine that runs the whole environment beside."""
VIEW = {"width": 1280, "height": 900}


def installed() -> str:
    """The browser of this machine; without one the test is left out, which says how to get it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine: scripts/browser installs it where apt has it")
    return found


def beside_the_cdn(world: World, folder: Path) -> Path:
    """A command that starts the browser in the CDN's network namespace.

    Chromium drops every connection when an interface of its network comes or goes, as containers' do all the time.
    """
    process = docker("inspect", "--format", "{{.State.Pid}}", world.containers()["cdn"].id).strip()
    command = folder / "chromium"
    command.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/{process}/ns/net -- {installed()} "$@"\n')
    command.chmod(0o755)
    return command


def rules(world: World, *, is_beside: bool) -> str:
    """Names of the Internet do not exist: pages of WordPress ask for pictures of their users there."""
    site = urlsplit(world.url)
    mapped = f"MAP {site.hostname}:{site.port} 127.0.0.1:8443 , " if is_beside else ""
    return (
        f"--host-resolver-rules={mapped}MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE *.localhost , EXCLUDE 127.0.0.1"
    )


class Browser:
    """One Chromium; each visitor has cookies and a cache of its own."""

    def __init__(self, make_context: object, shots: Path) -> None:
        self._make_context = make_context
        self._shots = shots

    def visitor(self) -> Visitor:
        context: BrowserContext = self._make_context(ignore_https_errors=True, viewport=VIEW)  # type: ignore[operator]
        context.set_default_timeout(PATIENCE)
        return Visitor(context.new_page(), self._shots)


class Visitor:
    """One window. `failed`: what the pages asked of our own site and did not get."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self.failed: list[str] = []
        self.complaints: list[str] = []
        self._shots = shots
        page.on("response", lambda answer: self._note(answer.status, answer.request))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, status: int, request: Request) -> None:
        if status >= 400:
            self.failed.append(f"{status} {request.method} {request.url}")

    def shot(self, name: str, *, whole: bool = False) -> None:
        """A picture of the page, for people: with the images that a visitor would have to scroll to, if all of it."""
        if whole:
            self.page.evaluate("document.querySelectorAll('img').forEach(one => { one.loading = 'eager' })")
            self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self._shots / f"{name}.png", full_page=whole)

    @property
    def canvas(self) -> FrameLocator:
        """What is edited in the block editor."""
        return self.page.frame_locator('iframe[name="editor-canvas"]')


@contextmanager
def chromium(world: World, folder: Path) -> Iterator[Browser]:
    """Pictures go to `folder`, or to where ALTIS_SCREENSHOTS says."""
    # Another user may not enter a container's network, and takes the way through the published port.
    is_beside = os.geteuid() == 0
    path = beside_the_cdn(world, folder) if is_beside else installed()
    shots = Path(os.environ.get("ALTIS_SCREENSHOTS") or folder)
    shots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # The sandbox of Chromium cannot be had as root, as in CI.
        browser = playwright.chromium.launch(
            executable_path=path,
            headless=True,
            chromium_sandbox=False,
            args=[*ARGUMENTS, rules(world, is_beside=is_beside)],
            timeout=PATIENCE,
        )
        try:
            yield Browser(browser.new_context, shots)
        finally:
            browser.close()
