"""Logs of many containers at once, by the engine's own client: one process each, lines prefixed by the member.

Called by `logs`. It ends its processes whatever happens.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from altis_local.errors import EngineUnavailable


def show(containers: Mapping[str, str], options: Sequence[str], *, as_json: bool) -> None:
    """Print the logs of `containers` (name -> id) to stdout until all have ended."""
    width = max((len(name) for name in containers), default=0)
    lock = threading.Lock()
    processes = {name: _open(container, options) for name, container in containers.items()}

    def pass_on(name: str, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            with lock:
                _write(name, line.rstrip("\n"), width if len(containers) > 1 else 0, as_json=as_json)

    threads = [threading.Thread(target=pass_on, args=item, daemon=True) for item in processes.items()]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for process in processes.values():
            process.terminate()


def _open(container: str, options: Sequence[str]) -> subprocess.Popen[str]:
    line = ["docker", "logs", *options, container]
    try:
        return subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", bufsize=1
        )
    except FileNotFoundError as error:
        raise EngineUnavailable("the docker client is not installed", hint="see `altis-local doctor`") from error


def _write(name: str, line: str, width: int, *, as_json: bool) -> None:
    if as_json:
        text = json.dumps({"schema": 1, "member": name, "line": line})
    else:
        text = f"{name.ljust(width)} | {line}" if width else line
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
