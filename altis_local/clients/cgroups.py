"""How much memory and processor time containers really use, from the kernel's own files.

The engine's statistics take a second each.

Best effort: a container whose files are not found is left out. Layouts: cgroup v1 and v2, both drivers.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")

_LAYOUTS = (
    "memory/docker/{id}",
    "docker/{id}",
    "memory/system.slice/docker-{id}.scope",
    "system.slice/docker-{id}.scope",
)


_PROCESSOR = (
    ("cpuacct/docker/{id}/cpuacct.usage", 1e9),
    ("cpu,cpuacct/docker/{id}/cpuacct.usage", 1e9),
    ("docker/{id}/cpu.stat", 1e6),
    ("cpuacct/system.slice/docker-{id}.scope/cpuacct.usage", 1e9),
    ("cpu,cpuacct/system.slice/docker-{id}.scope/cpuacct.usage", 1e9),
    ("system.slice/docker-{id}.scope/cpu.stat", 1e6),
)
"""Files with the processor time of a container, and how many of their units make a second."""


def processor(ids: Iterable[str], root: Path = ROOT) -> dict[str, float]:
    """Container id -> seconds of processor time since its start."""
    found = {container: _processor_time(container, root) for container in ids}
    return {container: seconds for container, seconds in found.items() if seconds is not None}


def _processor_time(container: str, root: Path) -> float | None:
    for layout, units in _PROCESSOR:
        try:
            # cpuacct.usage is one number; cpu.stat begins with "usage_usec N".
            words = (root / layout.format(id=container)).read_text().split()
            return int(words[1] if words[0] == "usage_usec" else words[0]) / units
        except (OSError, ValueError, IndexError):
            continue
    return None


def memory(ids: Iterable[str], root: Path = ROOT) -> dict[str, int]:
    """Container id -> working set in bytes: what is used, without the file cache that could be dropped at once."""
    found = {container: _working_set(container, root) for container in ids}
    return {container: size for container, size in found.items() if size is not None}


def _working_set(container: str, root: Path) -> int | None:
    for layout in _LAYOUTS:
        folder = root / layout.format(id=container)
        try:
            stat = dict(line.split(maxsplit=1) for line in (folder / "memory.stat").read_text().splitlines())
            used = folder / "memory.current"
            if not used.exists():
                used = folder / "memory.usage_in_bytes"
            dropped = stat.get("total_inactive_file") or stat.get("inactive_file") or "0"
            return max(0, int(used.read_text()) - int(dropped))
        except (OSError, ValueError):
            continue
    return None
