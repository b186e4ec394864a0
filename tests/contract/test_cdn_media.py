"""The origins of uploads and images behind a real cdn container: what reaches them, what is kept, what if they fail."""

from __future__ import annotations

import http.client

import pytest

from tests.contract.cdn_site import CLOCK, HOST, Cdn, Site, ask, tls, url
from tests.contract.engine_cli import docker

pytestmark = pytest.mark.engine

MEDIA = ["/uploads/a", "/tachyon/a"]


def test_uploads_are_asked_of_the_bucket_by_path_and_query_alone(cdn: Cdn) -> None:
    path = url("?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=ab%2Fc&x=1", stem="/uploads/2024/05/a%20b%2B")
    seen = cdn.get(
        path, Cookie="wordpress_logged_in=1; wp_x=1", Authorization="AWS4-HMAC-SHA256 Credential=x", Origin="http://o",
        Referer="http://x/", X_WebP="1", X_Amz_Acl="private", Accept="image/webp", Range="bytes=0-9",
    )  # fmt: skip
    assert seen.status == 206
    whole = cdn.get(path)
    assert (whole.seen["name"], whole.seen["uri"]) == ("s3-1", f"/t-bucket{path}")
    assert whole.seen["headers"] == {"host": "aws:4566", "user-agent": "Amazon CloudFront"}


def test_images_are_asked_of_tachyon_with_the_object_s_key(cdn: Cdn) -> None:
    path = url("?w=10&presign=a%3Db", stem="/tachyon/2024/05/a")
    seen = cdn.get(path, Cookie="wp_x=1", Authorization="Basic eDp5", X_WebP="1", Referer="http://x/").seen
    assert (seen["name"], seen["uri"]) == ("tach", f"/uploads{path}")
    assert seen["headers"] == {"host": HOST, "user-agent": "Amazon CloudFront"}


def test_webp_is_offered_to_those_who_take_it_and_is_part_of_the_key(cdn: Cdn) -> None:
    path = url(stem="/tachyon/a")
    plain, webp = cdn.get(path, Accept="image/*,*/*"), cdn.get(path, Accept="image/avif,image/webp,*/*;q=0.8")
    assert (plain.cache, webp.cache) == ("Miss", "Miss")
    assert "x-webp" not in plain.seen["headers"]
    assert webp.seen["headers"]["x-webp"] == "1"
    again = cdn.get(path), cdn.get(path, Accept="image/webp")
    assert [a.cache for a in again] == ["Hit", "Hit"]
    assert (again[0].seen, again[1].seen) == (plain.seen, webp.seen)


@pytest.mark.parametrize("stem", MEDIA)
def test_neither_cookies_nor_authorization_pass_by_the_cache_of_media(cdn: Cdn, stem: str) -> None:
    path = url(stem=stem)
    cdn.get(path)
    for headers in ({"Cookie": "wordpress_logged_in_x=1"}, {"Authorization": "Basic eDp5"}):
        assert cdn.get(path, **headers).cache == "Hit"


@pytest.mark.parametrize("stem", MEDIA)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_media_are_read_only(cdn: Cdn, stem: str, method: str) -> None:
    path = url(stem=stem)
    answer = cdn.get(path, method=method, body=b"x")
    assert (answer.status, answer.cache) == (403, "Error")
    assert b"not configured to allow the HTTP request method" in answer.body
    assert cdn.get(path).seen["count"] == 1


