"""All that control keeps: the Spec and the protection record, in its volume, cached in memory.

What exists is never kept: it is looked up by label.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from altis_local.model.spec import Secrets, Spec
from altis_local.model.state import Protection


class Records(Protocol):
    """Where values are kept; saving returns when they are on disk."""

    def load_spec(self) -> Spec | None: ...
    def save_spec(self, spec: Spec) -> None: ...
    def load_record(self) -> Protection | None: ...
    def save_record(self, record: Protection) -> None: ...


class Store:
    """Safe for many threads."""

    def __init__(self, records: Records, asides: Path) -> None:
        self._records = records
        self._asides = asides
        self._lock = threading.Lock()
        self._spec = records.load_spec()
        self._record = records.load_record()

    @property
    def spec(self) -> Spec | None:
        return self._spec

    @property
    def record(self) -> Protection | None:
        return self._record

    def save_spec(self, spec: Spec) -> Spec:
        """Keep a Spec; each secret that is empty means the one that is kept already. Returns what was kept."""
        with self._lock:
            if self._spec is not None:
                spec = replace(spec, secrets=_filled(spec.secrets, self._spec.secrets))
            self._records.save_spec(spec)
            self._spec = spec
            return spec

    def save_record(self, record: Protection) -> None:
        """On disk before it counts."""
        with self._lock:
            self._records.save_record(record)
            self._record = record

    def save_aside(self, member: str, text: str) -> str:
        """Keep a member's errant transactions; returns the file's name in control's volume."""
        self._asides.mkdir(parents=True, exist_ok=True)
        number = len(list(self._asides.glob(f"{member}-*.txt"))) + 1
        path = self._asides / f"{member}-{number}.txt"
        path.write_text(text)
        return str(path)


def _filled(given: Secrets, kept: Secrets) -> Secrets:
    return Secrets(*(getattr(given, name) or getattr(kept, name) for name in Secrets.__slots__))
