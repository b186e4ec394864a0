"""cdn: what its caches did, and purging them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="The CDN's caches (CloudFront).")

_HITS = ("Hit", "RefreshHit")


@app.command()
def stats(json: Json = False) -> None:
    """Requests by point of presence, and how many the cache answered."""
    document = environment().services().cdn()
    if json:
        print_json(document)
        return
    print(
        columns(("POP", "REQUESTS", "HIT RATE", "BY KIND"), [_row(*item) for item in sorted(document["pops"].items())])
    )
    print(f"{document['purges']} paths purged since its start")


def _row(pop: str, counts: dict[str, int]) -> tuple[object, ...]:
    total = sum(counts.values())
    hits = sum(counts.get(kind, 0) for kind in _HITS)
    return (
        pop,
        total,
        f"{hits / total:.1%}" if total else "",
        ", ".join(f"{n} {k}" for k, n in sorted(counts.items())),
    )


@app.command()
def purge(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Such as /about/ or '/uploads/*'; a URL will do.")
    ],
    json: Json = False,
) -> None:
    """Purge paths at every edge, by CloudFront's rules: `*` only at the end, at most 3,000 paths and 15 wildcards."""
    chosen = environment()
    services = chosen.services()
    document = services.purge([_path(path, chosen.standing().site_url) for path in paths])
    if json:
        print_json(document)
    else:
        print("\n".join(f"purged {path}" for path in document["paths"]))


def _path(given: str, site: str) -> str:
    """A path as it is; of an address of this site, its path and query."""
    if not given.startswith(("http://", "https://")):
        return given
    parts = urlsplit(given)
    if parts.netloc != urlsplit(site).netloc:
        raise UsageError(f"{given} is no address of this site", hint=f"the site is {site}")
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
