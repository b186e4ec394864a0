"""mail: what the site sent. Nothing leaves the machine."""

from __future__ import annotations

import json as encoder
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.cli.times import clock, epoch

app = typer.Typer(no_args_is_help=True, help="Mail that the site sent (SES); nothing leaves the machine.")


@app.command("list")
def listing(json: Json = False) -> None:
    """What was sent and what failed, newest first."""
    document = environment().services().mails()
    if json:
        print_json({**document, "log": list(map(_readable, document["log"]))})
        return
    rows = sorted([*_sent(document), *_failed(document)], reverse=True)
    if not rows:
        print("no mail yet")
        return
    print(columns(("TIME (UTC)", "", "FROM", "TO", "SUBJECT", "ID"), [(clock(row[0]), *row[1:]) for row in rows]))


def _sent(document: Any) -> Iterator[tuple[float, str, str, str, str, str]]:
    for row in document["mails"]:
        yield (epoch(row["at"]) or 0.0, "sent", row["from"], ", ".join(row["to"]), row["subject"], row["id"])


def _failed(document: Any) -> Iterator[tuple[float, str, str, str, str, str]]:
    """From the log: SES keeps nothing of what it refused."""
    for event in map(_readable, document["log"]):
        message = event["message"]
        if event["stream"] != "Failed" or not isinstance(message, dict):
            continue
        mail, why = message.get("message") or {}, (message.get("error") or {}).get("message", "")
        to = ", ".join(a for kind in (mail.get("Destination") or {}).values() for a in kind)
        subject = ((mail.get("Message") or {}).get("Subject") or {}).get("Data", "")
        yield (event["at"], "failed", mail.get("Source", ""), to, subject, f"({why})")


def _readable(event: dict[str, Any]) -> dict[str, Any]:
    """A line of the log with its message as a document, where it is one."""
    try:
        return {**event, "message": encoder.loads(event["message"])}
    except ValueError:
        return event


@app.command()
def show(
    mail_id: Annotated[str, typer.Argument(metavar="ID", help="A mail, as `mail list` names it.")],
    html: Annotated[bool, typer.Option("--html", help="The HTML part instead of the text.")] = False,
    json: Json = False,
) -> None:
    """One mail with its text."""
    document = environment().services().mail(mail_id)
    if json:
        print_json(document)
        return
    facts = {"From": document["source"], "To": ", ".join(document["to"]), "Subject": document["subject"]}
    facts |= {"Date": document["at"], "Attached": ", ".join(document["attachments"])}
    print("\n".join(f"{name:<9} {value}" for name, value in facts.items() if value))
    print("\n" + (document["html"] if html or not document["text"] else document["text"]))


@app.command()
def clear(json: Json = False) -> None:
    """Empty the outbox; the log streams stay."""
    document = environment().services().clear_mails()
    if json:
        print_json(document)
    else:
        print(f"{document['removed']} mails removed")
