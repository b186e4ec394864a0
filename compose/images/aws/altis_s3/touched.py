"""Which rows an operation has touched, so that they are committed before its answer is sent.

Objects that come, go or are replaced tell it themselves: LocalStack's key stores are wrapped (`watch_key_stores`),
which also gives every version its position. What an operation changes in place, and what is not an object, follows
from the operation's name.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from localstack.services.s3.models import KeyStore, S3Bucket, VersionedKeyStore

from altis_s3.journal import Row

BLOB, POSITION = "altis_blob", "altis_position"
"""Attributes of ours on LocalStack's models: the id of the bytes, and the place in the order of versions."""

IN_PLACE = frozenset({
    "PutObjectAcl", "PutObjectTagging", "DeleteObjectTagging", "PutObjectRetention", "PutObjectLegalHold",
    "RestoreObject",
})  # fmt: skip
BY_KEYS = frozenset({"PutObject", "PostObject", "CopyObject", "DeleteObject", "DeleteObjects"})
PARTS = frozenset({"UploadPart", "UploadPartCopy"})
ENDS_OF_UPLOADS = frozenset({"CompleteMultipartUpload", "AbortMultipartUpload"})


class Touched(threading.local):
    """What the request of this thread has done so far: keys with versions, and bytes it made unreachable."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.keys: list[tuple[str, str]] = []
        self.blobs: list[str] = []

    def trash(self, model: object) -> None:
        if blob := getattr(model, BLOB, None):
            self.blobs.append(blob)


def rows(
    operation: str, request: Mapping[str, Any], answer: Mapping[str, Any] | None, keys: list[tuple[str, str]]
) -> Iterator[Row]:
    """The rows to write. `answer` is None when the operation failed: memory may have changed all the same."""
    bucket = request.get("Bucket")
    if not bucket:
        return
    yield from (Row("object", bucket, key, version) for key, version in keys)
    if operation == "CreateMultipartUpload":
        if answer:
            yield Row("upload", bucket, answer["UploadId"])
    elif operation in PARTS:
        yield Row("part", bucket, request["UploadId"], str(request.get("PartNumber")))
    elif operation in ENDS_OF_UPLOADS:
        yield Row("upload", bucket, request["UploadId"])
    elif operation not in BY_KEYS | IN_PLACE:
        yield Row("bucket", bucket)


def current(bucket: S3Bucket | None, request: Mapping[str, Any]) -> str | None:
    """The version that an operation without a version's id is about to change."""
    model = bucket.objects.get(request.get("Key")) if bucket else None
    return (model.version_id or "null") if model else None


def changed_in_place(bucket: S3Bucket | None, request: Mapping[str, Any], before: str | None) -> list[tuple[str, str]]:
    """Versions that may have been changed: the one asked for, or those that were current since `before` was."""
    key = request["Key"]
    if version := request.get("VersionId"):
        return [(key, version)]
    if bucket is None or not isinstance(bucket.objects, VersionedKeyStore):
        return [(key, "null")]
    versions = list(bucket.objects._store.get(key, {}))
    return [(key, version) for version in versions[versions.index(before) if before in versions else 0 :]]


def watch_key_stores(touched: Touched, first_position: int) -> None:
    """Have LocalStack's key stores say what is put in and taken out, for good. Once in a process."""
    lock, positions = threading.RLock(), itertools.count(first_position)
    for store in (KeyStore, VersionedKeyStore):
        _watch(store, touched, lock, positions)


def _watch(store: type[Any], touched: Touched, lock: threading.RLock, positions: Iterator[int]) -> None:
    original_set, original_pop = store.set, store.pop

    def put(self: Any, object_key: str, s3_object: Any) -> None:
        # The position is given in the order in which memory sees the versions, not in that of the commits.
        with lock:
            old = self._store.get(object_key)
            if isinstance(self, VersionedKeyStore):
                old = (old or {}).get(s3_object.version_id)
            setattr(s3_object, POSITION, getattr(old, POSITION) if old is not None else next(positions))
            original_set(self, object_key, s3_object)
        if old is not None and old is not s3_object:
            touched.trash(old)
        touched.keys.append((object_key, s3_object.version_id or "null"))

    def pop(self: Any, object_key: str, *arguments: Any, **options: Any) -> Any:
        with lock:
            gone = original_pop(self, object_key, *arguments, **options)
        if gone is not None:
            touched.keys.append((object_key, gone.version_id or "null"))
        return gone

    store.set, store.pop = put, pop
