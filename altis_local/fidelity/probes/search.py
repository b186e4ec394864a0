"""Search: the address, the API that ElasticPress uses, the index's numbers, and life without it."""

from __future__ import annotations

import json
from typing import Any

from altis_local.fidelity.asking import answered, members, php
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.world import Answer, Ask, World

ES = "http://search:9200"


def _es(world: World, method: str, path: str, body: object = None) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
    return answered(world.ask(Ask(ES, path, method, {"Content-Type": kind}, data))[0])


def reachable(world: World) -> Finding:
    code = "$answer = wp_remote_get( Altis\\Cloud\\get_elasticsearch_url() . '/_cluster/health' ); return json_decode( wp_remote_retrieve_body( $answer ), true );"
    health = php(world, code, role="web") or {}
    return claims(
        (
            health.get("status") in ("green", "yellow"),
            f"from web: {health.get('status') or 'no answer'}, {health.get('number_of_nodes')} nodes",
        )
    )


def address(world: World) -> Finding:
    """Also as it would be with the ports of the cloud."""
    code = "return Altis\\Cloud\\get_elasticsearch_url();"
    found = {port: php(world, code, env={"ELASTICSEARCH_PORT": port} if port else None) for port in ("", "80", "443")}
    return claims((found == {"": ES, "80": "http://search", "443": "https://search"}, f"{found}"))


def outage(world: World) -> Finding:
    """In one process whose search is a port that nobody listens on."""
    code = """
        $said = [];
        set_error_handler( function ( $level, $text ) use ( &$said ) { $said[] = [ $level, $text ]; return true; } );
        $title = get_posts( [ 'numberposts' => 1, 'post_type' => 'post' ] )[0]->post_title;
        $query = new WP_Query( [ 's' => $title, 'posts_per_page' => 3 ] );
        return [ count( $query->posts ), $said ];
    """
    count, said = php(world, code, env={"ELASTICSEARCH_PORT": "9"})
    for _ in range(3):
        well, quiet = php(world, code)
        # (A busy machine may be late once.)
        if not quiet:
            break
    warnings = [text for level, text in said if level == 512 and text.startswith("Error in Elasticsearch request:")]
    return claims(
        (count > 0, f"{count} posts found all the same"),
        (warnings, warnings[0][:100] if warnings else f"no E_USER_WARNING: {said[:1]}"),
        (well > 0 and not quiet, f"(with search: {well} posts, {len(quiet)} warnings)"),
    )


def interface(world: World) -> Finding:
    name = world.token()
    lines = b'{"index":{"_id":"2"}}\n{"title":"two","n":2}\n'
    steps: list[tuple[str, str, Any, int]] = [
        ("GET", "/", None, 200), ("GET", "/_nodes/plugins", None, 200), ("GET", "/_cluster/health", None, 200),
        ("GET", "/_cluster/stats", None, 200), ("GET", "/_cat/indices?format=json", None, 200),
        ("PUT", f"/{name}", {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}, 200),
        ("HEAD", f"/{name}", None, 200), ("GET", f"/{name}", None, 200), ("GET", f"/{name}/_settings?flat_settings=true", None, 200),
        ("POST", f"/{name}/_close", None, 200), ("PUT", f"/{name}/_settings", {"index.max_result_window": 20000}, 200),
        ("POST", f"/{name}/_open", None, 200),
        ("POST", "/_aliases", {"actions": [{"add": {"index": name, "alias": f"{name}-x"}}]}, 200),
        ("PUT", f"/{name}/_doc/1", {"title": "one", "n": 1}, 201), ("POST", f"/{name}/_bulk", lines, 200),
        ("POST", f"/{name}/_refresh", None, 200), ("GET", f"/{name}/_doc/1", None, 200),
        ("POST", f"/{name}/_mget", {"ids": ["1", "2"]}, 200),
        ("POST", f"/{name}-x/_search", {"query": {"match": {"title": "two"}}, "aggs": {"n": {"sum": {"field": "n"}}}}, 200),
        ("DELETE", f"/{name}/_doc/1", None, 200), ("DELETE", f"/*/_alias/{name}-x", None, 200),
        ("PUT", f"/_ingest/pipeline/{name}", {"processors": []}, 200), ("GET", f"/_ingest/pipeline/{name}", None, 200),
        ("DELETE", f"/_ingest/pipeline/{name}", None, 200), ("DELETE", f"/{name}", None, 200), ("HEAD", f"/{name}", None, 404),
    ]  # fmt: skip
    wrong, found = [], {}
    try:
        for method, path, body, wanted in steps:
            answer = _es(world, method, path, body)
            found[path.rpartition("/")[2]] = answer.json()
            if answer.status != wanted:
                wrong.append(f"{method} {path.replace(name, 'index')}: {answer.status}")
    finally:
        _es(world, "DELETE", f"/{name}")
    hits = ((found.get("_search") or {}).get("hits") or {}).get("total") or {}
    total = hits.get("value") if isinstance(hits, dict) else hits
    return claims((not wrong, "; ".join(wrong) or f"{len(steps)} calls"), (total == 1, f"a search finds {total}"))


def version(world: World) -> Finding:
    said = (_es(world, "GET", "/").json() or {}).get("version", {})
    number = tuple(int(part) for part in str(said.get("number", "0")).split("."))
    return claims(
        ((5, 2) <= number < (9,), f"number {said.get('number')}"),
        (number[:2] in ((7, 10), (6, 8), (6, 3)), "one that the cloud offers"),
    )


def index_numbers(world: World) -> Finding:
    rows = _es(world, "GET", "/_cat/indices?format=json").json() or []
    names = [row["index"] for row in rows if row["index"].endswith("-post-1")]
    if not names:
        raise CannotTell("there is no index of posts")
    held = (
        (_es(world, "GET", f"/{names[0]}/_settings?flat_settings=true").json() or {})
        .get(names[0], {})
        .get("settings", {})
    )
    found = [
        held.get(f"index.{n}")
        for n in ("number_of_shards", "number_of_replicas", "mapping.total_fields.limit", "max_result_window")
    ]
    wanted = "yellow" if len(members(world, "search")) == 1 else "green"
    # An index that was made a moment ago is being copied still.
    asked = f"/_cluster/health?wait_for_status={wanted}&timeout=10s"
    health = (_es(world, "GET", asked).json() or {}).get("status")
    return claims(
        (found == ["5", "1", "5000", "1000000"], f"shards, copies, fields, window: {found}"),
        (health == wanted, f"{health} with {len(members(world, 'search'))} members"),
    )
