"""Bytes: every written body is a file of its own, named by a random id, and never changed afterwards.

A file counts only once a committed row of the journal names it. So there is nothing to rename, and what a kill leaves
behind is an orphan that `sweep` removes at the next start. Knows nothing of S3 or LocalStack.
"""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

GRACE = 10.0
"""Seconds between a commit and the end of the bytes it made unreachable: a reader may still be about to open them."""

_FOLDERS = tuple(f"{number:02x}" for number in range(256))


class NoRoom(OSError):
    """The volume has no room left for uploads. Deletes still work."""

    def __init__(self) -> None:
        super().__init__(errno.ENOSPC, "no space left for uploads on the volume")


class Blobs:
    """A folder of immutable files. Thread-safe: nothing is shared but the file system and the trash."""

    def __init__(self, folder: Path, *, reserve: int = 0, grace: float = GRACE) -> None:
        self._reserve, self._grace = reserve, grace
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._trash: deque[tuple[float, str]] = deque()
        for name in _FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        self._handles = {name: os.open(folder / name, os.O_DIRECTORY) for name in _FOLDERS}
        sync_folder(folder)

    def path(self, blob: str) -> Path:
        return self._folder / blob[:2] / blob

    def check_room(self) -> None:
        """Raise NoRoom when uploads would eat what the journal needs to go on."""
        state = os.statvfs(self._folder)
        if state.f_bavail * state.f_frsize < self._reserve:
            raise NoRoom

    @contextmanager
    def create(self) -> Iterator[tuple[str, BinaryIO]]:
        """A new blob to write. On a normal exit its bytes and its name are on disk; otherwise it is gone."""
        blob = uuid.uuid4().hex
        path = self.path(blob)
        try:
            with path.open("xb") as file:
                yield blob, file
                file.flush()
                os.fsync(file.fileno())
            self._sync(blob)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def link(self, source: str) -> str:
        """Another name for the same bytes, whatever their size: blobs never change."""
        blob = uuid.uuid4().hex
        os.link(self.path(source), self.path(blob))
        self._sync(blob)
        return blob

    def join(self, sources: Iterable[str]) -> tuple[str, int]:
        """A new blob of the bytes of others, one after another; returns its id and size."""
        with self.create() as (blob, target):
            for source in sources:
                with self.path(source).open("rb") as file:
                    left = os.fstat(file.fileno()).st_size
                    while left:
                        self.check_room()
                        left -= os.copy_file_range(file.fileno(), target.fileno(), min(left, 1 << 24))
            return blob, os.fstat(target.fileno()).st_size

    def discard(self, blobs: Iterable[str]) -> None:
        """Remove blobs that the last commit made unreachable, after the grace. Never waits."""
        due = time.monotonic() + self._grace
        self._trash.extend((due, blob) for blob in blobs)
        self.collect()

    def collect(self) -> None:
        """Remove what is due. Called after each commit, and from time to time for the last ones."""
        now = time.monotonic()
        while self._trash and self._trash[0][0] <= now:
            with suppress(IndexError):  # another thread was faster
                self.path(self._trash.popleft()[1]).unlink(missing_ok=True)

    def sweep(self, live: Collection[str]) -> int:
        """At start, before anything is written: remove every file that no row names; returns how many."""
        orphans = [entry for name in _FOLDERS for entry in os.scandir(self._folder / name) if entry.name not in live]
        for entry in orphans:
            Path(entry.path).unlink()
        return len(orphans)

    def missing(self, live: Iterable[str]) -> list[str]:
        """Blobs that rows name but that are not there: the volume was tampered with or is broken."""
        present = {entry.name for name in _FOLDERS for entry in os.scandir(self._folder / name)}
        return [blob for blob in live if blob not in present]

    def _sync(self, blob: str) -> None:
        os.fsync(self._handles[blob[:2]])


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
