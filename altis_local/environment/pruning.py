"""What is left of environments that nobody can want any more: their folder is gone, or only networks are left.

Called by `prune`. What has data and no folder of its own is never taken for leftover; `destroy` removes that by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from altis_local.clients.engine_reader import EngineReader, Found


@dataclass(frozen=True, slots=True)
class Leftover:
    """One environment to be removed, and why."""

    environment: str
    reason: str
    containers: int
    networks: int
    volumes: int


def leftovers(reader: EngineReader) -> tuple[Leftover, ...]:
    """Everything on this engine that is left over."""
    networks = [n.environment for n in reader.networks() if n.environment]
    return judged(reader.containers(), networks, reader.volumes(), is_there=lambda folder: Path(folder).is_dir())


def judged(
    containers: Iterable[Found],
    networks: Iterable[str],
    volumes: Mapping[str, str],
    *,
    is_there: Callable[[str], bool],
) -> tuple[Leftover, ...]:
    """The judgement alone. `networks`: the environment of each; `volumes`: name -> environment. Pure."""
    held: dict[str, list[Found]] = {}
    for container in containers:
        held.setdefault(container.environment, []).append(container)
    wires, disks = list(networks), list(volumes.values())
    rows = []
    for name in sorted({*held, *wires, *disks} - {""}):
        mine = held.get(name, [])
        if reason := _reason(mine, has_data=name in disks, is_there=is_there):
            rows.append(Leftover(name, reason, len(mine), wires.count(name), disks.count(name)))
    return tuple(rows)


def _reason(containers: list[Found], *, has_data: bool, is_there: Callable[[str], bool]) -> str:
    folder = next((c.label("folder") for c in containers if c.kind == "control"), "")
    if folder and not is_there(folder):
        return f"its folder {folder} is gone"
    if not containers and not has_data:
        return "only networks are left of it"
    return ""
