"""compose/ is taken in by a closed list of keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from altis_local.clients.compose_model import parse
from altis_local.clients.quantities import duration, size
from altis_local.errors import UsageError

DB: dict[str, Any] = {
    "image": "altis-local/db",
    "build": {
        "context": "/c/db",
        "dockerfile": "Dockerfile",
        "args": {"BASE": "b"},
        "additional_contexts": {"project": "/p"},
        "secrets": [{"source": "ca"}],
    },
    "networks": {"store": None},
    "environment": {"A": "${ALTIS_MEMBER}", "EMPTY": None},
    "command": "mysqld --x='a b'",
    "entrypoint": ["tini", "--"],
    "volumes": [
        {"type": "volume", "source": "data", "target": "/var/lib/mysql", "volume": {}},
        {"type": "bind", "source": "/etc/hosts", "target": "/h", "read_only": True},
    ],
    "tmpfs": ["/run:size=1m"],
    "mem_limit": "512m",
    "cpus": 1.5,
    "cpu_shares": 256,
    "pids_limit": 200,
    "read_only": True,
    "user": "mysql",
    "cap_drop": ["ALL"],
    "cap_add": ["NET_ADMIN"],
    "stop_grace_period": "1m30s",
    "stop_signal": "SIGQUIT",
    "shm_size": "64m",
    "sysctls": {"net.core.somaxconn": 1024},
    "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 65},
    "x-altis": {"publish": {"8443": "site"}},
}


def test_every_key_is_read() -> None:
    model = parse({"services": {"db": DB}})
    db = model.services["db"]
    assert db.environment == {"A": "${ALTIS_MEMBER}", "EMPTY": ""}
    assert db.command == ("mysqld", "--x=a b")
    assert [(v.source, v.target, v.read_only) for v in db.volumes] == [
        ("data", "/var/lib/mysql", False),
        ("/etc/hosts", "/h", True),
    ]
    assert (db.memory, db.shm_size, db.stop_grace, db.cpus, db.cpu_shares, db.pids) == (
        512 * 2**20,
        64 * 2**20,
        90.0,
        1.5,
        256,
        200,
    )
    assert db.ulimits == {"nofile": (1, 2), "nproc": (65, 65)}
    assert db.sysctls == {"net.core.somaxconn": "1024"}
    assert db.publish == {8443: "site"}
    build = model.builds["db"]
    assert build.dockerfile == Path("/c/db/Dockerfile")
    assert build.contexts == {"project": "/p"}


@pytest.mark.parametrize(
    ("service", "change", "expected"),
    [
        pytest.param("db", {"privileged": True}, "service db: unknown key privileged", id="key"),
        pytest.param("db", {"x-altis": {"pubish": {}}}, "x-altis: unknown key pubish", id="own key"),
        pytest.param("db", {"mem_limit": None}, "service db: mem_limit is missing", id="limit"),
        pytest.param("db", {"mem_limit": "lots"}, "service db: not a size: 'lots'", id="size"),
        pytest.param("db", {"stop_grace_period": "soon"}, "not a duration: 'soon'", id="duration"),
        pytest.param("db", {"networks": {"app": None}}, "networks are app, but the role joins store", id="networks"),
        pytest.param("db", {"build": {"context": "/c", "ssh": []}}, "build: unknown key ssh", id="build key"),
        pytest.param("db", {"build": {"context": "/c", "secrets": [{"source": "npm"}]}}, "secret npm", id="secret"),
        pytest.param("db", {"volumes": [{"type": "tmpfs", "target": "/t"}]}, "type tmpfs is not read", id="volume"),
        pytest.param("mailhog", {}, "service mailhog: not a role of altis-local", id="sidecar"),
    ],
)
def test_what_is_not_read_is_an_error(service: str, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse({"services": {service: {**DB, **change}}})
    assert expected in "\n".join(caught.value.log)


def test_every_problem_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse({"services": {"db": {**DB, "links": [], "mem_limit": "x"}, "other": {}}})
    assert len(caught.value.log) == 3


@pytest.mark.parametrize(("text", "expected"), [("64m", 2**26), ("1g", 2**30), ("1.5k", 1536), (7, 7), ("2gb", 2**31)])
def test_sizes(text: object, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600)])
def test_durations(text: str, expected: float) -> None:
    assert duration(text) == expected


def test_roles_share_an_image() -> None:
    """A role without a build of its own runs what the build of the same image name made, unless it is overridden."""
    build = {"context": "/c"}
    model = parse(
        {
            "services": {
                "web": {"image": "altis-local/web", "build": build, "mem_limit": "1m"},
                "sandbox": {"image": "altis-local/web", "mem_limit": "1m"},
                "cavalcade": {"image": "altis-local/web", "mem_limit": "1m"},
                "tachyon": {"image": "theirs:1", "mem_limit": "1m"},
            }
        }
    )
    assert set(model.builds_for(("sandbox",))) == {"web"}
    images = {role: s.image for role, s in model.with_images({"web": "w:1", "cavalcade": "mine:1"}).items()}
    assert images == {"web": "w:1", "sandbox": "w:1", "cavalcade": "mine:1", "tachyon": "theirs:1"}
