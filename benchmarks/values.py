"""What a figure is, and what one run of it found. Values only; the words of every other module here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from benchmarks.stage import Stage

Statistic = Literal["median", "p95", "max", "p5", "min"]


@dataclass(frozen=True, slots=True)
class Aim:
    """A statistic of all runs must not be above `most`, or not below `least`: one of them is given."""

    of: Statistic
    most: float | None = None
    least: float | None = None

    @property
    def bounds(self) -> dict[str, float]:
        """Those that are given, by name."""
        given = {"most": self.most, "least": self.least}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Line:
    """One number that every run has: a row of the table. `key`: "value", or a key of Sample.more."""

    key: str
    title: str
    unit: str
    aim: Aim | None = None
    more_is_better: bool = False
    """Such as for a rate: its bad end is p5 and min, not p95 and max."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. `baseline` is the same thing done bare, right beside it; `parts` splits the value, such as by role."""

    value: float
    baseline: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    void: str = ""
    """Why the run says nothing, such as a fault that missed. It is kept and shown, and counts for nothing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline figure. `lines[0]` is the value itself."""

    name: str
    runs: int
    lines: tuple[Line, ...]
    measure: Callable[[Stage], Sample]
    """One run."""
    prepare: Callable[[Stage], object] = lambda _: None
    """What comes once before the first run and is not measured."""
    baseline: str = ""
    """What the baseline is; "" where there is none."""
    compared: str = "value"
    """What is divided by the baseline for the ratio: "value", or a key of Sample.more."""
    shows_all: bool = False
    """RESULTS.md lists every run, not only the statistics."""
    on_request: bool = False
    """Measured only when it is named: it takes long."""
    note: str = ""

    @property
    def unit(self) -> str:
        return self.lines[0].unit

    @property
    def title(self) -> str:
        return self.lines[0].title
