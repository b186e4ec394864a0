"""Sizes and durations as people write them in compose files: `64m` -> bytes, `1m30s` -> seconds.

Called by compose_model. Raises ValueError with the text it could not read.
"""

from __future__ import annotations

import re

_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$", re.IGNORECASE)
_STEPS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_DURATION = re.compile(r"^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$")
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def size(value: object) -> int:
    """Bytes of `64m`, `1.5g`, `1024` or a number."""
    found = _SIZE.match(str(value).strip())
    if not found:
        raise ValueError(f"not a size: {value!r} (write it like 64m or 1g)")
    return int(float(found[1]) * _STEPS[found[2].lower()])


def duration(value: object) -> float:
    """Seconds of `10s`, `1m30s` or `500ms`."""
    text = str(value).strip()
    if not _DURATION.match(text):
        raise ValueError(f"not a duration: {value!r} (write it like 10s or 1m30s)")
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))
