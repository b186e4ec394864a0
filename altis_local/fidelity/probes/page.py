"""The page cache in PHP, asked at the load balancer, where the CDN does not stand in between."""

from __future__ import annotations

import re
from typing import Any

from altis_local.fidelity.asking import answered, get, obeyed, order, redis
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Answer, Ask, World

IGNORED = (
    *("utm_campaign", "utm_medium", "utm_source", "utm_content", "utm_term", "mc_cid"),
    *("mc_eid", "fbclid", "_ga", "dclid", "gclid", "twclid"),
)
CONTENDERS = 20


def _lb(world: World, path: str, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered(world.ask(Ask("lb", path, method, named))[0])


def miss_hit_bypass(world: World) -> Finding:
    token = world.token()
    found = [_lb(world, f"/?t={token}").batcache for _ in range(2)]
    bypass = _lb(world, f"/?t={token}", cookie="wordpress_x=1").batcache
    return claims((found == ["MISS", "HIT"], f"{found}"), (bypass == "BYPASS Cookies", bypass or "no X-Batcache"))


def reasons(world: World) -> Finding:
    token = world.token()

    def told(n: int, **words: Any) -> str:
        return obeyed(_lb(world, order(world, f"{token}{n}", **words))).batcache

    plain = f"/?t={token}"
    found = {
        "Set-Cookie": told(1, headers=["Set-Cookie: a=b"], body="x"),
        "Auth Request": _lb(world, plain, authorization="Bearer x").batcache,
        "Basic Auth Request": _lb(world, plain, authorization="Basic YTpi").batcache,
        "Cookies": _lb(world, plain, cookie="comment_author_x=1").batcache,
        "Canceled": told(2, cancel=True, body="x"),
        "No content": told(3, body="", headers=["X-Empty: yes"]),
        "Bad status code": told(4, status=500, body="x"),
        "Max-Age-Zero": told(5, headers=["Cache-Control: max-age=0"], body="x"),
        "Filename": _lb(world, f"/xmlrpc.php?t={token}").batcache,
        "POST Request": _lb(world, plain, "POST").batcache,
    }
    wrong = [f"{name}: {said or 'none'}" for name, said in found.items() if said != f"BYPASS {name}"]
    return claims((not wrong, "; ".join(wrong) or f"each provoked: {', '.join(found)}"))


def lifetime(world: World) -> Finding:
    token = world.token()
    path = order(world, token, body=f"kept {token}")
    stored = obeyed(_lb(world, path))
    script = (
        "for _, k in ipairs(redis.call('KEYS', '*batcache:*')) do "
        "local v = redis.call('TYPE', k).ok == 'string' and redis.call('GET', k) "
        "if v and v:find(ARGV[1], 1, true) then return {redis.call('TTL', k), k} end end return {-3, ''}"
    )
    ttl, _, key = redis(world, "EVAL", script, "0", f"kept {token}").partition("\n")
    world.wait(2.0)
    hit = _lb(world, path)
    left = re.match(r"max-age=(\d+), must-revalidate", hit.header("cache-control"))
    vary = {v.strip() for v in hit.header("vary").split(",")}
    return claims(
        ((stored.batcache, hit.batcache) == ("MISS", "HIT"), f"{stored.batcache}, {hit.batcache}"),
        (425 <= int(ttl or -1) <= 450 and "batcache:" in key, f"in Redis for {ttl} s"),
        (left and 270 <= int(left[1]) <= 298, f"after 2 s Cache-Control {hit.header('cache-control')}"),
        (hit.header("last-modified"), f"Last-Modified {hit.header('last-modified') or 'missing'}"),
        ({"Cookie", "Origin"} <= vary, f"Vary {hit.header('vary') or 'missing'}"),
    )


def one_makes_it(world: World) -> Finding:
    token = world.token()
    path = order(world, token, sleep=0.4, body=token)
    answers = [answered(a) for a in world.ask(*[Ask("lb", path)] * CONTENDERS)]
    said = [a.batcache for a in answers]
    counts = {word: said.count(word) for word in sorted(set(said))}
    return claims(
        ({a.status for a in answers} == {200}, f"status {sorted({a.status for a in answers})}"),
        (
            counts.get("MISS") == 1 and set(counts) <= {"MISS", "HIT", "BYPASS No Genlock"},
            f"{CONTENDERS} at once: {counts}",
        ),
    )


def cookies(world: World) -> Finding:
    token = world.token()
    _lb(world, f"/?t={token}")
    found = {
        name: _lb(world, f"/?t={token}", cookie=f"{name}=1").batcache
        for name in ("wordpress_test_cookie", "wpfoo", "wordpress_x", "comment_author_x", "hm_x", "altis_x")
    }
    wanted = {
        **dict.fromkeys(("wordpress_test_cookie", "hm_x", "altis_x"), "HIT"),
        **dict.fromkeys(("wpfoo", "wordpress_x", "comment_author_x"), "BYPASS Cookies"),
    }
    return claims((found == wanted, f"{found}"))


def key(world: World) -> Finding:
    token = world.token()
    found = {
        "first": _lb(world, f"/?t={token}&utm_source=a&x=1").batcache,
        "another utm_source": _lb(world, f"/?t={token}&utm_source=b&x=1").batcache,
        "another order": _lb(world, f"/?x=1&t={token}").batcache,
        "another value": _lb(world, f"/?t={token}&x=2").batcache,
        "another Origin": _lb(world, f"/?t={token}&x=1", origin="https://y.test").batcache,
        "plain http": _lb(world, f"/?t={token}&x=1", x_forwarded_proto="http").batcache,
    }
    wanted = dict.fromkeys(found, "MISS") | {"another utm_source": "HIT", "another order": "HIT"}
    return claims((found == wanted, f"{found}"))


def ignored_parameters(world: World) -> Finding:
    token = world.token()
    first = _lb(world, f"/?t={token}").batcache
    found = {name: _lb(world, f"/?t={token}&{name}={token}").batcache for name in (*IGNORED, "ref")}
    wrong = [name for name in IGNORED if found[name] != "HIT"]
    return claims(
        (first == "MISS" and found["ref"] == "MISS", f"first {first}, another parameter {found['ref']}"),
        (not wrong, f"not ignored: {wrong}" if wrong else f"ignored: {', '.join(IGNORED)}"),
    )


def what_is_kept(world: World) -> Finding:
    token = world.token()

    def twice(n: int, **words: Any) -> list[str]:
        path = order(world, f"{token}{n}", **words)
        return [obeyed(_lb(world, path)).batcache for _ in range(2)]

    posts = _lb(world, f"/wp-json/wp/v2/posts?per_page=1&_fields=id&t={token}").json() or [{}]
    moved = [_lb(world, f"/?p={posts[0].get('id')}&t={token}") for _ in range(2)]
    found = {
        "500": twice(1, status=500, body="x"),
        "cookie": twice(2, headers=["Set-Cookie: a=b"], body="x"),
        "max-age=0": twice(3, headers=["Cache-Control: max-age=0"], body="x"),
    }
    stays = {name: [word.split()[0] for word in said] for name, said in found.items()}
    return claims(
        ([a.status for a in moved] == [301, 301], f"a redirect {[a.status for a in moved]}"),
        ([a.batcache for a in moved] == ["MISS", "HIT"], f"is kept: {[a.batcache for a in moved]}"),
        (all(said == ["BYPASS", "BYPASS"] for said in stays.values()), f"never kept: {found}"),
    )


def shared_by_all(world: World) -> Finding:
    token = world.token()
    asks = [Ask("lb", f"/?t={token}") for _ in range(12)]
    said = [answered(world.ask(ask)[0]).batcache for ask in asks]
    webs = [m["member"] for m in world.status["members"] if m["role"] == "web"]
    served = [web for web in webs if world.logged(web, token)]
    return claims(
        (said == ["MISS"] + ["HIT"] * 11, f"{said[0]}, then {sorted(set(said[1:]))}"),
        (len(served) > 1, f"served by {served}"),
    )


def is_on(world: World) -> Finding:
    said = get(world, f"/?t={world.token()}").batcache
    return claims((said == "MISS", f"X-Batcache {said or 'missing'}"))


def kept_header(world: World) -> Finding:
    token = world.token()
    first, second = (get(world, f"/?t={token}") for _ in range(2))
    return claims(
        (
            (second.cache, second.batcache) == ("Hit", "MISS"),
            f"second: X-Cache {second.cache}, X-Batcache {second.batcache}",
        ),
        ((first.cache, first.batcache) == ("Miss", "MISS"), f"first: {first.cache}, {first.batcache}"),
    )
