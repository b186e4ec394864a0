"""Numbers among the parameters of a request to control's API. Pure: text in; a wrong one is a UsageError."""

from __future__ import annotations

from collections.abc import Mapping

from altis_local.errors import UsageError


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """The whole number of this name, from 0 up."""
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise UsageError(f"{name} must be a number, not {text!r}")
    return int(text)
