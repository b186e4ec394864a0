"""Each check finds its fault in a hand-written history, passes the good one, and says when it cannot know."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from drill_histories import BACK, EPOCH, FAULT, NEW, OLD, Story, crash, facts, promoted, run, status

from altis_local.drill import checks
from altis_local.drill.evidence import Evidence
from altis_local.drill.ledger import Ledger
from altis_local.model.history import Verdict

Make = Callable[[], Evidence]


def of(spoil: Callable[[Story], None], **story: float) -> Make:
    """A run whose story was spoiled before the final read."""

    def make() -> Evidence:
        told = crash(**story)  # type: ignore[arg-type]
        spoil(told)
        told.read()
        return run(told)

    return make


def lost_row() -> Evidence:
    story = crash(lost=3)
    story.read()
    return run(story)


def old_writer_writes_again(story: Story) -> None:
    story.insert("ghost", "writer-9", BACK + 1.0, server=OLD)


def old_writer_acknowledges_a_lost_row(story: Story) -> None:
    story.insert("ghost", "writer-9", BACK + 1.0, server=OLD, kept=False)


def post_lost(story: Story) -> None:
    story.titles.remove("post-3")


def row_without_server(story: Story) -> None:
    story.rows[5][3] = 0


def client_never_returns() -> Evidence:
    story = crash()
    story.lines = [line for line in story.lines if '"writer-2-n' not in line]
    story.read()
    return run(story)


def no_pages_after_the_fault() -> Evidence:
    story = crash()
    kept = []
    for line in story.lines:
        late = '"kind": "page"' in line and any(f'"page-{n}"' in line for n in range(9, 99))
        kept.append(line.replace('"type": "ok"', '"type": "fail"') if late else line)
    story.lines = kept
    story.read()
    return run(story)


def unread() -> Evidence:
    return run(crash())


def cut_read() -> Evidence:
    story = crash()
    story.read()
    story.lines = [line.replace(f'"count": {len(story.rows)}', '"count": 999999') for line in story.lines]
    return run(story)


def empty() -> Evidence:
    return run(Story(), journal=[])


def few() -> Evidence:
    story = crash(clients=3)
    story.read()
    return run(story)


def without_journal() -> Evidence:
    return dataclasses.replace(run(), journal=None)


def slow() -> Evidence:
    story = crash(back=7.0)
    story.read()
    return run(story)


missed = dataclasses.replace(facts().faults[0], applied=False)
helped = [*promoted("db-2", 2, BACK), {"at": EPOCH + FAULT + 1, "kind": "asked", "text": "failover db"}]
before = [{"at": EPOCH - 5, "kind": "asked", "text": "failover db"}, *promoted("db-2", 2, BACK)]
early = promoted("db-2", 2, FAULT - 2)
falling = [*promoted("db-3", 5, BACK), *promoted("db-2", 4, BACK + 0.1)]

OK, FAILED, UNKNOWN = Verdict.OK, Verdict.FAILED, Verdict.UNKNOWN
CASES: list[tuple[str, str, Make, float | None, Verdict, str]] = [
    ("struck", "fault-struck", run, None, OK, "kill db-1"),
    ("missed", "fault-struck", lambda: run(faults=(missed,)), None, UNKNOWN, "0 of 1"),
    ("none", "fault-struck", lambda: run(faults=()), None, UNKNOWN, "0 of 1"),
    ("kept", "acknowledged-writes-kept", run, None, OK, "all"),
    ("lost rows", "acknowledged-writes-kept", lost_row, None, FAILED, "3 of"),
    ("lost post", "acknowledged-writes-kept", of(post_lost), None, FAILED, "1 of"),
    ("unread", "acknowledged-writes-kept", unread, None, UNKNOWN, "final read"),
    ("read cut short", "acknowledged-writes-kept", cut_read, None, UNKNOWN, "final read"),
    ("nothing written", "acknowledged-writes-kept", empty, None, UNKNOWN, "no write"),
    ("one after the other", "one-writer", run, None, OK, "2 server(s)"),
    ("row of the old writer", "one-writer", of(old_writer_writes_again), None, FAILED, "same time"),
    ("lost row of it", "one-writer", of(old_writer_acknowledges_a_lost_row), None, FAILED, "same time"),
    ("no server", "one-writer", of(row_without_server), None, UNKNOWN, "do not tell"),
    ("no rows", "one-writer", unread, None, UNKNOWN, "no surviving"),
    ("promoted", "reader-promoted", run, None, OK, "db-2 took over from db-1 in term 2"),
    ("same writer", "reader-promoted", lambda: run(after=status("db-1")), None, FAILED, "db-1 is the writer still"),
    ("not by control", "reader-promoted", lambda: run(journal=[]), None, FAILED, "no promotion"),
    ("before the fault", "reader-promoted", lambda: run(journal=early), None, FAILED, "no promotion"),
    ("term fell", "reader-promoted", lambda: run(journal=falling), None, FAILED, "did not rise"),
    (
        "failed",
        "reader-promoted",
        lambda: run(journal=promoted("db-2", 2, BACK, "failed")),
        None,
        FAILED,
        "no promotion",
    ),
    ("old term", "reader-promoted", lambda: run(journal=promoted("db-2", 1, BACK)), None, FAILED, "did not rise"),
    ("from nowhere", "reader-promoted", lambda: run(before=status(db_2={"duty": None})), None, FAILED, "no reader"),
    ("no status", "reader-promoted", lambda: run(after={}), None, UNKNOWN, "not known"),
    ("no journal", "reader-promoted", without_journal, None, UNKNOWN, "missing"),
    ("went on", "same-endpoint", run, None, OK, "all 4"),
    ("one stuck", "same-endpoint", client_never_returns, None, FAILED, "1 of 4"),
    ("cut", "same-endpoint", unread, None, UNKNOWN, "cut"),
    ("too few", "same-endpoint", few, None, UNKNOWN, "only 3"),
    ("not broken", "same-endpoint", lambda: run(faults=()), None, UNKNOWN, "nothing"),
    ("back", "old-writer-reads", run, None, OK, "duty reader"),
    ("lame", "old-writer-reads", lambda: run(after=status("db-2", db_1={"state": "stopped"})), None, FAILED, "stopped"),
    ("gone", "old-writer-reads", lambda: run(after={"members": [{"member": "db-2"}]}), None, FAILED, "gone"),
    ("status missing", "old-writer-reads", lambda: run(after={}), None, UNKNOWN, "not known"),
    ("pages came", "site-answered", run, 3.0, OK, "16 of 16"),
    ("pages stopped", "site-answered", no_pages_after_the_fault, 3.0, FAILED, "more than 3 s"),
    ("nobody asked", "site-answered", empty, 3.0, UNKNOWN, "no page"),
    ("short gap", "write-gap", run, 2.0, OK, "0.3"),
    ("long gap", "write-gap", slow, 2.0, FAILED, "more than 2 s"),
    ("few clients", "write-gap", few, 2.0, UNKNOWN, "needs 4"),
    ("few errors", "failed-requests", run, 4, OK, "4 of"),
    ("many errors", "failed-requests", run, 3, FAILED, "more than 3"),
    ("no history", "failed-requests", empty, 3, UNKNOWN, "no history"),
    ("alone", "without-a-hand", run, None, OK, "by itself"),
    ("helped", "without-a-hand", lambda: run(journal=helped), None, FAILED, "somebody"),
    ("helped before", "without-a-hand", lambda: run(journal=before), None, OK, "by itself"),
    ("journal missing", "without-a-hand", without_journal, None, UNKNOWN, "missing"),
    ("whole", "converged-again", run, 60, OK, "6.0 s"),
    ("broken still", "converged-again", lambda: run(converged=False), 60, FAILED, "did not"),
    ("late", "converged-again", run, 5, FAILED, "more than 5 s"),
    ("bare", "converged-again", lambda: run(after=status("db-2", protected=False)), 60, FAILED, "not protected"),
    ("not waited", "converged-again", lambda: run(converged=None), 60, UNKNOWN, "nobody"),
]


@pytest.mark.parametrize(("name", "make", "most", "verdict", "says"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_check(name: str, make: Make, most: float | None, verdict: Verdict, says: str) -> None:
    finding = checks.check(name, make(), most).finding
    assert (finding.verdict, says in finding.detail) == (verdict, True), finding


def test_lost_rows_are_shown() -> None:
    finding = checks.check("acknowledged-writes-kept", lost_row(), None).finding
    assert len(finding.evidence) == 3
    assert all("writer-0" in line and f"by server {OLD}" in line for line in finding.evidence)


def test_a_check_that_raises_is_unknown() -> None:
    broken = dataclasses.replace(run(), ledger=None)  # type: ignore[arg-type]
    for name in checks.CHECKS:
        assert checks.check(name, broken, 1.0).finding.verdict in (Verdict.UNKNOWN, Verdict.OK, Verdict.FAILED)
    assert checks.check("write-gap", broken, 1.0).finding.detail.startswith("the check broke: AttributeError")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [([], UNKNOWN), ([OK, OK], OK), ([OK, UNKNOWN], UNKNOWN), ([UNKNOWN, FAILED, OK], FAILED)],
    ids=["nothing", "good", "unclear", "bad"],
)
def test_worst_wins(found: list[Verdict], verdict: Verdict) -> None:
    assert checks.worst(found) is verdict


def test_an_empty_ledger_is_never_ok() -> None:
    nothing = Evidence(facts(faults=(), before={}, after={}, converged=None), Ledger(), None)
    assert {checks.check(name, nothing, 1.0).finding.verdict for name in checks.CHECKS} == {UNKNOWN}


def test_new_server_wrote_after_the_old() -> None:
    servers = [row.server for row in run().ledger.rows or ()]
    assert set(servers) == {OLD, NEW}
