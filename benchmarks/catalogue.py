"""Every figure, in the order in which they are measured: those of one plan together, so that it is started once."""

from __future__ import annotations

from collections.abc import Sequence

from altis_local.errors import UsageError
from benchmarks import frequent, idle, redis_gap, start, write_gap
from benchmarks.values import Figure

FIGURES: tuple[Figure, ...] = (
    *start.figures("local"),
    *idle.figures("local"),
    *start.figures("production-ha"),
    *frequent.figures(),
    *idle.figures("production-ha"),
    *write_gap.figures(),
    *redis_gap.figures(),
)


def chosen(words: Sequence[str]) -> tuple[Figure, ...]:
    """Figures by name, or by the beginning of names (`start` is six of them); all without a word."""
    names = [name for word in words for name in word.replace(",", " ").split()]
    for name in names:
        if not any(figure.name.startswith(name) for figure in FIGURES):
            raise UsageError(f"no figure is called {name!r}", hint=", ".join(figure.name for figure in FIGURES))
    return tuple(f for f in FIGURES if not names or any(f.name.startswith(name) for name in names))
