"""From runs to numbers. Pure: used by `store` for the JSON files and by `page` for the table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.values import Aim, Figure

Run = Mapping[str, Any]
"""A run as it is in its file."""


def counted(runs: Iterable[Run]) -> list[Run]:
    """The runs that say something."""
    return [run for run in runs if not run.get("void")]


def values(runs: Iterable[Run], key: str) -> list[float]:
    """One number of every run that counts and has it."""
    found = (run.get(key) if key in ("value", "baseline") else run["more"].get(key) for run in counted(runs))
    return [float(value) for value in found if value is not None]


def numbers(found: Sequence[float]) -> dict[str, float | int | None]:
    """Median, n, and both ends: p95 and max, p5 and min (nearest ranks)."""
    if not found:
        return {"median": None, "p95": None, "max": None, "p5": None, "min": None, "n": 0}
    ordered = sorted(found)
    return {
        "median": _rounded(statistics.median(ordered)),
        "p95": _rounded(ordered[math.ceil(0.95 * len(ordered)) - 1]),
        "max": _rounded(ordered[-1]),
        "p5": _rounded(ordered[-math.ceil(0.95 * len(ordered))]),
        "min": _rounded(ordered[0]),
        "n": len(ordered),
    }


def is_met(aim: Aim | None, found: Mapping[str, float | int | None]) -> bool | None:
    """Whether the aim is met; None where there is no aim, or nothing to judge by."""
    value = found[aim.of] if aim else None
    if aim is None or value is None:
        return None
    return (aim.most is None or value <= aim.most) and (aim.least is None or value >= aim.least)


def summarise(figure: Figure, runs: Sequence[Run]) -> dict[str, Any]:
    """All that is computed from the runs: every line, the baseline and the ratio, the load before, parts."""
    lines = {}
    for line in figure.lines:
        found = numbers(values(runs, line.key))
        aim = {"of": line.aim.of, **line.aim.bounds} if line.aim else None
        lines[line.key] = {
            "title": line.title,
            "unit": line.unit,
            "more_is_better": line.more_is_better,
            "aim": aim,
            **found,
            "met": is_met(line.aim, found),
        }
    bare = numbers(values(runs, "baseline"))
    loads = [float(run["load_before"]) for run in counted(runs)]
    head = {key: lines["value"][key] for key in ("median", "p95", "max", "n")}
    return {
        **head,
        "void": len(runs) - len(counted(runs)),
        "lines": lines,
        "baseline": {"what": figure.baseline or "none in this issue", **bare},
        "ratio": _ratio(numbers(values(runs, figure.compared))["median"], bare["median"]),
        "parts": _parts(runs),
        "load_before": numbers(loads),
    }


def _ratio(ours: float | None, bare: float | None) -> float | None:
    return round(ours / bare, 2) if ours is not None and bare else None


def _parts(runs: Sequence[Run]) -> dict[str, float]:
    """The median of each part."""
    found: dict[str, list[float]] = {}
    for run in counted(runs):
        for name, value in run.get("parts", {}).items():
            found.setdefault(name, []).append(float(value))
    return {name: _rounded(statistics.median(parts)) for name, parts in found.items()}


def _rounded(value: float) -> float:
    return round(value, 4)
