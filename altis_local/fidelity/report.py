"""Findings as a document for programs and as text for people. Pure, but for the order of the rows it is handed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from altis_local.fidelity.catalogue import Group, Row
from altis_local.fidelity.finding import Finding, Result

SIGNS = {
    Result.PASS: ("✓", "green"),
    Result.FAIL: ("✗", "red"),
    Result.UNKNOWN: ("?", "yellow"),
    Result.DIFFERS: ("≠", "blue"),
    Result.NOT_PROBED: ("·", "bright_black"),
}
WORDS = {result: result.value.replace("_", " ") for result in Result}

Findings = Mapping[str, Finding]
Style = Callable[[str, str], str]
"""(text, colour) -> text."""


def document(groups: Sequence[Group], found: Findings) -> dict[str, Any]:
    """`rows`, how many `passed`, of how many in `total`, and the count of every result."""
    rows = [(row, found[row.id]) for group in groups for row in group.rows]
    counts = Counter(finding.result for _, finding in rows)
    return {
        "rows": [{"id": row.id, "result": f.result.value, "detail": f.detail} for row, f in rows],
        "passed": counts[Result.PASS],
        "total": len(rows),
        "counts": {result.value: counts[result] for result in Result},
    }


def exit_code(found: Findings) -> int:
    """1 when a row failed, 3 when a probe could not tell, else 0."""
    results = {finding.result for finding in found.values()}
    return 1 if Result.FAIL in results else 3 if Result.UNKNOWN in results else 0


def text(groups: Sequence[Group], found: Findings, *, everything: bool, style: Style) -> str:
    """Each group with its counts; below it the rows that are not well, or all of them."""
    lines = []
    for group in groups:
        lines += ["", f"{style(f'{group.name:<7}', 'bold')} {group.title}: {_counts(group.rows, found, style)}"]
        shown = [row for row in group.rows if everything or found[row.id].result in (Result.FAIL, Result.UNKNOWN)]
        lines += [_line(row, found[row.id], style) for row in shown]
    every = [row for group in groups for row in group.rows]
    return "\n".join([*lines, "", f"{len(every)} rows: {_counts(every, found, style)}"])


def _counts(rows: Sequence[Row], found: Findings, style: Style) -> str:
    counts = Counter(found[row.id].result for row in rows)
    return " · ".join(style(f"{counts[r]} {WORDS[r]}", SIGNS[r][1]) for r in Result if counts[r])


def _line(row: Row, finding: Finding, style: Style) -> str:
    sign, colour = SIGNS[finding.result]
    head = f"  {style(sign, colour)} {row.id:<9} {row.does}"
    return f"{head}\n{'':<14}{style(finding.detail, 'bright_black')}" if finding.detail else head
