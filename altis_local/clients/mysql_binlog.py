"""A member's binary-log events of given transactions, as text for people. Best effort: what was purged is missing.

Called by MySqlNode.errant before such transactions are thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from altis_local.clients.mysql_session import Row
from altis_local.model.gtid import GtidSet

LIMIT = 256 * 1024
"""Characters kept: enough to see what was lost, not a second copy of the database."""

_GTID = re.compile(r"GTID_NEXT=\s*'([^']+)'")


def events(ask: Callable[[str], list[Row]], wanted: GtidSet) -> str:
    """The events of `wanted`, newest file first. `ask` runs a statement on the member."""
    lines: list[str] = []
    left = wanted
    for file in reversed([row["Log_name"] for row in ask("SHOW BINARY LOGS")]):
        for gtid, row in _matching(ask(f"SHOW BINLOG EVENTS IN '{file}'"), wanted):
            left = left.minus(gtid)
            lines.append(f"{file}:{row['Pos']}\t{row['Event_type']}\t{row['Info']}")
        if not left:
            break
    if left:
        lines.append(f"not in the binary logs any more: {left}")
    return "\n".join(lines)[:LIMIT]


def _matching(rows: Iterable[Row], wanted: GtidSet) -> Iterator[tuple[GtidSet, Row]]:
    """The rows that belong to a transaction of `wanted`: from its Gtid event up to the next one's."""
    current = GtidSet()
    for row in rows:
        if found := _GTID.search(row["Info"] or ""):
            gtid = GtidSet.parse(found[1])
            current = gtid if wanted.contains(gtid) else GtidSet()
        elif row["Event_type"] in ("Rotate", "Stop"):
            current = GtidSet()
        if current:
            yield current, row
