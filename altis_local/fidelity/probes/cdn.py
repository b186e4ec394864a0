"""The CDN as visitors see it: origins, headers, protocol, compression, purges, hosts, order of speed."""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import median
from urllib.parse import urlsplit

from altis_local.fidelity.asking import answered, arrived, get, obeyed, order, php, site
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.probes.images import images
from altis_local.fidelity.world import Ask, World

STYLE = "/wp-includes/css/dist/block-library/style.min.css"
SCRIPT = "/wp-includes/js/jquery/jquery.min.js"
PICTURE = "/wp-includes/images/w-logo-blue.png"
GZIP = "gzip"


def origins(world: World) -> Finding:
    token, held = world.token(), images(world)
    page = get(world, f"/?t={token}-page")
    upload = get(world, f"/uploads/{held.folder}/a.jpg?t={token}-upload")
    tachyon = get(world, f"/tachyon/{held.folder}/a.jpg?w=30&t={token}-tachyon")
    seen = {name: arrived(world, f"{token}-{name}", int(name == "page")) for name in ("page", "upload", "tachyon")}
    return claims(
        (upload.status == 200 and held.is_jpeg(upload.body), f"upload {upload.status}, {len(upload.body)} bytes"),
        (tachyon.status == 200, f"image {tachyon.status}"),
        (page.status == 200, f"page {page.status}"),
        (seen == {"page": 1, "upload": 0, "tachyon": 0}, f"requests that web saw: {seen}"),
    )


def caches_pages(world: World) -> Finding:
    token = world.token()
    first, second = (get(world, f"/?t={token}") for _ in range(2))
    seen = arrived(world, token, 1)
    return claims(
        (first.status == 200, f"status {first.status}"),
        ((first.cache, second.cache) == ("Miss", "Hit"), f"X-Cache {first.cache}, {second.cache}"),
        (seen == 1, f"web saw {seen}"),
    )


def words(world: World) -> Finding:
    token = world.token()
    said = [get(world, f"/?t={token}").header("x-cache") for _ in range(2)]
    error = get(world, f"/.{token}").header("x-cache")
    return claims(
        (said == ["Miss from cloudfront", "Hit from cloudfront"], f"{said}"),
        (error == "Error from cloudfront", error or "no X-Cache with an error"),
    )


def own_headers(world: World) -> Finding:
    token = world.token()
    first = get(world, f"/?t={token}")
    second = get(world, f"/?t={token}")
    world.wait(2.1)
    third = get(world, f"/?t={token}")
    ids = {a.header("x-amz-cf-id") for a in (first, second, third)}
    pop, via = first.header("x-amz-cf-pop"), first.header("via")
    ages = [a.header("age") for a in (first, second, third)]
    return claims(
        (re.match(r"^[A-Z]{3}\d+", pop), f"pop {pop or 'missing'}"),
        (len(ids) == 3 and all(ids), f"{len(ids)} ids in 3 requests"),
        (re.fullmatch(r"1\.1 \S+\.cloudfront\.net \(CloudFront\)", via), f"Via {via or 'missing'}"),
        (ages[0] == "" and ages[1].isdigit() and ages[2].isdigit() and int(ages[2]) > int(ages[1]), f"Age {ages}"),
    )


def posts(world: World) -> Finding:
    token = world.token()
    path = order(world, token, headers=["Cache-Control: max-age=60"], body=token)
    kept = [obeyed(world.ask(Ask("cdn", path))[0]).cache for _ in range(2)]
    changing = [obeyed(world.ask(Ask("cdn", path, method))[0]) for method in ("POST", "POST", "PUT", "PATCH", "DELETE")]
    seen = arrived(world, token, 6)
    words_ = [a.cache for a in changing]
    return claims(
        (kept == ["Miss", "Hit"], f"GET {kept}"),
        (set(words_) == {"Miss"}, f"POST POST PUT PATCH DELETE {words_}"),
        (seen == 6, f"web saw {seen} of 6"),
    )


