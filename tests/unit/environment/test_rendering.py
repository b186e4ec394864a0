"""The environment as a plain compose file: whole, without control, and nothing in it that nobody would make ready."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from altis_local.clients import compose_model
from altis_local.environment.definition import KEEP, Ground, compose_spec
from altis_local.environment.fixed import FOLLOW, INSTALL, RESOLVER
from altis_local.environment.paths import compose_files
from altis_local.environment.rendering import compose_document
from altis_local.model.spec import Service, Spec
from altis_local.settings import Settings

DONE = "service_completed_successfully"


def services() -> Mapping[str, Service]:
    """As compose/ has them, read without Compose: each file by itself, in the form that Compose gives."""
    yaml = pytest.importorskip("yaml")
    merged: dict[str, Any] = {}
    for file in compose_files():
        merged |= yaml.safe_load(file.read_text()).get("services") or {}
    for raw in merged.values():
        raw.pop("build", None)
    return compose_model.parse({"services": merged}).services


def made(plan: str) -> tuple[Spec, Mapping[str, Any]]:
    ground = Ground("shop", "192.168.240.0/20", 8443, services())
    spec = compose_spec(Settings(plan=plan), ground, previous=None, secrets=KEEP)
    return spec, compose_document(spec)


@pytest.fixture(params=["local", "production", "production-ha", "enterprise"])
def document(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    return made(request.param)[1]


@pytest.mark.parametrize("plan", ["local", "production-ha"])
def test_every_member_is_there_and_control_is_not(plan: str) -> None:
    spec, document = made(plan)
    once = {INSTALL, FOLLOW} if spec.count("db") > 1 else {INSTALL}
    assert set(document["services"]) == {m.name for m in spec.wanted()} | once | {RESOLVER}


def test_nothing_passes_for_an_environment_of_ours(document: Mapping[str, Any]) -> None:
    for service in document["services"].values():
        assert not {"labels", "container_name"} & set(service)
    assert not any("name" in (one or {}) for one in (*document["networks"].values(), *document["volumes"].values()))


def test_exactly_one_db_and_one_redis_take_writes(document: Mapping[str, Any]) -> None:
    found = document["services"]
    assert [n for n, s in found.items() if "--super-read-only=OFF" in s.get("command", ())] == ["db-1"]
    roles = {n: s["command"][:2] for n, s in found.items() if n.startswith("redis-")}
    assert [n for n, command in roles.items() if command == ["--replicaof", "no"]] == ["redis-1"]
    assert all(command[0] == "--replicaof" for command in roles.values())


def test_who_is_ready_is_known_to_the_proxy(document: Mapping[str, Any]) -> None:
    """A misspelt name would be a backend with nobody in it."""
    for name, service in document["services"].items():
        if not name.startswith(("endpoints-", "lb-")):
            continue
        environment = service["environment"]
        known = {
            place.partition("=")[0]
            for variable, text in environment.items()
            if variable.startswith("ALTIS_SERVERS_")
            for place in text.split()
        }
        ready: dict[str, set[str]] = {}
        for pair in environment["ALTIS_READY"].split():
            backend, _, server = pair.partition("/")
            ready.setdefault(backend, set()).add(server)
        mine = {"web", "web-open"} if name.startswith("lb-") else {"db-writer", "db-reader", "cache", "search"}
        assert mine <= set(ready)
        assert set().union(*(ready[backend] for backend in mine)) <= known
        assert ready["db-writer"] == {"db-1"}


def test_whoever_is_waited_for_can_be_waited_for(document: Mapping[str, Any]) -> None:
    """`up --wait` takes a service that ended for a failure, unless another needs its end."""
    found = document["services"]
    needed = [(name, on, how["condition"]) for name, s in found.items() for on, how in s.get("depends_on", {}).items()]
    assert {on for _, on, _ in needed} <= set(found)
    assert all("healthcheck" in found[on] for _, on, condition in needed if condition == "service_healthy")
    assert {on for _, on, condition in needed if condition == DONE} == {INSTALL, FOLLOW} & set(found)


def test_names_from_outside_are_refused_by_its_resolver(document: Mapping[str, Any]) -> None:
    found = document["services"]
    there = {n["ipv4_address"] for n in found[RESOLVER]["networks"].values()}
    assert {address for s in found.values() for address in s.get("dns", ())} <= there
    assert all(s.get("dns") for name, s in found.items() if name != RESOLVER)


def test_dollars_reach_the_container_and_secrets_are_placeholders() -> None:
    text = json.dumps(made("production-ha")[1])
    assert "${ALTIS_DB_PASSWORD:-placeholder}" in text
    assert "$$ALTIS_REDIS_PASSWORD" in text
    assert "\\ue000" not in text
    assert "BEGIN" not in text
