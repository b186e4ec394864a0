"""What this machine needs for an environment: one check each, with what is wrong and what to type.

Called by `doctor`. It only looks; a check that cannot be made says so and is no failure.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from altis_local.clients import host
from altis_local.clients.builder import ca_bundle
from altis_local.clients.engine_reader import EngineReader
from altis_local.clients.engine_values import qualified
from altis_local.environment.allocation import FIRST_SITE_PORT
from altis_local.environment.paths import Paths, shipped
from altis_local.errors import ActionFailed, AltisError
from altis_local.settings import load

GIB = 2**30
DISK_NEEDED = 5 * GIB
DISK_TO_BUILD = 2 * GIB
MEMORY_NEEDED = 2 * GIB
PID_FILE = Path("/var/run/docker.pid")


class Finding(NamedTuple):
    """One check. `state`: ok, warning or wrong."""

    check: str
    state: str
    detail: str
    todo: str = ""


def examine(reader: EngineReader, paths: Paths, folder: Path, name: str) -> tuple[Finding, ...]:
    """Every check, in the order in which things are needed, for the environment of this name and folder."""
    configured, port = configuration(folder)
    checks: tuple[Callable[[], Finding], ...] = (
        lambda: engine(reader),
        pid_file,
        lambda: plugin("compose"),
        lambda: plugin("buildx"),
        lambda: disk(reader),
        memory,
        lambda: ports(reader, port, name),
        certificate_bundle,
        lambda: authority(paths),
        lambda: limit("inotify instances", "fs/inotify/max_user_instances", 128),
        lambda: limit("inotify watches", "fs/inotify/max_user_watches", 8192),
        lambda: limit("open files", "fs/nr_open", 65536),
        bridge_filter,
    )
    return (*(check() for check in checks), configured)


def engine(reader: EngineReader) -> Finding:
    try:
        info = reader.info()
    except AltisError as error:
        return Finding("engine", "wrong", error.message, f"{_script()}  (or: systemctl start docker)")
    kind = f"{info.get('ServerVersion')}, {info.get('Driver')}, cgroup v{info.get('CgroupVersion', '1')}"
    if not info.get("MemoryLimit", True):
        return Finding("engine", "warning", f"{kind}: it cannot limit memory", "enable the memory cgroup")
    return Finding("engine", "ok", kind)


def _script() -> str:
    """What installs an engine and its plugins: by its whole path, for an installed package has it elsewhere."""
    return str(shipped() / "scripts" / "engine")


def pid_file(file: Path = PID_FILE) -> Finding:
    """A killed engine leaves its pid file, and a pid in it that is in use again stops the next start."""
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return Finding("pid file", "ok", "none left over")
    if host.is_alive(pid):
        return Finding("pid file", "ok", f"the engine's process is {pid}")
    return Finding("pid file", "wrong", f"{file} names {pid}, which does not run", f"rm {file}")


def plugin(name: str) -> Finding:
    try:
        done = subprocess.run(["docker", name, "version"], capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        return Finding(name, "wrong", "the docker client is not installed", _script())
    except subprocess.TimeoutExpired:
        return Finding(name, "wrong", f"docker {name} version does not answer", _script())
    if done.returncode:
        return Finding(name, "wrong", f"docker's {name} plugin is missing", _script())
    return Finding(name, "ok", done.stdout.strip().splitlines()[0])


def require_disk(reader: EngineReader) -> None:
    """Raise before a build that would fill the disk: a full one stops databases too."""
    free = host.disk_free(_engine_root(reader))
    if free is not None and free < DISK_TO_BUILD:
        raise ActionFailed(
            f"{free / GIB:.1f} GiB are free for the engine, too little to build images",
            hint="make room: `docker image prune`, `docker builder prune`; `altis-local doctor` looks again",
        )


def _engine_root(reader: EngineReader) -> Path:
    try:
        return Path(str(reader.info().get("DockerRootDir") or "/"))
    except AltisError:
        return Path("/var/lib/docker")


def disk(reader: EngineReader) -> Finding:
    root = _engine_root(reader)
    free = host.disk_free(root)
    if free is None:
        return Finding("disk", "warning", f"{root} cannot be looked at")
    text = f"{free / GIB:.1f} GiB free for the engine"
    if free < DISK_NEEDED:
        return Finding("disk", "wrong", f"{text}, {DISK_NEEDED / GIB:.0f} GiB are needed", "docker image prune")
    return Finding("disk", "ok", text)


def memory() -> Finding:
    free = host.memory_available()
    if free is None:
        return Finding("memory", "warning", "cannot be looked at on this system")
    text = f"{free / GIB:.1f} GiB available"
    if free < MEMORY_NEEDED:
        return Finding("memory", "warning", f"{text}; plan local wants {MEMORY_NEEDED / GIB:.0f} GiB", "end something")
    return Finding("memory", "ok", text)


def configuration(folder: Path) -> tuple[Finding, int | None]:
    """Whether the folder's configuration can be read, and the port that it asks for."""
    try:
        loaded = load(folder)
    except AltisError as error:
        return Finding("configuration", "wrong", error.message, "altis-local config validate"), None
    named = ", ".join(str(file) for file in loaded.files)
    return Finding("configuration", "ok", named or "none here: all as by default"), loaded.settings.port


def ports(reader: EngineReader, wanted: int | None, name: str) -> Finding:
    """The port that is asked for; else the first one that a new environment would take, whose holder is no harm."""
    port = wanted or FIRST_SITE_PORT
    try:
        holder = reader.port_holders().get(port, "")
    except AltisError:
        holder = ""
    if holder == qualified(name, "cdn"):
        return Finding("port", "ok", f"{port} is the environment's own")
    if not holder and host.is_port_free(port):
        return Finding("port", "ok", f"{port} is free")
    found = f"{port} is held by " + (f"container {holder}" if holder else host.port_holder(port) or "somebody")
    if wanted:
        return Finding("port", "wrong", found, "end that, or ask for another `port`")
    return Finding("port", "ok", f"{found}; a new environment takes the next")


def certificate_bundle() -> Finding:
    found = ca_bundle()
    if found is None:
        return Finding("CA bundle", "warning", "none found; image builds use the base's own", "set SSL_CERT_FILE")
    return Finding("CA bundle", "ok", f"builds use {found}")


def authority(paths: Paths) -> Finding:
    file = paths.authority / "ca.pem"
    if not file.exists():
        return Finding("site CA", "ok", "made at the first start")
    return Finding("site CA", "ok", f"{file}; import it into your browser to trust the site")


def limit(name: str, key: str, least: int) -> Finding:
    value = host.kernel(key)
    if value is None:
        return Finding(name, "warning", f"{key} cannot be read on this system")
    if value < least:
        todo = f"sysctl -w {key.replace('/', '.')}={least}"
        return Finding(name, "wrong", f"{value}, {least} are needed", todo)
    return Finding(name, "ok", str(value))


def bridge_filter() -> Finding:
    """Zone faults filter between members of one bridge, which the kernel does only with br_netfilter."""
    value = host.kernel("net/bridge/bridge-nf-call-iptables")
    if value == 1:
        return Finding("br_netfilter", "ok", "bridged traffic passes the filter")
    found = "is not loaded" if value is None else "is switched off"
    todo = "modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1"
    return Finding("br_netfilter", "warning", f"{found}: zone faults will need it", todo)


def document(findings: tuple[Finding, ...]) -> dict[str, Any]:
    return {"ok": all(f.state != "wrong" for f in findings), "checks": [f._asdict() for f in findings]}
