"""The site from outside: cache, protocol, hosts, log-in and publishing; what web containers share among each other."""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from altis_local.environment.paths import user_paths
from tests.stack.world import World

pytestmark = [pytest.mark.engine, pytest.mark.stack]

WEBS = ("web-a1", "web-b1")
HTTP2_BEGINS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
"""The client's preface and an empty SETTINGS frame (RFC 9113, sections 3.4 and 6.5)."""
SETTINGS = 4


@pytest.fixture
def admin(ha: World) -> Iterator[httpx.Client]:
    with ha.administrator() as browser:
        yield browser


@pytest.mark.usefixtures("ha")
def test_a_page_is_a_miss_and_then_a_hit(altis_http: httpx.Client) -> None:
    path = f"/?first={secrets.token_hex(6)}"
    first, second = altis_http.get(path), altis_http.get(path)
    assert first.status_code == second.status_code == 200
    assert first.headers["x-cache"] == "Miss from cloudfront"
    assert second.headers["x-cache"] == "Hit from cloudfront"
    assert second.text == first.text


def test_the_certificate_is_signed_by_the_local_authority(ha: World) -> None:
    authority = user_paths().authority
    certificates = [str(f) for f in authority.iterdir() if "key" not in f.name and b"BEGIN CERT" in f.read_bytes()]
    assert certificates, f"no certificate in {authority}"
    context = ssl.create_default_context(cafile=certificates[0])
    with httpx.Client(base_url=ha.url, verify=context) as visitor:
        assert visitor.get("/").status_code == 200


def test_http2_is_spoken(ha: World) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = urlsplit(ha.url).port or 443
    with (
        socket.create_connection(("127.0.0.1", port), 5) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
        tls.sendall(HTTP2_BEGINS)
        assert tls.recv(9)[3] == SETTINGS


@pytest.mark.usefixtures("ha")
def test_an_unknown_host_is_refused(altis_http: httpx.Client) -> None:
    assert altis_http.get("/", headers={"Host": "example.org"}).status_code == 403


def test_a_post_is_published_and_shown(ha: World, admin: httpx.Client) -> None:
    nonce = admin.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
    title, words = f"Published {secrets.token_hex(4)}", secrets.token_hex(8)
    made = admin.post(
        "/wp-json/wp/v2/posts",
        json={"title": title, "content": f"<p>{words}</p>", "status": "publish"},
        headers={"X-WP-Nonce": nonce},
    )
    assert made.status_code == 201, made.text[:500]
    with ha.client(follow_redirects=True) as visitor:
        page = visitor.get(made.json()["link"])
        assert page.status_code == 200
        assert words in page.text
        # The front page's own address is in the cache for a while: another query is another object.
        assert title in visitor.get(f"/?fresh={secrets.token_hex(6)}").text


@pytest.mark.usefixtures("ha")
def test_nobody_publishes_without_a_log_in(altis_http: httpx.Client) -> None:
    refused = altis_http.post("/wp-json/wp/v2/posts", json={"title": "No", "status": "publish"})
    assert refused.status_code == 401


def test_the_object_cache_is_shared(ha: World) -> None:
    key, value = f"k{secrets.token_hex(4)}", secrets.token_hex(8)
    ha.wp(WEBS[0], "cache", "set", key, value, "stack", "600")
    assert ha.wp(WEBS[1], "cache", "get", key, "stack") == value


def test_php_sessions_are_shared(ha: World) -> None:
    """The handler is the one that requests get; the command line has to ask for it."""
    session, value = secrets.token_hex(16), secrets.token_hex(8)
    begin = f"ob_start(); \\Altis\\Cloud\\Sessions\\configure(); session_id('{session}'); session_start();"
    ha.wp(WEBS[0], "eval", f"{begin} $_SESSION['said'] = '{value}'; session_write_close();")
    assert ha.wp(WEBS[1], "eval", f"{begin} echo $_SESSION['said'];") == value


def test_a_log_in_holds_on_every_web_container(ha: World, admin: httpx.Client) -> None:
    before = {web: _requests(ha, web) for web in WEBS}
    for _ in range(6):
        page = admin.get("/wp-admin/profile.php")
        assert page.status_code == 200
        assert page.url.path == "/wp-admin/profile.php", "sent back to the log-in"
    served = {web for web in WEBS if _requests(ha, web) > before[web]}
    assert served == set(WEBS)


def _requests(world: World, web: str) -> int:
    lines = world.engine.logs(world.containers()[web].id, 100_000)
    return sum('"GET /wp-admin/profile.php' in line for line in lines)
