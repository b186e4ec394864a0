"""One object to or from a file, in blocks: nothing of any size is ever held in memory.

Called by `s3 cp`. A download appears under its name only when it has come whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from altis_local.clients.control_api import Document
from altis_local.environment.content_types import content_type
from altis_local.environment.uploading import blocks
from altis_local.errors import ActionFailed, UsageError

SCHEME = "s3://"

Report = Callable[[int, int], None]
"""Hears of bytes moved so far, and of all."""


class Storage(Protocol):
    """What a transfer needs of the bucket."""

    def object_data(self, key: str) -> Document: ...
    def read_object(self, key: str) -> Iterator[bytes]: ...
    def copy_object(self, key: str, target: str, acl: str) -> Document: ...
    def write_object(self, key: str, content: Iterator[bytes], size: int, headers: Mapping[str, str]) -> Document: ...


class Moved(NamedTuple):
    """What was moved, and where to."""

    source: str
    target: str
    bytes: int


def key_of(text: str, bucket: str) -> str:
    """The key that `s3://bucket/key`, `s3://key` or `key` means."""
    rest = text.removeprefix(SCHEME)
    first, slash, inner = rest.partition("/")
    if text.startswith(SCHEME) and first == bucket:
        return inner if slash else ""
    return rest.lstrip("/")


def upload(storage: Storage, file: Path, key: str, acl: str, report: Report) -> Moved:
    """Store a file. A key that is a folder (or nothing) gets the file's own name in it."""
    if not file.is_file():
        what = "is a folder: `s3 import-uploads` takes folders" if file.is_dir() else "is not there"
        raise UsageError(f"{file} {what}")
    key = f"{key}{file.name}" if not key or key.endswith("/") else key
    size = file.stat().st_size
    headers = {"content_type": content_type(key), "x_amz_acl": acl}
    with file.open("rb") as source:
        storage.write_object(key, _counted(blocks(source), size, report), size, headers)
    return Moved(str(file), SCHEME + key, size)


def copy(storage: Storage, key: str, target: str, acl: str) -> Moved:
    """Store an object under another key, too; its type stays, and its bytes do not leave S3."""
    target = f"{target}{key.rpartition('/')[2]}" if not target or target.endswith("/") else target
    size = int(storage.object_data(key)["size"])
    storage.copy_object(key, target, acl)
    return Moved(SCHEME + key, SCHEME + target, size)


def download(storage: Storage, key: str, file: Path, report: Report) -> Moved:
    """Fetch an object into a file, or into a folder under its own name."""
    file = file / key.rpartition("/")[2] if file.is_dir() else file
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is no folder")
    size = int(storage.object_data(key)["size"])
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as target:
            pour(storage, key, target, lambda moved: report(moved, size))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return Moved(SCHEME + key, str(file), size)


def pour(storage: Storage, key: str, target: BinaryIO, report: Callable[[int], None]) -> int:
    """Write an object's bytes; how many they were."""
    moved = 0
    for block in storage.read_object(key):
        try:
            target.write(block)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ActionFailed(f"cannot write: {error.strerror}") from error
        moved += len(block)
        report(moved)
    return moved


def _counted(content: Iterator[bytes], size: int, report: Report) -> Iterator[bytes]:
    moved = 0
    for block in content:
        yield block
        moved += len(block)
        report(moved, size)
