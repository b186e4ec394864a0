"""Tracing: which requests are traced, and what a trace holds."""

from __future__ import annotations

import re
from typing import Any

from altis_local.fidelity.asking import answered, arrived, get, obeyed, order, trace, traces
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.probes.images import images
from altis_local.fidelity.world import Ask, World

COUNT = 40
ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")


def every_request(world: World) -> Finding:
    token = world.token()
    for _ in range(COUNT // 10):
        answers = world.ask(*(Ask("cdn", f"/?t={token}-{world.token()}") for _ in range(10)))
        states = {a.status for a in answers}
        if states != {200}:
            return claims((False, f"status {states}"))
    found = traces(world, token, COUNT)
    ids = {row["trace_id"] for row in found}
    return claims((len(found) == len(ids) == COUNT, f"{COUNT} requests, {len(found)} traces, {len(ids)} ids"))


def what_is_not(world: World) -> Finding:
    wanted = {"page": 1, "upload": 0, "image": 0, "cli": 0, "probe": 0, "batcache": 2}
    counts = _traced(world)
    tries = 5
    while counts["page"] > 1 and (tries := tries - 1) >= 0:
        world.wait(5.0)  # a probe beside this one had the CDN purged meanwhile
        counts = _traced(world)
    return claims((counts == wanted, f"one miss and two hits, media, WP-CLI, probe, Batcache's miss and hit: {counts}"))


def _traced(world: World) -> dict[str, int]:
    token, held = world.token(), images(world)
    for _ in range(3):
        get(world, f"/?t={token}-page")
    get(world, f"/uploads/{held.folder}/a.jpg?t={token}-upload")
    get(world, f"/tachyon/{held.folder}/a.jpg?w=44&t={token}-image")
    world.run(
        "sandbox",
        "wp",
        f"--url={world.status['urls']['site']!s}?t={token}-cli",
        "option",
        "get",
        "blogname",
        user="www-data",
    )
    for _ in range(2):
        answered(world.ask(Ask("lb", f"/?t={token}-batcache"))[0])
    probe = Ask("web", f"/?t={token}-probe", headers={"User-Agent": "ELB-HealthChecker/2.0 (fidelity)"})
    answered(world.ask(probe)[0])
    traces(world, f"{token}-batcache", 2)
    return {
        name: len(traces(world, f"{token}-{name}", 0))
        for name in ("page", "upload", "image", "cli", "probe", "batcache")
    }


def root_fields(world: World) -> Finding:
    token = world.token()
    first = obeyed(get(world, order(world, token, body="x"), cookie="hm_x=1"))
    found = trace(world, token)
    root: dict[str, Any] = found["requests"][0]
    known, tree, meta = world.variables("web"), root["tree"], root.get("metadata") or {}
    queue, memory = root.get("queue"), root.get("memory")
    return claims(
        (first.status == 200 and tree["name"] == known.get("HM_ENV"), f"name {tree['name']}"),
        (re.fullmatch(r"[0-9a-f]{16}", tree["id"]), f"id {tree['id']}"),
        (ID.fullmatch(found["trace_id"]), f"trace {found['trace_id']}"),
        (root["revision"] == known.get("HM_DEPLOYMENT_REVISION"), f"revision {root['revision']}"),
        (root["origin"] == "AWS::ECS::Container", f"origin {root['origin']}"),
        (
            (tree["method"], tree["status"]) == ("GET", 200) and token in tree["url"],
            f"{tree['method']} {tree['status']}",
        ),
        (root["client_ip"] and root["user_agent"], f"client {root['client_ip']}"),
        ({"$_GET", "$_POST", "$_COOKIE", "$_SERVER", "response", "stats"} <= set(meta), f"metadata {sorted(meta)}"),
        ((meta.get("$_COOKIE") or {}).get("hm_x") == "1", f"cookies {meta.get('$_COOKIE')}"),
        (memory is not None and 1 < memory < 128, f"memory {memory} MB"),
        (queue is not None and 0 <= queue < 5000, f"queue {queue} ms"),
    )


def revision(world: World) -> Finding:
    token = world.token()
    get(world, f"/?t={token}")
    said, wanted = trace(world, token)["requests"][0]["revision"], world.variables("web").get("HM_DEPLOYMENT_REVISION")
    return claims((said and said == wanted, f"traces say {said or 'nothing'}, the container has {wanted}"))


def queue_time(world: World) -> Finding:
    token = world.token()
    get(world, f"/?t={token}")
    queue = trace(world, token)["requests"][0].get("queue")
    return claims((queue is not None and 0 <= queue < 5000, f"fpmQueueTime {queue} ms"))


def queries(world: World) -> Finding:
    token = world.token()
    long = "SELECT '" + "x" * 5300 + "'"
    obeyed(get(world, order(world, token, query=["SELECT 40 + 2", long], body="x")))
    found = trace(world, token)["queries"]
    mine = [q for q in found if q["query"].startswith("SELECT 40 + 2")]
    cut = [len(q["query"].encode()) for q in found if q["query"].startswith("SELECT 'xxx")]
    known = world.variables("web")
    names = {q["name"] for q in found}
    return claims(
        (
            len(mine) == 1 and mine[0]["user"] == known.get("DB_USER"),
            f"the query, by {mine[0]['user'] if mine else 'nobody'}",
        ),
        (names <= {known.get("DB_HOST"), known.get("DB_READ_REPLICA_HOST")}, f"of {sorted(names)}"),
        (cut and cut[0] <= 5 * 1024 + 8, f"a long one is cut to {cut} bytes"),
    )


def remote_calls(world: World) -> Finding:
    token = world.token()
    answer = obeyed(get(world, order(world, token, fetch="http://search:9200/_cluster/health")))
    found = trace(world, token)["remote"]
    mine = [call for call in found if call.get("url", "").endswith("/_cluster/health")]
    return claims(
        (answer.text == "fetched 200", answer.text[:60]),
        (len(mine) == 1, f"{len(mine)} remote calls of {len(found)}"),
        (
            mine and (mine[0]["method"], mine[0]["status"]) == ("GET", 200),
            f"{mine[0]['method'] if mine else ''} {mine[0]['status'] if mine else ''}",
        ),
    )


def trace_ids(world: World) -> Finding:
    token = world.token()
    root = f"1-5759e988-{token[3:].ljust(24, '0')}"
    own = f"1-5759e989-{token[3:].ljust(24, '1')}"
    given = {"root": f"Root={root}", "self": f"Self={own};Root={root}", "none": ""}
    asks = [
        Ask("web", f"/?t={token}-{name}", headers={"X-Amzn-Trace-Id": value} if value else {})
        for name, value in given.items()
    ]
    for answer in world.ask(*asks):
        answered(answer)
    found = {name: [row["trace_id"] for row in traces(world, f"{token}-{name}")] for name in given}
    return claims(
        (found["root"] == [root], f"Root alone: {found['root']}"),
        (found["self"] == [own], f"Self before Root: {found['self']}"),
        (len(found["none"]) == 1 and ID.fullmatch(found["none"][0]), f"none: {found['none']}"),
    )


def call_stacks(world: World) -> Finding:
    token = world.token()
    get(world, f"/?t={token}")
    tree = trace(world, token)["requests"][0]["tree"]
    profile = [node for node in tree["children"] if node["kind"] == "profile"]
    calls = [node["name"] for node in _walk(profile)]
    return claims(
        (len(profile) == 1, f"{len(profile)} profiles"),
        (len(calls) > 10 and any("wp" in name for name in calls), f"{len(calls)} calls, such as {calls[1:4]}"),
    )


def _walk(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for node in nodes for found in (node, *_walk(node["children"]))]


def redaction(world: World) -> Finding:
    token = world.token()
    secret = f"secret-{world.token()}"
    body = f"log={token}&pwd={secret}&pass1={secret}&pass2={secret}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answered(world.ask(Ask("cdn", f"/wp-login.php?t={token}", "POST", headers, body))[0])
    rows = traces(world, token)
    answer = answered(world.ask(Ask("standins", f"/traces/{rows[0]['trace_id'] if rows else 'none'}"))[0])
    posted = ((answer.json() or {}).get("requests") or [{}])[0].get("metadata", {}).get("$_POST", {})
    server = ((answer.json() or {}).get("requests") or [{}])[0].get("metadata", {}).get("$_SERVER", {})
    odd = [
        n
        for n in server
        if not n.startswith(("HTTP_", "REQUEST_", "CONTENT_"))
        and n not in ("SERVER_ADDR", "REMOTE_ADDR", "QUERY_STRING", "HTTPS", "PHP_SELF")
    ]
    return claims(
        (posted.get("log") == token, f"$_POST has log {posted.get('log')}"),
        ({posted.get(n) for n in ("pwd", "pass1", "pass2")} == {"REDACTED"}, f"pwd {posted.get('pwd')}"),
        (secret not in answer.text, "the secret is nowhere in the trace"),
        (not odd, f"$_SERVER holds headers and little else{': ' + ', '.join(odd) if odd else ''}"),
    )


def page_figures(world: World) -> Finding:
    token = world.token()
    get(world, f"/?t={token}")
    seen = arrived(world, token, 1)
    root = trace(world, token)["requests"][0]
    figures = {
        "wall": root["tree"]["took"], "queue": root["queue"], "total": root["cpu"]["total"], "system": root["cpu"]["sys"],
        "user": root["cpu"]["user"], "database": root["database"]["took"], "cache": root["cache"]["took"],
        "hits": root["cache"]["hits"], "misses": root["cache"]["misses"],
    }  # fmt: skip
    missing = [name for name, value in figures.items() if value is None]
    return claims(
        (seen == 1 and not missing, f"missing: {missing}" if missing else f"{figures}"),
        (not missing and figures["wall"] >= figures["database"] > 0, "time in the database is within the whole"),
    )
