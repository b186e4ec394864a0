"""Lines of a container's log, out of the engine's frames."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from altis_local.clients.log_stream import Said, Wanted, said
from altis_local.errors import EngineUnavailable
from tests.fakes.http_server import HttpFake


def frame(kind: int, stamp: str, text: str) -> bytes:
    content = f"{stamp} {text}".encode()
    return struct.pack(">BxxxL", kind, len(content)) + content


def read(folder: Path, *frames: bytes, wanted: Wanted | None = None) -> list[Said]:
    with HttpFake({"GET /containers/abc/logs": b"".join(frames)}, folder / "engine") as engine:
        found = list(said("abc", wanted or Wanted(), engine.address))
        assert "follow=1" in engine.asked[0][1]
        return found


def test_times_and_streams(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        frame(1, "2026-10-31T15:03:05.000000001Z", "out\n"),
        frame(2, "2026-10-31T15:03:05.5Z", "error: ä\r\n"),
        frame(2, "2026-10-31T15:03:06Z", "\n"),
    )
    begin = (found[0].at - 1) // 10**9
    assert [(line.at - begin * 10**9, line.is_error, line.text) for line in found] == [
        (1, False, "out"),
        (500_000_000, True, "error: ä"),
        (10**9, True, ""),
    ]
    assert begin == 1793458985


def test_a_line_that_was_cut_is_one_again(tmp_path: Path) -> None:
    stamp = "2026-10-31T15:03:05.1Z"
    found = read(
        tmp_path,
        frame(2, stamp, "a" * 16384),
        frame(1, stamp, "other\n"),
        frame(2, stamp, "b\n"),
        frame(2, stamp, "end"),
    )
    assert [line.text for line in found] == ["other", "a" * 16384 + "b", "end"]


def test_what_is_asked_for(tmp_path: Path) -> None:
    with HttpFake({"GET /containers/abc/logs": b""}, tmp_path / "engine") as engine:
        assert list(said("abc", Wanted(since=12.5, output=False, tail=7), engine.address)) == []
        assert "stdout=0&timestamps=1&tail=7&since=12.500000000" in engine.asked[0][1]


def test_an_engine_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        list(said("abc", Wanted(), f"unix://{tmp_path}/nobody"))
