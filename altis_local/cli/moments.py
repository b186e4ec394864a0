"""Moments as people type them: `10m` ago, or a date and time. Called by commands with --since and --until."""

from __future__ import annotations

import re
from datetime import datetime

from altis_local.errors import UsageError

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str, now: float) -> float:
    """Seconds since the epoch of `90s`, `10m`, `2h`, `1d` ago, of an ISO date and time (local time where it names no
    zone), or of a number of seconds since the epoch; 0 for "". Raises UsageError for anything else."""
    if not text:
        return 0.0
    if ago := _AGO.fullmatch(text):
        return now - float(ago.group(1)) * _SECONDS[ago.group(2)]
    try:
        return float(text) if text.isdecimal() else datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UsageError(
            f"{text!r} is no time", hint="10m, 2h, 2026-01-31, 2026-01-31T12:00:00 or 2026-01-31T12:00:00Z"
        ) from None
