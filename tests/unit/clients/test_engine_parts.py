"""The engine's errors and rows as values, and memory from recorded kernel files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from altis_local.clients.cgroups import memory
from altis_local.clients.engine_errors import translate
from altis_local.clients.engine_rows import Details, container, taken_port
from altis_local.errors import ActionFailed, AltisError, Conflict, EngineUnavailable
from altis_local.model.state import Phase

ROW: dict[str, Any] = {
    "Id": "i",
    "Names": ["/altis-t-db-1"],
    "Image": "altis-local/db:1",
    "State": "running",
    "Labels": {"altis-local.member": "db-1", "altis-local.kind": "member"},
}
BIND = "driver failed: Bind for 127.0.0.1:8443 failed: port is already allocated"


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (None, "Connection aborted", EngineUnavailable),
        (409, "name is in use", Conflict),
        (500, BIND, Conflict),
        (500, "listen tcp4 127.0.0.1:80: bind: address already in use", Conflict),
        (403, "Pool overlaps with other one on this address space", Conflict),
        (500, "Address already in use", ActionFailed),
        (404, "No such image: x", ActionFailed),
    ],
)
def test_answers_become_errors_of_the_package(status: int | None, text: str, kind: type[AltisError]) -> None:
    assert type(translate("start", status, text)) is kind


@pytest.mark.parametrize(
    ("rows", "holder"),
    [
        ([{"Names": ["/shop"], "Ports": [{"PublicPort": 8443}]}], "the container shop"),
        ([{"Names": ["/shop"], "Ports": [{"PrivatePort": 8443}]}], "another program"),
    ],
)
def test_a_taken_port_names_its_holder(rows: list[dict[str, Any]], holder: str) -> None:
    assert taken_port(BIND, rows).startswith("port 8443 is taken by " + holder)


@pytest.mark.parametrize(
    ("state", "phase", "code"),
    [("exited", Phase.EXITED, 137), ("dead", Phase.EXITED, 137), ("running", Phase.RUNNING, None)],
)
def test_an_exit_code_belongs_to_what_ended(state: str, phase: Phase, code: int | None) -> None:
    made = container({**ROW, "State": state}, {"StartedAt": "2026-01-02T03:04:05.123456789Z", "ExitCode": 137})
    assert (made.phase, made.exit_code) == (phase, code)
    assert round(made.started_at, 3) == 1767323045.123


def test_what_never_ran_has_no_start() -> None:
    assert container({**ROW, "State": "created"}, {"StartedAt": "0001-01-01T00:00:00Z"}).started_at == 0


def test_a_container_is_inspected_once_for_each_state() -> None:
    details = Details()
    assert details.of(ROW) is None
    details.learn("i", {"Status": "running"})
    assert details.of(ROW) is not None
    assert details.of({**ROW, "State": "exited"}) is None
    details.happened("i", "oom", None)
    assert details.of(ROW) is not None
    details.happened("i", "start", None)
    assert details.of(ROW) is None


def test_one_that_was_just_killed_is_inspected_later() -> None:
    """The engine would answer only when it has done with the killing."""
    details = Details()
    details.learn("i", {"Status": "running", "StartedAt": "2026-01-02T03:04:05Z"})
    details.happened("i", "oom", None)
    young = {**ROW, "State": "exited", "Status": "Exited (137) Less than a second ago"}
    for _ in range(2):
        found = details.of(young)
        assert found is not None
        assert (found["StartedAt"], found["ExitCode"], found["OOMKilled"]) == ("2026-01-02T03:04:05Z", 137, True)
    assert details.of(ROW) is None, "it runs again: another life"
    assert details.of({**young, "Status": "Exited (137) 3 seconds ago"}) is None
    details.learn("i", {"Status": "exited", "ExitCode": 137})
    assert details.of(young) == {"Status": "exited", "ExitCode": 137}


def test_one_whose_end_was_told_does_not_run() -> None:
    """The engine's list says so only when its networks are gone as well."""
    details, other = Details(), {**ROW, "Id": "j"}
    details.learn("i", {"Status": "running", "StartedAt": "2026-01-02T03:04:05Z"})
    assert details.corrected(ROW) == ROW
    details.happened("i", "die", 137)
    seen = details.corrected(ROW)
    state = details.of(seen)
    assert state is not None
    ended = container(seen, state)
    assert (ended.phase, ended.exit_code, round(ended.started_at)) == (Phase.EXITED, 137, 1767323045)
    assert details.corrected(other) == other
    exited = {**ROW, "State": "exited", "Status": "Exited (137) 3 seconds ago"}
    assert details.corrected(exited) == exited


@pytest.mark.parametrize("how", ["event", "answer", "stream", "gone"])
def test_one_that_may_have_started_again_is_as_the_list_says(how: str) -> None:
    details = Details()
    details.happened("i", "die", 0)
    match how:
        case "event":
            details.happened("i", "start", None)
        case "answer":
            details.started("i")
        case "stream":
            details.unheard()
        case _:
            details.forget_but(["j"])
    assert details.corrected(ROW) == ROW


def test_what_never_ran_needs_no_inspection() -> None:
    details = Details()
    assert details.of({**ROW, "State": "created"}) == {}


@pytest.mark.parametrize(
    ("folder", "used"),
    [
        ("memory/docker/i", "memory.usage_in_bytes"),
        ("docker/i", "memory.current"),
        ("system.slice/docker-i.scope", "memory.current"),
    ],
    ids=["v1", "v2", "v2 systemd"],
)
def test_memory_is_what_cannot_be_dropped(tmp_path: Path, folder: str, used: str) -> None:
    place = tmp_path / folder
    place.mkdir(parents=True)
    (place / used).write_text("1000\n")
    (place / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    assert memory(["i", "gone"], tmp_path) == {"i": 900}
