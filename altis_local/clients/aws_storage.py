"""The bucket's listing, one object's data about it, and deletion. Bodies go by `Aws.open` and `Aws.send` themselves.

Control passes it on for `s3`. It holds no policy: versions stay when a key is deleted, as the bucket is versioned.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from altis_local.clients.aws import Aws, AwsError, Request
from altis_local.clients.aws_signature import encoded_path

PAGE = 1000
"""Keys of one answer: the most that S3 gives."""
COPY = 300.0
"""Seconds a copy may take: S3 reads and writes all of it before it answers."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`modified`: ISO 8601, UTC. `etag`: the MD5 of what was stored in one piece, in hex."""

    key: str
    size: int
    modified: str
    etag: str
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """Part of a listing; `next` is the token of the following part, "" at the end."""

    objects: tuple[StoredObject, ...]
    folders: tuple[str, ...]
    next: str


def page(aws: Aws, bucket: str, prefix: str, *, delimiter: str = "", token: str = "") -> ObjectPage:
    """Keys that begin with the prefix; with a delimiter, what stands for a folder once and not its content."""
    given = {"prefix": prefix, "delimiter": delimiter, "continuation-token": token}
    query = {"list-type": "2", "max-keys": str(PAGE), **{name: value for name, value in given.items() if value}}
    found = aws.xml(Request("s3", "GET", f"/{bucket}", query))
    return ObjectPage(
        tuple(_row(row) for row in found.iter("Contents")),
        tuple(row.findtext("Prefix", "") for row in found.iter("CommonPrefixes")),
        found.findtext("NextContinuationToken", ""),
    )


def about(aws: Aws, bucket: str, key: str) -> StoredObject | None:
    """One object's data; None where there is none of that key."""
    try:
        said = aws.send(Request("s3", "HEAD", f"/{bucket}/{key}")).headers
    except AwsError as error:
        if error.status == 404:
            return None
        raise
    return StoredObject(
        key, int(said["content-length"]), said.get("last-modified", ""), _plain(said["etag"]), said["content-type"]
    )


def delete(aws: Aws, bucket: str, key: str) -> None:
    """Delete one key; one that is not there is fine."""
    aws.send(Request("s3", "DELETE", f"/{bucket}/{key}"))


def copy(aws: Aws, bucket: str, source: str, target: str, *, acl: str) -> None:
    """Store an object under another key, too, with its type. Raises AwsError where there is none."""
    headers = {"x-amz-copy-source": encoded_path(f"/{bucket}/{source}"), "x-amz-acl": acl}
    aws.send(Request("s3", "PUT", f"/{bucket}/{target}", {}, headers), limit=COPY)


def _row(row: ElementTree.Element) -> StoredObject:
    return StoredObject(
        row.findtext("Key", ""),
        int(row.findtext("Size", "0")),
        row.findtext("LastModified", ""),
        _plain(row.findtext("ETag", "")),
    )


def _plain(etag: str) -> str:
    return etag.strip('"')
