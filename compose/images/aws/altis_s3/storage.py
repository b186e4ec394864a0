"""LocalStack's storage interface over `blobs`: each model names its bytes by an attribute of ours.

Replaced and removed bytes are only noted here (`touched`); the provider discards them after the commit.
"""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import time
from collections.abc import Iterator
from typing import IO, Any, Literal

from localstack.services.s3.constants import S3_CHUNK_SIZE
from localstack.services.s3.models import S3Multipart, S3Object, S3Part
from localstack.services.s3.storage.core import (
    LimitedStream,
    S3ObjectStore,
    S3StoredMultipart,
    S3StoredObject,
    should_copy_in_place,
)
from localstack.services.s3.utils import ObjectRange, get_s3_checksum

from altis_s3.blobs import Blobs
from altis_s3.touched import BLOB, Touched

Mode = Literal["r", "w"]


class StoredObject(S3StoredObject):
    """Bytes of one object or part, opened. One that is written holds its key's lock until it is closed."""

    def __init__(self, blobs: Blobs, model: S3Object | S3Part, mode: Mode = "r", lock: Any = None) -> None:
        super().__init__(model, mode)
        self._blobs, self._lock, self._file = blobs, lock, None
        self._checksum: str | None = None
        self._etag: str | None = None
        if mode == "r":
            self._file = blobs.path(getattr(model, BLOB)).open("rb")

    def write(self, stream: IO[bytes] | S3StoredObject | None) -> int:
        if self._mode != "w":
            raise io.UnsupportedOperation("opened for reading")
        algorithm = self.s3_object.checksum_algorithm
        md5, checksum = hashlib.md5(usedforsecurity=False), get_s3_checksum(algorithm) if algorithm else None
        size = 0
        with self._blobs.create() as (blob, file):
            while stream is not None and (data := stream.read(S3_CHUNK_SIZE)):
                self._blobs.check_room()
                size += file.write(data)
                md5.update(data)
                if checksum:
                    checksum.update(data)
        self.take(blob, size)
        self._etag = self.s3_object.etag = md5.hexdigest()
        self._checksum = base64.b64encode(checksum.digest()).decode() if checksum else None
        return size

    def take(self, blob: str, size: int) -> None:
        """Let the model have these bytes."""
        setattr(self.s3_object, BLOB, blob)
        self.s3_object.size = size
        self.s3_object.internal_last_modified = time.time_ns()

    def append(self, part: S3StoredObject) -> int:
        raise io.UnsupportedOperation("blobs never change")

    def read(self, s: int = -1) -> bytes | None:
        return self._file.read(s) if self._file else b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence) if self._file else 0

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._file:
            self._file.close()
        if self._lock:
            self._lock.release()

    @property
    def last_modified(self) -> int:
        # Blobs never change: what was opened belongs to the model that was asked for.
        return int(self.s3_object.internal_last_modified)

    @property
    def checksum(self) -> str | None:
        algorithm = self.s3_object.checksum_algorithm
        if algorithm and self._checksum is None:
            self._checksum = base64.b64encode(self._digest(get_s3_checksum(algorithm)).digest()).decode()
        return self._checksum

    @property
    def etag(self) -> str:
        if self._etag is None:
            self._etag = self.s3_object.etag or self._digest(hashlib.md5(usedforsecurity=False)).hexdigest()
        return self._etag

    def _digest(self, digest: Any) -> Any:
        with self._blobs.path(getattr(self.s3_object, BLOB)).open("rb") as file:
            while data := file.read(S3_CHUNK_SIZE):
                digest.update(data)
        return digest

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(S3_CHUNK_SIZE):
            yield data


class StoredMultipart(S3StoredMultipart):
    """Parts of an upload. Each has bytes of its own; complete joins them into new ones."""

    def __init__(self, store: ObjectStore, bucket: str, multipart: S3Multipart) -> None:
        super().__init__(store, bucket, multipart)
        self._store = store

    def open(self, s3_part: S3Part, mode: Mode = "r") -> StoredObject:
        return StoredObject(self._store.blobs, s3_part, mode)

    def remove_part(self, s3_part: S3Part) -> None:
        self._store.touched.trash(s3_part)

    def complete_multipart(self, parts: list[S3Part]) -> None:
        blobs = [getattr(part, BLOB) for part in parts]
        with self._store.open(self.bucket, self.s3_multipart.object, "w") as whole:
            whole.take(*self._store.blobs.join(blobs))

    def close(self) -> None:
        pass

    def copy_from_object(
        self, s3_part: S3Part, src_bucket: str, src_s3_object: S3Object, range_data: ObjectRange | None
    ) -> None:
        with self._store.open(src_bucket, src_s3_object) as source, self.open(s3_part, "w") as target:
            target.write(LimitedStream(source, range_data=range_data) if range_data else source)
            if s3_part.checksum_algorithm:
                s3_part.checksum_value = target.checksum


class ObjectStore(S3ObjectStore):
    """What LocalStack's provider reads and writes through."""

    def __init__(self, blobs: Blobs, touched: Touched) -> None:
        self.blobs, self.touched = blobs, touched
        self._locks = _KeyLocks()

    def open(self, bucket: str, s3_object: S3Object, mode: Mode = "r") -> StoredObject:
        if mode == "r":
            return StoredObject(self.blobs, s3_object)
        # The provider relies on this lock for If-None-Match and If-Match in buckets without versions.
        return StoredObject(self.blobs, s3_object, "w", self._locks.acquire((bucket, s3_object.key)))

    def remove(self, bucket: str, s3_object: S3Object | list[S3Object]) -> None:
        for model in s3_object if isinstance(s3_object, list) else [s3_object]:
            self.touched.trash(model)

    def copy(self, src_bucket: str, src_object: S3Object, dest_bucket: str, dest_object: S3Object) -> StoredObject:
        setattr(dest_object, BLOB, self.blobs.link(getattr(src_object, BLOB)))
        dest_object.size, dest_object.internal_last_modified = src_object.size, time.time_ns()
        # An object that was uploaded in parts gets the plain ETag of its bytes, except in place.
        in_place = should_copy_in_place(src_bucket, src_object, dest_bucket, dest_object)
        dest_object.etag = src_object.etag if in_place or "-" not in src_object.etag else None
        return StoredObject(self.blobs, dest_object, "r", self._locks.acquire((dest_bucket, dest_object.key)))

    def get_multipart(self, bucket: str, upload_id: S3Multipart) -> StoredMultipart:
        return StoredMultipart(self, bucket, upload_id)

    def remove_multipart(self, bucket: str, s3_multipart: S3Multipart) -> None:
        for part in list(s3_multipart.parts.values()):
            self.touched.trash(part)


class _KeyLocks:
    """One lock for each key that is being written, kept only as long as somebody holds or waits for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[tuple[str, str], tuple[threading.Lock, int]] = {}

    def acquire(self, key: tuple[str, str]) -> _KeyLock:
        with self._guard:
            lock, users = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = (lock, users + 1)
        lock.acquire()
        return _KeyLock(self, key, lock)

    def release(self, key: tuple[str, str], lock: threading.Lock) -> None:
        with self._guard:
            users = self._held[key][1] - 1
            if users:
                self._held[key] = (lock, users)
            else:
                del self._held[key]
        lock.release()


class _KeyLock:
    def __init__(self, locks: _KeyLocks, key: tuple[str, str], lock: threading.Lock) -> None:
        self._locks, self._key, self._lock = locks, key, lock

    def release(self) -> None:
        self._locks.release(self._key, self._lock)