def gzips(world: World) -> Finding:
    def encoding(path: str, accepted: str) -> str:
        return get(world, path, accept_encoding=accepted).header("content-encoding")

    token = world.token()
    page = order(world, token, fill=3000, headers=["Cache-Control: max-age=60"])
    data = order(world, token, fill=3000, headers=["Content-Type: application/json", "Cache-Control: max-age=60"])
    got = {
        name: encoding(path, GZIP) for name, path in (("css", STYLE), ("js", SCRIPT), ("html", page), ("json", data))
    }
    plain = {"css": encoding(STYLE, "identity"), "html": encoding(page, "identity")}
    picture = answered(world.ask(Ask("cdn", PICTURE, headers={"Accept-Encoding": GZIP}))[0])
    return claims(
        (set(got.values()) == {GZIP}, f"asked for gzip: {got}"),
        (set(plain.values()) == {""}, f"not asked for: {plain}"),
        (picture.status == 200 and not picture.header("content-encoding"), f"png {picture.status} not compressed"),
    )


def brotli_is_opt_in(world: World) -> Finding:
    """Judged by what the environment has chosen; the choice is a variable of the CDN's container."""
    is_on = world.variables("cdn").get("CDN_BROTLI", "0") == "1"
    page = order(world, world.token(), fill=3000, headers=["Cache-Control: max-age=60"])
    style = get(world, STYLE, accept_encoding="br").header("content-encoding")
    html = get(world, page, accept_encoding="br").header("content-encoding")
    return claims(
        (style == ("br" if is_on else ""), f"brotli is {'on' if is_on else 'off'}, css {style or 'not compressed'}"),
        (html != "br", f"html {html or 'not compressed'}"),
    )


def purges(world: World) -> Finding:
    token = world.token()
    ways = [order(world, f"{token}{n}", f"/{token}/{n}", headers=["Cache-Control: max-age=60"]) for n in ("a", "b")]
    other = order(world, f"{token}c", f"/{token}-other", headers=["Cache-Control: max-age=60"])
    before = [[obeyed(get(world, path)).cache for _ in range(2)] for path in (*ways, other)]
    code = f"return [ Altis\\Cloud\\purge_cdn_paths( [ '{token}/*' ] ) ];"
    done = php(world, code)
    after = [get(world, path).cache for path in (*ways, other)]
    return claims(
        (before == [["Miss", "Hit"]] * 3, f"before {before}"),
        (done == [True], f"purge_cdn_paths said {done}"),
        (after == ["Miss", "Miss", "Hit"], f"after: two purged, one not: {after}"),
    )


def purge_guard(world: World) -> Finding:
    token = world.token()
    code = f"""
        $called = 0;
        add_filter( 'pre_http_request', function ( $answer ) use ( &$called ) {{ ++$called; return $answer; }} );
        add_action( 'altis.aws.request', function () use ( &$called ) {{ ++$called; }} );
        $warned = 0;
        set_error_handler( function () use ( &$warned ) {{ ++$warned; return true; }} );
        $make = fn ( $mark, $count ) => array_map( fn ( $n ) => "/{token}/$n$mark", range( 1, $count ) );
        $many = Altis\\Cloud\\purge_cdn_paths( $make( '*', 11 ) );
        $plain = Altis\\Cloud\\purge_cdn_paths( $make( '', 2001 ) );
        return compact( 'many', 'plain', 'called', 'warned' );
    """
    said = php(world, code)
    few = php(world, f"return Altis\\Cloud\\purge_cdn_paths( [ '/{token}/few*' ] );")
    return claims(
        (said["many"] is False, f"11 wildcards: {said['many']}"),
        (said["plain"] is False, f"2001 paths: {said['plain']}"),
        (said["called"] == 0, f"{said['called']} calls of the API"),
        (said["warned"] >= 2, f"{said['warned']} warnings"),
        (few is True, f"one wildcard: {few}"),
    )


