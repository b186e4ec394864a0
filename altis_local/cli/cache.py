"""cache: how the object cache is used, and emptying it."""

from __future__ import annotations

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.cli.times import size, span

app = typer.Typer(no_args_is_help=True, help="The object cache and page cache (Redis).")


@app.command()
def info(json: Json = False) -> None:
    """Memory, keys, hit rate and evictions of each member."""
    document = environment().services().cache()
    if json:
        print_json(document)
        return
    head = ("MEMBER", "DUTY", "KEYS", "MEMORY", "HIT RATE", "EVICTED", "EXPIRED", "CLIENTS", "POLICY", "UP", "ERROR")
    print(columns(head, [_row(row) for row in document["members"]]))


def _row(row: dict[str, object]) -> tuple[object, ...]:
    if row["error"]:
        return (row["member"], *("" for _ in range(9)), row["error"])
    rate = "" if row["hit_rate"] is None else f"{row['hit_rate']:.1%}"
    limit = f"{size(float(str(row['used'])))} of {size(float(str(row['limit'])))}"
    counts = (row["evicted"], row["expired"], row["clients"], row["policy"])
    return (row["member"], row["duty"], row["keys"], limit, rate, *counts, span(float(str(row["up_seconds"]))), "")


@app.command()
def flush(json: Json = False) -> None:
    """Empty the object cache, and with it the page cache. Sessions of visitors stay."""
    document = environment().services().flush_cache()
    if json:
        print_json(document)
    else:
        print(
            f"{document['removed']} keys removed from {document['member']}; pages in the CDN: `altis-local cdn purge`"
        )
