"""The load balancer: what it tells its targets, how it probes them, and that nothing else can be reached."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from altis_local.fidelity.asking import answered, arrived, echo, members, order, poll, site, traces
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Ask, World

ROOT = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}")
SELF = re.compile(r"Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-00000000-000000000000000000000abc")
PER_TARGET = 60
PROBE = '"ELB-HealthChecker/2.0"'


def spreads(world: World) -> Finding:
    token, webs = world.token(), members(world, "web")
    count = PER_TARGET * len(webs)
    answers = [
        a for n in range(0, count, 20) for a in world.ask(*(Ask("lb", f"/?t={token}-{n + i}") for i in range(20)))
    ]
    arrived(world, token, count)
    served = {web: len(world.logged(web, token)) for web in webs}
    return claims(
        ({a.status for a in answers} == {200}, f"status {sorted({a.status for a in answers})}"),
        (all(abs(n - PER_TARGET) <= PER_TARGET / 5 for n in served.values()), f"of {count}: {served}"),
    )


def only_way_in(world: World) -> Finding:
    """No other member publishes a port, and the host has no way to a database, cache, search or web container."""
    published = {}
    for row in world.status["members"]:
        held = world.inspect(row["member"])["NetworkSettings"]["Ports"] or {}
        if ports := [f"{b['HostIp']}:{b['HostPort']}" for bindings in held.values() for b in bindings or ()]:
            published[row["member"]] = ports
    closed = {"db": 3306, "redis": 6379, "search": 9200, "web": 80, "lb": 80}
    reached = []
    for role, port in closed.items():
        name = members(world, role)[0]
        networks = world.inspect(name)["NetworkSettings"]["Networks"].values()
        reached += [f"{name}:{port}" for n in networks if _is_reached(world, n["IPAddress"], port)]
    url = urlsplit(site(world))
    local = all(address.startswith("127.0.0.1:") for ports in published.values() for address in ports)
    return claims(
        (set(published) == {"cdn"} and local, f"published: {published}"),
        (not reached, f"reached from the host: {reached}" if reached else f"closed to the host: {', '.join(closed)}"),
        (world.heard("127.0.0.1", url.port or 443).startswith("HTTP/1.1"), "the CDN answers the host"),
    )


def _is_reached(world: World, address: str, port: int) -> bool:
    """Some networks answer for anybody: then nobody's address gets the same answer."""
    nobody = f"{address.rpartition('.')[0]}.254"
    said = world.heard(address, port)
    return said != "" and said != world.heard(nobody, port)


def probes_targets(world: World) -> Finding:
    web = members(world, "web")[0]
    probes = world.logged(web, PROBE)
    poll(world, lambda: len(world.logged(web, PROBE)) > len(probes), 5.0)
    after = world.logged(web, PROBE)
    seen = traces(world, "__instance_healthcheck", 0)
    ours = [t for t in seen if not str(t.get("url", "")).startswith("https://")]
    return claims(
        (len(after) > len(probes), f"{len(after) - len(probes)} probes while looking"),
        (all("GET /__instance_healthcheck" in line for line in after), "all of /__instance_healthcheck"),
        (not ours, f"{len(ours)} traces of them"),
    )


def forwarded_headers(world: World) -> Finding:
    token = world.token()
    path = order(world, token, echo=True)
    first = echo(world, Ask("lb", path, headers={"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}))
    given = {"X-Amzn-Trace-Id": "Root=1-00000000-000000000000000000000abc"}
    second = echo(world, Ask("lb", order(world, f"{token}b", echo=True), headers=given))
    bare = echo(world, Ask("lb", order(world, f"{token}c", echo=True)))
    seen, root = first["server"], str(first["server"].get("HTTP_X_AMZN_TRACE_ID"))
    chain = [part.strip() for part in str(seen.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    port = str(urlsplit(site(world)).port or 443)
    kept = str(second["server"].get("HTTP_X_AMZN_TRACE_ID"))
    alone = str(bare["server"].get("HTTP_X_FORWARDED_FOR", ""))
    return claims(
        (chain[0] == "198.51.100.7" and len(chain) == 2, f"X-Forwarded-For {', '.join(chain)}"),
        (alone and "," not in alone, f"where there was none: {alone or 'missing'}"),
        (seen.get("HTTP_X_FORWARDED_PROTO") == "https", f"X-Forwarded-Proto {seen.get('HTTP_X_FORWARDED_PROTO')}"),
        (seen.get("HTTP_X_FORWARDED_PORT") == port, f"X-Forwarded-Port {seen.get('HTTP_X_FORWARDED_PORT')}"),
        (ROOT.fullmatch(root), f"a new trace id {root}"),
        (SELF.fullmatch(kept), f"beside a given Root: {kept}"),
    )


def too_slow(world: World) -> Finding:
    """The original's idle time-out is 60 s, and so is the longest request of web: whoever is first, it is no success."""
    token = world.token()
    answer = answered(world.ask(Ask("lb", order(world, token, sleep=63), timeout=70.0))[0])
    return claims(
        (answer.status == 504, f"a page of 63 s: status {answer.status}"),
        (58 <= answer.seconds <= 62, f"after {answer.seconds:.0f} s"),
    )
