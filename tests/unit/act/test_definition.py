"""A member's own values in what compose/ says; an unknown variable is an error."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.act.containers import request
from altis_local.act.definition import environment, interpolate, variables
from altis_local.errors import UsageError
from altis_local.model.spec import Service, Volume
from altis_local.model.topology import member
from tests.unit.decide.world import make_spec

SPEC = make_spec("production", roles=("lb", "web", "db", "cdn", "endpoints"))


def test_values_of_a_member() -> None:
    found = variables(SPEC, member("endpoints", ("a", "b"), zone="b"))
    assert found["ALTIS_MEMBER"] == "endpoints-b"
    assert found["ALTIS_ADDRESS_DATA_RO"] == "10.208.4.67"
    assert found["ALTIS_CONTROL_ADMIN"] == "10.208.8.196"
    assert found["ALTIS_SERVERS_DB"] == "db-1=10.208.5.41 db-2=10.208.5.106 db-3=10.208.5.43"


def test_references_are_filled_and_checked() -> None:
    assert interpolate("a ${X}$$ $Y", {"X": "1"}, "web") == "a 1$ $Y"
    with pytest.raises(UsageError, match=r"service web uses the unknown variable \$\{ALTIS_TYPO\}"):
        interpolate("${ALTIS_TYPO}", {}, "web")


@pytest.mark.parametrize(
    ("broken", "role", "told"),
    [
        ((), "cavalcade", {}),
        (("job-lock",), "cavalcade", {"ALTIS_BROKEN": "job-lock"}),
        (("job-lock",), "web", {}),
        (("drain", "semi-sync"), "cavalcade", {}),
    ],
)
def test_only_runners_of_the_broken_twin_are_told_to_ignore_the_lock(
    broken: tuple[str, ...], role: str, told: dict[str, str]
) -> None:
    service = Service(role, "altis-local/web:1", memory=1)
    assert environment(replace(SPEC, broken=broken), member(role, ("a",)), service) == told


def test_request_of_a_member() -> None:
    who = member("cdn", ("a",))
    service = Service("cdn", "altis-local/cdn:1", {"HOST": "${ALTIS_SITE_HOST}"}, memory=1, publish={8443: "site"})
    asked = request(SPEC, who, service)
    assert environment(SPEC, who, service) == asked.environment == {"HOST": "localhost"}
    assert asked.publish == {8443: 8443}
    assert asked.networks[0].network == "altis-test-ingress"  # the publishing one must be the first
    assert asked.dns == ("10.208.1.196",)


def test_volumes_are_the_members_own() -> None:
    service = Service("db", "altis-local/db:1", memory=1, volumes=(Volume("data", "/var/lib/mysql"),))
    assert request(SPEC, member("db", ("a", "b"), index=2), service).volumes == ("altis-test-db-2:/var/lib/mysql",)
