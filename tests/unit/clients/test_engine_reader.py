"""The engine as fast commands see it, against recorded answers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from altis_local.clients.engine_reader import EngineReader, context_name, endpoint
from altis_local.errors import ActionFailed, EngineUnavailable
from tests.fakes.http_server import HttpFake, container


def test_containers_by_label(tmp_path: Path) -> None:
    rows = [container("x", "web-a1", role="web", ports={80: 8080}), container("x", "cdn", state="exited")]
    with HttpFake({"GET /containers/json": rows}, tmp_path / "s") as engine:
        found = EngineReader(engine.address).containers("x")
    assert [c.name for c in found] == ["altis-x-cdn", "altis-x-web-a1"]
    assert (found[0].is_running, found[1].is_running) == (False, True)
    assert (found[1].role, found[1].ports) == ("web", {80: 8080})
    assert "altis-local.environment%3Dx" in engine.asked[0][1]


def test_networks_volumes_images_and_ports(tmp_path: Path) -> None:
    answers = {
        "GET /networks": [
            {
                "Name": "altis-x-api",
                "Labels": {"altis-local.environment": "x"},
                "IPAM": {"Config": [{"Subnet": "10.0.7.0/24"}]},
            },
            {"Name": "host", "Labels": None, "IPAM": {"Config": None}},
        ],
        "GET /volumes": {"Volumes": [{"Name": "altis-x-db-1", "Labels": {"altis-local.environment": "x"}}]},
        "GET /images/json": [{"RepoTags": ["a:1", "b:2"]}, {"RepoTags": None}],
        "GET /containers/json": [container("x", "cdn", ports={8443: 8443})],
        "GET /images/a:1/json": {},
    }
    with HttpFake(answers, tmp_path / "s") as engine:
        reader = EngineReader(engine.address)
        assert [(n.name, n.environment, n.subnets) for n in reader.networks()] == [
            ("altis-x-api", "x", ("10.0.7.0/24",)),
            ("host", "", ()),
        ]
        assert reader.volumes() == {"altis-x-db-1": "x"}
        assert reader.image_tags() == {"a:1", "b:2"}
        assert reader.port_holders() == {8443: "altis-x-cdn"}
        assert (reader.has_image("a:1"), reader.has_image("c:1")) == (True, False)


def test_refusal_carries_the_engines_words(tmp_path: Path) -> None:
    with (
        HttpFake({"GET /networks": (500, {"message": "broken"})}, tmp_path / "s") as engine,
        pytest.raises(ActionFailed, match="broken"),
    ):
        EngineReader(engine.address).networks()


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "ssh://host"])
def test_no_engine(address: str) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        EngineReader(address).version()
    assert caught.value.hint


def test_endpoint_as_the_client_finds_it(tmp_path: Path) -> None:
    """DOCKER_HOST, else the chosen context, else the default."""
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    assert endpoint(environ) == "unix:///var/run/docker.sock"
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "desk"}))
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"desk").hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": "unix:///desk.sock"}}}))
    assert endpoint(environ) == "unix:///desk.sock"
    assert context_name(environ) == "desk"
    assert endpoint(environ | {"DOCKER_HOST": "tcp://h:1"}) == "tcp://h:1"
    assert context_name(environ | {"DOCKER_HOST": "tcp://h:1"}) == "default"
