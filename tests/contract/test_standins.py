"""The standins container by itself: control's image with another command, a real cdn to purge, clients in three zones.

Networks have random names and subnets and go away with the module. The test plays control: from the networks' first
address. Clients are containers with a fixed address each, as members have.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from altis_local.clock import Deadline, SystemClock, wait_until
from tests.contract.cdn_site import key_pair
from tests.contract.engine_cli import build, docker, make_network
from tests.unit.services.datagrams import TRACE, datagram, one_request, root_final

pytestmark = pytest.mark.engine

CLOCK = SystemClock()
ROOT = Path(__file__).parents[2]
CDN_SOURCE = ROOT / "compose" / "images" / "cdn"
IMAGE = "altis-local/control:contract"
CDN = "altis-local/cdn:contract"
TOKEN = "0123456789abcdef"
NAMESPACE = "http://cloudfront.amazonaws.com/doc/2019-03-26/"
INVALIDATE = "/2019-03-26/distribution/EALTIS/invalidation"


# Run in a client container: one HTTP request, the outcome as JSON.
ASK = """
import base64, http.client, json, sys
host, port, method, path, headers, body = json.loads(sys.argv[1])
try:
    c = http.client.HTTPConnection(host, port, timeout=2)
    c.request(method, path, body, headers)
    r = c.getresponse()
    print(json.dumps([r.status, r.read().decode()]))
except OSError as error:
    print(json.dumps([0, str(error)]))
"""
SEND = """
import base64, json, socket, sys
host, *datagrams = json.loads(sys.stdin.read())
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for one in datagrams:
    s.sendto(base64.b64decode(one), (host, 2000))
