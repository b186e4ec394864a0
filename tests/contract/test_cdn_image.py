"""The cdn image by itself: caches, headers, TLS, purges, and what visitors see of lost load balancers."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import subprocess
import threading
from typing import Any

import pytest

from altis_local.clock import Deadline, wait_until
from tests.contract.cdn_site import CLOCK, HOST, IMAGE, Cdn, Site, is_open, tls, url
from tests.contract.engine_cli import docker

pytestmark = pytest.mark.engine


# What enters the cache ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("", ["Miss", "Hit"], id="default-ttl"),
        pytest.param("?cc=max-age=60", ["Miss", "Hit"], id="max-age"),
        pytest.param("?cc=s-maxage=0,max-age=60", ["Miss", "Miss"], id="s-maxage-wins"),
        pytest.param("?cc=no-cache", ["Miss", "Miss"], id="no-cache"),
        pytest.param("?cc=private,max-age=60", ["Miss", "Miss"], id="private"),
        pytest.param("?cookie=a%3Db&vary=*", ["Miss", "Hit"], id="set-cookie-and-vary-ignored"),
        pytest.param("?empty=1", ["Miss", "Miss"], id="empty-body"),
        pytest.param("?status=301", ["Miss", "Hit"], id="redirect"),
    ],
)
def test_storage(cdn: Cdn, query: str, words: list[str]) -> None:
    path = url(query)
    assert [cdn.get(path).cache, cdn.get(path).cache] == words


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        pytest.param("?status=410", True, id="410"),
        pytest.param("?status=404", True, id="404-of-nginx"),
        pytest.param("?status=404&cc=no-cache", False, id="404-of-wordpress"),
        pytest.param("?status=500", True, id="500"),
        pytest.param("?status=503&cc=no-cache", True, id="5xx-despite-no-cache"),
    ],
)
def test_errors(cdn: Cdn, query: str, kept: bool) -> None:
    path = url(query)
    first, second = cdn.get(path), cdn.get(path)
    assert (first.cache, second.cache) == ("Error", "Error")
    assert ("age" in second.headers) is kept
    assert (first.seen == second.seen) is kept


@pytest.mark.parametrize("stem", ["/xmlrpc.php", "/blog/wp-cron.php", "/wp-app.php", "/wp-includes/js/tinymce/x.php"])
def test_scripts_that_are_never_kept(cdn: Cdn, stem: str) -> None:
    assert [cdn.get(stem + "?cc=max-age=60").cache for _ in range(2)] == ["Miss", "Miss"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_are_never_kept_nor_answered_from_the_cache(cdn: Cdn, method: str) -> None:
    path = url("?cc=max-age=60")
    cdn.get(path)
    answers = [cdn.get(path, method=method, body=b"a=1") for _ in range(2)]
    assert [a.cache for a in answers] == ["Miss", "Miss"]
    assert answers[0].seen["method"] == method
    assert answers[0].seen["body"] == "a=1"


def test_authorization_bypasses_and_is_forwarded(cdn: Cdn) -> None:
    path = url()
    cdn.get(path)
    answer = cdn.get(path, Authorization="Basic eDp5")
    assert (answer.cache, answer.seen["headers"]["authorization"]) == ("Miss", "Basic eDp5")
    other = url()
    cdn.get(other, Authorization="Basic eDp5")
    assert cdn.get(other).cache == "Miss"


def test_head_has_an_object_of_its_own(cdn: Cdn) -> None:
    path = url("?cc=max-age=60")
    heads = [cdn.get(path, method="HEAD") for _ in range(2)]
    assert [h.cache for h in heads] == ["Miss", "Hit"]
    assert cdn.get(path).seen["method"] == "GET"


def test_kept_cookies_enter_key_and_origin_and_others_neither(cdn: Cdn) -> None:
    path = url()
    first = cdn.get(path, Cookie="foo=1; wp_x=1; comment_author=a; bar=2; altis_y=z")
    assert first.seen["headers"]["cookie"] == "wp_x=1; comment_author=a; altis_y=z"
    assert cdn.get(path, Cookie="foo=9; wp_x=1; comment_author=a; altis_y=z").cache == "Hit"
    assert cdn.get(path, Cookie="wp_x=2").cache == "Miss"
    assert cdn.get(path, Cookie="foo=1").cache == "Miss"
    assert cdn.get(path, Cookie="foo=2").cache == "Hit"
    junk = "; ".join(f"junk{i}=1" for i in range(30))
    assert cdn.get(path, Cookie=junk).cache == "Hit"


def test_no_url_collides_with_the_key_of_a_cookie(cdn: Cdn) -> None:
    path = url()
    cdn.get(path, Cookie="wp_x=1")
    assert cdn.get(path + "%20[wp_x=1]").cache == "Miss"
    assert cdn.get(path).cache == "Miss"


def test_query_is_part_of_the_key(cdn: Cdn) -> None:
    path = url()
    assert [cdn.get(path + q).cache for q in ("?utm_source=a", "?utm_source=b", "?utm_source=a")] == [
        "Miss",
        "Miss",
        "Hit",
    ]


# Headers -----------------------------------------------------------------------------------------------------------


def test_answer_headers(cdn: Cdn) -> None:
    path = url("?cc=max-age=60,must-revalidate")
    first, second = cdn.get(path), cdn.get(path)
    assert first.headers["x-cache"] == "Miss from cloudfront"
    assert "age" not in first.headers
    assert int(second.headers["age"]) >= 0
    assert second.headers["cache-control"] == "max-age=60,must-revalidate"
    assert second.headers["via"].endswith(".cloudfront.net (CloudFront)")
    assert second.headers["x-amz-cf-pop"][:3] == "DUB"
    assert first.headers["x-amz-cf-id"] != second.headers["x-amz-cf-id"]
    assert not [name for name in second.headers if name.startswith(("x-cdn", "x-accel"))]


def test_what_the_origin_sees(cdn: Cdn) -> None:
    path = url("?cc=no-cache")
    seen = cdn.get(
        path, User_Agent="Foo", Referer="http://x/", Origin="http://o", X_Forwarded_For="192.0.2.1", X_Cdn_Key="evil",
        X_Forwarded_Proto="http", CloudFront_Viewer_Country="ZZ", Accept="text/html", X_HTTP_Method_Override="HEAD",
    ).seen["headers"]  # fmt: skip
    assert seen["host"] == HOST
    assert seen["user-agent"] == "Amazon CloudFront"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("https", "8443")
    assert seen["x-forwarded-for"].startswith("192.0.2.1, ")
    assert seen["origin"] == "http://o"
    assert seen["cloudfront-viewer-country"] == "IE"
    assert (
        not {"referer", "accept", "x-cdn-key", "x-cdn-bypass", "x-cdn-status", "x-http-method-override"} & seen.keys()
    )


def test_host_names(cdn: Cdn) -> None:
    statuses = [cdn.get("/", Host=host).status for host in ("LOCALHOST:1", "extra.test", "a.altis.test", "nope.test")]
    assert statuses == [200, 200, 200, 403]
    refused = cdn.get("/", Host="nope.test")
    assert refused.cache == "Error"
    assert b"could not be satisfied" in refused.body


# Time, purge -------------------------------------------------------------------------------------------------------


def test_ttl_and_refresh_at_two_points_of_presence(cdn: Cdn) -> None:
    path, tagged = url("?cc=max-age=2"), url("?cc=max-age=2&etag=v1")
    near, far = cdn.get(path), cdn.get(path, port=8444)
    assert (near.cache, far.cache) == ("Miss", "Miss")
    assert far.seen == near.seen, "the second point of presence is served by the regional cache"
    assert far.headers["x-amz-cf-pop"].startswith("IAD")
    cdn.get(tagged)
    CLOCK.sleep(2.05)
    again = [cdn.get(path), cdn.get(path, port=8444)]
    assert [a.cache for a in again] == ["Miss", "Miss"], "nothing outlives its TTL"
    assert again[0].seen == again[1].seen
    refreshed = cdn.get(tagged)
    assert (refreshed.cache, refreshed.headers["age"]) == ("RefreshHit", "0")
    assert cdn.get(tagged).cache == "Hit"


def test_purge_covers_path_query_cookie_and_points_of_presence(cdn: Cdn) -> None:
    stem = url(stem="/dir")
    page, query, other = f"{stem}/a", f"{stem}/a?x=1", url()
    visits = [(page, 8443, ""), (page, 8444, ""), (page, 8443, "wp_x=1"), (query, 8443, "")]

    def words() -> list[str]:
        return [cdn.get(path, port=port, Cookie=cookie).cache for path, port, cookie in visits]

    words(), cdn.get(other)
    assert words() == ["Hit"] * 4
    assert cdn.invalidate(page)["count"] == 1
    assert words() == ["Miss", "Miss", "Miss", "Hit"], "a plain path is that path and query only"
    cdn.invalidate(stem.lstrip("/") + "/*")
    assert words() == ["Miss"] * 4
    assert cdn.get(other).cache == "Hit"


def test_a_fetch_under_way_during_a_purge_is_not_served_after_it(cdn: Cdn) -> None:
    path = url("?cc=max-age=60&sleep=0.5")
    fetch = threading.Thread(target=cdn.get, args=(path,))
    fetch.start()
    CLOCK.sleep(0.2)
    cdn.invalidate(path)
    fetch.join()
    assert cdn.get(path).cache == "Miss"


@pytest.mark.parametrize("body", [{}, {"paths": []}, {"paths": ["/a*b"]}, {"paths": [1]}, {"paths": "/a"}, "x"])
def test_bad_purges_are_refused(cdn: Cdn, body: object) -> None:
    answer = cdn.admin("POST", "/invalidate", body)
    assert answer.status == 400
    assert answer.seen["error"]


def test_stats_count_by_point_of_presence(cdn: Cdn) -> None:
    path = url()
    before = cdn.admin("GET", "/stats").seen["pops"].get("IAD89-C1", {})
    for _ in range(3):
        cdn.get(path, port=8444)

    def counted() -> tuple[int, int]:
        after = cdn.admin("GET", "/stats").seen["pops"]["IAD89-C1"]
        return after["Miss"] - before.get("Miss", 0), after["Hit"] - before.get("Hit", 0)

    # nginx counts an answer after its last byte has left.
    wait_until(lambda: counted() == (1, 2), Deadline.after(2, CLOCK))
    assert counted() == (1, 2)


def test_admin_answers_the_control_plane_only(site: Site, cdn: Cdn) -> None:
    docker("network", "connect", f"{site.prefix}-admin", cdn.lbs[0])
    said = docker(
        "exec", cdn.lbs[0], "bash", "-c",
        f"exec 3<>/dev/tcp/{cdn.admin_address}/9000; printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3",
    )  # fmt: skip
    docker("network", "disconnect", f"{site.prefix}-admin", cdn.lbs[0])
    assert " 403 " in said
    assert not is_open(cdn.address, 9000)


def test_a_full_cache_still_answers_whole(site: Site) -> None:
    for number in range(60):
        answer = site.brotli.get(f"/full/{number}?cc=max-age=60&size=1000000")
        assert (answer.status, len(answer.seen["padding"])) == (200, 1000000)
    assert "crit" not in docker("logs", site.brotli.name)


# Compression, TLS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepts", "kind", "plain", "brotli"),
    [
        ("gzip", "text/css", "gzip", "gzip"),
        ("gzip", "text/html", "gzip", "gzip"),
        ("gzip", "image/png", "", ""),
        ("", "text/css", "", ""),
        ("br", "text/css", "", "br"),
        ("br, gzip", "text/html", "gzip", "gzip"),
        ("br", "text/html", "", ""),
    ],
)
def test_compression(site: Site, accepts: str, kind: str, plain: str, brotli: str) -> None:
    path = url(f"?type={kind}&size=3000", stem="/a")
    for cdn, expected in ((site.cdn, plain), (site.brotli, brotli)):
        answer = cdn.get(path, Accept_Encoding=accepts)
        assert answer.headers.get("content-encoding", "") == expected
        if expected == "gzip":
            assert json.loads(gzip.decompress(answer.body))["uri"] == path


def test_tls_and_http2(cdn: Cdn) -> None:
    context = tls()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(socket.create_connection((cdn.address, 8443)), server_hostname="localhost") as wrapped:
        assert (wrapped.version(), wrapped.selected_alpn_protocol()) == ("TLSv1.3", "h2")
    with tls(ssl.TLSVersion.TLSv1_2).wrap_socket(socket.create_connection((cdn.address, 8443))) as wrapped:
        assert wrapped.version() == "TLSv1.2"


# Losing load balancers ---------------------------------------------------------------------------------------------


def load(
    cdn: Cdn, workers: int, each: int, method: str = "GET"
) -> tuple[threading.Event, list[tuple[float, int]], Any]:
    """Start a bounded load of uncacheable requests; returns (under way, [(seconds, status)], join)."""
    results: list[tuple[float, int]] = []
    under_way = threading.Event()

    def work() -> None:
        connection = http.client.HTTPSConnection(cdn.address, 8443, context=tls(), timeout=20)
        for turn in range(each):
            started = CLOCK.monotonic()
            body = b"x" if method == "POST" else None
            connection.request(method, url("?cc=no-cache"), body=body, headers={"Host": HOST})
            response = connection.getresponse()
            response.read()
            results.append((CLOCK.monotonic() - started, response.status))
            if turn == each // 10:
                under_way.set()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    return under_way, results, lambda: [thread.join() for thread in threads]


def test_a_killed_lb_costs_no_get(mortal: Cdn) -> None:
    under_way, results, join = load(mortal, workers=4, each=400)
    under_way.wait(10)
    docker("kill", mortal.lbs[1])
    join()
    assert [status for _, status in results if status != 200] == []
    assert len(results) == 1600
    assert max(seconds for seconds, _ in results) < 3


def test_a_frozen_lb_is_left_alone(mortal: Cdn) -> None:
    docker("pause", mortal.lbs[1])
    assert wait_until(lambda: mortal.states()[1] != "well", Deadline.after(3, CLOCK))
    _, results, join = load(mortal, workers=4, each=100)
    join()
    assert {status for _, status in results} == {200}
    assert max(seconds for seconds, _ in results) < 1


def test_a_get_stuck_in_a_frozen_lb_is_rescued_when_that_is_killed(mortal: Cdn) -> None:
    docker("pause", mortal.lbs[1])
    _, results, join = load(mortal, workers=4, each=1)
    CLOCK.sleep(1)
    docker("kill", mortal.lbs[1], check=False)
    join()
    assert {status for _, status in results} == {200}


def test_no_lb_is_an_error_page_at_once(mortal: Cdn) -> None:
    for lb in mortal.lbs:
        docker("kill", lb)
    assert wait_until(lambda: mortal.states() == ["silent", "silent"], Deadline.after(6, CLOCK))
    took = []
    for _ in range(4):
        started = CLOCK.monotonic()
        answer = mortal.get(url())
        took.append(CLOCK.monotonic() - started)
        assert (answer.status, answer.cache) == (504, "Error")
        assert b"could not be satisfied" in answer.body
    assert min(took) < 0.5, "asking any of them would take longer each time; a busy machine does so now and then"


def test_expired_copies_when_the_origin_fails(mortal: Cdn) -> None:
    may, must = url("?cc=max-age=1"), url("?cc=max-age=1,must-revalidate")
    mortal.get(may), mortal.get(must)
    CLOCK.sleep(1.1)
    for lb in mortal.lbs:
        docker("kill", lb)
    stale, failed = mortal.get(may), mortal.get(must)
    assert (stale.status, stale.cache) == (200, "Hit")
    assert int(stale.headers["age"]) >= 1
    assert failed.status in {502, 504}


# Start and end -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ALTIS_TLS_KEY": ""}, "ALTIS_TLS_KEY is not set"),
        ({"ALTIS_TLS_CERT": "nonsense"}, "not a PEM certificate"),
        ({"ALTIS_TLS_KEY": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"}, "refuses"),
        ({"ALTIS_SERVERS_LB": "lb-a"}, "not name=address"),
        ({"ALTIS_SITE_HOST": "a;b"}, "do not belong there: ;"),
        ({"ALTIS_AWS": "127.0.0.1", "ALTIS_BUCKET": "b"}, "ALTIS_TACHYON is not set"),
        ({"ALTIS_AWS": "127.0.0.1", "ALTIS_TACHYON": "127.0.0.1"}, "ALTIS_BUCKET is not set"),
        ({"ALTIS_AWS": "1.2", "ALTIS_TACHYON": "1.2.3", "ALTIS_BUCKET": "b"}, "'1.2' is no address"),
        ({"ALTIS_AWS": "::1", "ALTIS_TACHYON": "127.0.0.1", "ALTIS_BUCKET": "b"}, "do not belong there: ::"),
        ({"ALTIS_AWS": "127.0.0.1", "ALTIS_TACHYON": "127.0.0.1", "ALTIS_BUCKET": "b';"}, "do not belong there: ';"),
    ],
    ids=[
        "no-key",
        "no-certificate",
        "bad-key",
        "bad-servers",
        "injection",
        "no-tachyon",
        "no-bucket",
        "bad-address",
        "not-an-address",
        "bad-bucket",
    ],
)
def test_a_bad_environment_ends_with_a_reason(site: Site, change: dict[str, str], message: str) -> None:
    values = site.cdn.secrets | {
        "ALTIS_SITE_HOST": "localhost", "ALTIS_SERVERS_LB": "lb-a=127.0.0.1",
        "ALTIS_ADDRESS_ADMIN": "127.0.0.1", "ALTIS_CONTROL_ADMIN": "127.0.0.1",
    } | change  # fmt: skip
    flags = [flag for name, value in values.items() for flag in ("-e", f"{name}={value}")]
    done = subprocess.run(["docker", "run", "--rm", "--network", "none", *flags, IMAGE, "--check"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert message in done.stderr
    assert "PRIVATE" not in done.stderr


def test_the_container_ends_with_nginx_and_its_logs_hold_no_secret(site: Site) -> None:
    path = url()
    site.brotli.get(path, Cookie="wp_token=sesame", Authorization="Basic sesame")
    # The container may end before the command has told of its own end.
    docker("exec", site.brotli.name, "sh", "-c", "kill -9 $(cat /run/cdn/nginx.pid)", check=False)
    ended = wait_until(
        lambda: docker("inspect", "-f", "{{.State.Status}}", site.brotli.name) == "exited", Deadline.after(5, CLOCK)
    )
    assert ended
    logs = docker("logs", site.brotli.name)
    assert "200 Miss DUB56-P1" in logs
    assert path in logs
    assert "sesame" not in logs
