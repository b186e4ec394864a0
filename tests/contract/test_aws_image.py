"""The aws image by itself: a real container on a network without a way out, killed, filled up and misled.

`s3_ledger` is the record of what clients were told. Container, volume and network have random names and go away.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from localstack_client.session import Session
from s3_ledger import Client, Key, digest, observe

from altis_local.clock import Deadline, SystemClock, wait_until
from tests.contract.engine_cli import build, docker

pytestmark = pytest.mark.engine

CLOCK = SystemClock()
SOURCE = Path(__file__).parents[2] / "compose" / "images" / "aws"
IMAGE = "altis-local/aws:contract"
BUCKET, REGION = "altis-test", "eu-west-1"
ENVIRONMENT = {
    "ALTIS_BUCKET": BUCKET, "ALTIS_REGION": REGION, "ALTIS_AWS_KEY": "environment-key",
    "ALTIS_AWS_SECRET": "environment-secret",
}  # fmt: skip
START = 60
MAKING = threading.Lock()
"""Clients are made one after another: they come from one session, which is not for threads."""


@dataclass
class Aws:
    """One aws container on a volume, and the way to talk to it."""

    name: str
    network: str
    volume: str

    def create(self, *options: str, **environment: str) -> None:
        flags = [f"-e{name}={value}" for name, value in (ENVIRONMENT | environment).items()]
        docker("create", "--name", self.name, "--network", self.network, "--read-only", "--cap-drop", "ALL",
               "--tmpfs", "/tmp:mode=1777,size=16m", "--security-opt", "no-new-privileges:true", "--memory", "512m",
               "--pids-limit", "128", "-v", f"{self.volume}:/var/lib/altis-aws", *flags, *options, IMAGE)  # fmt: skip

    def start(self) -> None:
        docker("start", self.name)
        assert wait_until(self.is_up, Deadline.after(START, CLOCK)), docker("logs", "--tail", "30", self.name)

    def kill(self) -> None:
        docker("kill", "--signal", "KILL", self.name)

    def remove(self) -> None:
        docker("rm", "-f", self.name, check=False)

    @property
    def address(self) -> str:
        return docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.name).strip()

    @property
    def url(self) -> str:
        return f"http://{self.address}:4566"

    def is_up(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=2).status == 200
        except OSError:
            return False

    def status(self) -> tuple[str, int]:
        state = json.loads(docker("inspect", "-f", "{{json .State}}", self.name))
        return state["Status"], state["ExitCode"]

    def ended(self) -> int:
        assert wait_until(lambda: self.status()[0] == "exited", Deadline.after(START, CLOCK)), "it is still running"
        return self.status()[1]

    def client(self, service: str = "s3", key: str = "environment-key", secret: str = "environment-secret") -> Any:
        # Without retries: one call is one request, which is acknowledged or is not.
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, signature_version=None
                        if service != "s3" else "s3v4", read_timeout=30, max_pool_connections=1)  # fmt: skip
        session = Session(key, secret, region_name=REGION, localstack_host=self.address)
        with MAKING:
            return session.client(service, config=config)

    def anonymous(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        return fetch(f"{self.url}/{path}", method, headers)


def fetch(url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    build(IMAGE, SOURCE)
    name = f"t-aws-{secrets.token_hex(3)}"
    docker("network", "create", "--internal", name)
    yield name
    docker("network", "rm", name)


Make = Callable[..., Aws]


@pytest.fixture(scope="module")
def make(network: str) -> Iterator[Make]:
    made: list[Aws] = []
    volumes: set[str] = set()

    def make_one(*options: str, volume: str = "", **environment: str) -> Aws:
        name = f"{network}-{len(made)}"
        if not volume:
            volume = name
        volumes.add(volume)
        aws = Aws(name, network, volume)
        made.append(aws)
        aws.create(*options, **environment)
        return aws

    yield make_one
    for aws in made:
        aws.remove()
    for volume in volumes:
        docker("volume", "rm", "-f", volume, check=False)


@pytest.fixture(scope="module")
def shared(make: Make) -> Aws:
    """For tests that leave it as it was."""
    aws = make()
    aws.start()
    return aws


# What was acknowledged holds -----------------------------------------------------------------------------------------


def keys_of(client: int) -> list[Key]:
    return [
        Key(bucket, f"client-{client}/key-{number}", versioned)
        for number in range(8)
        for bucket, versioned in (("kill-plain", False), (BUCKET, True))
    ]


def test_every_acknowledged_operation_survives_kills_in_the_middle(make: Make) -> None:
    slow = f"{SOURCE / 'testing' / 'sitecustomize.py'}:/opt/aws/lib/python3.13/site-packages/sitecustomize.py:ro"
    aws = make("-v", slow)
    aws.start()
    aws.client().create_bucket(
        Bucket="kill-plain", ObjectOwnership="ObjectWriter", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    aws.client().delete_public_access_block(Bucket="kill-plain")
    groups = [keys_of(number) for number in range(4)]
    acknowledged, under_way = 0, 0
    for turn in range(6):
        clients = [Client(aws.client(), keys, seed=turn * 10 + n) for n, keys in enumerate(groups)]
        enough = 50 + 25 * turn
        assert wait_until(
            lambda clients=clients, enough=enough: sum(c.acknowledged for c in clients) >= enough,
            Deadline.after(60, CLOCK), every=0.002,
        )  # fmt: skip
        aws.kill()
        for client in clients:
            client.stop()
        assert [problem for client in clients for problem in client.refused] == []
        if turn == 2:  # from here on with the disk as it is
            aws.remove()
            aws.create()
        acknowledged += sum(client.acknowledged for client in clients)
        under_way += sum(key.next is not None for keys in groups for key in keys)
        aws.start()
        seen = {bucket: observe(aws.client(), bucket) for bucket in ("kill-plain", BUCKET)}
        problems = [key.verify(seen[key.bucket].pop(key.name, ())) for keys in groups for key in keys]
        assert [problem for problem in problems if problem] == []
        assert [bucket for bucket in seen if seen[bucket]] == [], "keys that nobody has written"
    assert acknowledged >= 650
    assert under_way > 0, "no kill met an operation: nothing was tried"


def test_the_latest_of_versions_written_at_once_stays_the_latest(make: Make) -> None:
    aws = make()
    aws.start()
    keys, barrier = [f"hot-{number}" for number in range(25)], threading.Barrier(4)

    def write(client: Any) -> None:
        for key in keys:
            barrier.wait(30)
            client.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    threads = [threading.Thread(target=write, args=(aws.client(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = aws.client()
    before = [client.head_object(Bucket=BUCKET, Key=key)["VersionId"] for key in keys]
    aws.kill()
    aws.start()
    client = aws.client()
    assert [client.head_object(Bucket=BUCKET, Key=key)["VersionId"] for key in keys] == before
    assert len(client.list_object_versions(Bucket=BUCKET, Prefix="hot-")["Versions"]) == 100


def test_only_one_of_many_makes_what_must_not_exist(shared: Aws) -> None:
    def write(client: Any, key: str, won: list[str]) -> None:
        try:
            client.put_object(Bucket=BUCKET, Key=key, Body=b"x", IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"
        else:
            won.append(key)

    clients = [shared.client() for _ in range(4)]
    for number in range(5):
        won: list[str] = []
        threads = [threading.Thread(target=write, args=(client, f"only/{number}", won)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [f"only/{number}"]


def test_who_reads_what_is_being_overwritten_gets_one_whole_body(shared: Aws) -> None:
    shared.client().create_bucket(Bucket="overwritten", CreateBucketConfiguration={"LocationConstraint": REGION})
    where = {"Bucket": "overwritten", "Key": "hot"}
    shared.client().put_object(**where, Body=b"0" * 100_000)
    bodies: list[bytes] = []

    def read(client: Any) -> None:
        bodies.extend(client.get_object(**where)["Body"].read() for _ in range(100))

    def write(client: Any) -> None:
        for number in range(60):
            client.put_object(**where, Body=str(number % 10).encode() * 100_000)

    threads = [threading.Thread(target=work, args=(shared.client(),)) for work in (read, write, read, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 200, "a reader was refused"
    assert [body[:20] for body in bodies if body != body[:1] * 100_000] == []


def test_everything_about_bucket_and_object_survives_stop_and_re_creation(make: Make) -> None:
    aws = make()
    aws.start()
    s3 = aws.client()
    s3.put_object(Bucket=BUCKET, Key="a/ü b+c", Body=b"one", ACL="public-read", ContentType="image/png",
                  CacheControl="max-age=60", Metadata={"$time": "mine", "b": "c"}, Tagging="a=1&b=2")  # fmt: skip
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"beside a/")
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "x"}]})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_cors(
        Bucket=BUCKET, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    )
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ACL="public-read")["UploadId"]
    parts = [s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=n, Body=body)["ETag"]
             for n, body in ((1, b"x" * (5 << 20)), (2, b"old"), (2, b"end"))]  # fmt: skip
    before = everything(s3)
    docker("stop", "--time", "10", aws.name)
    assert aws.status() == ("exited", 0)
    aws.start()
    assert everything(aws.client()) == before
    aws.remove()
    aws.create()
    aws.start()
    s3 = aws.client()
    assert everything(s3) == before
    tags = [{"PartNumber": 1, "ETag": parts[0]}, {"PartNumber": 2, "ETag": parts[2]}]
    s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Parts": tags})
    assert digest(aws.anonymous(f"{BUCKET}/parts")[1]) == digest(b"x" * (5 << 20) + b"end")
    assert aws.anonymous(f"{BUCKET}/a/%C3%BC%20b%2Bc") == (200, b"one")
    copied = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "parts"})
    assert copied["CopyObjectResult"]["ETag"] == f'"{digest(b"x" * (5 << 20) + b"end")}"'


def everything(s3: Any) -> list[Any]:
    """Answers about the bucket and its objects, without what differs from one answer to the next."""
    where = {"Bucket": BUCKET}
    answers = [
        s3.get_bucket_versioning(**where), s3.get_bucket_tagging(**where), s3.get_bucket_policy(**where),
        s3.get_bucket_cors(**where), s3.get_bucket_lifecycle_configuration(**where), s3.get_bucket_location(**where),
        s3.get_bucket_ownership_controls(**where), s3.get_bucket_encryption(**where), s3.list_buckets(),
        s3.list_object_versions(**where), s3.list_multipart_uploads(**where),
        *(s3.head_object(**where, Key=key, ChecksumMode="ENABLED") for key in ("a", "a/ü b+c")),
        *(s3.get_object_acl(**where, Key=key) for key in ("a", "a/ü b+c")),
        s3.get_object_tagging(**where, Key="a/ü b+c"),
    ]  # fmt: skip
    return [{name: value for name, value in answer.items() if name != "ResponseMetadata"} for answer in answers]


# Who may read --------------------------------------------------------------------------------------------------------


def test_strangers(shared: Aws) -> None:
    s3 = shared.client()
    s3.put_object(Bucket=BUCKET, Key="access/public", Body=b"public", ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key="access/private", Body=b"private")
    for path, method, headers, expected in (
        ("access/public", "GET", {}, 200),
        ("access/public", "HEAD", {}, 200),
        ("access/private", "GET", {}, 403),
        ("access/private", "HEAD", {}, 403),
        ("access/missing", "GET", {}, 403),
        ("access/private", "GET", {"Authorization": "Basic eDp5"}, 403),
        ("access/public", "DELETE", {}, 403),
        ("access/new", "PUT", {}, 403),
        ("access/public?acl", "GET", {}, 403),
        ("access/public?response-content-type=text/html", "GET", {}, 400),
        ("access/public?response-cache-control=no-cache", "HEAD", {}, 400),
        ("", "GET", {}, 403),
        ("?list-type=2", "GET", {}, 403),
        ("?versions", "GET", {}, 403),
        ("access/private?X-Amz-Signature=0", "GET", {}, 400),
    ):
        assert shared.anonymous(f"{BUCKET}/{path}", method, **headers)[0] == expected, (path, method)
    assert b"<Code>AccessDenied</Code>" in shared.anonymous(f"{BUCKET}/access/missing")[1]
    assert b"<Code>NoSuchBucket</Code>" in shared.anonymous("no-such-bucket/key")[1]
    virtual = fetch(f"{shared.url}/access/private", headers={"Host": f"{BUCKET}.s3.localhost.localstack.cloud:4566"})
    assert virtual[0] == 403
    s3.put_object_acl(Bucket=BUCKET, Key="access/private", ACL="public-read")
    assert shared.anonymous(f"{BUCKET}/access/private") == (200, b"private")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key="access/missing")


def test_presigned_urls_are_checked(shared: Aws) -> None:
    shared.client().put_object(Bucket=BUCKET, Key="signed", Body=b"secret")

    def presigned(expires: int = 60, **credentials: str) -> str:
        where = {"Bucket": BUCKET, "Key": "signed"}
        return str(shared.client(**credentials).generate_presigned_url("get_object", where, ExpiresIn=expires))

    assert fetch(presigned()) == (200, b"secret")
    assert fetch(presigned()[:-1] + "x")[0] == 403
    assert fetch(presigned(secret="wrong"))[0] == 403
    assert fetch(presigned(key="test", secret="test"))[0] == 403
    old = presigned(expires=1)
    CLOCK.sleep(1.5)
    assert fetch(old)[0] == 403


def test_posted_forms_need_the_owners_signature(shared: Aws) -> None:
    def post(**credentials: str) -> int:
        form = shared.client(**credentials).generate_presigned_post(BUCKET, "form")
        lines = [f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in form["fields"].items()]
        body = "".join(lines) + '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nbytes\r\n--x--\r\n'
        header = {"Content-Type": "multipart/form-data; boundary=x"}
        return int(fetch(form["url"], "POST", header, body.encode())[0])

    assert post() == 204
    assert post(secret="wrong") == 403
    assert shared.client().get_object(Bucket=BUCKET, Key="form")["Body"].read() == b"bytes"


# Hard cases ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(make: Make) -> Iterator[tuple[Make, Callable[..., str], str]]:
    """A volume of 24 MB in memory, kept mounted by a container that can also look into it."""
    volume = f"t-aws-small-{secrets.token_hex(3)}"
    docker("volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=24m,uid=999", volume)
    docker("run", "-d", "--name", volume, "-v", f"{volume}:/var/lib/altis-aws", "--entrypoint", "sleep", IMAGE, "600")
    made: list[Aws] = []

    def make_small(**environment: str) -> Aws:
        made.append(make(volume=volume, **environment))
        return made[-1]

    yield make_small, lambda *command: docker("exec", volume, *command), volume
    for aws in made:
        aws.remove()
    docker("rm", "-f", volume)
    docker("volume", "rm", volume)


def test_uploads_are_refused_while_there_is_still_room_for_the_journal(small: Any) -> None:
    aws = small[0](ALTIS_S3_RESERVE_MB="8")
    aws.start()
    s3, kept = aws.client(), []
    with pytest.raises(ClientError, match="No space is left"):
        for number in range(40):
            s3.put_object(Bucket=BUCKET, Key=f"full/{number}", Body=b"x" * 1_000_000)
            kept.append(number)
    assert 5 < len(kept) < 20
    version = s3.head_object(Bucket=BUCKET, Key="full/0")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="full/0", VersionId=version)
    s3.delete_object(Bucket=BUCKET, Key="full/1")
    aws.kill()
    aws.start()
    s3 = aws.client()
    listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {item["Key"] for item in listed} == {f"full/{number}" for number in kept[2:]}
    s3.put_object(Bucket=BUCKET, Key="again", Body=b"x" * 500_000)


def test_a_disk_that_is_full_at_the_commit_ends_the_process_and_loses_nothing(small: Any) -> None:
    make_small, look, _ = small
    aws = make_small(ALTIS_S3_RESERVE_MB="0")
    aws.start()
    s3, known = aws.client(), {}
    s3.put_object(Bucket=BUCKET, Key="acl", Body=b"x", ACL="public-read", Tagging="turn=0")
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"k{number}", Body=str(number).encode())
        known[f"k{number}"] = str(number).encode()
    look("sh", "-c", "dd if=/dev/zero of=/var/lib/altis-aws/ballast bs=4096 2>/dev/null; true")
    last = 0
    with pytest.raises((ClientError, BotoCoreError)):
        for turn in range(1, 3000):
            tags = {"TagSet": [{"Key": "turn", "Value": f"{turn}"}, {"Key": "long", "Value": "x" * 250}]}
            s3.put_object_tagging(Bucket=BUCKET, Key="acl", Tagging=tags)
            last = turn
    assert aws.ended() == 74
    assert "a commit failed" in docker("logs", aws.name)
    aws.start()
    assert {key: aws.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in known} == known
    tags = aws.client().get_object_tagging(Bucket=BUCKET, Key="acl")["TagSet"]
    assert {"Key": "turn", "Value": f"{last}"} in tags
    look("rm", "/var/lib/altis-aws/ballast")
    aws.client().put_object(Bucket=BUCKET, Key="after", Body=b"x")


@pytest.mark.parametrize("path", ["_localstack/state/reset", "moto-api/reset", "_localstack/state/s3/reset"])
def test_nobody_resets_what_is_stored(shared: Aws, path: str) -> None:
    shared.client().put_object(Bucket=BUCKET, Key="reset", Body=b"x")
    fetch(f"{shared.url}/{path}", "POST")
    assert shared.client().get_object(Bucket=BUCKET, Key="reset")["Body"].read() == b"x"


def test_state_of_another_version_is_refused_and_left_alone(make: Make) -> None:
    aws = make()
    aws.start()
    aws.client().put_object(Bucket=BUCKET, Key="kept", Body=b"x")
    aws.kill()
    set_format(aws, "99")
    docker("start", aws.name)
    assert aws.ended() == 78
    assert "its format is 99, this version reads 1" in docker("logs", aws.name)
    set_format(aws, "1")
    aws.start()
    assert aws.client().get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"x"


def set_format(aws: Aws, value: str) -> None:
    change = f"import sqlite3; d = sqlite3.connect('/var/lib/altis-aws/s3/journal.db'); d.execute(\"UPDATE meta SET value = '{value}'\"); d.commit()"  # noqa: E501
    docker("run", "--rm", "-v", f"{aws.volume}:/var/lib/altis-aws", "--entrypoint", "python", IMAGE, "-c", change)


def test_a_torn_journal_keeps_everything_before_the_tear(make: Make) -> None:
    aws = make()
    aws.start()
    s3 = aws.client()
    for number in range(20):
        s3.put_object(Bucket=BUCKET, Key=f"torn/{number:02}", Body=b"x")
    aws.kill()
    tear = "truncate -s -6000 /var/lib/altis-aws/s3/journal.db-wal; echo torn >>/var/lib/altis-aws/s3/journal.db-wal"
    docker("run", "--rm", "-v", f"{aws.volume}:/var/lib/altis-aws", "--entrypoint", "sh", IMAGE, "-c", tear)
    aws.start()
    s3 = aws.client()
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == [f"torn/{number:02}" for number in range(len(keys))]
    assert 15 <= len(keys) < 20
    assert all(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x" for key in keys)


def test_a_second_container_on_the_volume_is_refused(make: Make, shared: Aws) -> None:
    second = make(volume=shared.volume)
    docker("start", second.name)
    assert second.ended() == 78
    assert "another container" in docker("logs", second.name)
    assert shared.is_up()


# The rest ------------------------------------------------------------------------------------------------------------


def test_every_service_answers(shared: Aws) -> None:
    ssm, ses, logs = shared.client("ssm"), shared.client("ses"), shared.client("logs")
    ssm.put_parameter(Name="/a", Value="v", Type="SecureString")
    assert ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "v"
    ses.verify_email_identity(EmailAddress="a@example.org")
    raw = {"Data": b"From: a@example.org\r\nTo: b@example.org\r\nSubject: s\r\n\r\ntext"}
    sent = ses.send_raw_email(Source="a@example.org", Destinations=["b@example.org"], RawMessage=raw)["MessageId"]
    assert sent in fetch(f"{shared.url}/_aws/ses")[1].decode()
    logs.create_log_group(logGroupName="g")
    logs.put_retention_policy(logGroupName="g", retentionInDays=30)
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(CLOCK.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now, "message": "m"}])
    assert [e["message"] for e in logs.filter_log_events(logGroupName="g")["events"]] == ["m"]
    metrics = shared.client("cloudwatch")
    metrics.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
    assert wait_until(lambda: bool(metrics.list_metrics(Namespace="n")["Metrics"]), Deadline.after(5, CLOCK))
    key = shared.client("kms").create_key()["KeyMetadata"]["KeyId"]
    assert shared.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert shared.client("sts").get_caller_identity()["Account"] == "000000000000"
    with pytest.raises(ClientError, match=r"not enabled|not available|disabled"):
        shared.client("sqs").list_queues()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ALTIS_BUCKET": ""}, "ALTIS_BUCKET is not set"),
        ({"ALTIS_BUCKET": "Not A Bucket"}, "not a bucket's name"),
        ({"ALTIS_AWS_SECRET": ""}, "ALTIS_AWS_SECRET is not set"),
        ({"ALTIS_AWS_KEY": "123456789012"}, "twelve digits"),
    ],
)
def test_a_bad_environment_ends_with_a_reason(network: str, change: dict[str, str], message: str) -> None:
    flags = [f"-e{name}={value}" for name, value in (ENVIRONMENT | change).items()]
    done = subprocess.run(["docker", "run", "--rm", *flags, IMAGE], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert message in done.stderr
    assert "environment-secret" not in done.stderr


def test_logs_hold_no_secret_and_no_error(shared: Aws) -> None:
    logs = docker("logs", shared.name)
    assert "environment-secret" not in logs
    assert "Traceback" not in logs
