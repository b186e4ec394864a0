"""The road from the host to the environment's AWS services: a closed list of questions and orders, by name.

Called by the API (`/aws/…`), for the command line: the host itself reaches no inner network. Each operation takes the
services and the caller's words, and gives plain data. What has no name here cannot be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from altis_local.clients import aws_logs, aws_mail, aws_storage
from altis_local.clients.aws import Answer, Aws, AwsError, Request, aws_of
from altis_local.errors import UsageError
from altis_local.model.spec import Spec

BLOCK = 1 << 18
"""Bytes of an object that are passed on at a time."""
PART = 8 << 20
"""Bytes that are asked for at a time: LocalStack keeps in memory what it has read and its client has not taken."""
MAIL_STREAMS = ("Failed", "Sent")
"""Of the log group of mail (fidelity MAIL-04)."""
UPLOAD_LIMIT = 60.0
"""Seconds S3 may take to confirm an object that it has received."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks what: the environment's services, its Spec, and the words that came along."""

    aws: Aws
    spec: Spec
    words: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        """A word; UsageError where it is missing and has no default."""
        value = self.words.get(name, default)
        if not isinstance(value, str):
            raise UsageError(f"{name} is missing" if value is None else f"{name} must be text")
        return value

    def number(self, name: str, default: float = 0.0) -> float:
        """A number; UsageError for anything else."""
        value = self.words.get(name, default)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise UsageError(f"{name} must be a number, not {value!r}") from None


def bucket(spec: Spec) -> str:
    """The environment's bucket."""
    return f"altis-{spec.environment}"


def log_groups(asked: Asked) -> Any:
    """Groups with their retention: {groups: [{name, days, bytes}]}."""
    return {"groups": [asdict(one) for one in aws_logs.groups(asked.aws, asked.text("prefix", ""))]}


def log_events(asked: Asked) -> Any:
    """One page of a group, those events that hold the text: {events: [{at, stream, message, id}], next}."""
    window, text = aws_logs.Window(asked.number("since"), asked.number("until")), asked.text("filter", "")
    try:
        found, following = aws_logs.events(asked.aws, asked.text("group"), window, asked.text("next", ""))
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        known = ", ".join(group.name for group in aws_logs.groups(asked.aws)) or "none"
        raise UsageError(f"there is no log group {asked.text('group')}", hint=f"there is: {known}") from error
    return {"events": [asdict(one) for one in found if text in one.message], "next": following}


def objects(asked: Asked) -> Any:
    """One page of the bucket's listing: {objects: [{key, size, modified, etag}], folders, next}."""
    found = aws_storage.page(
        asked.aws,
        bucket(asked.spec),
        asked.text("prefix", ""),
        delimiter=asked.text("delimiter", ""),
        token=asked.text("next", ""),
    )
    return asdict(found)


def object_data(asked: Asked) -> Any:
    """One object's size, type, time and MD5."""
    found = aws_storage.about(asked.aws, bucket(asked.spec), asked.text("key"))
    if found is None:
        raise UsageError(f"there is no object {asked.text('key')}", hint="altis-local s3 ls")
    return asdict(found)


def copy_object(asked: Asked) -> Any:
    """Store an object under another key, too: {key}."""
    target, acl = asked.text("target"), asked.text("acl", "public-read")
    object_data(asked)  # says where there is none
    aws_storage.copy(asked.aws, bucket(asked.spec), asked.text("key"), target, acl=acl)
    return {"key": target}


def delete_objects(asked: Asked) -> Any:
    """Delete these keys, one after the other; {removed: [key]}."""
    keys = asked.words.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise UsageError("keys must be a list of keys")
    for key in keys:
        aws_storage.delete(asked.aws, bucket(asked.spec), key)
    return {"removed": keys}


