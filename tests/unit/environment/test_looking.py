"""status and list from labels alone, members by name or role, and blocks and ports that are free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from altis_local.clients import host
from altis_local.clients.engine_reader import EngineReader, FoundNetwork
from altis_local.environment import allocation
from altis_local.environment.finding import existing
from altis_local.environment.paths import Paths
from altis_local.environment.status import listing, status
from altis_local.errors import ActionFailed, Conflict, UsageError
from tests.fakes.http_server import HttpFake, container

LABELS = {"plan": "local", "timing": "fast", "block": "10.208.0.0/20", "site_url": "https://localhost:8443"}


def control(environment: str, *, state: str = "running", port: int = 0, site_port: int = 8443) -> dict[str, Any]:
    labels = LABELS | {"api_port": str(port), "site_port": str(site_port)}
    ports = {8080: port} if state == "running" else {}
    return container(environment, "control", kind="control", state=state, ports=ports, **labels)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "data", tmp_path / "state", tmp_path / "cache")


def test_status_is_what_control_says(tmp_path: Path, paths: Paths) -> None:
    """With the token that belongs to just this container."""
    with HttpFake({"GET /status": {"environment": "x", "converged": True}}) as api:
        rows = [control("x", port=api.port)]
        token = paths.token("x")
        token.parent.mkdir(parents=True)
        token.write_text("secret id-x-control")
        with HttpFake({"GET /containers/json": rows}, tmp_path / "s") as engine:
            document = status(EngineReader(engine.address), "x", paths)
    assert document == {"schema": 1, "environment": "x", "converged": True, "faults": []}


def test_status_of_a_stopped_environment(tmp_path: Path, paths: Paths) -> None:
    """Labels say what it is; it is no error."""
    rows = [control("x", state="exited"), container("x", "db-1", role="db", state="exited")]
    with HttpFake({"GET /containers/json": rows}, tmp_path / "s") as engine:
        document = status(EngineReader(engine.address), "x", paths)
    assert (document["plan"], document["converged"], document["protected"]) == ("local", False, None)
    assert document["urls"]["admin"] == "https://localhost:8443/wp-admin/"
    assert [(m["member"], m["state"], m["duty"]) for m in document["members"]] == [("db-1", "stopped", None)]


def test_a_reader_that_nobody_looks_at_protects_nobody(tmp_path: Path, paths: Paths) -> None:
    rows = [control("x", state="exited"), *(container("x", f"db-{n}", role="db", state="exited") for n in (1, 2))]
    with HttpFake({"GET /containers/json": rows}, tmp_path / "s") as engine:
        assert status(EngineReader(engine.address), "x", paths)["protected"] is False


def test_running_members_without_control_are_not_called_healthy(tmp_path: Path, paths: Paths) -> None:
    with HttpFake({"GET /containers/json": [container("x", "web-a1", role="web")]}, tmp_path / "s") as engine:
        document = status(EngineReader(engine.address), "x", paths)
    assert document["members"][0]["state"] == "unhealthy"
    assert document["members"][0]["health"] == "not observed: control is not running"
    assert document["plan"] is None


def test_unknown_name_is_told_the_others(tmp_path: Path) -> None:
    with HttpFake({"GET /containers/json": []}, tmp_path / "s") as engine, pytest.raises(UsageError) as caught:
        existing(EngineReader(engine.address), "nope")
    assert "there is none yet" in (caught.value.hint or "")


def test_list_knows_three_states(tmp_path: Path, paths: Paths) -> None:
    with HttpFake({"GET /status": {"converged": True}}) as api:
        rows = [
            control("whole", port=api.port),
            control("silent", port=1),
            control("off", state="exited"),
        ]
        answers = {"GET /containers/json": rows, "GET /containers/id-whole-control/json": {"Config": {"Env": []}}}
        answers["GET /containers/id-silent-control/json"] = {"Config": {"Env": ["ALTIS_API_TOKEN=t"]}}
        with HttpFake(answers, tmp_path / "s") as engine:
            found = listing(EngineReader(engine.address), paths)
    assert {e["environment"]: e["state"] for e in found["environments"]} == {
        "off": "stopped",
        "silent": "degraded",
        "whole": "running",
    }


def test_members_are_picked_by_name_or_role(tmp_path: Path) -> None:
    rows = [
        container("x", "web-a1", role="web", state="exited"),
        container("x", "web-b1", role="web"),
        container("x", "db-1", role="db", state="paused"),
    ]
    with HttpFake({"GET /containers/json": rows}, tmp_path / "s") as engine:
        found = existing(EngineReader(engine.address), "x")
    assert found.pick("web").member == "web-b1"
    with pytest.raises(ActionFailed, match="db-1: it is paused"):
        found.pick("db")
    with pytest.raises(UsageError, match="no member cache"):
        found.pick("cache")


def test_block_of_what_is_left() -> None:
    """A single network tells where the environment lives."""
    networks = [
        FoundNetwork("bridge", "", ("172.17.0.0/16",)),
        FoundNetwork("altis-x-store", "x", ("10.208.21.0/24",)),
    ]
    assert allocation.block_of("x", networks) == "10.208.16.0/20"
    assert allocation.block_of("y", networks) is None


def test_blocks_and_ports_kept_by_stopped_environments_stay_theirs(tmp_path: Path) -> None:
    site_port = host.free_port()
    rows = [control("x", state="exited", port=28080, site_port=site_port)]
    answers = {"GET /networks": [], "GET /containers/json": rows}
    with HttpFake(answers, tmp_path / "s") as engine:
        reader = EngineReader(engine.address)
        controls = reader.containers()
        assert allocation.choose_block(reader, controls) != "10.208.0.0/20"
        assert allocation.choose_port(28080, reader, controls) != 28080
        with pytest.raises(Conflict, match="environment x, which keeps it"):
            allocation.require_port(site_port, "y", reader, controls)


def test_port_conflict_names_the_container(tmp_path: Path) -> None:
    rows = [container("x", "cdn", ports={8443: 8443})]
    with HttpFake({"GET /containers/json": rows}, tmp_path / "s") as engine:
        reader = EngineReader(engine.address)
        allocation.require_port(8443, "x", reader, ())
        with pytest.raises(Conflict, match="taken by container altis-x-cdn") as caught:
            allocation.require_port(8443, "y", reader, ())
    assert caught.value.exit_code == 8
