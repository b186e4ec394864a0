"""Puts a folder of files into the bucket, many at once; what is there with the same size and MD5 is left alone.

Called by `s3 import-uploads`. An import that was cut short is finished by running it again: a file counts as there
only when S3 has confirmed it whole.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from altis_local.clients.control_api import Document
from altis_local.environment.content_types import content_type
from altis_local.errors import AltisError, UsageError

WIDTH = 8
"""Files on their way at once."""
BLOCK = 1 << 18
"""Bytes that are read and sent at a time, whatever the size of a file."""
LEFT_OUT = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave behind."""


class Storage(Protocol):
    """What an import needs of the bucket."""

    def objects(self, prefix: str) -> Iterator[Document]: ...
    def write_object(self, key: str, content: Iterator[bytes], size: int, headers: Mapping[str, str]) -> Document: ...


@dataclass(slots=True)
class Tally:
    """How far an import is; `failed` holds a file and the reason for each that could not be stored."""

    files: int = 0
    uploaded: int = 0
    skipped: int = 0
    replaced: int = 0
    bytes: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


class Stopped(Exception):
    """The import was called off while a file was on its way."""


Report = Callable[[Tally], None]


def import_folder(storage: Storage, folder: Path, prefix: str, report: Report) -> Tally:
    """Upload everything below `folder` to keys below `prefix`. `report` hears of each file, in this thread."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="import-uploads takes one, such as content/uploads")
    files = sorted(found(folder))
    known = {row["key"]: (row["size"], row["etag"]) for page in storage.objects(prefix) for row in page["objects"]}
    keys = [(file, prefix + file.relative_to(folder).as_posix()) for file in files]
    return _Import(storage, known, report).run(keys)


def found(folder: Path) -> Iterator[Path]:
    """Every file below; links to files count, links to folders are not entered."""
    for where, _, names in os.walk(folder):
        yield from (path for name in names if name not in LEFT_OUT and (path := Path(where, name)).is_file())


def blocks(source: BinaryIO, stopping: threading.Event | None = None) -> Iterator[bytes]:
    """A file's content as it is read."""
    while block := source.read(BLOCK):
        if stopping and stopping.is_set():
            raise Stopped
        yield block


def md5(file: Path) -> str:
    """In hex, as S3's ETag has it for what was stored in one piece."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


class _Import:
    """One run. Its threads send; only the caller's counts and reports."""

    def __init__(self, storage: Storage, known: dict[str, tuple[int, str]], report: Report) -> None:
        self._storage = storage
        self._known = known
        self._report = report
        self._stopping = threading.Event()

    def run(self, files: list[tuple[Path, str]]) -> Tally:
        tally = Tally(files=len(files))
        pool = ThreadPoolExecutor(WIDTH, thread_name_prefix="upload")
        try:
            # A few ahead of the threads, so that an import of a million files does not hold them all as futures.
            waiting: dict[Future[int | None], str] = {}
            for file, key in files:
                waiting[pool.submit(self._one, file, key)] = key
                if len(waiting) >= 4 * WIDTH:
                    self._collect(waiting, tally)
            while waiting:
                self._collect(waiting, tally)
        finally:
            self._stopping.set()
            pool.shutdown(cancel_futures=True)
        return tally

    def _one(self, file: Path, key: str) -> int | None:
        """Bytes that were sent; None for a file that is there already."""
        size = file.stat().st_size
        known = self._known.get(key)
        if known and known[0] == size and known[1] == md5(file):
            return None
        headers = {"content_type": content_type(file.name), "x_amz_acl": "public-read"}
        with file.open("rb") as source:
            self._storage.write_object(key, blocks(source, self._stopping), size, headers)
        return size

    def _collect(self, waiting: dict[Future[int | None], str], tally: Tally) -> None:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            key = waiting.pop(future)
            try:
                sent = future.result()
            except (AltisError, OSError, UnicodeError) as error:
                tally.failed.append((key, str(error)))
            else:
                tally.skipped += sent is None
                tally.uploaded += sent is not None
                tally.replaced += sent is not None and key in self._known
                tally.bytes += sent or 0
            self._report(tally)