"""


@dataclass(frozen=True)
class Lab:
    prefix: str
    networks: dict[str, str]

    @property
    def standins(self) -> str:
        return f"{self.networks['platform']}.195"

    def client(self, zone: str) -> str:
        return f"{self.prefix}-web-{zone}"

    def ask(
        self, zone: str, port: int, method: str, path: str, *, host: str = "", body: str = "", **headers: str
    ) -> tuple[int, str]:
        """A request from the client in a zone."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = json.dumps([host or self.standins, port, method, path, named, body])
        status, text = json.loads(docker("exec", self.client(zone), "python", "-c", ASK, request))
        return status, text

    def metadata(self, zone: str, path: str) -> str:
        ttl = {"X_aws_ec2_metadata_token_ttl_seconds": "60"}
        _, token = self.ask(zone, 8169, "PUT", "/latest/api/token", **ttl)
        status, text = self.ask(zone, 8169, "GET", path, X_aws_ec2_metadata_token=token)
        assert status == 200, text
        return text

    def invalidate(self, *paths: str) -> tuple[int, str]:
        items = "".join(f"<Path>{path}</Path>" for path in paths)
        body = (
            f'<InvalidationBatch xmlns="{NAMESPACE}"><Paths><Quantity>{len(paths)}</Quantity><Items>{items}</Items>'
            f"</Paths><CallerReference>{secrets.token_hex(8)}</CallerReference></InvalidationBatch>"
        )
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test"}
        return self.ask("a", 8170, "POST", INVALIDATE, body=body, **signed)

    def send(self, zone: str, *datagrams: bytes) -> None:
        request = json.dumps([self.standins, *(base64.b64encode(one).decode() for one in datagrams)])
        command = ["docker", "exec", "-i", self.client(zone), "python", "-c", SEND]
        subprocess.run(command, input=request, text=True, check=True, capture_output=True)

    def traces(self, path: str) -> tuple[int, Any]:
        """Asked by control."""
        connection = http.client.HTTPConnection(self.standins, 8080, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def page(self, path: str) -> str:
        """What the CDN's cache did for a path."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(f"{self.networks['ingress']}.20", 8443, context=context, timeout=5)
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        return str(answer.getheader("X-Cache")).split()[0]


def build_images() -> None:
    build(IMAGE, ROOT, "-f", str(ROOT / "compose" / "images" / "control" / "Dockerfile"))
    build(CDN, CDN_SOURCE)


def start_cdn(prefix: str, networks: dict[str, str], folder: Path) -> None:
    certificate, key = key_pair(folder)
    values = {
        "ALTIS_SITE_HOST": "localhost",
        "ALTIS_SERVERS_LB": f"lb-a={networks['edge']}.11",
        "ALTIS_ADDRESS_ADMIN": f"{networks['edge']}.20",
        "ALTIS_CONTROL_ADMIN": f"{networks['edge']}.1",
        "ALTIS_ADDRESS_EDGE": f"{networks['edge']}.20",
        "ALTIS_STANDINS": f"{networks['edge']}.195",
        "ALTIS_PURGE_TOKEN": TOKEN,
        "ALTIS_TLS_CERT": certificate,
        "ALTIS_TLS_KEY": key,
    }
    flags = [flag for name, value in values.items() for flag in ("-e", f"{name}={value}")]
    docker("run", "-d", "--name", f"{prefix}-lb-a", "--network", f"{prefix}-edge", "--ip", f"{networks['edge']}.11",
           "-v", f"{CDN_SOURCE / 'testing'}:/testing:ro", "--entrypoint", "nginx", CDN,
           "-e", "stderr", "-c", "/testing/origin.conf")  # fmt: skip
    docker("create", "--name", f"{prefix}-cdn", "--network", f"{prefix}-ingress", "--ip", f"{networks['ingress']}.20",
           "--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp", "--tmpfs", "/var/cache/nginx:size=64m",
           "--cap-drop", "ALL", *flags, CDN)  # fmt: skip
    docker("network", "connect", "--ip", f"{networks['edge']}.20", f"{prefix}-edge", f"{prefix}-cdn")
    docker("start", f"{prefix}-cdn")


def start_standins(prefix: str, networks: dict[str, str]) -> None:
    values = {
        "ALTIS_ENVIRONMENT": "my-env",
        "ALTIS_REGION": "eu-west-1",
        "ALTIS_CDN_PURGE": f"http://{networks['edge']}.20:9001/invalidate",
        "ALTIS_PURGE_TOKEN": TOKEN,
        "CLOUDFRONT_DISTRIBUTION_ID": "EALTIS",
        "ALTIS_CONTROL_PLATFORM": f"{networks['platform']}.1",
    }
    flags = [flag for name, value in values.items() for flag in ("-e", f"{name}={value}")]
    docker("create", "--name", f"{prefix}-standins", "--network", f"{prefix}-platform",
           "--ip", f"{networks['platform']}.195", "--read-only", "--cap-drop", "ALL",
           "--security-opt", "no-new-privileges:true", "--memory", "192m", "--pids-limit", "96",
           "-v", f"{prefix}-traces:/var/lib/altis-traces", *flags, IMAGE,
           "python", "-m", "altis_local.services.main")  # fmt: skip
    docker("network", "connect", "--ip", f"{networks['edge']}.195", f"{prefix}-edge", f"{prefix}-standins")
    docker("start", f"{prefix}-standins")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    build_images()
    prefix = f"t-standins-{secrets.token_hex(3)}"
    names = {"ingress": (), "edge": ("--internal",), "platform": ("--internal",)}
    try:
        networks = {name: make_network(f"{prefix}-{name}", *options) for name, options in names.items()}
        found = Lab(prefix, networks)
        start_cdn(prefix, networks, tmp_path_factory.mktemp("tls"))
        start_standins(prefix, networks)
        for zone, host in (("a", 11), ("b", 75), ("c", 139)):
            docker("run", "-d", "--name", found.client(zone), "--network", f"{prefix}-platform",
                   "--ip", f"{networks['platform']}.{host}", IMAGE, "sleep", "1000")  # fmt: skip
        ready = wait_until(lambda: is_ready(found), Deadline.after(20, CLOCK), every=0.2)
        assert ready, docker("logs", f"{prefix}-standins", check=False) + docker("logs", f"{prefix}-cdn", check=False)
        yield found
    finally:
        left = docker("ps", "-aq", "--filter", f"name={prefix}").split()
        if left:
            docker("rm", "-f", *left, check=False)
        for name in names:
            docker("network", "rm", f"{prefix}-{name}", check=False)
        docker("volume", "rm", f"{prefix}-traces", check=False)


def is_ready(lab: Lab) -> bool:
    try:
        return lab.traces("/health")[0] == 200 and lab.page(f"/ready-{secrets.token_hex(4)}") == "Miss"
    except (OSError, http.client.HTTPException):
        return False


# Instance metadata -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["a", "b", "c"])
def test_metadata_names_the_callers_zone(lab: Lab, zone: str) -> None:
    document = json.loads(lab.metadata(zone, "/latest/dynamic/instance-identity/document"))
    assert document["availabilityZone"] == f"eu-west-1{zone}"
    assert document["privateIp"].startswith(lab.networks["platform"])


def test_metadata_wants_a_token_of_ones_own(lab: Lab) -> None:
    path = "/latest/meta-data/instance-id"
    _, token = lab.ask("a", 8169, "PUT", "/latest/api/token", X_aws_ec2_metadata_token_ttl_seconds="60")
    assert lab.ask("a", 8169, "GET", path)[0] == 401
    assert lab.ask("b", 8169, "GET", path, X_aws_ec2_metadata_token=token)[0] == 401
    assert lab.ask("a", 8169, "GET", path, X_aws_ec2_metadata_token=token)[0] == 200


# CloudFront --------------------------------------------------------------------------------------------------------


def test_an_invalidation_empties_the_cdn(lab: Lab) -> None:
    stem = f"/{secrets.token_hex(4)}"
    paths = [f"{stem}/x", f"{stem}/y", f"{stem}-other", f"{stem}-exact"]
    assert [lab.page(path) for path in paths] == ["Miss"] * 4
    assert [lab.page(path) for path in paths] == ["Hit"] * 4
    status, text = lab.invalidate(f"{stem}/*", f"{stem}-exact")
    assert (status, "<Status>InProgress</Status>" in text) == (201, True)
    assert [lab.page(path) for path in paths] == ["Miss", "Miss", "Hit", "Miss"]


def test_a_refused_invalidation_empties_nothing(lab: Lab) -> None:
    path = f"/{secrets.token_hex(4)}"
    lab.page(path)
    status, text = lab.invalidate(path, *[f"/{n}/*" for n in range(16)])
    assert (status, "TooManyInvalidationsInProgress" in text) == (400, True)
    assert lab.page(path) == "Hit"


def test_the_cdn_down_is_an_error_that_may_be_tried_again(lab: Lab) -> None:
    docker("pause", f"{lab.prefix}-cdn")
    docker("exec", lab.client("a"), "true")
    try:
        # (The client's own limit is 2 s, the stand-in's 5 s: a client that goes away must not disturb it.)
        assert lab.invalidate("/a")[0] == 0
    finally:
        docker("unpause", f"{lab.prefix}-cdn")
    assert wait_until(lambda: lab.invalidate("/a")[0] == 201, Deadline.after(15, CLOCK), every=0.5)


def test_nobody_else_may_purge(lab: Lab) -> None:
    """From another address of the edge network even with the token; from the stand-ins' not without it."""
    purge = ("9001", "POST", "/invalidate")
    edge = f"{lab.networks['edge']}.20"
    ask = ["python", "-c", ASK]

    def tried(name: str, path: str, **headers: str) -> int:
        request = json.dumps([edge, int(purge[0]), purge[1], path, headers, '{"paths": ["/a"]}'])
        return int(json.loads(docker("exec", name, *ask, request))[0])

    token = {"X-Purge-Token": TOKEN}
    docker("network", "connect", f"{lab.prefix}-edge", lab.client("a"))
    try:
        assert tried(lab.client("a"), "/invalidate", **token) == 403
    finally:
        docker("network", "disconnect", f"{lab.prefix}-edge", lab.client("a"))
    standins = f"{lab.prefix}-standins"
    assert tried(lab.client("b"), "/invalidate", **token) == 0, "no way from platform to edge"
    assert tried(standins, "/invalidate") == 403
    assert tried(standins, "/invalidate", **{"X-Purge-Token": "wrong"}) == 403
    assert tried(standins, "/stats", **token) == 404
    assert tried(standins, "/invalidate", **token) == 200


def test_a_cdn_without_a_token_has_no_purge_server(lab: Lab) -> None:
    said = docker("exec", f"{lab.prefix}-cdn", "sh", "-c", "ALTIS_TLS_CERT=\"$(cat /run/cdn/tls.crt)\" "
                  "ALTIS_TLS_KEY=\"$(cat /run/cdn/tls.key)\" ALTIS_PURGE_TOKEN= cdn-entrypoint --check; "
                  "wc -c < /run/cdn/purge.conf")  # fmt: skip
    assert said.splitlines()[-1] == "0"


# X-Ray -------------------------------------------------------------------------------------------------------------


def test_a_trace_is_listed_and_shown(lab: Lab) -> None:
    lab.send("b", *map(datagram, one_request()))
    assert wait_until(lambda: len(listed(lab, "url=/shop/")) == 1, Deadline.after(5, CLOCK))
    (row,) = listed(lab, "url=/shop/")
    assert (row["trace_id"], row["status"], row["in_progress"]) == (TRACE, 200, False)
    status, trace = lab.traces(f"/traces/{TRACE}")
    assert (status, len(trace["queries"]), len(trace["remote"])) == (200, 3, 1)
    assert trace["requests"][0]["zone"] == "eu-west-1b"


def listed(lab: Lab, query: str) -> list[dict[str, Any]]:
    return list(lab.traces(f"/traces?from=0&{query}")[1]["traces"])


def test_only_control_sees_traces(lab: Lab) -> None:
    assert lab.ask("a", 8080, "GET", "/traces")[0] == 403
    assert lab.ask("a", 8080, "GET", "/health")[0] == 200


def test_a_flood_does_no_harm(lab: Lab) -> None:
    """More than the store holds, in a second: the newest stay, and every service still answers."""
    before = lab.traces("/stats")[1]
    big = {"$_GET": {"long": "x" * 40_000}}
    flood = [
        datagram(root_final(trace_id=f"1-6922f1a0-{n:024x}", metadata=big, start_time=1763900000 + n))
        for n in range(500)
    ]
    for _ in range(4):
        lab.send("a", *flood[:250])
        lab.send("c", *flood[250:])
    lab.send("a", b"nonsense")
    assert wait_until(lambda: lab.traces("/stats")[1]["malformed"] > before["malformed"], Deadline.after(20, CLOCK))
    after = lab.traces("/stats")[1]
    assert after["stored"] + after["dropped"] + after["malformed"] <= after["received"]
    assert lab.traces("/health")[0] == 200
    assert lab.metadata("a", "/latest/meta-data/placement/region") == "eu-west-1"
    state = json.loads(docker("inspect", f"{lab.prefix}-standins"))[0]["State"]
    assert state["Running"] and not state["OOMKilled"]


# Start and end -----------------------------------------------------------------------------------------------------


def test_missing_settings_are_named() -> None:
    said = docker(
        "run", "--rm", "-e", "ALTIS_ENVIRONMENT=x", IMAGE, "python", "-m", "altis_local.services.main", check=False
    )
    assert "not set: ALTIS_REGION, ALTIS_CDN_PURGE, ALTIS_PURGE_TOKEN, CLOUDFRONT_DISTRIBUTION_ID" in said


def test_term_ends_it_in_time_and_its_traces_are_kept(lab: Lab) -> None:
    name = f"{lab.prefix}-standins"
    lab.send("c", datagram(root_final(url="https://localhost:8443/kept/", trace_id="1-6922f1a0-" + "c" * 24)))
    docker("stop", "-t", "8", name)
    assert docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"
    docker("start", name)
    assert wait_until(lambda: is_ready(lab), Deadline.after(10, CLOCK), every=0.2), docker("logs", "--tail", "20", name)
    assert [row["status"] for row in listed(lab, "url=/kept/")] == [200]


def test_killed_at_any_time_it_starts_again(lab: Lab) -> None:
    name = f"{lab.prefix}-standins"
    for n in range(3):
        lab.send("c", *[datagram(root_final(trace_id=f"1-6922f1a1-{n:012x}{m:012x}")) for m in range(200)])
        docker("kill", name)
        docker("start", name)
        assert wait_until(lambda: is_ready(lab), Deadline.after(10, CLOCK), every=0.2), docker(
            "logs", "--tail", "20", name
        )
    assert listed(lab, "limit=1")
