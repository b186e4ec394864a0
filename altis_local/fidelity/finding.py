"""What a probe found, and how it says so. Pure values.

Every probe ends with `claims(...)`: each claim stands beside what was observed, so that a report can be checked by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from altis_local.errors import AltisError

LONGEST = 400
"""Characters of a detail."""


class Result(StrEnum):
    """`unknown`: a probe could not tell. `not_probed`: there is none, or it needs what this environment lacks."""

    PASS = "pass"  # noqa: S105 - a result, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_PROBED = "not_probed"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one row. `detail` says what was seen, or why there is nothing to see."""

    result: Result
    detail: str = ""


class CannotTell(AltisError):
    """The probe has no answer: something that it needs is not there, or broke."""


class NotHere(AltisError):
    """This environment lacks what the row is about."""


def claims(*stated: tuple[object, str]) -> Finding:
    """Pass when every claim is true. The detail holds what was observed; of a fail, what was not as it should be."""
    if not stated:
        raise ValueError("a finding without a claim proves nothing")
    wrong = [observed for holds, observed in stated if not holds]
    told = wrong or [observed for _, observed in stated]
    text = " · ".join(" ".join(observed.split()) for observed in told)
    return Finding(Result.FAIL if wrong else Result.PASS, text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
