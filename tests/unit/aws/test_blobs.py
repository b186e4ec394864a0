from __future__ import annotations

import errno
from pathlib import Path

import pytest
from altis_s3.blobs import Blobs, NoRoom


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def made(blobs: Blobs, data: bytes) -> str:
    with blobs.create() as (blob, file):
        file.write(data)
    return blob


def test_a_blob_is_there_once_written_and_not_when_the_writer_failed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blob = made(blobs, b"bytes")
    with pytest.raises(RuntimeError), blobs.create() as (_, file):
        file.write(b"half")
        raise RuntimeError
    assert files(tmp_path) == {blob}
    assert blobs.path(blob).read_bytes() == b"bytes"


def test_link_and_join(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    first, second = made(blobs, b"a" * 3_000_000), made(blobs, b"b")
    linked = blobs.link(first)
    joined, size = blobs.join([first, second, first])
    assert blobs.path(linked).stat().st_ino == blobs.path(first).stat().st_ino
    assert size == 6_000_001
    assert blobs.path(joined).read_bytes() == b"a" * 3_000_000 + b"b" + b"a" * 3_000_000


def test_discarded_bytes_stay_for_the_readers_of_the_moment(tmp_path: Path) -> None:
    slow, fast = Blobs(tmp_path / "slow"), Blobs(tmp_path / "fast", grace=0)
    kept, gone = made(slow, b"x"), made(fast, b"x")
    slow.discard([kept])
    fast.discard([gone, "00" * 16])
    assert (files(tmp_path / "slow"), files(tmp_path / "fast")) == ({kept}, set())


def test_sweep_removes_what_no_row_names_and_missing_tells_the_reverse(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    live, orphan = made(blobs, b"x"), made(blobs, b"y")
    assert blobs.sweep({live}) == 1
    assert files(tmp_path) == {live}
    assert blobs.missing([live, orphan]) == [orphan]


def test_no_room(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, reserve=1 << 60)
    with pytest.raises(NoRoom) as caught:
        blobs.check_room()
    assert caught.value.errno == errno.ENOSPC
    Blobs(tmp_path).check_room()
