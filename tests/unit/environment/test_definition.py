"""The Spec: configuration over what is there; what would lose data or exceed the plan is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from altis_local.environment.definition import (
    KEEP,
    Ground,
    compose_spec,
    new_secrets,
    require_known_plan,
    site_port,
    stopped,
)
from altis_local.errors import Conflict, RefusedByPlan, UsageError
from altis_local.model.spec import Secrets, Service, Spec, Wish
from altis_local.settings import Settings

GROUND = Ground("x", "10.208.0.0/20", 8443, {})


def make(previous: Spec | None = None, broken: tuple[str, ...] = (), **configured: Any) -> Spec:
    return compose_spec(Settings(**configured), GROUND, previous=previous, secrets=KEEP, broken=broken)


def test_first_start_takes_defaults() -> None:
    spec = make()
    assert (spec.plan, spec.timing, spec.counts, spec.wish) == ("local", "fast", {}, Wish.RUNNING)


def test_start_without_arguments_keeps_what_was_chosen() -> None:
    """Plan, hand-made scale and broken settings stay."""
    before = make(plan="production-ha", web=4, broken=("semi-sync",))
    after = make(stopped(before))
    assert (after.plan, after.counts, after.broken, after.wish) == (
        "production-ha",
        {"web": 4},
        ("semi-sync",),
        Wish.RUNNING,
    )


def test_plan_may_grow() -> None:
    assert make(make(plan="local"), plan="production", readers=2).counts == {"db": 3}


def test_a_definition_follows_all_that_members_are_made_of_but_secrets() -> None:
    """The plan, compose/ and the configuration; not what other roles are made of."""
    lb = Service("lb", "i:1", {"SERVERS": "${ALTIS_SERVERS_WEB}"}, memory=1)
    db = Service("db", "i:1", {"PASSWORD": "${ALTIS_DB_PASSWORD}"}, memory=1)

    def definitions(plan: str, secrets: Secrets = KEEP, **changed: int) -> dict[str, str]:
        services = {"lb": replace(lb, **changed), "db": db, "web": Service("web", "i:1", memory=1)}
        spec = compose_spec(Settings(plan=plan), replace(GROUND, services=services), previous=None, secrets=secrets)
        return {role: service.definition for role, service in spec.services.items()}

    first = definitions("local")
    assert len(set(first.values())) == 3
    assert definitions("local", new_secrets("c", "k")) == first
    assert definitions("local", memory=2)["lb"] != first["lb"]
    grown = definitions("production")
    assert grown["lb"] != first["lb"]
    assert (grown["db"], grown["web"]) == (first["db"], first["web"])


@pytest.mark.parametrize(
    ("before", "now", "kind", "expected"),
    [
        pytest.param(None, {"plan": "local", "web": 2}, RefusedByPlan, "exactly 1 web", id="too many"),
        pytest.param(None, {"plan": "staging", "readers": 1}, RefusedByPlan, "no readers", id="no readers"),
        pytest.param(None, {"broken": ("x",)}, UsageError, "nothing to break is called x", id="unknown to break"),
        pytest.param({}, {"broken": ("semi-sync",)}, UsageError, "only possible when it is made", id="broken later"),
        pytest.param({"plan": "production-ha"}, {"plan": "local"}, UsageError, "cannot shrink to local", id="shrink"),
        pytest.param({"plan": "local"}, {"plan": "production-ha"}, UsageError, "from 1 to 3 members", id="search"),
        pytest.param({"plan": "enterprise"}, {"plan": "production"}, UsageError, "cannot shrink", id="fewer zones"),
    ],
)
def test_refusals(before: dict[str, Any] | None, now: dict[str, Any], kind: type[UsageError], expected: str) -> None:
    previous = None if before is None else make(**before)
    with pytest.raises(kind, match=expected):
        make(previous, **now)


def test_port_stays_where_the_site_was_installed() -> None:
    assert site_port(Settings(), 8444) == 8444
    assert site_port(Settings(port=9000), None) == 9000
    assert site_port(Settings(), None) is None
    with pytest.raises(UsageError, match="installed at port 8444"):
        site_port(Settings(port=9000), 8444)


def test_secrets_are_random_and_silent() -> None:
    one, two = new_secrets("cert", "key"), new_secrets("cert", "key")
    assert len({one.db, one.db_control, one.db_replica, one.redis, one.site, two.db}) == 6
    assert "cert" not in repr(one)


def test_an_environment_of_a_newer_version_is_not_taken_over() -> None:
    require_known_plan("production-ha", "shop")
    require_known_plan("", "shop")
    with pytest.raises(Conflict, match="environment shop has plan galactic") as refused:
        require_known_plan("galactic", "shop")
    assert refused.value.exit_code == 8
