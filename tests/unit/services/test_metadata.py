"""Instance metadata: tokens are asked for and belong to their asker; the zone is that of the caller's address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from altis_local.model.topology import ROLES, ZONES, address, member
from altis_local.services.metadata import Account, Metadata, instance_id, zone_at
from altis_local.services.server import Answer, Request

BLOCK = "10.208.16.0/20"
WEB_B = address(BLOCK, "platform", member("web", ZONES, index=2))
ACCOUNT = Account("my-env", "eu-west-1", "key", "secret")


class Service:
    def __init__(self) -> None:
        self.now = 1763900000.0
        self.metadata = Metadata(ACCOUNT, secret=b"s" * 32, now=lambda: self.now)

    def ask(self, method: str, path: str, client: str = WEB_B, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.metadata.respond(Request(method, path, client, headers=named))

    def token(self, client: str = WEB_B, ttl: str = "60") -> str:
        answer = self.ask("PUT", "/latest/api/token", client, x_aws_ec2_metadata_token_ttl_seconds=ttl)
        assert answer.status == 200
        return answer.body.decode()

    def get(self, path: str, client: str = WEB_B) -> str:
        answer = self.ask("GET", path, client, x_aws_ec2_metadata_token=self.token(client))
        assert answer.status == 200, answer
        return answer.body.decode()

    def document(self, client: str) -> dict[str, Any]:
        return dict(json.loads(self.get("/latest/dynamic/instance-identity/document", client)))


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.mark.parametrize("index", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("role", ["web", "cavalcade"])
@pytest.mark.parametrize("network", ["app", "platform"])
def test_every_member_is_in_the_zone_it_was_made_in(role: str, index: int, network: str) -> None:
    who = member(role, ZONES, index=index)
    assert zone_at(address(BLOCK, network, who)) == who.zone


def test_regional_members_stand_in_the_first_zone() -> None:
    regional = [role.name for role in ROLES.values() if role.counting == "regional"]
    assert {zone_at(address(BLOCK, "platform", member(role, ZONES))) for role in regional} == {"a"}


def test_the_document_names_the_callers_zone(service: Service) -> None:
    document = service.document(WEB_B)
    assert (document["availabilityZone"], document["region"], document["privateIp"]) == (
        "eu-west-1b",
        "eu-west-1",
        WEB_B,
    )
    assert document["instanceId"] == instance_id(ACCOUNT, WEB_B) == service.document(WEB_B)["instanceId"]
    assert document["instanceId"] != service.document("10.208.22.11")["instanceId"]
    assert service.document("10.208.22.11")["availabilityZone"] == "eu-west-1a"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("placement/availability-zone", "eu-west-1b"),
        ("placement/region", "eu-west-1"),
        ("placement/", "availability-zone\nregion"),
        ("placement", "availability-zone\nregion"),
        ("instance-id", instance_id(ACCOUNT, WEB_B)),
        ("local-ipv4", WEB_B),
        ("iam/", "info\nsecurity-credentials/"),
        ("iam/security-credentials/", "altis-my-env"),
    ],
)
def test_values_and_folders(service: Service, path: str, value: str) -> None:
    assert service.get(f"/latest/meta-data/{path}") == value


def test_the_root_lists_folders_once(service: Service) -> None:
    names = service.get("/latest/meta-data/").splitlines()
    assert names == sorted(set(names))
    assert {"iam/", "placement/", "instance-id"} <= set(names)


def test_credentials(service: Service) -> None:
    given = json.loads(service.get("/latest/meta-data/iam/security-credentials/altis-my-env"))
    assert (given["Code"], given["AccessKeyId"], given["SecretAccessKey"]) == ("Success", "key", "secret")
    assert given["Expiration"] == "2025-11-23T18:13:20Z"


def test_without_a_good_token_nothing_is_told(service: Service) -> None:
    path = "/latest/meta-data/instance-id"
    others = service.token("10.208.22.70")
    for token in ("", "x", "é", "AAAA", others, service.token()[:-4] + "AAAA"):
        assert service.ask("GET", path, x_aws_ec2_metadata_token=token).status == 401, token
    assert service.ask("GET", path).status == 401


def test_a_token_ends(service: Service) -> None:
    token = service.token(ttl="60")
    service.now += 59
    assert service.ask("GET", "/latest/meta-data/", x_aws_ec2_metadata_token=token).status == 200
    service.now += 1
    assert service.ask("GET", "/latest/meta-data/", x_aws_ec2_metadata_token=token).status == 401


@pytest.mark.parametrize("ttl", ["", "0", "-1", "21601", "ten", "1.5"])
def test_bad_times_are_refused(service: Service, ttl: str) -> None:
    answer = service.ask("PUT", "/latest/api/token", x_aws_ec2_metadata_token_ttl_seconds=ttl)
    assert answer.status == 400


def test_other_refusals(service: Service) -> None:
    headers = {"x_aws_ec2_metadata_token_ttl_seconds": "60", "x_forwarded_for": "1.2.3.4"}
    assert service.ask("PUT", "/latest/api/token", **headers).status == 403
    assert service.ask("GET", "/latest/api/token").status == 405
    assert service.ask("POST", "/latest/meta-data/").status == 405
    token = service.token()
    for path in ("/", "/latest/user-data", "/latest/meta-data/place", "/latest/meta-data/iam/none"):
        assert service.ask("GET", path, x_aws_ec2_metadata_token=token).status == 404, path
