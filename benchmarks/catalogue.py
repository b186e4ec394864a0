"""Every figure, in the order in which they are measured: those of one plan together, so that it is started once."""

from __future__ import annotations

from collections.abc import Sequence

from altis_local.errors import UsageError
from benchmarks import (
    compose_up,
    frequent,
    idle,
    images,
    jobs_rate,
    redis_gap,
    scale_out,
    search_node,
    start,
    tachyon_rate,
    write_gap,
)
from benchmarks.values import Figure

FIGURES: tuple[Figure, ...] = (
    *images.figures(),
    *search_node.figures(),
    *start.figures("local"),
    *compose_up.figures(),
    *idle.figures("local"),
    *tachyon_rate.figures(),
    *scale_out.figures(),
    *jobs_rate.figures(),
    *start.figures("production-ha"),
    *frequent.figures(),
    *idle.figures("production-ha"),
    *write_gap.figures(),
    *redis_gap.figures(),
)


def chosen(words: Sequence[str]) -> tuple[Figure, ...]:
    """Figures by name, or by the beginning of names (`start` is several); without a word all but those on request."""
    names = [name for word in words for name in word.replace(",", " ").split()]
    for name in names:
        if not any(figure.name.startswith(name) for figure in FIGURES):
            raise UsageError(f"no figure is called {name!r}", hint=", ".join(figure.name for figure in FIGURES))
    if not names:
        return tuple(figure for figure in FIGURES if not figure.on_request)
    return tuple(figure for figure in FIGURES if any(figure.name.startswith(name) for name in names))
