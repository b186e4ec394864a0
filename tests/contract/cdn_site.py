"""A cdn container with small origins in the place of the load balancers, of S3 and of Tachyon, for contract tests.

The origins are containers of the same image running compose/images/cdn/testing/origin.conf: they answer as the query
asks and tell in JSON what reached them. Networks have random names and subnets and go away with the module.
"""

from __future__ import annotations

import http.client
import json
import secrets
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from altis_local.clock import Deadline, SystemClock, wait_until
from tests.contract.engine_cli import build, docker, make_network

CLOCK = SystemClock()
SOURCE = Path(__file__).parents[2] / "compose" / "images" / "cdn"
IMAGE = "altis-local/cdn:contract"
HOST = "localhost:8443"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        return self.headers["x-cache"].split()[0]

    @property
    def seen(self) -> dict[str, Any]:
        """What the origin says it received."""
        return dict(json.loads(self.body))


@dataclass
class Cdn:
    """One cdn container, and the way to talk to it."""

    name: str
    address: str
    admin_address: str
    lbs: tuple[str, str]
    media: tuple[str, str]
    secrets: dict[str, str] = field(repr=False, default_factory=dict)

    def get(
        self, path: str, *, port: int = 8443, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        connection = http.client.HTTPSConnection(self.address, port, context=tls(), timeout=10)
        return ask(connection, method, path, {"Host": HOST} | headers, body)

    def admin(self, method: str, path: str, body: object = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        return ask(http.client.HTTPConnection(self.admin_address, 9000, timeout=5), method, path, {}, data)

    def invalidate(self, *paths: str) -> dict[str, Any]:
        return self.admin("POST", "/invalidate", {"paths": paths}).seen

    def stored_ttl(self, path: str) -> int:
        """Seconds that the regional cache will keep a path without its query, which must be unique."""
        found = docker(
            "exec", self.name, "sh", "-c",
            f"grep -rla ' {path.partition('?')[0]}' /var/cache/nginx/regional | xargs grep -a '^X-Cdn-Ttl:'",
        )  # fmt: skip
        return int(found.rpartition(":")[2])

    def states(self) -> list[str]:
        lbs = self.admin("GET", "/health").seen["lbs"]
        return [lbs[name]["state"] for name in ("lb-a", "lb-b")]


def tls(maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = maximum
    return context


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> Answer:
    connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


def key_pair(folder: Path) -> tuple[str, str]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate.read_text(), key.read_text()


def run_cdn(cdn: Cdn, prefix: str, networks: dict[str, str], cache: str = "192m", **environment: str) -> None:
    values = cdn.secrets | {
        "ALTIS_SITE_HOST": "localhost",
        "CDN_EXTRA_HOSTS": "*.altis.test, extra.test",
        "ALTIS_SERVERS_LB": " ".join(
            f"{n}={networks['edge']}.{i}" for n, i in (("lb-a", 11), ("lb-b", 12))
        ),
        "ALTIS_ADDRESS_ADMIN": cdn.admin_address,
        "ALTIS_CONTROL_ADMIN": f"{networks['admin']}.1",
    }  # fmt: skip
    flags = [flag for name, value in (values | environment).items() for flag in ("-e", f"{name}={value}")]
    own = cdn.address.rpartition(".")[2]
    docker("create", "--name", cdn.name, "--network", f"{prefix}-ingress", "--ip", cdn.address, "--read-only",
           "--tmpfs", "/run", "--tmpfs", "/tmp", "--tmpfs", f"/var/cache/nginx:size={cache}", "--cap-drop", "ALL",
           *flags, IMAGE)  # fmt: skip
    for network in ("edge", "admin"):
        docker("network", "connect", "--ip", f"{networks[network]}.{own}", f"{prefix}-{network}", cdn.name)
    docker("start", cdn.name)


def is_open(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass
class Site:
    prefix: str
    networks: dict[str, str]
    cdn: Cdn
    brotli: Cdn


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no container engine answers")
    build(IMAGE, SOURCE)
    prefix = f"t-cdn-{secrets.token_hex(3)}"
    names = {"ingress": (), "edge": ("--internal",), "admin": ("--internal",)}
    certificate, key = key_pair(tmp_path_factory.mktemp("tls"))
    pair = {"ALTIS_TLS_CERT": certificate, "ALTIS_TLS_KEY": key}
    try:
        networks = {name: make_network(f"{prefix}-{name}", *options) for name, options in names.items()}
        lbs, media = (f"{prefix}-lb-a", f"{prefix}-lb-b"), (f"{prefix}-s3-1", f"{prefix}-tach")
        for number, name in enumerate(lbs + media, start=11):
            docker("run", "-d", "--name", name, "--network", f"{prefix}-edge", "--ip", f"{networks['edge']}.{number}",
                   "-e", f"NAME={name[-4:]}", "-v", f"{SOURCE / 'testing'}:/testing:ro", "--entrypoint", "nginx",
                   IMAGE, "-e", "stderr", "-c", "/testing/origin.conf")  # fmt: skip
        cdns = [
            Cdn(f"{prefix}-{name}", f"{networks['ingress']}.{n}", f"{networks['admin']}.{n}", lbs, media, pair)
            for name, n in (("cdn", 20), ("brotli", 21))
        ]
        run_cdn(
            cdns[0],
            prefix,
            networks,
            ALTIS_AWS=f"{networks['edge']}.13",
            ALTIS_TACHYON=f"{networks['edge']}.14",
            ALTIS_BUCKET="t-bucket",
        )
        run_cdn(cdns[1], prefix, networks, cache="48m", CDN_BROTLI="1")
        for cdn in cdns:
            assert wait_until(lambda cdn=cdn: is_open(cdn.address, 8443), Deadline.after(10, CLOCK)), docker(
                "logs", cdn.name
            )
        yield Site(prefix, networks, *cdns)
    finally:
        left = docker("ps", "-aq", "--filter", f"name={prefix}").split()
        if left:
            docker("rm", "-f", *left, check=False)
        for name in names:
            docker("network", "rm", f"{prefix}-{name}", check=False)


@pytest.fixture
def cdn(site: Site) -> Cdn:
    return site.cdn


@pytest.fixture
def mortal(site: Site) -> Iterator[Cdn]:
    """The same cdn, for tests that break its origins: they are well again afterwards."""
    yield site.cdn
    for origin in site.cdn.lbs + site.cdn.media:
        docker("unpause", origin, check=False)
        docker("start", origin, check=False)
    recovered = wait_until(lambda: site.cdn.states() == ["well", "well"], Deadline.after(5, CLOCK))
    assert recovered, site.cdn.states()


def url(query: str = "", stem: str = "/page") -> str:
    return f"{stem}-{secrets.token_hex(4)}{query}"
