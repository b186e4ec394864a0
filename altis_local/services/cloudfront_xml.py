"""CloudFront's XML: batches in, invalidations and errors out. Pure functions; used by cloudfront."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from altis_local.services.invalidations import ApiError, Batch, Invalidation

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def namespace(version: str) -> str:
    """The XML namespace of an API version such as 2019-03-26."""
    return f"http://cloudfront.amazonaws.com/doc/{version}/"


def batch_of(body: bytes) -> Batch:
    """The InvalidationBatch of a request body. Raises ApiError."""
    if not body.strip():
        raise ApiError(400, "MissingBody", "This operation requires a body.")
    # No document type, so no entities: there is nothing left in it that could grow while it is read.
    if re.search(rb"<!(DOCTYPE|ENTITY)", body):
        raise ApiError(400, "MalformedXML", "The XML document must not have a document type.")
    try:
        root = ET.fromstring(body)  # noqa: S314 - see above
    except (ET.ParseError, ValueError) as error:
        raise ApiError(400, "MalformedXML", f"The XML document is malformed: {error}") from error
    if _plain(root.tag) != "InvalidationBatch":
        raise ApiError(400, "MalformedXML", "Expected an InvalidationBatch.")
    texts: dict[str, list[str]] = {}
    for element in root.iter():
        texts.setdefault(_plain(element.tag), []).append((element.text or "").strip())
    paths = tuple(texts.get("Path", ()))
    if texts.get("Quantity", [""])[0] != str(len(paths)):
        raise ApiError(400, "InconsistentQuantities", "The value of Quantity and the number of Items don't match.")
    return Batch(texts.get("CallerReference", [""])[0], paths)


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def invalidation(version: str, one: Invalidation, *, done: bool) -> bytes:
    """An Invalidation."""
    items = "".join(f"<Path>{escape(path)}</Path>" for path in one.batch.paths)
    batch = (
        f"<Paths><Quantity>{len(one.batch.paths)}</Quantity><Items>{items}</Items></Paths>"
        f"<CallerReference>{escape(one.batch.reference)}</CallerReference>"
    )
    return _document(
        "Invalidation", version, f"{_summary(one, done=done)}<InvalidationBatch>{batch}</InvalidationBatch>"
    )


def invalidation_list(version: str, page: Sequence[tuple[Invalidation, bool]], *, marker: str, size: int) -> bytes:
    """An InvalidationList: up to `size` of `page` (which holds one more, where there are more), with done or not."""
    shown = page[:size]
    items = "".join(f"<InvalidationSummary>{_summary(one, done=done)}</InvalidationSummary>" for one, done in shown)
    more = len(page) > size
    following = f"<NextMarker>{escape(shown[-1][0].id)}</NextMarker>" if more else ""
    return _document(
        "InvalidationList",
        version,
        f"<Marker>{escape(marker)}</Marker>{following}<MaxItems>{size}</MaxItems>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated><Quantity>{len(shown)}</Quantity><Items>{items}</Items>",
    )


def error(version: str, problem: ApiError, request_id: str) -> bytes:
    """An ErrorResponse."""
    kind = "Receiver" if problem.status >= 500 else "Sender"
    return _document(
        "ErrorResponse",
        version,
        f"<Error><Type>{kind}</Type><Code>{problem.code}</Code><Message>{escape(problem.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId>",
    )


def _summary(one: Invalidation, *, done: bool) -> str:
    created = datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = "Completed" if done else "InProgress"
    return f"<Id>{one.id}</Id><Status>{status}</Status><CreateTime>{created}</CreateTime>"


def _document(tag: str, version: str, content: str) -> bytes:
    return f'{_DECLARATION}<{tag} xmlns="{namespace(version)}">{content}</{tag}>'.encode()
