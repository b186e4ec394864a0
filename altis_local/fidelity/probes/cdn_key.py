"""What the CDN tells objects apart by, and what of a request it hands on."""

from __future__ import annotations

from altis_local.fidelity.asking import arrived, echo, get, obeyed, order, shell
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Ask, World

KEPT = ("wordpress_x", "wp-x", "wp_x", "comment_x", "hm_x", "altis_x")
CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_3)"
MINUTE = ["Cache-Control: max-age=60"]


def authorization(world: World) -> Finding:
    token = world.token()
    path = order(world, token, echo=True, headers=MINUTE)
    ask = Ask("cdn", path, headers={"Authorization": "Basic YTpi"})
    seen = [echo(world, ask)["server"].get("HTTP_AUTHORIZATION") for _ in range(2)]
    count = arrived(world, token, 2)
    return claims((seen == ["Basic YTpi"] * 2, f"PHP saw {seen}"), (count == 2, f"web saw {count} of 2"))


def kept_cookies(world: World) -> Finding:
    """Each name by itself: it reaches PHP, and its value is part of the key."""
    wrong, token = [], world.token()
    for name in KEPT:
        path = order(world, f"{token}-{name}", echo=True, headers=MINUTE)
        asks = [Ask("cdn", path, headers={"Cookie": f"{name}={value}"}) for value in ("1", "1", "2")]
        answers = [obeyed(world.ask(ask)[0]) for ask in asks]
        found = [a.cache for a in answers]
        cookie = (answers[0].json() or {}).get("cookie") or {}
        if found != ["Miss", "Hit", "Miss"] or cookie.get(name) != "1":
            wrong.append(f"{name}: {found}, PHP has {cookie}")
    plain = [get(world, f"/?t={token}", cookie="wp_x=1").cache for _ in range(2)]
    return claims(
        (not wrong, "; ".join(wrong) or f"{', '.join(KEPT)}: first Miss, same value Hit, other value Miss"),
        (plain == ["Miss", "Miss"], f"a page that WordPress does not let be stored: {plain}"),
    )


def dropped_cookies(world: World) -> Finding:
    token = world.token()
    path = order(world, token, echo=True, headers=MINUTE)
    seen = echo(world, Ask("cdn", path, headers={"Cookie": "foo=1; hm_y=2; xwp_z=3"}))["cookie"]
    anonymous = order(world, f"{token}2", headers=MINUTE)
    found = [obeyed(get(world, anonymous)).cache, get(world, anonymous, cookie="foo=1").cache]
    return claims(
        (seen == {"hm_y": "2"}, f"of foo, hm_y and xwp_z PHP saw {seen}"),
        (found == ["Miss", "Hit"], f"anonymous, then with foo=1: {found}"),
    )


def whole_query(world: World) -> Finding:
    token = world.token()
    first, second = (get(world, f"/?t={token}&utm_source={v}") for v in ("a", "b"))
    host, method = (
        get(world, f"/?utm_source=a&t={token}"),
        world.ask(Ask("cdn", f"/?t={token}&utm_source=a", "HEAD"))[0],
    )
    return claims(
        ([first.cache, second.cache] == ["Miss", "Miss"], f"utm_source a, b: {first.cache}, {second.cache}"),
        (second.batcache == "HIT", f"second X-Batcache {second.batcache or 'missing'}"),
        (host.cache == "Miss", f"other order of parameters: {host.cache}"),
        (method.cache == "Miss", f"HEAD after GET: {method.cache}"),
    )


def user_agent(world: World) -> Finding:
    token = world.token()
    seen = echo(world, Ask("cdn", order(world, token, echo=True), headers={"User-Agent": "Fidelity/1"}))["server"]
    arrived(world, token, 1)
    lines = world.logged("web", token)
    return claims(
        (str(seen.get("HTTP_USER_AGENT", "")).startswith(CHROME), f"PHP saw {seen.get('HTTP_USER_AGENT')}"),
        (
            lines and all('"Amazon CloudFront"' in line for line in lines),
            f"nginx logged {lines[-1][-160:] if lines else 'nothing'}",
        ),
    )


def referer(world: World) -> Finding:
    headers = {"Referer": "http://x.test/", "Origin": "https://y.test"}
    seen = echo(world, Ask("cdn", order(world, world.token(), echo=True), headers=headers))["server"]
    return claims(
        ("HTTP_REFERER" not in seen, f"HTTP_REFERER {seen.get('HTTP_REFERER', 'is not set')}"),
        (seen.get("HTTP_ORIGIN") == "https://y.test", f"(Origin, sent with it: {seen.get('HTTP_ORIGIN')})"),
    )


def forwarded(world: World) -> Finding:
    headers = {"Origin": "https://y.test", "Authorization": "Bearer x"}
    seen = echo(world, Ask("cdn", order(world, world.token(), echo=True), headers=headers))["server"]
    host = str(world.status["urls"]["site"]).split("/")[2]
    told = {name: seen.get(f"HTTP_{name}") for name in ("HOST", "ORIGIN", "AUTHORIZATION")}
    return claims((told == {"HOST": host, "ORIGIN": "https://y.test", "AUTHORIZATION": "Bearer x"}, f"PHP saw {told}"))


def viewer_country(world: World) -> Finding:
    """The CDN names the viewer's country; the page cache keeps a page for each."""
    token = world.token()
    seen = echo(world, Ask("cdn", order(world, token, echo=True, headers=MINUTE)))["server"]
    country = str(seen.get("HTTP_CLOUDFRONT_VIEWER_COUNTRY", ""))
    asks = [Ask("lb", f"/?t={token}", headers={"CloudFront-Viewer-Country": name}) for name in ("GB", "GB", "US", "US")]
    found = [world.ask(ask)[0].batcache for ask in asks]
    key = shell(world, "cdn", f"grep -rhaF -m1 'KEY: ' /var/cache/nginx/regional | grep -aF '{token}'").output
    return claims(
        (len(country) == 2 and country.isupper(), f"PHP saw {country or 'no country'}"),
        (found == ["MISS", "HIT", "MISS", "HIT"], f"GB GB US US: {found}"),
        (f" {country} " in key, f"in the CDN's key: {key[-80:].strip() or 'nothing stored'}"),
    )


def scripts(world: World) -> Finding:
    token = world.token()
    found, counts = {}, {}
    for name in ("xmlrpc.php", "wp-cron.php"):
        path = f"/{name}?t={token}-{name}"
        found[name] = [get(world, path).cache for _ in range(2)]
        counts[name] = arrived(world, f"{token}-{name}", 2)
    return claims(
        (all("Hit" not in words for words in found.values()), f"{found}"),
        (set(counts.values()) == {2}, f"web saw {counts}"),
    )


def empty_pages(world: World) -> Finding:
    token = world.token()
    head = world.ask(Ask("lb", f"/?t={token}", "HEAD"))[0]
    path = order(world, token, body="", status=200)
    found = [obeyed(get(world, path)) for _ in range(2)]
    return claims(
        (head.batcache == "BYPASS No content", f"HEAD at the load balancer: {head.batcache or 'no X-Batcache'}"),
        ("no-cache" in head.header("cache-control"), f"its Cache-Control {head.header('cache-control')}"),
        ([a.cache for a in found] == ["Miss", "Miss"], f"an empty page: {[a.cache for a in found]}"),
    )
