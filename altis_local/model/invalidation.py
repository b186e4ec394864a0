"""What CloudFront takes as paths of an invalidation, and how many of them. Pure.

Asked by the stand-in of its API, which the site calls, and by control for `cdn purge`: one rule for both.
Source of the limits: CloudFront's quotas, 3,000 paths and 15 wildcards in progress at once.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_PATHS = 3000
MOST_WILDCARDS = 15
LONGEST_PATH = 4000


def is_wildcard(path: str) -> bool:
    return path.endswith("*")


def problem(path: str) -> str | None:
    """Why a path is refused; None when it is not."""
    if not path or len(path) > LONGEST_PATH:
        return f"A path must have 1 to {LONGEST_PATH} characters."
    if "*" in path[:-1]:
        return f"'*' may only be the last character of a path: {path}"
    if not path.isascii() or not path.isprintable() or " " in path:
        return f"A path must be URL-encoded: {path}"
    return None


def excess(paths: Sequence[str]) -> str | None:
    """Why so many are too many; None when they are not. `paths`: all that are in progress, the new ones included."""
    wildcards = sum(map(is_wildcard, paths))
    if len(paths) - wildcards > MOST_PATHS or wildcards > MOST_WILDCARDS:
        return f"Your request exceeds the limit of {MOST_PATHS} paths and {MOST_WILDCARDS} wildcards in progress."
    return None
