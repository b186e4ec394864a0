"""Checks of the database: what was acknowledged is there, one writer at a time, a reader took over. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from altis_local.drill import figures
from altis_local.drill.evidence import Evidence, duty_holder, member_of, promotions, term
from altis_local.drill.finding import Finding, failed, ok, told, unknown
from altis_local.drill.ledger import Attempt, Ledger, Row

LEAST_CLIENTS = 4
"""A gap seen by fewer would measure one client's back-off."""


def acknowledged_writes_kept(run: Evidence, _: float | None) -> Finding:
    """What a client was told is saved is there in the end."""
    acked = run.ledger.acknowledged("insert", "post")
    posts = sum(a.kind == "post" for a in acked)
    if not acked:
        return unknown("no write was acknowledged")
    gone = figures.lost(run.ledger)
    if gone is None:
        return unknown("the final read is missing or incomplete")
    if gone:
        return failed(f"{len(gone)} of {len(acked)} acknowledged writes are lost", map(told, gone))
    if run.ledger.of("post") and not posts:
        return unknown(f"all {len(acked)} acknowledged rows are there, but no post was ever acknowledged")
    return ok(f"all {len(acked)} acknowledged writes are there ({len(acked) - posts} rows, {posts} posts)")


def one_writer(run: Evidence, _: float | None) -> Finding:
    """The times in which different servers wrote never overlap: by surviving rows, and by what clients were told."""
    rows = run.ledger.rows
    if not rows:
        return unknown("there are no surviving rows to read")
    if any(not row.server for row in rows):
        return unknown("there are rows that do not tell their server")
    overlaps = [*_row_overlaps(rows), *_told_overlaps(run.ledger)]
    if overlaps:
        return failed("two servers wrote at the same time", overlaps)
    blocks = _blocks(rows)
    lines = [f"server {b[0].server}: {len(b)} rows from {b[0].at:.6f} to {b[-1].at:.6f}" for b in blocks]
    return ok(f"{len(blocks)} server(s) wrote, one after the other", lines)


def _blocks(rows: Iterable[Row]) -> list[list[Row]]:
    ordered = sorted(rows, key=lambda row: row.at)
    return [list(group) for _, group in groupby(ordered, key=lambda row: row.server)]


def _row_overlaps(rows: Iterable[Row]) -> list[str]:
    """A server that wrote, was followed by another one, and wrote again."""
    found: list[str] = []
    blocks = _blocks(rows)
    for i, block in enumerate(blocks):
        if any(earlier[0].server == block[0].server for earlier in blocks[:i]):
            before, row = blocks[i - 1][-1], block[0]
            found.append(
                f"row {row.id} by server {row.server} at {row.at:.6f}, after row {before.id} by {before.server}"
            )
    return found


def _told_overlaps(ledger: Ledger) -> list[str]:
    """Lost rows have no row time, but their clients know the server: writes begun on the old one after the new one
    had answered somebody."""
    by_server: dict[int, list[Attempt]] = {}
    for attempt in ledger.acknowledged("insert"):
        if server := attempt.value.get("server"):
            by_server.setdefault(server, []).append(attempt)
    ordered = sorted(by_server.values(), key=lambda acks: min(a.begin for a in acks))
    found: list[str] = []
    for i, old in enumerate(ordered):
        for new in ordered[i + 1 :]:
            first = min(new, key=lambda a: a.end or a.begin)
            late = [a for a in old if a.begin > (first.end or first.begin)]
            found += [f"{told(a)} begun after {told(first)}" for a in late]
    return found


def reader_promoted(run: Evidence, _: float | None) -> Finding:
    """Another member is the writer; it was a reader, and control promoted it in a higher term."""
    old, new = duty_holder(run.facts.before, "writer"), duty_holder(run.facts.after, "writer")
    if not old or not new:
        return unknown(f"the writer is not known (before: {old}, after: {new})")
    if old == new:
        return failed(f"{old} is the writer still")
    was = member_of(run.facts.before, new)
    if was is None or was.get("duty") != "reader":
        return failed(f"{new} is the writer and was no reader before")
    if run.journal is None:
        return unknown(f"{new} is the writer, but the journal is missing")
    since = run.facts.struck.at if run.facts.struck else run.facts.started_at
    made = [p for p in promotions(run.journal) if p.at >= since]
    lines = [f"{p.member} promoted at {p.at:.3f} in term {p.term}" for p in made]
    if not made or made[-1].member != new:
        return failed(f"the journal knows no promotion of {new}", lines)
    terms = [t for t in (term(run.facts.before), *(p.term for p in made)) if t is not None]
    if terms != sorted(set(terms)):
        return failed(f"the term did not rise: {terms}", lines)
    return ok(f"{new} took over from {old} in term {terms[-1]}", lines)


def same_endpoint(run: Evidence, _: float | None) -> Finding:
    """Every client that wrote before the fault wrote after it, through the same name, on another server."""
    mark = run.facts.struck
    if mark is None:
        return unknown("nothing was broken")
    acked = run.ledger.acknowledged("insert")
    before = {a.client: a.value.get("server") for a in acked if a.end is not None and a.end <= mark.mono}
    after = {a.client for a in acked if a.begin > mark.mono and a.value.get("server") != before.get(a.client)}
    if len(before) < LEAST_CLIENTS:
        return unknown(f"only {len(before)} clients wrote before the fault")
    if not run.ledger.is_whole:
        return unknown("the history was cut before the clients came to their end")
    if stuck := sorted(before.keys() - after):
        return failed(f"{len(stuck)} of {len(before)} clients never wrote again", stuck)
    return ok(f"all {len(before)} clients went on through the same name")


def old_writer_reads(run: Evidence, _: float | None) -> Finding:
    """The member that was the writer is back, healthy, as a reader."""
    old = duty_holder(run.facts.before, "writer")
    if not old or not run.facts.after:
        return unknown("the status before or after is not known")
    now = member_of(run.facts.after, old)
    if now is None:
        return failed(f"{old} is gone")
    said = f"{old} is {now.get('state')}, duty {now.get('duty') or 'none'}"
    return ok(said) if now.get("state") == "healthy" and now.get("duty") == "reader" else failed(said)


def write_gap(run: Evidence, most: float | None) -> Finding:
    """The longest time in which no client was acknowledged stays within the budget."""
    gap = figures.longest_gap(run.ledger, "insert")
    clients = {a.client for a in run.ledger.acknowledged("insert")}
    if gap is None or len(clients) < LEAST_CLIENTS:
        return unknown(f"{len(clients)} clients were acknowledged; a gap needs {LEAST_CLIENTS}")
    said = f"{gap.seconds:.3f} s without an acknowledgement to any of {len(clients)} clients"
    return failed(f"{said}: more than {most:g} s") if most is not None and gap.seconds > most else ok(said)
