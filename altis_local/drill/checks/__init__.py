"""The checks: what must be true of a run. Pure functions from Evidence to a Finding; called by `judge`.

A check reads the saved history and nothing else: no environment, no clock. What it cannot know is `unknown`, never
`ok`; a check that raises is `unknown` too, and the worst finding is the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from altis_local.drill.checks import common, database, jobs, scaling
from altis_local.drill.evidence import Evidence
from altis_local.drill.finding import Check, Checked, unknown
from altis_local.model.history import Verdict

CHECKS: dict[str, Check] = {
    "fault-struck": common.fault_struck,
    "acknowledged-writes-kept": database.acknowledged_writes_kept,
    "one-writer": database.one_writer,
    "reader-promoted": database.reader_promoted,
    "same-endpoint": database.same_endpoint,
    "old-writer-reads": database.old_writer_reads,
    "site-answered": common.site_answered,
    "write-gap": database.write_gap,
    "failed-requests": common.failed_requests,
    "scaled-by-load": scaling.scaled_by_load,
    "even-spread": scaling.even_spread,
    "killed-replaced": scaling.killed_replaced,
    "jobs-ran-once": jobs.ran_once,
    "no-job-cut": jobs.none_cut,
    "without-a-hand": common.without_a_hand,
    "converged-again": common.converged_again,
}
_WORST_FIRST = (Verdict.FAILED, Verdict.UNKNOWN, Verdict.OK)


def check(name: str, run: Evidence, most: float | None) -> Checked:
    """Run one check. Whatever it raises becomes `unknown`: a broken check is no proof, and no alarm either."""
    try:
        return Checked(name, CHECKS[name](run, most))
    except Exception as exc:
        return Checked(name, unknown(f"the check broke: {type(exc).__name__}: {exc}"))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; nothing checked is unknown."""
    found = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.UNKNOWN)
