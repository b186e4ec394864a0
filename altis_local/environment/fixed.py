"""What control would decide, decided once for all: for the environment as a plain compose file, without control. Pure.

Called by rendering. The first db member is the writer, the first redis member the primary; proxies name who is ready;
readers follow and the site is installed by services that run once. Nobody fails over, scales or heals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from altis_local.act.definition import variables
from altis_local.decide import cache, database, routing
from altis_local.model.spec import Spec
from altis_local.model.topology import CONTROL, NETWORKS, PUBLISHING_NETWORKS, Member, address

Document = dict[str, Any]

INSTALL, FOLLOW = "install", "follow"
"""Services that run once: they install the site; they let the readers follow the writer."""
RESOLVER = "resolver"
"""Control's name server by itself, at control's addresses: names from outside do not exist, at once."""

_CHECK = {"interval": "1s", "timeout": "5s", "retries": 120}
_PAGE = 'exec 3<>/dev/tcp/{}; printf "GET {} HTTP/1.0\\r\\nHost: health\\r\\n\\r\\n" >&3; head -1 <&3 | grep -q " 200 "'
_HEALTH = {
    "cdn": ": </dev/tcp/127.0.0.1/8443",
    "lb": _PAGE.format("$ALTIS_ADDRESS_EDGE/80", "/__lb_health"),
    "web": _PAGE.format("127.0.0.1/80", "/__instance_healthcheck"),
    "endpoints": ": </dev/tcp/$ALTIS_ADDRESS_DATA/3306",
    "db": "mysql -uroot -Ne 'SELECT 1'",
    "redis": 'REDISCLI_AUTH="$ALTIS_REDIS_PASSWORD" redis-cli ping | grep -q PONG',
    "search": _PAGE.format("$ALTIS_ADDRESS_STORE/9200", "/_cluster/health?wait_for_status=yellow&timeout=1s"),
    "aws": _PAGE.format("127.0.0.1/4566", "/_localstack/health"),
    "tachyon": _PAGE.format("127.0.0.1/8080", "/health"),
}
"""Role -> a command of bash, which every image has."""
_CERTIFICATE = """\
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN="$ALTIS_SITE_HOST" \
  -addext "subjectAltName=DNS:$ALTIS_SITE_HOST" -keyout /tmp/key -out /tmp/certificate 2>/dev/null
ALTIS_TLS_CERT=$(cat /tmp/certificate) ALTIS_TLS_KEY=$(cat /tmp/key) exec cdn-entrypoint"""
_FOLLOW = """\
for reader in $READERS; do
  mysql -h "$reader" -u altis_control -p"$ALTIS_DB_CONTROL_PASSWORD" -e "STOP REPLICA;
    CHANGE REPLICATION SOURCE TO SOURCE_HOST = '$WRITER', SOURCE_USER = 'altis_replica',
      SOURCE_PASSWORD = '$ALTIS_DB_REPLICA_PASSWORD', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1,
      SOURCE_CONNECT_RETRY = 1; START REPLICA" || exit 1
done"""


def member(spec: Spec, who: Member) -> Document:
    """What a member's service says beyond what control would make of it."""
    changed: Document = {}
    if who.role in _HEALTH:
        changed["healthcheck"] = {"test": ["CMD", "bash", "-c", f"set -eo pipefail; {_HEALTH[who.role]}"], **_CHECK}
    if needed := _needs(spec, who.role):
        changed["depends_on"] = needed
    first = who.index == 1
    match who.role:
        case "db" if first:
            changed["command"] = ["--super-read-only=OFF", "--read-only=OFF"]
        case "redis":
            primary = address(spec.block, "store", spec.members("redis")[0])
            changed["command"] = ["--replicaof", "no", "one"] if first else ["--replicaof", primary, "6379"]
        case "endpoints" | "lb":
            changed["environment"] = {"ALTIS_READY": " ".join(_ready(spec))}
        case "cdn":
            changed["entrypoint"] = ["tini", "--", "bash", "-euc", _CERTIFICATE]
    return changed


def once(spec: Spec) -> Mapping[str, Document]:
    """Services that run once, with what they take from which member's service (`like`)."""
    site, readers = spec.members("web")[0], spec.members("db")[1:]
    found: dict[str, Document] = {
        INSTALL: {
            "like": site.name,
            "command": ["install-site"],
            "networks": ["data", "data-ro", "platform"],
            "dns": [address(spec.block, "data", CONTROL)],
            "depends_on": {RESOLVER: {"condition": "service_started"}, **_healthy(spec, "endpoints", "db", "redis")},
        }
    }
    if readers:
        writer = spec.members("db")[0]
        known = variables(spec, writer)
        passwords = {name: known[name] for name in ("ALTIS_DB_CONTROL_PASSWORD", "ALTIS_DB_REPLICA_PASSWORD")}
        found[FOLLOW] = {
            "like": writer.name,
            "entrypoint": ["bash", "-euc", _FOLLOW],
            "environment": {
                "WRITER": address(spec.block, "store", writer),
                "READERS": " ".join(address(spec.block, "store", reader) for reader in readers),
                **passwords,
            },
            "networks": ["store"],
            "dns": [address(spec.block, "store", CONTROL)],
            "depends_on": _healthy(spec, "db"),
        }
    return found


def resolver(spec: Spec) -> Document:
    """It stands for control in nothing else."""
    inside = [name for name in NETWORKS if name not in PUBLISHING_NETWORKS]
    return {
        "image": spec.services["control"].image,
        "command": ["python", "-m", "altis_local.control.resolver"],
        "networks": {name: {"ipv4_address": address(spec.block, name, CONTROL)} for name in inside},
        "cap_drop": ["ALL"],
        "cap_add": ["NET_BIND_SERVICE"],
        "security_opt": ["no-new-privileges:true"],
        "read_only": True,
        "mem_limit": 64 << 20,
        "pids_limit": 16,
    }


def _ready(spec: Spec) -> Sequence[str]:
    """`backend/server` for every server that takes traffic from the beginning."""
    databases = [m.name for m in spec.members("db")]
    behind = {
        database.WRITER_BACKEND: databases[:1],
        database.READER_BACKEND: databases[1:] or databases,
        cache.BACKEND: [spec.members("redis")[0].name],
        routing.SEARCH_BACKEND: [m.name for m in spec.members("search")],
        routing.WEB_BACKEND: [m.name for m in spec.members("web")],
        f"{routing.WEB_BACKEND}-open": [m.name for m in spec.members("web")],
    }
    return [f"{backend}/{name}" for backend, names in behind.items() for name in names]


def _needs(spec: Spec, role: str) -> Document:
    """A page is served once the site is installed: the way in opens last."""
    installed = {INSTALL: {"condition": "service_completed_successfully"}}
    match role:
        case "endpoints" if len(spec.members("db")) > 1:
            return {FOLLOW: {"condition": "service_completed_successfully"}}
        case "cdn":
            return installed | _healthy(spec, "lb", "web")
        case "cavalcade" | "sandbox":
            return installed
    return {}


def _healthy(spec: Spec, *roles: str) -> Document:
    return {m.name: {"condition": "service_healthy"} for role in roles for m in spec.members(role)}
