"""What clients of S3 have been told, for the tests that kill it: every acknowledged operation must hold.

The state of a key is a tuple of its versions, newest first. An operation goes from one state to the next; the one that
was under way when the service died may have happened or not, but nothing in between. Each key belongs to one client,
so that its states follow one another; the clients work side by side.
"""

from __future__ import annotations

import hashlib
import random
import threading
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
SIZES = (0, 10, 3_000, 20_000, 20_000, 200_000, 700_000)


@dataclass(frozen=True)
class Version:
    """`id`: "" while it is not known. A delete marker has no digest."""

    id: str
    digest: str = ""
    acl: str = ""
    tag: str = ""


State = tuple[Version, ...]


def digest(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@dataclass
class Key:
    """What is known of a key, and what it would be after the operation that is under way."""

    bucket: str
    name: str
    versioned: bool
    state: State = ()
    next: State | None = None

    def plus(self, version: Version) -> State:
        return (version, *self.state) if self.versioned else (replace(version, id="null"),)

    def changed(self, index: int, **changes: str) -> State:
        return tuple(replace(v, **changes) if i == index else v for i, v in enumerate(self.state))

    def happened(self, answer: dict[str, Any]) -> None:
        assert self.next is not None
        first = [replace(v, id=v.id or answer["VersionId"]) for v in self.next[:1]]
        self.state, self.next = (*first, *self.next[1:]), None

    def verify(self, seen: State) -> str:
        """What is wrong with what is seen; "" when it is as acknowledged. From here on it is what is known."""
        before, after = self.state, self.next
        if after and seen and not after[0].id:
            after = (replace(after[0], id=seen[0].id), *after[1:])
        self.state, self.next = before, None
        if canonical(seen) == canonical(before):
            return ""
        self.state = seen if after is None else after
        if after is not None and canonical(seen) == canonical(after):
            return ""
        return f"{self.name}: {seen}, not {before} nor {after}"


class Client:
    """One client that works on keys of its own, in a thread, until it is stopped or the service dies."""

    def __init__(self, s3: Any, keys: list[Key], *, seed: int) -> None:
        self.s3, self.keys = s3, keys
        self.acknowledged = 0
        self.refused: list[str] = []
        self._stopped = threading.Event()
        self._random = random.Random(seed)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            key = self._random.choice(self.keys)
            try:
                self._operate(key)
            except ClientError as error:
                self.refused.append(f"{key.name}: {error}")
                return
            except BotoCoreError:
                return  # the service has died: it happened or it did not
            self.acknowledged += 1

    def _operate(self, key: Key) -> None:
        present = [index for index, version in enumerate(key.state) if version.digest]
        choices = (
            ["put"] * 5 + ["multipart"] + (["acl", "acl", "tag", "copy", "delete", *["remove"] * 4] if present else [])
        )
        operation = self._random.choice(choices)
        if operation in {"copy", "delete"} and not (key.state and key.state[0].digest):
            operation = "put"
        index = self._random.choice(present) if present else 0
        getattr(self, f"_{operation}")(key, index)

    def _body(self) -> bytes:
        return self._random.randbytes(self._random.choice(SIZES))

    def _new(self, body: bytes) -> Version:
        return Version("", digest(body), self._random.choice(["private", "public-read"]), f"{self._random.random()}")

    def _put(self, key: Key, index: int) -> None:
        body = self._body()
        new = self._new(body)
        key.next = key.plus(new)
        where = {"Bucket": key.bucket, "Key": key.name}
        key.happened(self.s3.put_object(**where, Body=body, ACL=new.acl, Tagging=f"tag={new.tag}"))

    def _multipart(self, key: Key, index: int) -> None:
        body = self._body()
        new = self._new(body)
        where = {"Bucket": key.bucket, "Key": key.name}
        upload = self.s3.create_multipart_upload(**where, ACL=new.acl, Tagging=f"tag={new.tag}")["UploadId"]
        tag = self.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=body)["ETag"]
        key.next = key.plus(new)
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        key.happened(self.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts))

    def _copy(self, key: Key, index: int) -> None:
        new = replace(key.state[0], id="", acl="public-read")
        key.next = key.plus(new)
        where = {"Bucket": key.bucket, "Key": key.name, "CopySource": {"Bucket": key.bucket, "Key": key.name}}
        key.happened(self.s3.copy_object(**where, MetadataDirective="REPLACE", ACL=new.acl))

    def _delete(self, key: Key, index: int) -> None:
        key.next = key.plus(Version("")) if key.versioned else ()
        key.happened(self.s3.delete_object(Bucket=key.bucket, Key=key.name))

    def _remove(self, key: Key, index: int) -> None:
        gone = key.state[index]
        key.next = tuple(version for version in key.state if version is not gone)
        key.happened(self.s3.delete_object(Bucket=key.bucket, Key=key.name, **version_id(key, gone)))

    def _acl(self, key: Key, index: int) -> None:
        acl = self._random.choice(["private", "public-read"])
        key.next = key.changed(index, acl=acl)
        where = {"Bucket": key.bucket, "Key": key.name, **version_id(key, key.state[index])}
        key.happened(self.s3.put_object_acl(**where, ACL=acl))

    def _tag(self, key: Key, index: int) -> None:
        tag = f"{self._random.random()}"
        key.next = key.changed(index, tag=tag)
        where = {"Bucket": key.bucket, "Key": key.name, **version_id(key, key.state[index])}
        key.happened(self.s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "tag", "Value": tag}]}))


def canonical(state: State) -> tuple[State, frozenset[Version]]:
    """S3 lists versions and delete markers apart: of their order, only which one is the latest is told for certain."""
    return state[:1], frozenset(state[1:])


def version_id(key: Key, version: Version) -> dict[str, str]:
    return {"VersionId": version.id} if key.versioned else {}


def observe(s3: Any, bucket: str) -> dict[str, State]:
    """Every key of a bucket as it is now, with its bytes; the latest version first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            found.setdefault(item["Key"], []).append(item)
    states = {}
    for name, items in found.items():
        assert [item["IsLatest"] for item in items].count(True) == 1, f"{name} has not just one latest version"
        items.sort(key=lambda item: not item["IsLatest"])
        states[name] = tuple(_version(s3, bucket, item) for item in items)
    return states


def _version(s3: Any, bucket: str, item: dict[str, Any]) -> Version:
    if "ETag" not in item:
        return Version(item["VersionId"])
    where = {"Bucket": bucket, "Key": item["Key"], "VersionId": item["VersionId"]}
    body = s3.get_object(**where)["Body"].read()
    grants = s3.get_object_acl(**where)["Grants"]
    public = any(grant["Grantee"].get("URI") == ALL_USERS for grant in grants)
    tags = s3.get_object_tagging(**where)["TagSet"]
    return Version(
        item["VersionId"], digest(body), "public-read" if public else "private", tags[0]["Value"] if tags else ""
    )
