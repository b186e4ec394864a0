"""The rows of the contract, from `rows/*.yaml` beside this module: one file for each group, one line for each row.

A row names its probe as `module.function` of `probes`, or says why it is decided otherwise (`differs`), or neither:
then nobody has proven it yet. Called by the command line and `run`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from altis_local.errors import UsageError
from altis_local.fidelity.finding import Finding
from altis_local.fidelity.world import World

FOLDER = Path(__file__).parent / "rows"
ORDER = (
    *("GEN", "CDN", "PAGE", "LB", "WEB", "SBX", "CAV", "DB", "CACHE", "SEARCH", "S3", "TACH", "MAIL", "SEC"),
    *("APM", "HC", "DEPLOY", "SCALE", "HA", "DASH", "LOCAL"),
)
NEEDS = {
    "readers": "needs readers",
    "standby": "needs a Redis standby",
    "zones": "needs several zones",
    "webs": "needs several web containers",
    "runners": "needs several Cavalcade containers",
}

Probe = Callable[[World], Finding]


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour. `needs`: what an environment must have for its probe; `slow`: begun first; rows with the same
    `turn` are probed one after the other."""

    id: str
    group: str
    does: str
    source: str
    probe: str = ""
    differs: str = ""
    needs: tuple[str, ...] = ()
    disruptive: bool = False
    slow: bool = False
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one part of the environment."""

    name: str
    title: str
    rows: tuple[Row, ...]


def load() -> tuple[Group, ...]:
    """Every group with its rows, in the contract's order."""
    return tuple(_group(name) for name in ORDER)


def _group(name: str) -> Group:
    text = (FOLDER / f"{name.lower()}.yaml").read_text()
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    return Group(name, data["title"], tuple(_row(name, row) for row in data["rows"]))


def _row(group: str, row: Mapping[str, Any]) -> Row:
    known = dict(row)
    needs = known.pop("needs", [])
    return Row(group=group, needs=tuple([needs] if isinstance(needs, str) else needs), **known)


def select(groups: Iterable[Group], wanted: Iterable[str]) -> tuple[Group, ...]:
    """The groups and rows with these names, in any case; all where there are none. UsageError for an unknown one."""
    chosen = {word.upper() for word in wanted}
    held = tuple(groups)
    if not chosen:
        return held
    known = {group.name for group in held} | {row.id for group in held for row in group.rows}
    if unknown := sorted(chosen - known):
        raise UsageError(
            f"no row or group is called {', '.join(unknown)}", hint=f"groups: {', '.join(g.name for g in held)}"
        )
    picked = (Group(g.name, g.title, tuple(r for r in g.rows if g.name in chosen or r.id in chosen)) for g in held)
    return tuple(group for group in picked if group.rows)


def probe(row: Row) -> Probe:
    """The function that a row names. Raises LookupError when there is none."""
    module, _, function = row.probe.partition(".")
    try:
        found: Probe = getattr(importlib.import_module(f"altis_local.fidelity.probes.{module}"), function)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"{row.id}: there is no probe {row.probe}") from error
    return found
