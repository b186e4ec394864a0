"""Invalidations of one distribution: what was asked for, CloudFront's limits, and whether it is done.

Used by cloudfront. The purge itself is a function given by main; an invalidation counts only once that function
returned. For `lasts` seconds it is "in progress" and counts against the limits, as in the cloud.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from altis_local.errors import AltisError
from altis_local.model.invalidation import excess, problem

KEPT = 1000
"""Finished invalidations that can still be asked about."""

_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Purge = Callable[[Sequence[str]], None]


class ApiError(AltisError):
    """An error of CloudFront's API: its code and HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Batch:
    """What a caller asks for; a second batch with the same reference is the same one."""

    reference: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invalidation:
    """One that was accepted. `created` in seconds since the epoch."""

    id: str
    created: float
    batch: Batch


def check(batch: Batch) -> None:
    """Raise ApiError for a batch that CloudFront refuses whatever else is going on."""
    if not batch.reference:
        raise ApiError(400, "InvalidArgument", "The caller reference must not be empty.")
    if not batch.paths:
        raise ApiError(400, "InvalidArgument", "Your request must name at least one path.")
    for path in batch.paths:
        if why := problem(path):
            raise ApiError(400, "InvalidArgument", why)


class Invalidations:
    """The newest `KEPT` of them, in memory: the CDN forgets its cache at a restart, and so may this."""

    def __init__(self, purge: Purge, *, now: Callable[[], float], lasts: float = 0.0) -> None:
        self._purge = purge
        self._now = now
        self._lasts = lasts
        self._known: dict[str, Invalidation] = {}
        self._lock = threading.Lock()

    def create(self, batch: Batch) -> Invalidation:
        """Purge, then remember. Raises ApiError."""
        check(batch)
        # One at a time: the limits count all of them together.
        with self._lock:
            known = next((one for one in self._known.values() if one.batch.reference == batch.reference), None)
            if known and known.batch == batch:
                return known
            if known:
                raise ApiError(
                    400, "InvalidArgument", f"The caller reference {batch.reference} was used for other paths."
                )
            self._check_limits(batch)
            self._purge(batch.paths)
            made = Invalidation("I" + "".join(secrets.choice(_ID_LETTERS) for _ in range(25)), self._now(), batch)
            self._known[made.id] = made
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
            return made

    def _check_limits(self, batch: Batch) -> None:
        running = [one for one in self._known.values() if not self.is_done(one)]
        paths = [path for one in [*(other.batch for other in running), batch] for path in one.paths]
        if why := excess(paths):
            raise ApiError(400, "TooManyInvalidationsInProgress", why)

    def is_done(self, invalidation: Invalidation) -> bool:
        """Whether it is no longer in progress."""
        return self._now() >= invalidation.created + self._lasts

    def get(self, id_: str) -> Invalidation:
        """Raises ApiError for one that is not known."""
        with self._lock:
            found = self._known.get(id_)
        if found is None:
            raise ApiError(404, "NoSuchInvalidation", f"The specified invalidation does not exist: {id_}")
        return found

    def newest_first(self) -> tuple[Invalidation, ...]:
        with self._lock:
            return tuple(reversed(self._known.values()))
