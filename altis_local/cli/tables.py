"""Documents as text for people. Pure: plain columns, no framework, so that `status` stays quick.

Called by the commands that look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

_PROTECTED = {True: "yes", False: "NO", None: "no reader in this plan"}


def columns(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under a head, each column as wide as it needs to be; columns that are empty throughout are left out."""
    table = [tuple(head), *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    used = [i for i in range(len(head)) if len(table) == 1 or any(row[i] for row in table[1:])]
    widths = {i: max(len(row[i]) for row in table) for i in used}
    return "\n".join("  ".join(row[i].ljust(widths[i]) for i in used).rstrip() for row in table)


def status_text(document: Document) -> str:
    """The status document for people."""
    urls = document["urls"]
    lines = [
        f"{document['environment']}: plan {document['plan'] or 'unknown'}, {_state(document)}",
        f"site       {urls['site'] or 'unknown'}",
        f"admin      {urls['admin'] or 'unknown'}",
        f"protected  {_PROTECTED[document['protected']]}",
    ]
    if document.get("jobs"):
        left = ", {left} of them left by a killed runner" if document["jobs"].get("left") else ""
        lines.append(("jobs       {due} due, {running} running" + left).format(**document["jobs"]))
    if document.get("broken"):
        lines.append(f"broken     {', '.join(document['broken'])} (on purpose)")
    lines += ["", _members(document["members"])]
    if document["endpoints"]:
        rows = [(name, e["address"], " ".join(e["members"])) for name, e in document["endpoints"].items()]
        lines += ["", columns(("ENDPOINT", "ADDRESS", "MEMBERS"), rows)]
    if document["faults"]:
        faults = [(f["id"], f["kind"], f["target"], f["expires_at"]) for f in document["faults"]]
        lines += ["", columns(("FAULT", "KIND", "TARGET", "UNTIL"), faults)]
    return "\n".join(lines)


def _state(document: Document) -> str:
    if document["converged"]:
        return "converged"
    return str(document.get("control") or ("stopped" if document.get("state") == "stopped" else "not converged"))


def _members(members: Sequence[Document]) -> str:
    rows = [
        (m["member"], m["zone"], m["state"], m["duty"], megabytes(m["memory_bytes"]), m["health"] or m["detail"])
        for m in members
    ]
    return columns(("MEMBER", "ZONE", "STATE", "DUTY", "MEMORY", "DETAIL"), rows)


def megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:.0f} MiB"


def listing_text(document: Document) -> str:
    """The list document for people."""
    rows = [(e["environment"], e["plan"], e["state"], e["urls"]["site"]) for e in document["environments"]]
    if not rows:
        return "no environment yet; `altis-local start` makes one"
    return columns(("ENVIRONMENT", "PLAN", "STATE", "SITE"), rows)
