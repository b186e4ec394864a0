"""Facts of this machine: routes, listening ports and who holds them, disk, memory, kernel limits.

Called by `environment` (free ports and address blocks) and `doctor`. It reads /proc and never changes anything;
where a file is missing (no Linux), the answer is empty or None.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"

_LISTEN = "0A"


def routes(proc: Path = Path("/proc")) -> tuple[ipaddress.IPv4Network, ...]:
    """Every IPv4 route but the default one."""
    found = []
    for line in _lines(proc / "net/route")[1:]:
        fields = line.split()
        network, mask = (int.from_bytes(bytes.fromhex(fields[i])[::-1], "big") for i in (1, 7))
        if mask:
            found.append(ipaddress.IPv4Network((network, mask.bit_count())))
    return tuple(found)


def nameservers(file: Path = Path("/etc/resolv.conf")) -> tuple[ipaddress.IPv4Address, ...]:
    """The host's IPv4 resolvers: an address block over one of them would cut the host off."""
    found = []
    for line in _lines(file):
        if line.startswith("nameserver"):
            try:
                found.append(ipaddress.IPv4Address(line.split()[1]))
            except (IndexError, ValueError):
                continue
    return tuple(found)


def free_block(
    taken: Iterable[ipaddress.IPv4Network], candidates: Iterable[ipaddress.IPv4Network]
) -> ipaddress.IPv4Network | None:
    """The first candidate that overlaps with nothing taken."""
    held = tuple(taken)
    return next((block for block in candidates if not any(block.overlaps(other) for other in held)), None)


def is_port_free(port: int) -> bool:
    """Whether the port can be bound on loopback and on every address."""
    for host in (LOOPBACK, ""):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the engine's proxy does: connections of a former holder that fade away are no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError:
                return False
    return True


def free_port() -> int:
    """Any free port on loopback, chosen by the kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def port_holder(port: int, proc: Path = Path("/proc")) -> str:
    """The process that listens on a port, as `nginx (pid 123)`; "" when it cannot be seen."""
    sockets = set(_listening(port, proc))
    if not sockets:
        return ""
    for pid in sorted((p for p in proc.iterdir() if p.name.isdigit()), key=lambda p: int(p.name)):
        if not sockets.isdisjoint(_open_files(pid)):
            return f"{''.join(_lines(pid / 'comm'))} (pid {pid.name})"
    return "a process of another user"


def _open_files(process: Path) -> Iterator[str]:
    """What a process has open; what closes meanwhile, or is not ours to see, is left out."""
    with suppress(OSError):
        for link in list((process / "fd").iterdir()):
            with suppress(OSError):
                yield os.readlink(link)  # noqa: PTH115 - they point at no file


def _listening(port: int, proc: Path) -> Iterator[str]:
    for table in ("net/tcp", "net/tcp6"):
        for line in _lines(proc / table)[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{fields[9]}]"


def disk_free(path: Path) -> int | None:
    """Free bytes where `path` is, or where its nearest existing parent is."""
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def memory_available(proc: Path = Path("/proc")) -> int | None:
    for line in _lines(proc / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def kernel(name: str, proc: Path = Path("/proc")) -> int | None:
    """A number below /proc/sys, such as `fs/inotify/max_user_instances`; None where there is none."""
    try:
        return int((proc / "sys" / name).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