@pytest.mark.parametrize("stem", MEDIA)
def test_head_and_bodies_of_gets(cdn: Cdn, stem: str) -> None:
    path = url(stem=stem)
    head = cdn.get(path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    assert "body" not in cdn.get(path, body=b"smuggled").seen


@pytest.mark.parametrize("stem", MEDIA)
@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        pytest.param("", 300, id="no-word"),
        pytest.param("?cc=max-age=31536000", 31536000, id="max-age"),
        pytest.param("?status=403", 10, id="missing-in-the-bucket"),
        pytest.param("?status=404", 300, id="missing-for-tachyon"),
        pytest.param("?status=502", 300, id="failed"),
    ],
)
def test_lifetime_of_media(cdn: Cdn, stem: str, query: str, seconds: int) -> None:
    path = url(query, stem=stem).replace("?", ".jpg?", 1) if query else url(stem=stem) + ".jpg"
    answer = cdn.get(path)
    assert cdn.stored_ttl(path) == seconds
    assert ("age" in answer.headers, "age" in cdn.get(path).headers) == (False, True)


def test_a_path_is_matched_normalised_and_sent_on_as_it_came(cdn: Cdn) -> None:
    for raw in ("/%75ploads/", "//uploads/", "/x/../uploads/"):
        seen = cdn.get(url(stem=raw)).seen
        assert seen["name"] == "s3-1"
        assert seen["uri"].startswith(f"/t-bucket{raw}")
    for raw in ("/uploads/../", "/uploads/%2e%2e/", "/uploads/..%2f", "/uploads"):
        assert cdn.get(url(stem=raw)).seen["name"] in {"lb-a", "lb-b"}
    assert cdn.get("/uploads/../../t-other/a").status == 400


def test_a_large_upload_streams_through(cdn: Cdn) -> None:
    path = url("?cc=max-age=60&size=30000000", stem="/uploads/a")
    for _ in range(2):
        answer = cdn.get(path)
        assert (answer.status, answer.cache) == (200, "Miss")
        assert len(answer.seen["padding"]) == 30_000_000
    part = cdn.get(path, Range="bytes=29000000-29000099")
    assert (part.status, len(part.body)) == (206, 100)


@pytest.mark.parametrize("stem", MEDIA)
def test_purge_of_media(cdn: Cdn, stem: str) -> None:
    path = url(stem=stem)
    assert [cdn.get(f"{path}.jpg?w=1").cache for _ in range(2)] == ["Miss", "Hit"]
    cdn.invalidate(f"{path}*")
    assert cdn.get(f"{path}.jpg?w=1").cache == "Miss"


def test_media_go_on_without_web(mortal: Cdn) -> None:
    for lb in mortal.lbs:
        docker("kill", lb)
    assert [mortal.get(url(stem=stem)).status for stem in MEDIA] == [200, 200]


@pytest.mark.parametrize("stem", MEDIA)
def test_a_dead_origin_of_media_is_an_error_page_soon(mortal: Cdn, stem: str) -> None:
    kept = url("?cc=max-age=1", stem=stem)
    mortal.get(kept)
    CLOCK.sleep(1.1)
    docker("kill", mortal.media[MEDIA.index(stem)])
    started = CLOCK.monotonic()
    answer = mortal.get(url(stem=stem))
    assert CLOCK.monotonic() - started < 5
    assert answer.status in {502, 504}
    assert answer.cache == "Error"
    assert b"could not be satisfied" in answer.body
    assert (mortal.get(kept).status, mortal.get(kept).cache) == (200, "Hit"), "an expired copy is better than none"
    assert mortal.get(url()).status == 200


def test_a_frozen_origin_of_media_is_given_up(mortal: Cdn) -> None:
    docker("pause", mortal.media[0])
    started = CLOCK.monotonic()
    connection = http.client.HTTPSConnection(mortal.address, 8443, context=tls(), timeout=45)
    answer = ask(connection, "GET", url(stem="/uploads/a"), {"Host": HOST})
    assert (answer.status, answer.cache) == (504, "Error")
    assert 29 < CLOCK.monotonic() - started < 40


@pytest.mark.parametrize("path", ["/uploads/a.jpg", "/tachyon/a.jpg"])
def test_media_without_origins_are_not_found_and_never_reach_web(site: Site, path: str) -> None:
    answer = site.brotli.get(path)
    assert answer.status == 404
    assert b'"name"' not in answer.body
