"""LocalStack's S3 provider with a memory: loads its state at start, and commits what an operation changed before the
answer is sent.

Memory is what is served and may run ahead of the disk for the length of a commit. A commit that fails ends the process
(crash-only): the next start serves exactly what was acknowledged.
"""

from __future__ import annotations

import copy
import errno
import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.handlers import modify_service_response, preprocess_request, serve_custom_service_request_handlers
from localstack.constants import AWS_REGION_US_EAST_1, DEFAULT_AWS_ACCOUNT_ID
from localstack.services.s3.constants import DEFAULT_BUCKET_ENCRYPTION
from localstack.services.s3.cors import s3_cors_request_handler
from localstack.services.s3.models import (
    KeyStore,
    S3Bucket,
    S3DeleteMarker,
    S3Multipart,
    S3Object,
    S3Part,
    S3Store,
    VersionedKeyStore,
    s3_stores,
)
from localstack.services.s3.provider import AccessDenied, S3Provider, s3_response_handler
from localstack.services.s3.utils import (
    get_canned_acl,
    get_owner_for_account_id,
    get_unique_key_id,
    is_presigned_url_request,
)
from localstack.state import StateVisitor

from altis_s3 import touched as touching
from altis_s3.access import BucketRules, may_strangers
from altis_s3.blobs import Blobs
from altis_s3.journal import Content, Journal, Row
from altis_s3.records import Records
from altis_s3.settings import Settings
from altis_s3.signatures import is_form_signed
from altis_s3.storage import ObjectStore
from altis_s3.touched import BLOB, IN_PLACE, PARTS, POSITION, Touched

LOG = logging.getLogger(__name__)

Operation = Callable[[RequestContext, dict[str, Any]], Any]

_OVERRIDE = "Request specific response headers cannot be used for anonymous GET requests."
_OWNER = get_owner_for_account_id(DEFAULT_AWS_ACCOUNT_ID)
_RECORDS = Records({
    "S3Bucket": lambda: S3Bucket("", DEFAULT_AWS_ACCOUNT_ID, AWS_REGION_US_EAST_1, _OWNER),
    "S3Object": lambda: S3Object(""),
    "S3DeleteMarker": lambda: S3DeleteMarker("", ""),
    "S3Multipart": lambda: S3Multipart(""),
    "S3Part": lambda: S3Part(0),
})  # fmt: skip


def find(name: str | None) -> tuple[S3Store | None, S3Bucket | None]:
    """A bucket, whoever's it is, with the store that holds its tags."""
    account = s3_stores[DEFAULT_AWS_ACCOUNT_ID][AWS_REGION_US_EAST_1].global_bucket_map.get(name)
    bucket = s3_stores[account][AWS_REGION_US_EAST_1].buckets.get(name) if account else None
    return (s3_stores[account][bucket.bucket_region], bucket) if bucket else (None, None)


def read(row: Row) -> Content | None:
    """What memory says about a row at this moment."""
    store, bucket = find(row.bucket)
    if bucket is None:
        return None
    if row.kind == "bucket":
        bare = copy.copy(bucket)
        bare.objects, bare.multiparts = None, None
        return Content(_RECORDS.encode([bare, store.tags.get_tags(bucket.bucket_arn)]))
    if row.kind == "object":
        versions = bucket.objects
        model = versions.get(row.name, row.part) if isinstance(versions, VersionedKeyStore) else versions.get(row.name)
        if model is None:
            return None
        tags = store.tags.get_tags(get_unique_key_id(row.bucket, row.name, row.part))
        return Content(_RECORDS.encode([model, tags]), getattr(model, POSITION))
    upload = bucket.multiparts.get(row.name)
    if upload is None:
        return None
    if row.kind == "upload":
        bare = copy.copy(upload)
        bare.parts = {}
        return Content(_RECORDS.encode(bare))
    part = upload.parts.get(row.part)
    return None if part is None else Content(_RECORDS.encode(part))


