"""Instance metadata, version 2: who am I, and in which zone? (fidelity WEB-19)

Members reach it at 169.254.169.254 by a rule in their own namespace, so the caller's address is the member's own, and
its range tells the zone. A token is signed, not kept: it is good for the address that asked for it, until its time.
Version 1 (no token) is refused, as where version 2 is required.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from altis_local.model.topology import ZONES
from altis_local.services.server import Answer, Request

TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN_HEADER = "x-aws-ec2-metadata-token"  # noqa: S105 - a header's name
LONGEST_TTL = 21600
CREDENTIALS_LAST = 6 * 3600

_ZONE_SPAN = 64
"""Each zone is a /26 of a network's /24, in order (model/topology); the last /26 belongs to no zone."""

_DOCUMENT = "/latest/dynamic/instance-identity/document"
_TREE = "/latest/meta-data/"

Now = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Account:
    """What is the same for every member of an environment."""

    environment: str
    region: str
    access_key: str
    secret_key: str
    id: str = "000000000000"

    @property
    def role(self) -> str:
        return f"altis-{self.environment}"


def zone_at(address: str) -> str:
    """The zone of a member's address; regional members stand in the first one."""
    place = (int(ipaddress.IPv4Address(address)) & 0xFF) // _ZONE_SPAN
    return ZONES[place] if place < len(ZONES) else ZONES[0]


def instance_id(account: Account, address: str) -> str:
    """The same for the same address, different for any other."""
    return "i-" + hashlib.sha256(f"{account.environment} {address}".encode()).hexdigest()[:17]


class Metadata:
    """Answers requests; `secret` signs the tokens."""

    def __init__(self, account: Account, *, secret: bytes, now: Now) -> None:
        self._account = account
        self._secret = secret
        self._now = now
        self._started = now()

    def respond(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path == "/latest/api/token":
            return self._new_token(request)
        if request.method not in ("GET", "HEAD"):
            return Answer(405)
        if not self._is_valid(request.headers.get(TOKEN_HEADER, ""), request.client):
            return Answer(401, b"401 - Unauthorized")
        if request.path == _DOCUMENT:
            return Answer(200, _json(self._document(request.client)))
        if request.path.startswith(_TREE):
            return self._listed(request)
        return Answer(404, b"404 - Not Found")

    def _new_token(self, request: Request) -> Answer:
        if request.method != "PUT":
            return Answer(405, headers={"Allow": "PUT"})
        if "x-forwarded-for" in request.headers:
            return Answer(403, b"403 - Forbidden")
        ttl = request.headers.get(TTL_HEADER, "")
        if not ttl.isdecimal() or not 1 <= int(ttl) <= LONGEST_TTL:
            return Answer(400, b"400 - Bad Request")
        token = self._signed(int(self._now()) + int(ttl), request.client)
        return Answer(200, token.encode(), headers={"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": ttl})

    def _signed(self, ends: int, client: str) -> str:
        claim = ends.to_bytes(8, "big")
        mark = hmac.digest(self._secret, claim + client.encode(), "sha256")
        return base64.urlsafe_b64encode(claim + mark).decode()

    def _is_valid(self, token: str, client: str) -> bool:
        try:
            ends = int.from_bytes(base64.urlsafe_b64decode(token)[:8], "big")
        except ValueError:
            return False
        genuine = hmac.compare_digest(token.encode(), self._signed(ends, client).encode())
        return genuine and self._now() < ends

    def _listed(self, request: Request) -> Answer:
        """A value, or the names below a folder."""
        values = self._values(request.client)
        path = request.path.removeprefix(_TREE)
        if path in values:
            return Answer(200, values[path].encode())
        folder = path.rstrip("/") + "/" if path else ""
        rest = [name.removeprefix(folder) for name in values if name.startswith(folder)]
        if not rest:
            return Answer(404, b"404 - Not Found")
        names = sorted({f"{name.split('/')[0]}/" if "/" in name else name for name in rest})
        return Answer(200, "\n".join(names).encode())

    def _values(self, client: str) -> Mapping[str, str]:
        region, role = self._account.region, self._account.role
        host = f"ip-{client.replace('.', '-')}.{region}.compute.internal"
        return {
            "ami-id": "ami-0a1715a1715a17150",
            "hostname": host,
            "instance-id": instance_id(self._account, client),
            "instance-type": "t3.medium",
            "local-hostname": host,
            "local-ipv4": client,
            "placement/availability-zone": region + zone_at(client),
            "placement/region": region,
            "iam/info": _json(self._profile(client)).decode(),
            f"iam/security-credentials/{role}": _json(self._credentials()).decode(),
            "services/domain": "amazonaws.com",
            "services/partition": "aws",
        }

    def _document(self, client: str) -> Mapping[str, object]:
        values = self._values(client)
        return {
            "accountId": self._account.id,
            "architecture": "x86_64",
            "availabilityZone": values["placement/availability-zone"],
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": values["ami-id"],
            "instanceId": values["instance-id"],
            "instanceType": values["instance-type"],
            "kernelId": None,
            "pendingTime": _stamp(self._started),
            "privateIp": client,
            "ramdiskId": None,
            "region": self._account.region,
            "version": "2017-09-30",
        }

    def _profile(self, client: str) -> Mapping[str, object]:
        return {
            "Code": "Success",
            "LastUpdated": _stamp(self._started),
            "InstanceProfileArn": f"arn:aws:iam::{self._account.id}:instance-profile/{self._account.role}",
            "InstanceProfileId": "AIPA" + instance_id(self._account, client)[2:].upper(),
        }

    def _credentials(self) -> Mapping[str, object]:
        return {
            "Code": "Success",
            "LastUpdated": _stamp(self._now()),
            "Type": "AWS-HMAC",
            "AccessKeyId": self._account.access_key,
            "SecretAccessKey": self._account.secret_key,
            "Token": "altis-local",
            "Expiration": _stamp(self._now() + CREDENTIALS_LAST),
        }


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, indent=2).encode()


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