def mails(asked: Asked) -> Any:
    """What SES sent, newest first, without bodies, and what the site logged of it: {mails, log}."""
    sent = [
        {"id": m.id, "at": m.at, "from": m.source, "to": m.to, "subject": m.subject} for m in aws_mail.mails(asked.aws)
    ]
    return {"mails": sent, "log": [asdict(one) for one in _mail_log(asked)]}


def _mail_log(asked: Asked) -> tuple[aws_logs.LogEvent, ...]:
    """The newest lines of the streams of mail, oldest first; none before the first one was written."""
    kept: tuple[aws_logs.LogEvent, ...] = ()
    window, token = aws_logs.Window(streams=MAIL_STREAMS), ""
    try:
        while True:
            found, token = aws_logs.events(asked.aws, f"{asked.spec.environment}/ses", window, token)
            kept = (*kept, *found)[-aws_logs.PAGE :]
            if not token:
                return kept
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return ()


def mail(asked: Asked) -> Any:
    """One message with its bodies."""
    wanted = asked.text("id")
    found = next((one for one in aws_mail.mails(asked.aws, wanted) if one.id == wanted), None)
    if found is None:
        raise UsageError(f"there is no mail {wanted}", hint="altis-local mail list")
    return asdict(found)


def clear_mails(asked: Asked) -> Any:
    """Empty the outbox; the log stays. {removed}."""
    count = len(aws_mail.mails(asked.aws))
    aws_mail.forget(asked.aws)
    return {"removed": count}


Operation = Callable[[Asked], Any]

QUESTIONS: Mapping[str, Operation] = {
    "log-groups": log_groups,
    "log-events": log_events,
    "objects": objects,
    "object-data": object_data,
    "mails": mails,
    "mail": mail,
}
"""What may be asked (GET /aws/NAME?word=…)."""

ORDERS: Mapping[str, Operation] = {
    "copy-object": copy_object,
    "delete-objects": delete_objects,
    "clear-mails": clear_mails,
}
"""What may be changed (POST /aws/NAME with a document of words)."""


def carry_out(spec: Spec | None, method: str, name: str, words: Mapping[str, Any]) -> Any:
    """Ask or order by name. Raises UsageError for a name that is not on the list, AwsError, Unreachable."""
    known = QUESTIONS if method in ("GET", "HEAD") else ORDERS
    if name not in known:
        raise UsageError(f"there is no such {'question' if known is QUESTIONS else 'order'} as {name!r}")
    if spec is None:
        raise UsageError("the environment has no Spec yet")
    return known[name](Asked(aws_of(spec), spec, words))


@dataclass(frozen=True, slots=True)
class Object:
    """One object of the environment's bucket, passed on as it comes."""

    spec: Spec
    key: str

    def _request(self, method: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] = b"") -> Request:
        return Request("s3", method, f"/{bucket(self.spec)}/{self.key}", {}, headers, body)

    def about(self) -> Answer:
        """The answer to a HEAD. Raises UsageError where there is no such object."""
        try:
            return aws_of(self.spec).send(self._request("HEAD", {}))
        except AwsError as error:
            if error.status != 404:
                raise
            raise UsageError(f"there is no object {self.key}", hint="altis-local s3 ls") from error

    def read(self, about: Answer) -> Iterator[bytes]:
        """The bytes of the object that `about` tells of, part by part; AwsError when it is replaced meanwhile."""
        size = int(about.headers["content-length"])
        for begin in range(0, size, PART):
            span = {"range": f"bytes={begin}-{min(begin + PART, size) - 1}", "if-match": about.headers["etag"]}
            with aws_of(self.spec).open(self._request("GET", span)) as answer:
                while block := answer.read(BLOCK):
                    yield block

    def write(self, blocks: Iterable[bytes], headers: Mapping[str, str]) -> Answer:
        """Store it. `headers` hold content-length, and may hold content-type, cache-control and x-amz-acl."""
        return aws_of(self.spec).send(self._request("PUT", headers, blocks), limit=UPLOAD_LIMIT)
