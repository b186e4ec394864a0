"""CloudFront's API: what it takes, what it refuses with which code, and that nothing counts before it was purged."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from altis_local.errors import Unreachable
from altis_local.model.invalidation import MOST_PATHS, MOST_WILDCARDS
from altis_local.services.cloudfront import CloudFront
from altis_local.services.invalidations import KEPT, Batch, Invalidations
from altis_local.services.server import Answer, Request

VERSION = "2019-03-26"
NAMESPACE = f"{{http://cloudfront.amazonaws.com/doc/{VERSION}/}}"
BASE = f"/{VERSION}/distribution/E1ALTIS/invalidation"
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/cloudfront/aws4_request"}


class Service:
    def __init__(self, lasts: float = 0.0) -> None:
        self.now = 1763900000.0
        self.purged: list[tuple[str, ...]] = []
        self.reachable = True
        self.api = CloudFront("E1ALTIS", Invalidations(self.purge, now=lambda: self.now, lasts=lasts))

    def purge(self, paths: Sequence[str]) -> None:
        if not self.reachable:
            raise Unreachable("no answer", member="cdn")
        self.purged.append(tuple(paths))

    def post(self, body: bytes, path: str = BASE) -> Answer:
        return self.api.respond(Request("POST", path, "10.0.0.1", headers=SIGNED, body=body))

    def create(self, *paths: str, reference: str = "r1") -> Answer:
        return self.post(batch(*paths, reference=reference))

    def get(self, path: str = BASE, **query: str) -> Answer:
        return self.api.respond(Request("GET", path, "10.0.0.1", headers=SIGNED, query=query))


def batch(*paths: str, reference: str = "r1", quantity: int | None = None, version: str = VERSION) -> bytes:
    items = "".join(f"<Path>{path}</Path>" for path in paths)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/{version}/"><Paths>'
        f"<Quantity>{len(paths) if quantity is None else quantity}</Quantity><Items>{items}</Items></Paths>"
        f"<CallerReference>{reference}</CallerReference></InvalidationBatch>"
    ).encode()


def text(answer: Answer, name: str) -> str:
    return ET.fromstring(answer.body).findtext(f".//{NAMESPACE}{name}") or ""


@pytest.fixture
def service() -> Service:
    return Service()


def test_create(service: Service) -> None:
    answer = service.create("/a/*", "b", "/c?x=1&amp;y=%202")
    assert (answer.status, answer.content_type) == (201, "text/xml")
    assert service.purged == [("/a/*", "b", "/c?x=1&y=%202")]
    assert text(answer, "Status") == "InProgress"
    assert text(answer, "CreateTime") == "2025-11-23T12:13:20Z"
    assert answer.headers["Location"].endswith(f"{BASE}/{text(answer, 'Id')}")
    assert [path.text for path in ET.fromstring(answer.body).iter(f"{NAMESPACE}Path")] == list(service.purged[0])


def test_get_and_list() -> None:
    service = Service(lasts=10)
    ids = []
    for n in range(5):
        ids.insert(0, text(service.create(f"/{n}", reference=f"r{n}"), "Id"))
        service.now += 3
    assert text(service.get(f"{BASE}/{ids[0]}"), "Status") == "InProgress"
    assert text(service.get(f"{BASE}/{ids[-1]}"), "Status") == "Completed"
    first = service.get(MaxItems="2")
    assert [e.text for e in ET.fromstring(first.body).iter(f"{NAMESPACE}Id")] == ids[:2]
    assert (text(first, "IsTruncated"), text(first, "NextMarker")) == ("true", ids[1])
    last = service.get(Marker=ids[2], MaxItems="2")
    assert [e.text for e in ET.fromstring(last.body).iter(f"{NAMESPACE}Id")] == ids[3:]
    assert (text(last, "IsTruncated"), text(last, "Quantity")) == ("false", "2")


def test_the_same_reference_is_the_same_invalidation(service: Service) -> None:
    first, again = service.create("/a"), service.create("/a")
    assert text(first, "Id") == text(again, "Id")
    assert service.purged == [("/a",)]
    assert text(service.create("/b"), "Code") == "InvalidArgument"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, "MissingBody", id="empty"),
        pytest.param(b"paths=/a", 400, "MalformedXML", id="no-xml"),
        pytest.param(batch("/a")[:-5], 400, "MalformedXML", id="cut-off"),
        pytest.param(b"<Other/>", 400, "MalformedXML", id="another-document"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "c">]><InvalidationBatch/>', 400, "MalformedXML", id="entities"),
        pytest.param(b"\xff\xfe\x00bad", 400, "MalformedXML", id="bytes"),
        pytest.param(batch("/a", quantity=2), 400, "InconsistentQuantities", id="quantity"),
        pytest.param(batch(), 400, "InvalidArgument", id="no-paths"),
        pytest.param(batch(""), 400, "InvalidArgument", id="empty-path"),
        pytest.param(batch("/a", reference=""), 400, "InvalidArgument", id="no-reference"),
        pytest.param(batch("/a/*/b"), 400, "InvalidArgument", id="star-inside"),
        pytest.param(batch("/a/**"), 400, "InvalidArgument", id="two-stars"),
        pytest.param(batch("/a b"), 400, "InvalidArgument", id="space"),
        pytest.param(batch("/é"), 400, "InvalidArgument", id="not-encoded"),
        pytest.param(batch("/" + "x" * 4000), 400, "InvalidArgument", id="too-long"),
        pytest.param(batch(*[f"/{n}*" for n in range(MOST_WILDCARDS + 1)]), 400, "TooManyInvalidationsInProgress",
                     id="too-many-wildcards"),
        pytest.param(batch(*[f"/{n}" for n in range(MOST_PATHS + 1)]), 400, "TooManyInvalidationsInProgress",
                     id="too-many-paths"),
    ],
)  # fmt: skip
def test_refused(service: Service, body: bytes, status: int, code: str) -> None:
    answer = service.post(body)
    assert (answer.status, text(answer, "Code")) == (status, code)
    assert service.purged == []


def test_as_many_as_allowed(service: Service) -> None:
    wildcards, plain = [f"/w{n}*" for n in range(MOST_WILDCARDS)], [f"/p{n}" for n in range(MOST_PATHS)]
    assert service.create(*wildcards, *plain).status == 201


def test_limits_count_all_that_is_in_progress() -> None:
    service = Service(lasts=10)
    assert service.create(*[f"/{n}*" for n in range(10)], reference="r1").status == 201
    assert (
        text(service.create(*[f"/{n}*" for n in range(6)], reference="r2"), "Code") == "TooManyInvalidationsInProgress"
    )
    service.now += 10
    assert service.create(*[f"/{n}*" for n in range(6)], reference="r2").status == 201


def test_nothing_counts_that_the_cdn_did_not_do(service: Service) -> None:
    service.reachable = False
    answer = service.create("/a")
    assert (answer.status, text(answer, "Code"), text(answer, "Type")) == (503, "ServiceUnavailable", "Receiver")
    assert text(service.get(), "Quantity") == "0"
    service.reachable = True
    assert service.create("/a").status == 201, "the same reference, once more"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", BASE, {}, 403, "MissingAuthenticationToken"),
        ("POST", BASE, {"authorization": "Basic abc"}, 403, "MissingAuthenticationToken"),
        ("POST", BASE.replace("E1ALTIS", "E2OTHER"), SIGNED, 404, "NoSuchDistribution"),
        ("GET", f"{BASE}/INONE", SIGNED, 404, "NoSuchInvalidation"),
        ("GET", f"/{VERSION}/distribution", SIGNED, 404, "UnknownOperationException"),
        ("DELETE", BASE, SIGNED, 405, "MethodNotAllowed"),
        ("PUT", f"{BASE}/I1", SIGNED, 405, "MethodNotAllowed"),
    ],
)
def test_other_errors(
    service: Service, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = service.api.respond(Request(method, path, "10.0.0.1", headers=headers, body=batch("/a")))
    assert (answer.status, text(answer, "Code")) == (status, code)
    assert text(answer, "RequestId") == answer.headers["x-amzn-RequestId"]


@pytest.mark.parametrize("query", [{"MaxItems": "0"}, {"MaxItems": "101"}, {"MaxItems": "x"}, {"Marker": "I1"}])
def test_bad_pages(service: Service, query: dict[str, str]) -> None:
    assert text(service.get(**query), "Code") == "InvalidArgument"


def test_an_answer_speaks_the_version_it_was_asked_in(service: Service) -> None:
    newer = "2020-05-31"
    answer = service.post(batch("/a", version=newer), BASE.replace(VERSION, newer))
    assert ET.fromstring(answer.body).tag == f"{{http://cloudfront.amazonaws.com/doc/{newer}/}}Invalidation"


def test_only_the_newest_are_remembered(service: Service) -> None:
    known = Invalidations(service.purge, now=lambda: service.now)
    for n in range(KEPT + 10):
        known.create(Batch(f"r{n}", ("/a",)))
    assert [one.batch.reference for one in known.newest_first()][:: KEPT - 1] == [f"r{KEPT + 9}", "r10"]
