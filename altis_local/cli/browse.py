"""open: the site, its admin or the dashboard in the browser; the address alone where there is none."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import Annotated

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.errors import ActionFailed, UsageError

PAGES = ("site", "admin", "dashboard")


def browse(
    page: Annotated[str, typer.Argument(metavar="[site|admin|dashboard]", help="Which page.")] = "site",
    show: Annotated[bool, typer.Option("--print", help="Only print the address.")] = False,
    json: Json = False,
) -> None:
    """Open the site in the browser; where there is no browser, print its address."""
    if page not in PAGES:
        raise UsageError(f"there is no page {page}", hint=f"there is: {', '.join(PAGES)}")
    chosen = environment()
    chosen.running()
    url = chosen.status()["urls"].get(page)
    if not url:
        raise ActionFailed(f"this environment has no {page}", hint="`altis-local status` shows its addresses")
    opened = not show and has_browser() and webbrowser.open(url)
    if json:
        print_json({"page": page, "url": url, "opened": opened})
    else:
        print(url)


def has_browser() -> bool:
    """Whether a window can open: a browser inside the terminal would take it over, and is not meant."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
