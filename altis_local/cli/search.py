"""search: how the cluster is, and taking all posts in anew."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from altis_local.cli import site_command
from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.cli.times import size

app = typer.Typer(no_args_is_help=True, help="The search index (Elasticsearch).")


@app.command()
def info(json: Json = False) -> None:
    """The cluster's health, its nodes and the site's indices."""
    document = environment().services().search()
    if json:
        print_json(document)
        return
    health = document["health"]
    shards = f"{health['active_shards']} shards active, {health['unassigned_shards']} unassigned"
    print(f"{health['cluster_name']}: {health['status']}, {health['number_of_nodes']} nodes, {shards}\n")
    print(columns(("NODE", "ROLES", "HEAP", "ELECTED"), [_node(row) for row in document["nodes"]]))
    if document["indices"]:
        print(
            "\n" + columns(("INDEX", "HEALTH", "DOCUMENTS", "SIZE", "SHARDS"), [_index(i) for i in document["indices"]])
        )
    else:
        print("\nno index yet: `altis-local search reindex` makes it")


def _node(row: dict[str, Any]) -> tuple[object, ...]:
    elected = "yes" if row.get("cluster_manager") == "*" else ""
    return (row["name"], row.get("node.roles") or row.get("node.role"), f"{row['heap.percent']} %", elected)


def _index(row: dict[str, Any]) -> tuple[object, ...]:
    shards = f"{row['pri']} × {1 + int(row['rep'])}"
    return (row["index"], row["health"], row["docs.count"], size(float(row["store.size"] or 0)), shards)


@app.command()
def reindex(
    setup: Annotated[bool, typer.Option("--setup", help="Delete the index first and make it anew.")] = False,
    network: Annotated[bool, typer.Option("--network-wide", help="Every site of the network.")] = False,
    json: Json = False,
) -> None:
    """Take all posts in anew: `wp elasticpress sync` in the sandbox."""
    words = ["elasticpress", "sync", *(["--setup", "--yes"] if setup else []), *(["--network-wide"] if network else [])]
    chosen = environment()
    chosen.running()
    site_command.run(chosen, words, json=json)