def tls(world: World) -> Finding:
    name = urlsplit(site(world)).hostname or ""
    said = {version: world.tls(version, name) for version in ("1.1", "1.2", "1.3")}
    nameless = world.tls("1.3", "")
    owners = [text.rpartition(" ")[2] for text in (said["1.3"], nameless)]
    return claims(
        ("alert" in said["1.1"].lower(), f"1.1: {said['1.1']}"),
        (said["1.2"].startswith("TLSv1.2 RSA 2048 "), f"1.2: {said['1.2']}"),
        (said["1.3"].startswith("TLSv1.3 RSA 2048 "), f"1.3: {said['1.3']}"),
        (owners[0] != owners[1], f"without a server name: {nameless}"),
    )


def hosts(world: World) -> Finding:
    token = world.token()
    known = get(world, f"/?t={token}-known")
    refused = get(world, f"/?t={token}-nope", host="nope.test")
    seen = arrived(world, f"{token}-nope", 0)
    return claims(
        (known.status == 200, f"own host {known.status}"),
        (refused.status == 403, f"unknown host {refused.status}"),
        (seen == 0, f"web saw {seen} for the unknown one"),
    )


def order_of_speed(world: World) -> Finding:
    """Medians of twenty, one after the other, all through the CDN: only their order is held to."""
    token = world.token()

    def times(path: Callable[[int], str], wanted: str, batcache: str) -> float:
        took = []
        for n in range(20):
            answer = get(world, path(n))
            if (answer.cache, answer.batcache.partition(" ")[0]) == (wanted, batcache):
                took.append(answer.seconds)
        if len(took) < 10:
            raise CannotTell(f"only {len(took)} of 20 requests were {wanted} with X-Batcache {batcache}")
        return median(took)

    get(world, f"/?t={token}")
    hit = times(lambda _: f"/?t={token}", "Hit", "MISS")
    batcache = times(lambda n: f"/?t={token}&utm_term={n}", "Miss", "HIT")
    uncached = times(lambda n: f"/?t={token}-{n}", "Miss", "MISS")
    text = f"hit {hit * 1e3:.0f} ms, Batcache {batcache * 1e3:.0f} ms, PHP {uncached * 1e3:.0f} ms"
    return claims((hit * 1.5 < batcache and batcache * 1.5 < uncached, text))


def regional_tier(world: World) -> Finding:
    token = world.token()
    first = get(world, f"/?t={token}")
    second = answered(world.ask(Ask("edge-2", f"/?t={token}"))[0])
    seen = arrived(world, token, 1)
    pops = [a.header("x-amz-cf-pop") for a in (first, second)]
    return claims(
        (first.status == second.status == 200, f"status {first.status}, {second.status}"),
        (len(set(pops)) == 2, f"edges {pops}"),
        (second.cache == "Miss" and seen == 1, f"second edge {second.cache}, web saw {seen}"),
    )


def public_ajax(world: World) -> Finding:
    answer = get(world, f"/wp-admin/admin-ajax.php?action=altis_order&t={world.token()}")
    said = answer.header("cache-control")
    return claims(
        (answer.status == 200 and answer.text == "ordered", f"status {answer.status}, {answer.text[:30]}"),
        ("no-cache" not in said and "no-store" not in said, f"Cache-Control {said or 'not set'}"),
    )


def media_without_cookies(world: World) -> Finding:
    token, held = world.token(), images(world)
    paths = (f"/uploads/{held.folder}/a.jpg?t={token}", f"/tachyon/{held.folder}/a.jpg?w=40&t={token}")
    found = [[get(world, path, cookie=cookie).cache for cookie in ("foo=1", "wordpress_logged_in=1")] for path in paths]
    other = [get(world, f"{path}2").cache for path in paths]
    return claims(
        (found == [["Miss", "Hit"]] * 2, f"with different cookies: uploads {found[0]}, tachyon {found[1]}"),
        (other == ["Miss", "Miss"], f"another query: {other}"),
    )
