"""The outbox of SES in LocalStack: what was sent, as messages that people can read. Nothing leaves the machine.

Control passes it on for `mail`. LocalStack keeps sent messages in memory: a restart of `aws` forgets them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from altis_local.clients.aws import Aws, Request

PATH = "/_aws/ses"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message. `at`: ISO 8601, UTC. Bodies are "" where there is none of that kind."""

    id: str
    at: str
    source: str
    to: tuple[str, ...]
    subject: str
    text: str = ""
    html: str = ""
    attachments: tuple[str, ...] = ()
    """Names of the files in it."""
    headers: tuple[tuple[str, str], ...] = ()


def mails(aws: Aws, mail_id: str = "") -> tuple[Mail, ...]:
    """Every message that was sent, newest first, or the one of this id."""
    query = {"id": mail_id} if mail_id else {}
    answer = aws.send(Request("ses", "GET", PATH, query))
    rows = json.loads(answer.body or b"{}").get("messages", ())
    return tuple(sorted((_mail(row) for row in rows), key=lambda mail: mail.at, reverse=True))


def forget(aws: Aws) -> None:
    """Empty the outbox."""
    aws.send(Request("ses", "DELETE", PATH))


def _mail(row: Mapping[str, Any]) -> Mail:
    stamp = str(row.get("Timestamp") or "")
    at = stamp if stamp.endswith("Z") or not stamp else f"{stamp}Z"
    if raw := row.get("RawData"):
        return _parsed(str(row["Id"]), at, str(row.get("Source") or ""), _text(raw))
    where, body = row.get("Destination") or {}, row.get("Body") or {}
    return Mail(
        id=str(row["Id"]),
        at=at,
        source=str(row.get("Source") or ""),
        to=tuple(
            address for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for address in where.get(kind) or ()
        ),
        subject=str(row.get("Subject") or ""),
        text=str(body.get("text_part") or ""),
        html=str(body.get("html_part") or ""),
    )


def _text(raw: Any) -> str:
    return str(raw.get("Data") or "") if isinstance(raw, Mapping) else str(raw)


def _parsed(mail_id: str, at: str, source: str, raw: str) -> Mail:
    # As bytes: text parts may be sent as they are, in UTF-8.
    message = message_from_bytes(raw.encode(), policy=policy.default)
    return Mail(
        id=mail_id,
        at=at,
        source=str(message.get("From") or source),
        to=tuple(str(value) for name in ("To", "Cc", "Bcc") for value in message.get_all(name) or ()),
        subject=str(message.get("Subject") or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=tuple(part.get_filename() or part.get_content_type() for part in message.iter_attachments()),
        headers=tuple((name, str(value)) for name, value in message.items()),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).rstrip() if part is not None else ""
