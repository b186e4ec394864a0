"""Clients of services, against recorded answers: members over HTTP, the bucket, the outbox of SES."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pytest

from altis_local.clients import aws_mail, aws_storage
from altis_local.clients.aws import Aws
from altis_local.clients.aws_signature import Credentials
from altis_local.clients.control_api import ControlApi
from altis_local.clients.member_http import MemberHttp
from altis_local.clients.plain_http import Request, upload
from altis_local.clients.services_api import ServicesApi
from altis_local.errors import ActionFailed, AltisError, Unreachable, UsageError
from tests.fakes.http_server import HttpFake

LISTING = b"""<?xml version='1.0' encoding='utf-8'?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
<Contents><Key>uploads/a b.jpg</Key><LastModified>2026-11-23T15:00:00.000Z</LastModified>
<ETag>"900150983cd24fb0d6963f7d28e17f72"</ETag><Size>3</Size><StorageClass>STANDARD</StorageClass></Contents>
<CommonPrefixes><Prefix>uploads/2026/</Prefix></CommonPrefixes>
<NextContinuationToken>more</NextContinuationToken></ListBucketResult>"""

RAW = (
    "From: Site <noreply@x.altis.cloud>\r\nTo: a@example.org, b@example.org\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n"
    "--b1\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nHall\u00f6chen\r\n"
    "--b1\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    f"Content-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(b'%PDF').decode()}\r\n--b1--\r\n"
)
OUTBOX = {
    "messages": [
        {"Id": "m1", "Region": "eu-west-1", "Timestamp": "2026-11-23T15:00:00", "Source": "x", "RawData": RAW},
        {
            "Id": "m2",
            "Timestamp": "2026-11-23T15:00:01",
            "Source": "noreply@x.altis.cloud",
            "Destination": {"ToAddresses": ["a@example.org"], "CcAddresses": []},
            "Subject": "Plain",
            "Body": {"text_part": "text", "html_part": None},
        },
    ]
}


@pytest.fixture
def localstack() -> Iterator[HttpFake]:
    answers = {"GET /altis-x": LISTING, "GET /_aws/ses": OUTBOX, "DELETE /altis-x/a b": b""}
    with HttpFake(answers) as fake:
        yield fake


@pytest.fixture
def aws(localstack: HttpFake) -> Aws:
    return Aws("127.0.0.1", Credentials("altis-local", "secret"), port=localstack.port)


def test_a_page_of_the_bucket(aws: Aws, localstack: HttpFake) -> None:
    page = aws_storage.page(aws, "altis-x", "uploads/", delimiter="/", token="a+b")
    assert page.folders == ("uploads/2026/",)
    assert page.next == "more"
    assert page.objects[0].key == "uploads/a b.jpg"
    assert (page.objects[0].size, page.objects[0].etag) == (3, "900150983cd24fb0d6963f7d28e17f72")
    asked = localstack.asked[0][1]
    assert asked == "/altis-x?continuation-token=a%2Bb&delimiter=%2F&list-type=2&max-keys=1000&prefix=uploads%2F"


def test_no_object_is_none_and_no_service_an_error(aws: Aws) -> None:
    assert aws_storage.about(aws, "altis-x", "nothing") is None
    with pytest.raises(Unreachable):
        aws_storage.about(Aws("127.0.0.1", Credentials("a", "b"), port=1), "altis-x", "a")


def test_the_outbox_newest_first(aws: Aws) -> None:
    newest, raw = aws_mail.mails(aws)
    assert (newest.id, newest.to, newest.subject, newest.text, newest.html) == (
        "m2", ("a@example.org",), "Plain", "text", "",
    )  # fmt: skip
    assert (raw.at, raw.source) == ("2026-11-23T15:00:00Z", "Site <noreply@x.altis.cloud>")
    assert (raw.subject, raw.text, raw.attachments) == ("Grüße", "Hallöchen", ("a.pdf",))
    assert raw.to == ("a@example.org, b@example.org",)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((404, {"error": "no trace 1 is known"}), UsageError, "no trace 1 is known"),
        ((400, {"error": {"reason": "no such index"}}), UsageError, "no such index"),
        ((500, b"<html>"), ActionFailed, "<html>"),
        ((503, {}), ActionFailed, "answered 503 to /x"),
    ],
)
def test_a_members_refusal_has_its_words(answer: object, kind: type[AltisError], words: str) -> None:
    with HttpFake({"GET /x": answer}) as member, pytest.raises(kind, match=words) as caught:
        MemberHttp("cdn", "127.0.0.1", member.port).get("/x")
    assert caught.value.member == "cdn"


def test_a_member_that_is_gone() -> None:
    with pytest.raises(Unreachable) as caught:
        MemberHttp("cdn", "127.0.0.1", 1).post("/x", {})
    assert caught.value.refused


def test_every_page_of_a_listing_is_asked_for() -> None:
    with HttpFake({"GET /aws/objects": {"objects": [], "folders": [], "next": ""}}) as control:
        services = ServicesApi(ControlApi(control.port, "t"))
        assert len(list(services.objects("a"))) == 1
        control.answers["GET /aws/objects"] = {"objects": [], "folders": [], "next": "more"}
        pages = services.objects("a")
        next(pages)
        next(pages)
        assert control.asked[-1][1].endswith("next=more")


def test_a_file_that_shrinks_on_its_way_is_no_object() -> None:
    with HttpFake({}) as control, pytest.raises(OSError, match="10 bytes"):
        source = io.BytesIO(b"012345")
        upload(f"tcp://127.0.0.1:{control.port}", Request("PUT", "/x", timeout=5), iter([source.read()]), 10)