def give_up(problem: BaseException) -> NoReturn:
    LOG.critical("a commit failed, memory is ahead of the disk: the process ends", exc_info=problem)
    logging.shutdown()
    os._exit(os.EX_IOERR)


class DurableS3(S3Provider):
    """S3 on a volume, with the environment's bucket in it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # The journal first: it claims the volume, so that nobody sweeps the bytes of another.
        settings.folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(settings.folder / "journal.db", read, give_up)
        self._blobs = Blobs(settings.folder / "blobs", reserve=settings.reserve)
        self._touched = Touched()
        super().__init__(ObjectStore(self._blobs, self._touched))
        self._load()
        touching.watch_key_stores(self._touched, self._journal.last_position() + 1)
        self._journal.start()
        self._make_bucket()

    def collect(self) -> None:
        self._blobs.collect()

    def on_after_init(self) -> None:
        """As LocalStack's own, but without its websites: they read with a key of its own, past every rule."""
        preprocess_request.append(self._cors_handler)
        serve_custom_service_request_handlers.append(s3_cors_request_handler)
        modify_service_response.append(self.service, s3_response_handler)

    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        """Nobody resets or saves this state from outside: it is on the volume, as it is in the cloud."""

    def on_before_stop(self) -> None:
        """Nothing to save: everything that was acknowledged is on disk already."""
        self._notification_dispatcher.shutdown()

    # At start -------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        live: set[str] = set()
        for row, data in self._journal.rows("bucket"):
            self._load_bucket(row, *_RECORDS.decode(data))
        for row, data in self._journal.rows("object"):
            model, tags = _RECORDS.decode(data)
            self._load_object(row, model, tags)
            live.add(getattr(model, BLOB, ""))
        for row, data in self._journal.rows("upload"):
            _, bucket = find(row.bucket)
            bucket.multiparts[row.name] = _RECORDS.decode(data)
        for row, data in self._journal.rows("part"):
            part = _RECORDS.decode(data)
            _, bucket = find(row.bucket)
            bucket.multiparts[row.name].parts[row.part] = part
            live.add(getattr(part, BLOB))
        live.discard("")
        orphans = self._blobs.sweep(live)
        LOG.info(
            "S3: %s blobs of the volume are in use, %s were left behind by a kill and are removed", len(live), orphans
        )
        if missing := self._blobs.missing(live):
            LOG.error("S3: the bytes of %s objects are gone from the volume, such as %s", len(missing), missing[0])

    @staticmethod
    def _load_bucket(row: Row, bucket: S3Bucket, tags: dict[str, str]) -> None:
        bucket.multiparts = {}
        bucket.objects = VersionedKeyStore() if bucket.versioning_status else KeyStore()
        if bucket.encryption_rule == DEFAULT_BUCKET_ENCRYPTION:
            bucket.encryption_rule = DEFAULT_BUCKET_ENCRYPTION  # LocalStack asks whether it is this very one
        store = s3_stores[bucket.bucket_account_id][bucket.bucket_region]
        store.buckets[row.bucket] = bucket
        store.global_bucket_map[row.bucket] = bucket.bucket_account_id
        if tags:
            store.tags.update_tags(bucket.bucket_arn, tags)

    @staticmethod
    def _load_object(row: Row, model: S3Object | S3DeleteMarker, tags: dict[str, str]) -> None:
        store, bucket = find(row.bucket)
        if isinstance(bucket.objects, VersionedKeyStore):
            versions = bucket.objects._store[row.name]
            for older in versions.values():
                older.is_current = False
            versions[row.part] = model
        else:
            bucket.objects._store[row.name] = model
        model.is_current = True
        if tags:
            store.tags.update_tags(get_unique_key_id(row.bucket, row.name, row.part), tags)

    def _make_bucket(self) -> None:
        """The environment's bucket: versioned, objects may be made public, which is each object's own choice."""
        name, region = self._settings.bucket, self._settings.region
        if find(name)[1] is not None:
            return
        bucket = S3Bucket(
            name, DEFAULT_AWS_ACCOUNT_ID, region, _OWNER, get_canned_acl("private", _OWNER), "ObjectWriter",
            location_constraint="" if region == AWS_REGION_US_EAST_1 else region,
        )  # fmt: skip
        bucket.objects, bucket.versioning_status, bucket.public_access_block = VersionedKeyStore(), "Enabled", None
        store = s3_stores[DEFAULT_AWS_ACCOUNT_ID][region]
        store.buckets[name] = bucket
        store.global_bucket_map[name] = DEFAULT_AWS_ACCOUNT_ID
        self._journal.commit([Row("bucket", name)])

    # Each request ---------------------------------------------------------------------------------------------------

    def wrapped(self, name: str, operation: Operation) -> Operation:
        """The operation with its guard, and a commit where it may change something."""
        inner = operation if name.startswith(("Get", "Head", "List", "Select")) else self._committed(name, operation)

        def guarded(context: RequestContext, request: dict[str, Any]) -> Any:
            if self._is_stranger(name, context):
                if not self._may_strangers(name, request):
                    raise AccessDenied("Access Denied")
                if any(value for part, value in request.items() if part.startswith("Response")):
                    raise CommonServiceException("InvalidRequest", _OVERRIDE, 400)
            return inner(context, request)

        return guarded

    def _committed(self, name: str, operation: Operation) -> Operation:
        def committed(context: RequestContext, request: dict[str, Any]) -> Any:
            self._touched.reset()
            before = self._before(name, request)
            answer = None
            try:
                if not name.startswith(("Delete", "Abort")):
                    self._blobs.check_room()
                answer = operation(context, request)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                LOG.error("S3: %s of %s: %s", name, request.get("Key"), error)
                raise CommonServiceException("InternalError", "No space is left for uploads.", 500) from error
            finally:
                self._commit(name, request, answer, before)
            return answer

        return committed

    def _before(self, name: str, request: dict[str, Any]) -> Any:
        """What the commit has to know of the state before: the current version, or the part that may be replaced."""
        _, bucket = find(request.get("Bucket"))
        if name in IN_PLACE:
            return touching.current(bucket, request)
        if name in PARTS and bucket and (upload := bucket.multiparts.get(request["UploadId"])):
            return upload.parts.get(str(request.get("PartNumber")))
        return None

    def _commit(self, name: str, request: dict[str, Any], answer: dict[str, Any] | None, before: Any) -> None:
        _, bucket = find(request.get("Bucket"))
        if name in IN_PLACE:
            self._touched.keys += touching.changed_in_place(bucket, request, before)
        if name in PARTS and answer is not None:
            self._touched.trash(before)
        if rows := list(touching.rows(name, request, answer, self._touched.keys)):
            self._journal.commit(rows)
        self._blobs.discard(self._touched.blobs)
        self._touched.reset()

    def _is_stranger(self, name: str, context: RequestContext) -> bool:
        """LocalStack gives requests without a signature one of its own, and takes any other header as one."""
        header = context.request.headers.get("Authorization", "")
        if header.startswith("AWS") and "injectedaccesskey" not in header:
            return False
        if name == "PostObject":
            return not is_form_signed(context.request.form, self._settings.access_key, self._settings.secret_key)
        return not is_presigned_url_request(context)  # LocalStack has checked its signature before

    @staticmethod
    def _may_strangers(name: str, request: dict[str, Any]) -> bool:
        _, bucket = find(request.get("Bucket"))
        if bucket is None:
            return bool(request.get("Bucket")) and name != "CreateBucket"  # which is answered with NoSuchBucket
        key, version = request.get("Key") or "", request.get("VersionId")
        versions = bucket.objects
        model = versions.get(key, version) if isinstance(versions, VersionedKeyStore) else versions.get(key)
        rules = BucketRules(
            bucket.name, bucket.acl, bucket.object_ownership, bucket.public_access_block or {}, bucket.policy
        )
        exists = isinstance(model, S3Object)
        return may_strangers(name, rules, key, model.acl if exists else None, exists=exists)
