"""traces: requests that X-Ray has seen, and one of them as a tree with times."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.cli.times import clock, since

app = typer.Typer(no_args_is_help=True, help="Traced requests (X-Ray).")

FAILED = ("!ok", "http.status >= 400")
_LONGEST = 110
"""Characters of a query that are shown; --json has it whole."""


@app.command("list")
def listing(
    begin: Annotated[str, typer.Option("--since", help="From 15m, 2h, 7d ago, or a date.")] = "15m",
    path: Annotated[str, typer.Option(help="Only addresses that contain this.")] = "",
    slow: Annotated[float | None, typer.Option(min=0.0, metavar="SECONDS", help="Only those that took longer.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only those that failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """Requests, newest first."""
    chosen = environment()
    wanted = {"from": f"{max(0.0, since(begin, chosen.clock.now())):.3f}", "limit": str(limit)}
    wanted |= {"url": path} if path else {}
    terms = [f"responsetime > {slow:.6f}"] if slow is not None else []
    # What X-Ray calls a fault or an error, and whatever the visitor was refused with. A filter knows no "or".
    filters = [[*terms, failed] for failed in FAILED] if errors else [terms]
    services = chosen.services()
    found = [services.traces({**wanted, **_filter(each)})["traces"] for each in filters]
    rows = {(row["trace_id"], row["id"]): row for rows in found for row in rows}
    newest = sorted(rows.values(), key=lambda row: -float(row["started"]))[:limit]
    if json:
        print_json({"traces": newest})
    elif not newest:
        print(f"no such request since {begin}; `--since 1h` looks further back")
    else:
        print(columns(("TIME (UTC)", "TOOK", "STATUS", "METHOD", "URL", "TRACE"), map(_row, newest)))


def _filter(terms: Sequence[str]) -> dict[str, str]:
    return {"filter": " AND ".join(terms)} if terms else {}


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    took = "running" if row["duration"] is None else f"{row['duration'] * 1000:.0f} ms"
    return (clock(row["started"]), took, row["status"] or "", row["method"], row["url"], row["trace_id"])


@app.command()
def show(
    trace_id: Annotated[str, typer.Argument(metavar="ID", help="A trace, as `traces list` names it.")],
    profile: Annotated[bool, typer.Option("--profile", help="Every function of the profile, too.")] = False,
    json: Json = False,
) -> None:
    """One request as a tree: when each part began, and how long it took."""
    document = environment().services().trace(trace_id)
    if json:
        print_json(document)
        return
    for request in document["requests"]:
        print("\n".join([*_head(document["trace_id"], request), "", f"{'AT':>9}  {'TOOK':>9}"]))
        print("\n".join(_lines(request["tree"], 0, profile=profile)))
    if document["without_parent"]:
        print("\nwithout a parent that has arrived:")
        print("\n".join(line for node in document["without_parent"] for line in _lines(node, 0, profile=profile)))


def _head(trace_id: str, request: dict[str, Any]) -> Iterator[str]:
    tree, database, cache = request["tree"], request["database"], request["cache"]
    yield f"{tree.get('method', '')} {tree.get('url', tree['name'])} → {tree.get('status') or 'running'}"
    facts = {
        "trace": trace_id,
        "started": clock(request["started"]) if request["started"] else None,
        "client": request["client_ip"],
        "zone": request["zone"],
        "revision": request["revision"],
        "database": f"{database['queries']} queries, {database['took']:.1f} ms" if database["queries"] else None,
        "cache": _cache(cache) if cache["took"] is not None else None,
        "memory": f"{request['memory']:.1f} MB" if request["memory"] else None,
    }
    yield from (f"  {name:<9} {value}" for name, value in facts.items() if value)


def _cache(cache: dict[str, Any]) -> str:
    return f"{cache['hits'] or 0:.0f} hits, {cache['misses'] or 0:.0f} misses, {cache['took']:.1f} ms"


def _lines(node: dict[str, Any], depth: int, *, profile: bool) -> Iterator[str]:
    took = "running" if node["took"] is None else f"{node['took']:.1f} ms"
    text = f"{node['at']:>6.1f} ms  {took:>9}  {'  ' * depth}{_words(node)}"
    failed = node["fault"] or node["error"]
    yield typer.style(text, fg="red") if failed and sys.stdout.isatty() else text
    for error in node["errors"]:
        place = f" at {error['at']}" if "at" in error else ""
        yield f"{'':20}  {'  ' * depth}  ! {error['type']}: {error['message']}{place}"
    if node["kind"] == "profile" and node["children"] and not profile:
        yield f"{'':20}  {'  ' * (depth + 1)}(its functions: --profile)"
        return
    for child in node["children"]:
        yield from _lines(child, depth + 1, profile=profile)


def _words(node: dict[str, Any]) -> str:
    mark = " FAULT" if node["fault"] else " ERROR" if node["error"] else ""
    match node["kind"]:
        case "sql":
            return f"sql {_short(node['query'])}{mark}"
        case "remote":
            words = (node["name"], node.get("method"), node.get("url"), node.get("status"))
            return " ".join(str(word) for word in words if word) + mark
        case _:
            return f"{node['name']}{mark}"


def _short(query: str) -> str:
    text = " ".join(query.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
