"""What control uses of AWS's services: the same cases on the simulated ones and on LocalStack, as the image has it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pytest

from altis_local.clients import aws_logs, aws_metrics, aws_platform
from altis_local.clients.aws import Aws, AwsError, Request
from altis_local.clients.aws_logs import Window
from altis_local.clients.aws_metrics import Datum
from altis_local.clients.aws_platform import AwsPlatform
from altis_local.clients.aws_signature import Credentials
from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.control.logs.sender import Place, Sender
from altis_local.errors import Unreachable
from altis_local.model.cloud import LogGroup
from tests.contract.conftest import image
from tests.contract.members import Lab, eventually
from tests.fakes.aws_server import AwsServer

NOW = round(time.time()) * 1000
"""CloudWatch Logs takes no event that is older than two weeks."""
BUCKET = "altis-contract"


@pytest.fixture(scope="module")
def localstack(lab: Lab) -> Iterator[Aws]:
    address = f"{lab.prefix}.60"
    container = lab.engine.create(
        ContainerRequest(
            name=qualified(lab.environment, "aws"),
            image=image("aws"),
            labels=labels(lab.environment, "member", role="aws", member="aws"),
            environment={
                "ALTIS_BUCKET": BUCKET,
                "ALTIS_REGION": "eu-west-1",
                "ALTIS_AWS_KEY": "altis-local",
                "ALTIS_AWS_SECRET": "secret",
            },
            networks=(Attachment(qualified(lab.environment, "lab"), address),),
            volumes=(f"{lab.engine.create_volume(lab.environment, 'aws')}:/var/lib/altis-aws",),
            memory=512 << 20,
        )
    )
    lab.engine.start(container)
    aws = Aws(address, Credentials("altis-local", "secret", "eu-west-1"))
    assert eventually(lambda: aws.send(Request("s3", "GET", "/_localstack/health")).status == 200, 60)
    yield aws
    lab.engine.remove(container, force=True)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def aws(request: pytest.FixtureRequest) -> Iterator[Aws]:
    if request.param == "real":
        yield request.getfixturevalue("localstack")
        return
    with AwsServer() as server:
        yield server.client


@pytest.fixture
def group(aws: Aws) -> str:
    name = f"t-{secrets.token_hex(4)}/php"
    aws_logs.create(aws, LogGroup(name, 14))
    return name


def texts(aws: Aws, group: str, window: Window = Window()) -> list[str]:  # noqa: B008 - it is frozen
    return [event.message for event in aws_logs.events(aws, group, window)[0]]


def events_of(aws: Aws, group: str) -> Iterator[aws_logs.LogEvent]:
    token = ""
    while True:
        page, token = aws_logs.events(aws, group, Window(), token)
        yield from page
        if not token:
            return


def test_groups_are_made_once_and_their_retention_is_set(aws: Aws, group: str) -> None:
    def days() -> list[int]:
        return [one.days for one in aws_logs.groups(aws, group)]

    assert days() == [14]
    aws_logs.create(aws, LogGroup(group, 30))
    assert days() == [30]
    aws_logs.create(aws, LogGroup(group, 0))
    assert days() == [0]


def test_events_of_streams_by_time(aws: Aws, group: str) -> None:
    for stream in ("web-a1/x", "web-b1/y"):
        aws_logs.create_stream(aws, group, stream)
        aws_logs.create_stream(aws, group, stream)
    aws_logs.put(aws, group, "web-a1/x", [(NOW, "PHP Warning: ä"), (NOW + 2, "three"), (NOW + 2, "four")])
    aws_logs.put(aws, group, "web-b1/y", [(NOW + 1, "two")])
    assert texts(aws, group) == ["PHP Warning: ä", "two", "three", "four"]
    assert texts(aws, group, Window(since=(NOW + 2) / 1000)) == ["three", "four"]
    found = {stream.name: stream for stream in aws_logs.streams(aws, group)}
    assert round(found["web-a1/x"].last * 1000) == NOW + 2
    assert aws_logs.count_at(aws, group, "web-a1/x", NOW + 2) == 2
    assert aws_logs.count_at(aws, group, "web-a1/x", NOW) == 1
    assert [stream.name for stream in aws_logs.streams(aws, group, "web-b")] == ["web-b1/y"]
    aws_logs.delete_stream(aws, group, "web-b1/y")
    aws_logs.delete_stream(aws, group, "web-b1/y")
    assert "two" not in texts(aws, group)


def test_a_long_group_comes_in_pages(aws: Aws, group: str) -> None:
    aws_logs.create_stream(aws, group, "s")
    aws_logs.put(aws, group, "s", [(NOW, f"line {number}") for number in range(2 * aws_logs.PAGE + 1)])
    found = [event.message for event in events_of(aws, group)]
    assert found == [f"line {number}" for number in range(2 * aws_logs.PAGE + 1)]


def test_what_is_not_there_has_its_name(aws: Aws, group: str) -> None:
    for call in (
        lambda: aws_logs.put(aws, group, "none", [(NOW, "x")]),
        lambda: aws_logs.create_stream(aws, "t-nobody/php", "s"),
        lambda: aws_logs.events(aws, "t-nobody/php", Window()),
    ):
        with pytest.raises(AwsError) as caught:
            call()
        assert caught.value.code == aws_logs.MISSING


def test_many_lines_arrive_once_and_in_order(aws: Aws, group: str) -> None:
    sender = Sender(lambda: aws, lambda: None)
    for number in range(4000):
        sender.add(Place(group, "web-a1/x"), NOW + number, f"{number} {'ä' * 30}")
    assert sender.send()
    assert aws_logs.streams(aws, group)[0].last * 1000 == pytest.approx(NOW + 3999)
    found = [event.message.split()[0] for event in events_of(aws, group)]
    assert found == [str(number) for number in range(4000)]


def test_identities(aws: Aws) -> None:
    domain = f"{secrets.token_hex(4)}.altis.cloud"
    assert domain not in aws_platform.verified(aws)
    for identity in (domain, domain, f"me@{domain}"):
        aws_platform.verify(aws, identity)
    assert {domain, f"me@{domain}"} <= aws_platform.verified(aws)


def test_what_is_prepared_is_seen(aws: Aws) -> None:
    name = f"t-{secrets.token_hex(4)}"
    services = AwsPlatform("aws", aws)
    assert services.observe() is None
    assert eventually(lambda: services.observe() is not None, 30)
    services.prepare([f"{name}.altis.cloud"], [LogGroup(f"{name}/php", 14), LogGroup(f"{name}/access", 0)])

    def is_there() -> bool:
        node = services.observe()
        return node is not None and f"{name}.altis.cloud" in node.identities

    assert eventually(is_there, 30)
    node = services.observe()
    assert node is not None
    assert {LogGroup(f"{name}/php", 14), LogGroup(f"{name}/access", 0)} <= node.groups


def test_metrics_are_taken(aws: Aws) -> None:
    data = [Datum("ReplicaLag", 0.5, "Seconds", {"Member": "db-2", "Role": "db"}), Datum("JobsDue", 3, "Count")]
    aws_metrics.put(aws, "altis-local", data, NOW / 1000)
    aws_metrics.put(aws, "altis-local", [], NOW / 1000)


@pytest.mark.engine
def test_metrics_have_their_values(localstack: Aws) -> None:
    namespace = f"t-{secrets.token_hex(4)}"
    aws_metrics.put(localstack, namespace, [Datum("ReplicaLag", 0.5, "Seconds", {"Member": "db-2"})], NOW / 1000)
    said = localstack.form(
        "monitoring",
        "GetMetricStatistics",
        **{
            "Namespace": namespace,
            "MetricName": "ReplicaLag",
            "Dimensions.member.1.Name": "Member",
            "Dimensions.member.1.Value": "db-2",
            "StartTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW / 1000 - 300)),
            "EndTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW / 1000 + 300)),
            "Period": "60",
            "Statistics.member.1": "Maximum",
        },
    )
    assert [float(node.text or 0) for node in said.iterfind(".//Maximum")] == [0.5]


@pytest.mark.engine
def test_objects_stream_through(localstack: Aws) -> None:
    """More than fits into one block, without its hash being known before."""
    blocks = [secrets.token_bytes(1 << 18) for _ in range(8)]
    key = f"/{BUCKET}/uploads/2026/ä b+c.bin"
    length = {"content-length": str(sum(map(len, blocks)))}
    localstack.send(Request("s3", "PUT", key, {}, length, iter(blocks)), limit=60)
    with localstack.open(Request("s3", "GET", key)) as answer:
        assert answer.read() == b"".join(blocks)
    with pytest.raises(AwsError) as caught:
        localstack.send(Request("s3", "GET", f"/{BUCKET}/uploads/nothing"))
    assert (caught.value.code, caught.value.status) == ("NoSuchKey", 404)


def test_nobody_there() -> None:
    aws = Aws("127.0.0.1", Credentials("key", "secret"), port=1)
    with pytest.raises(Unreachable) as caught:
        aws_logs.groups(aws)
    assert caught.value.refused
