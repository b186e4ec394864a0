"""A fault that is on now, as the labels of its helper tell it: what `status` and `fault list` show.

The helper's labels are all that is kept; whoever lists containers with their labels can list faults. Values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ID, KIND, TARGET, EXPIRES = (f"altis-local.fault-{name}" for name in ("id", "kind", "target", "expires"))
"""Labels of a helper, besides those that everything of an environment has. It has no `member` label: its end must not
be taken for the end of a member."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`expires_at` in epoch seconds; None for a fault that is over as soon as it happened."""

    id: str
    kind: str
    target: str
    """The member."""
    expires_at: float | None

    def labels(self) -> dict[str, str]:
        return {ID: self.id, KIND: self.kind, TARGET: self.target, EXPIRES: f"{self.expires_at or 0:.3f}"}

    def document(self) -> dict[str, Any]:
        """As the JSON documents show it."""
        return {"id": self.id, "kind": self.kind, "target": self.target, "expires_at": self.expires_at}


def from_labels(labels: Mapping[str, str]) -> Fault | None:
    """The fault that a container with these labels holds; None for any other container."""
    if ID not in labels:
        return None
    return Fault(labels[ID], labels.get(KIND, ""), labels.get(TARGET, ""), float(labels.get(EXPIRES) or 0) or None)
