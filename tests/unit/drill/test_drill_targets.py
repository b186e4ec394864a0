"""What a fault is aimed at, how long it lasts, and how a container's words are read."""

from __future__ import annotations

import pytest

from altis_local.clients.engine_reader import Found
from altis_local.clients.log_stream import _content, _lines
from altis_local.drill.faults import seconds
from altis_local.drill.targets import resolve
from altis_local.errors import ActionFailed, UsageError


def found(member: str, role: str, state: str = "running", kind: str = "member") -> Found:
    return Found(member, f"altis-t-{member}", "t", kind, role, member, "", state, "image", {}, {})


HERE = (
    found("control", "control", kind="control"),
    found("cdn", "cdn"),
    found("db-1", "db"),
    found("db-2", "db"),
    found("db-3", "db", "exited"),
    found("fault-x", "", kind="fault"),
)
STATUS = {"endpoints": {"db-writer": {"members": ["db-2"]}, "db-reader": {"members": ["db-1", "db-3"]}}}


@pytest.mark.parametrize(
    ("target", "members"),
    [
        ("db-1", ["db-1"]),
        ("db", ["db-1", "db-2"]),
        ("control", ["control"]),
        ("cdn", ["cdn"]),
        ("db-writer", ["db-2"]),
        ("db-reader", ["db-1"]),
    ],
)
def test_targets(target: str, members: list[str]) -> None:
    assert [c.member for c in resolve(target, HERE, STATUS)] == members


@pytest.mark.parametrize(("target", "error"), [("db-9", UsageError), ("", UsageError), ("fault-x", UsageError)])
def test_unknown_targets_are_usage_errors(target: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        resolve(target, HERE, STATUS)


@pytest.mark.parametrize(("target", "status"), [("db-3", STATUS), ("cache", STATUS), ("db-writer", {})])
def test_what_does_not_run_cannot_be_struck(target: str, status: dict[str, object]) -> None:
    with pytest.raises(ActionFailed):
        resolve(target, HERE, status)


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("10s", 10), ("2m", 120), ("1.5", 1.5)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "-1s", "0", "2h", "7200s", "1e3"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UsageError):
        seconds(text)


@pytest.mark.parametrize("size", [1, 3, 8, 1000], ids=str)
def test_frames_may_be_cut_anywhere(size: int) -> None:
    # Ten bytes make a length byte that looks like a newline.
    said = [b"abcdefghi\n", b"long line, first part, ", b"second part\nnext\nend"]
    raw = b"".join(b"\x01\0\0\0" + len(s).to_bytes(4, "big") + s for s in said)
    blocks = [raw[i : i + size] for i in range(0, len(raw), size)]
    assert list(_lines(_content(blocks))) == [b"abcdefghi", b"long line, first part, second part", b"next", b"end"]
