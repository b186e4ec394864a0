"""Where and with what was measured: the host, its load, the versions. Read-only."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from altis_local import __version__
from altis_local.clients.engine_reader import EngineReader

ROOT = Path(__file__).resolve().parents[1]
_MEASURED = ("altis_local", "compose", "fixtures", "requirements")
"""Folders whose uncommitted changes make a revision another one."""


def host(reader: EngineReader) -> dict[str, str | int | float]:
    """Facts of the machine: runs of two machines are never mixed."""
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "cores": cores(),
        "memory_gib": round(int((_field(Path("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]) / 1024**2, 1),
        "engine": f"docker {reader.version()}",
        "kernel": platform.release(),
    }


def cores() -> int:
    return len(os.sched_getaffinity(0))


def versions() -> dict[str, str]:
    return {"altis-local": __version__, "revision": revision(), "python": platform.python_version()}


def revision() -> str:
    """The commit that is measured, with a + where files differ from it; "unknown" outside a checkout."""
    commit = _git("rev-parse", "--short", "HEAD")
    if not commit:
        return "unknown"
    return commit + ("+" if _git("status", "--porcelain", "--", *_MEASURED) else "")


def load() -> float:
    """The load of the last minute. On a quiet machine it is well below the number of cores."""
    return round(os.getloadavg()[0], 2)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(("git", "-C", str(ROOT), *arguments), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _field(file: Path, name: str) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
