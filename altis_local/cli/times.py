"""Times on the command line: `15m` and dates in, short words for people out. Pure.

Called by the commands that list what happened when.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from altis_local.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_STEPS = ((86400 * 2, 86400, "d"), (3600 * 2, 3600, "h"), (120, 60, "min"))


def since(text: str, now: float) -> float:
    """The moment (seconds since the epoch) meant by `15m`, or by a date such as 2026-01-31T12:00:00 (UTC)."""
    if found := _SPAN.fullmatch(text.strip()):
        return now - float(found[1]) * _UNITS[found[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time", hint="such as 30s, 15m, 2h, 7d or 2026-01-31T12:00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def epoch(text: str) -> float | None:
    """ISO 8601 as seconds since the epoch; None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def clock(moment: float) -> str:
    """`2026-01-31 12:00:00`, in UTC, as the cloud logs."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h`, `5 d`."""
    for least, unit, name in _STEPS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def relative(moment: float, now: float) -> str:
    """`in 5 min` or `5 min ago`."""
    left = moment - now
    return f"in {span(left)}" if left >= 0.5 else f"{span(-left)} ago"


def size(count: float) -> str:
    """Bytes for people: `1.4 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
