"""The checks: what must be true of a run. Pure functions from Evidence to a Finding; called by `judge`.

A check reads the saved history and nothing else: no environment, no clock. What it cannot know is `unknown`, never
`ok`; a check that raises is `unknown` too, and the worst finding is the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from altis_local.drill import figures
from altis_local.drill.evidence import Evidence, duty_holder, member_of, promotions, term
from altis_local.drill.ledger import Attempt, Ledger, Row
from altis_local.model.history import Verdict

SHOWN = 40
"""Lines of evidence that a finding carries at most; the history holds all."""

LEAST_CLIENTS = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, with the operations that prove it."""

    verdict: Verdict
    detail: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding under the name of its check."""

    name: str
    finding: Finding


Check = Callable[[Evidence, float | None], Finding]


def _ok(detail: str, evidence: Iterable[str] = ()) -> Finding:
    return Finding(Verdict.OK, detail, tuple(evidence)[:SHOWN])


def _failed(detail: str, evidence: Iterable[str] = ()) -> Finding:
    return Finding(Verdict.FAILED, detail, tuple(evidence)[:SHOWN])


def _unknown(detail: str, evidence: Iterable[str] = ()) -> Finding:
    return Finding(Verdict.UNKNOWN, detail, tuple(evidence)[:SHOWN])


def told(attempt: Attempt) -> str:
    """One operation as a line of evidence."""
    server = f" by server {attempt.value['server']}" if attempt.value.get("server") else ""
    error = f": {attempt.value['error']}" if attempt.value.get("error") else ""
    return f"{attempt.kind} {attempt.op} ({attempt.client}) {attempt.outcome} at {attempt.at:.3f}{server}{error}"


def fault_struck(run: Evidence, _: float | None) -> Finding:
    """Every planned fault was really applied: a drill whose fault missed proves nothing."""
    struck = [mark for mark in run.facts.faults if mark.applied]
    lines = [f"{m.kind} {m.target} -> {', '.join(m.members)} at {m.at:.3f} {m.detail}".rstrip() for m in struck]
    if len(struck) < max(1, run.facts.planned):
        return _unknown(f"{len(struck)} of {run.facts.planned} faults were applied", lines)
    return _ok("; ".join(f"{m.kind} {', '.join(m.members)}" for m in struck), lines)


def acknowledged_writes_kept(run: Evidence, _: float | None) -> Finding:
    """What a client was told is saved is there in the end."""
    acked = run.ledger.acknowledged("insert", "post")
    posts = sum(a.kind == "post" for a in acked)
    if not acked:
        return _unknown("no write was acknowledged")
    gone = figures.lost(run.ledger)
    if gone is None:
        return _unknown("the final read is missing or incomplete")
    if gone:
        return _failed(f"{len(gone)} of {len(acked)} acknowledged writes are lost", map(told, gone))
    if run.ledger.of("post") and not posts:
        return _unknown(f"all {len(acked)} acknowledged rows are there, but no post was ever acknowledged")
    return _ok(f"all {len(acked)} acknowledged writes are there ({len(acked) - posts} rows, {posts} posts)")


def one_writer(run: Evidence, _: float | None) -> Finding:
    """The times in which different servers wrote never overlap: by surviving rows, and by what clients were told."""
    rows = run.ledger.rows
    if not rows:
        return _unknown("there are no surviving rows to read")
    if any(not row.server for row in rows):
        return _unknown("there are rows that do not tell their server")
    overlaps = [*_row_overlaps(rows), *_told_overlaps(run.ledger)]
    if overlaps:
        return _failed("two servers wrote at the same time", overlaps)
    blocks = _blocks(rows)
    lines = [f"server {b[0].server}: {len(b)} rows from {b[0].at:.6f} to {b[-1].at:.6f}" for b in blocks]
    return _ok(f"{len(blocks)} server(s) wrote, one after the other", lines)


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
        return _unknown(f"the writer is not known (before: {old}, after: {new})")
    if old == new:
        return _failed(f"{old} is the writer still")
    was = member_of(run.facts.before, new)
    if was is None or was.get("duty") != "reader":
        return _failed(f"{new} is the writer and was no reader before")
    if run.journal is None:
        return _unknown(f"{new} is the writer, but the journal is missing")
    since = run.facts.struck.at if run.facts.struck else run.facts.started_at
    made = [p for p in promotions(run.journal) if p.at >= since]
    lines = [f"{p.member} promoted at {p.at:.3f} in term {p.term}" for p in made]
    if not made or made[-1].member != new:
        return _failed(f"the journal knows no promotion of {new}", lines)
    terms = [t for t in (term(run.facts.before), *(p.term for p in made)) if t is not None]
    if terms != sorted(set(terms)):
        return _failed(f"the term did not rise: {terms}", lines)
    return _ok(f"{new} took over from {old} in term {terms[-1]}", lines)


def same_endpoint(run: Evidence, _: float | None) -> Finding:
    """Every client that wrote before the fault wrote after it, through the same name, on another server."""
    mark = run.facts.struck
    if mark is None:
        return _unknown("nothing was broken")
    acked = run.ledger.acknowledged("insert")
    before = {a.client: a.value.get("server") for a in acked if a.end is not None and a.end <= mark.mono}
    after = {a.client for a in acked if a.begin > mark.mono and a.value.get("server") != before.get(a.client)}
    if len(before) < LEAST_CLIENTS:
        return _unknown(f"only {len(before)} clients wrote before the fault")
    if not run.ledger.is_whole:
        return _unknown("the history was cut before the clients came to their end")
    if stuck := sorted(before.keys() - after):
        return _failed(f"{len(stuck)} of {len(before)} clients never wrote again", stuck)
    return _ok(f"all {len(before)} clients went on through the same name")


def old_writer_reads(run: Evidence, _: float | None) -> Finding:
    """The member that was the writer is back, healthy, as a reader."""
    old = duty_holder(run.facts.before, "writer")
    if not old or not run.facts.after:
        return _unknown("the status before or after is not known")
    now = member_of(run.facts.after, old)
    if now is None:
        return _failed(f"{old} is gone")
    said = f"{old} is {now.get('state')}, duty {now.get('duty') or 'none'}"
    return _ok(said) if now.get("state") == "healthy" and now.get("duty") == "reader" else _failed(said)


def site_answered(run: Evidence, most: float | None) -> Finding:
    """Pages that no cache can answer came from the load balancer all the time."""
    pages, edge = run.ledger.of("page"), run.ledger.of("edge")
    gap = figures.longest_gap(run.ledger, "page")
    if not pages:
        return _unknown("no page was asked for")
    if gap is None:
        return _failed(f"none of {len(pages)} uncached pages came", map(told, pages))
    good = sum(a.is_acknowledged for a in pages)
    said = f"{good} of {len(pages)} uncached pages, at most {gap.seconds:.2f} s without one"
    if edge:
        said += f"; at the edge {sum(a.is_acknowledged for a in edge)} of {len(edge)}"
    bad = [told(a) for a in (*pages, *edge) if not a.is_acknowledged]
    return _failed(f"{said}: more than {most:g} s", bad) if most is not None and gap.seconds > most else _ok(said, bad)


def write_gap(run: Evidence, most: float | None) -> Finding:
    """The longest time in which no client was acknowledged stays within the budget."""
    gap = figures.longest_gap(run.ledger, "insert")
    clients = {a.client for a in run.ledger.acknowledged("insert")}
    if gap is None or len(clients) < LEAST_CLIENTS:
        return _unknown(f"{len(clients)} clients were acknowledged; a gap needs {LEAST_CLIENTS}")
    said = f"{gap.seconds:.3f} s without an acknowledgement to any of {len(clients)} clients"
    return _failed(f"{said}: more than {most:g} s") if most is not None and gap.seconds > most else _ok(said)


def failed_requests(run: Evidence, most: float | None) -> Finding:
    """Not more requests than the budget allows went without an acknowledgement."""
    if not run.ledger.attempts:
        return _unknown("there is no history")
    bad = figures.failed(run.ledger)
    said = f"{len(bad)} of {len(run.ledger.of('insert', 'post', 'page'))} requests"
    if most is not None and len(bad) > most:
        return _failed(f"{said}: more than {most:g}", map(told, bad))
    return _ok(said, map(told, bad))


MANUAL = ("spec", "asked")
"""Kinds of journal lines that come from a person or a program outside, never from control itself."""


def without_a_hand(run: Evidence, _: float | None) -> Finding:
    """Nobody asked control for anything between the fault and the end."""
    if run.journal is None:
        return _unknown("the journal is missing")
    since = run.facts.struck.at if run.facts.struck else run.facts.started_at
    asked = [e for e in run.journal if e.get("kind") in MANUAL and float(e.get("at", 0)) >= since]
    if asked:
        return _failed("somebody helped", (f"{e.get('kind')}: {e.get('text')}" for e in asked))
    return _ok("control did it all by itself")


def converged_again(run: Evidence, most: float | None) -> Finding:
    """In the end the environment is whole, and protected where it was before."""
    if run.facts.converged is None:
        return _unknown("nobody waited for it")
    if not run.facts.converged:
        return _failed("the environment did not converge in time")
    if run.facts.before.get("protected") and not run.facts.after.get("protected"):
        return _failed("the environment converged, but it is not protected any more")
    seconds = run.facts.converge_seconds or 0.0
    said = f"{seconds:.1f} s after the fault"
    return _failed(f"{said}: more than {most:g} s") if most is not None and seconds > most else _ok(said)


CHECKS: dict[str, Check] = {
    "fault-struck": fault_struck,
    "acknowledged-writes-kept": acknowledged_writes_kept,
    "one-writer": one_writer,
    "reader-promoted": reader_promoted,
    "same-endpoint": same_endpoint,
    "old-writer-reads": old_writer_reads,
    "site-answered": site_answered,
    "write-gap": write_gap,
    "failed-requests": failed_requests,
    "without-a-hand": without_a_hand,
    "converged-again": converged_again,
}
_WORST_FIRST = (Verdict.FAILED, Verdict.UNKNOWN, Verdict.OK)


def check(name: str, run: Evidence, most: float | None) -> Checked:
    """Run one check. Whatever it raises becomes `unknown`: a broken check is no proof, and no alarm either."""
    try:
        return Checked(name, CHECKS[name](run, most))
    except Exception as exc:
        return Checked(name, _unknown(f"the check broke: {type(exc).__name__}: {exc}"))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; nothing checked is unknown."""
    found = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.UNKNOWN)
