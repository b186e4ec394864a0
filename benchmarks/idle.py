"""What an environment costs when nobody uses it: working set and CPU, of every role, and of the engine beside them.

CPU is read twice from the kernel's counters of each container, a window apart; the engine's statistics would take 0.4 s
for each and be a load themselves. What the engine spends, also on control's questions, is shown beside and is not part
of the total: others use it, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from altis_local.clients.cgroups import ROOT
from altis_local.clients.engine_reader import Found
from altis_local.errors import ActionFailed
from benchmarks.stage import Stage, Subject
from benchmarks.values import Aim, Figure, Line, Sample

SETTLE = 10.0
"""Seconds of peace before the first look."""
WINDOW = 30.0
MEMORY_AIM = {"local": Aim("median", 1536.0), "production-ha": Aim("median", 3891.0)}
"""1.5 and 3.8 GiB."""
CPU_AIM = {"local": Aim("median", 5.0), "production-ha": Aim("median", 15.0)}
ENGINE = "(engine)"
"""The part that is not in the total."""
_ENGINE_PROCESSES = ("dockerd", "containerd", "docker-proxy")
"""Beginnings of process names, shims among them."""
_SHORT = {"local": "local", "production-ha": "ha"}


def figures(plan: str) -> tuple[Figure, ...]:
    short = _SHORT[plan]
    return (
        Figure(
            name=f"idle_memory_{short}",
            runs=5,
            lines=(Line("value", f"idle memory, {plan}, all containers", "MiB", MEMORY_AIM[plan]),),
            measure=_memory(plan),
            prepare=_settled(plan),
            note="Working set: what is used, without file cache that could be dropped at once",
        ),
        Figure(
            name=f"idle_cpu_{short}",
            runs=3,
            lines=(
                Line("value", f"idle CPU, {plan}, all containers", "% of a core", CPU_AIM[plan]),
                Line("engine", f"idle CPU, the engine beside it ({plan})", "% of a core"),
            ),
            measure=_cpu(plan),
            prepare=_settled(plan),
            note=f"Over {WINDOW:g} s. The engine's part is of everything that runs on it",
        ),
    )


def _settled(plan: str) -> Callable[[Stage], object]:
    def prepare(stage: Stage) -> None:
        stage.up(plan).await_converged()
        stage.clock.sleep(SETTLE)

    return prepare


def _ours(subject: Subject) -> tuple[Found, ...]:
    return tuple(c for c in subject.world.reader.containers(subject.name) if c.is_running)


def _memory(plan: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(plan)
        stage.clock.sleep(1.0)
        containers = _ours(subject)
        sizes = subject.world.engine.memory(c.id for c in containers)
        if len(sizes) < len(containers):
            raise ActionFailed("the kernel's accounting of memory cannot be read here")
        parts = _by_role(containers, {container: size / 2**20 for container, size in sizes.items()})
        return Sample(round(sum(parts.values()), 1), more={"containers": len(containers)}, parts=parts)

    return measure


def _cpu(plan: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(plan)
        containers = _ours(subject)
        begin, before, engine = stage.clock.monotonic(), _used(containers), _engine_seconds()
        stage.clock.sleep(WINDOW)
        passed, after, engine_after = stage.clock.monotonic() - begin, _used(containers), _engine_seconds()
        parts = _by_role(containers, {c: 100 * (seconds - before[c]) / passed for c, seconds in after.items()})
        total = round(sum(parts.values()), 3)
        beside = round(100 * sum(s - engine.get(pid, 0.0) for pid, s in engine_after.items()) / passed, 3)
        return Sample(total, more={"engine": beside, "window": round(passed, 1)}, parts={**parts, ENGINE: beside})

    return measure


def _by_role(containers: Iterable[Found], values: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for container in containers:
        found[container.role] = found.get(container.role, 0.0) + values[container.id]
    return {role: round(value, 3) for role, value in found.items()}


def _used(containers: Iterable[Found]) -> dict[str, float]:
    """Container id -> CPU seconds since its start. Raises ActionFailed where that cannot be read."""
    found = {}
    for container in containers:
        seconds = next(filter(None, (read(container.id) for read in _COUNTERS)), None)
        if seconds is None:
            raise ActionFailed("the kernel's accounting of CPU cannot be read here", member=container.member)
        found[container.id] = seconds
    return found


def _v1(container: str) -> float | None:
    text = _first(f"cpuacct/docker/{container}", f"cpuacct/system.slice/docker-{container}.scope", "cpuacct.usage")
    return int(text) / 1e9 if text else None


def _v2(container: str) -> float | None:
    text = _first(f"docker/{container}", f"system.slice/docker-{container}.scope", "cpu.stat")
    fields = dict(line.split() for line in text.splitlines())
    return int(fields["usage_usec"]) / 1e6 if fields else None


_COUNTERS = (_v1, _v2)


def _first(*parts: str) -> str:
    """The named file of the first folder that has it; "" where none has."""
    *folders, name = parts
    for folder in folders:
        try:
            return (ROOT / folder / name).read_text(encoding="utf-8")
        except OSError:
            continue
    return ""


def _engine_seconds() -> dict[str, float]:
    """Process -> CPU seconds, of the engine's processes that can be seen from here."""
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = file.read_text(encoding="utf-8").rpartition(")")
        except OSError:
            continue  # it has ended meanwhile
        if head.partition("(")[2].startswith(_ENGINE_PROCESSES):
            fields = rest.split()
            found[file.parent.name] = (int(fields[11]) + int(fields[12])) / tick
    return found
