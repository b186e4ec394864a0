"""What `doctor` finds on machines that lack something: each finding says what is wrong and what to type."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from altis_local.clients import host
from altis_local.clients.engine_reader import EngineReader
from altis_local.environment import checkup
from altis_local.environment.checkup import Finding
from altis_local.errors import ActionFailed
from tests.fakes.http_server import HttpFake, container

GIB = 2**30
INFO = {"ServerVersion": "20.10.24", "Driver": "overlay2", "CgroupVersion": "2", "DockerRootDir": "/var/lib/docker"}


@contextmanager
def engine(folder: Path, rows: list[Any] | None = None, **info: Any) -> Iterator[EngineReader]:
    answers = {"GET /info": {**INFO, **info}, "GET /containers/json": rows or []}
    with HttpFake(answers, folder / "engine.sock") as fake:
        yield EngineReader(fake.address)


def nobody(folder: Path) -> EngineReader:
    return EngineReader(f"unix://{folder / 'no-such.sock'}")


def test_an_engine(tmp_path: Path) -> None:
    with engine(tmp_path) as reader:
        assert checkup.engine(reader) == Finding("engine", "ok", "20.10.24, overlay2, cgroup v2")


def test_an_engine_that_cannot_limit_memory(tmp_path: Path) -> None:
    with engine(tmp_path, MemoryLimit=False) as reader:
        assert checkup.engine(reader)[1:] == (
            "warning",
            "20.10.24, overlay2, cgroup v2: it cannot limit memory",
            "enable the memory cgroup",
        )


def test_no_engine(tmp_path: Path) -> None:
    found = checkup.engine(nobody(tmp_path))
    assert found.state == "wrong"
    assert "no container engine answers" in found.detail
    assert found.todo.split()[0].endswith("scripts/engine")
    assert Path(found.todo.split()[0]).is_file(), "what it says to type is there"


@pytest.mark.parametrize(
    ("content", "state", "todo"),
    [(None, "ok", ""), ("", "ok", ""), (str(os.getpid()), "ok", ""), ("999999999", "wrong", "rm {}")],
    ids=["none", "empty", "alive", "left over"],
)
def test_pid_file(tmp_path: Path, content: str | None, state: str, todo: str) -> None:
    file = tmp_path / "docker.pid"
    if content is not None:
        file.write_text(content)
    found = checkup.pid_file(file)
    assert (found.state, found.todo) == (state, todo.format(file))


@pytest.mark.parametrize(
    ("client", "state", "detail"),
    [
        (None, "wrong", "the docker client is not installed"),
        ("exit 1", "wrong", "docker's compose plugin is missing"),
        ("echo Docker Compose version v2.26.1", "ok", "Docker Compose version v2.26.1"),
    ],
    ids=["no client", "no plugin", "there"],
)
def test_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str | None, state: str, detail: str) -> None:
    if client:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{client}\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = checkup.plugin("compose")
    assert (found.state, found.detail) == (state, detail)
    assert bool(found.todo) == (state == "wrong")


@pytest.mark.parametrize(
    ("free", "state"), [(None, "warning"), (4 * GIB, "wrong"), (6 * GIB, "ok")], ids=["unseen", "little", "enough"]
)
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int | None, state: str) -> None:
    monkeypatch.setattr(host, "disk_free", lambda _: free)
    with engine(tmp_path) as reader:
        found = checkup.disk(reader)
    assert found.state == state
    assert found.todo == ("docker image prune" if state == "wrong" else "")


@pytest.mark.parametrize(("free", "refused"), [(None, False), (GIB, True), (3 * GIB, False)])
def test_no_build_where_it_would_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int | None, refused: bool
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(host, "disk_free", lambda path: asked.append(path) or free)
    with engine(tmp_path, DockerRootDir="/srv/engine") as reader:
        if refused:
            with pytest.raises(ActionFailed, match=r"1\.0 GiB are free for the engine, too little") as caught:
                checkup.require_disk(reader)
            assert "docker image prune" in caught.value.hint
        else:
            checkup.require_disk(reader)
    assert asked == [Path("/srv/engine")]


@pytest.mark.parametrize(
    ("free", "state"), [(None, "warning"), (GIB, "warning"), (3 * GIB, "ok")], ids=["unseen", "little", "enough"]
)
def test_memory(monkeypatch: pytest.MonkeyPatch, free: int | None, state: str) -> None:
    monkeypatch.setattr(host, "memory_available", lambda: free)
    assert checkup.memory().state == state


def test_ports(tmp_path: Path) -> None:
    free = host.free_port()
    rows = [container("x", "cdn", ports={8443: free})]
    with engine(tmp_path) as reader:
        assert checkup.ports(reader, free, "x").detail == f"{free} is free"
    (tmp_path / "engine.sock").unlink()
    with engine(tmp_path, rows) as reader:
        assert checkup.ports(reader, free, "x") == Finding("port", "ok", f"{free} is the environment's own")
        other = checkup.ports(reader, free, "y")
    assert (other.state, other.detail) == ("wrong", f"{free} is held by container altis-x-cdn")
    assert "another `port`" in other.todo
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        found = checkup.ports(nobody(tmp_path), port, "x")
    assert found.state == "wrong"
    assert f"(pid {os.getpid()})" in found.detail


def test_the_usual_port_may_be_held_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(tmp_path, [container("x", "cdn", ports={8443: checkup.FIRST_SITE_PORT})]) as reader:
        found = checkup.ports(reader, None, "y")
    assert (found.state, found.todo) == ("ok", "")
    assert found.detail.endswith("is held by container altis-x-cdn; a new environment takes the next")


def test_configuration(tmp_path: Path) -> None:
    file = tmp_path / "altis-local.yml"
    file.write_text("port: 9443\n")
    assert checkup.configuration(tmp_path) == (Finding("configuration", "ok", str(file)), 9443)
    file.write_text("port: many\n")
    found, port = checkup.configuration(tmp_path)
    assert (found.state, found.todo, port) == ("wrong", "altis-local config validate", None)
    assert found.detail == "the configuration has a problem"


@pytest.mark.parametrize(
    ("value", "state", "todo"),
    [(None, "warning", ""), (100, "wrong", "sysctl -w fs.inotify.max_user_instances=128"), (128, "ok", "")],
)
def test_kernel_limits(monkeypatch: pytest.MonkeyPatch, value: int | None, state: str, todo: str) -> None:
    monkeypatch.setattr(host, "kernel", lambda _: value)
    found = checkup.limit("inotify instances", "fs/inotify/max_user_instances", 128)
    assert (found.state, found.todo) == (state, todo)


@pytest.mark.parametrize(("value", "state"), [(None, "warning"), (0, "warning"), (1, "ok")])
def test_bridge_filter(monkeypatch: pytest.MonkeyPatch, value: int | None, state: str) -> None:
    monkeypatch.setattr(host, "kernel", lambda _: value)
    found = checkup.bridge_filter()
    assert found.state == state
    assert ("modprobe br_netfilter" in found.todo) == (state == "warning")


@pytest.mark.parametrize(("states", "ok"), [(("ok", "warning"), True), (("ok", "wrong"), False)])
def test_warnings_alone_are_well(states: tuple[str, ...], ok: bool) -> None:
    told = checkup.document(tuple(Finding("x", state, "d", "t") for state in states))
    assert told["ok"] == ok
    assert told["checks"][0] == {"check": "x", "state": "ok", "detail": "d", "todo": "t"}
