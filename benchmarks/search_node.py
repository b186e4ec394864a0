"""A search node by itself: a bare container of the image, from its start until it serves, and what it holds then.

One node as plan `local` has one, with the limits of compose/data.yml, on a network of its own that this host reaches.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from altis_local.clients import cgroups
from altis_local.clients.engine_reader import EngineReader
from altis_local.clock import Deadline, wait_until
from altis_local.environment.allocation import choose_block
from altis_local.errors import ActionFailed
from benchmarks.commands import docker
from benchmarks.stage import Stage
from benchmarks.values import Figure, Line, Sample

NAME = "altis-bench-search"
LABEL = "altis-local-benchmark=search"
SERVES_WITHIN = 120.0
LOOK = 0.05
"""Seconds between two questions, which is how exact the answer is."""
REST = 5.0
"""Seconds from then until its memory is read."""


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="search_node",
            runs=5,
            lines=(
                Line("value", "a search node: from its container's start to yellow or green", "s"),
                Line("memory", "its working set then", "MiB"),
            ),
            measure=measure,
            prepare=lambda _: remove(),
        ),
    )


def measure(stage: Stage) -> Sample:
    image = stage.images()["search"]
    with _created(image) as address:
        begin = stage.clock.monotonic()
        docker("start", NAME)
        if not wait_until(lambda: _serves(address), Deadline.after(SERVES_WITHIN, stage.clock), every=LOOK):
            said = docker("logs", "--tail", "8", NAME).output.splitlines()
            raise ActionFailed(f"the search node does not serve after {SERVES_WITHIN:g} s", log=tuple(said))
        seconds = stage.clock.monotonic() - begin
        stage.clock.sleep(REST)
        return Sample(round(seconds, 3), more={"memory": _memory()})


@contextmanager
def _created(image: str) -> Iterator[str]:
    """The container, not started; its address. Nothing of it stays."""
    remove()
    reader = EngineReader()
    block, _, _ = choose_block(reader, [c for c in reader.containers() if c.kind == "control"]).rpartition(".")
    address = f"{block}.10"
    try:
        docker("network", "create", "--internal", "--label", LABEL, "--subnet", f"{block}.0/24", NAME)
        variables = {
            "ALTIS_MEMBER": "search-1",
            "ALTIS_ADDRESS_STORE": address,
            "ALTIS_SERVERS_SEARCH": f"search-1={address}",
        }
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        docker(
            "create", "--name", NAME, "--label", LABEL, "--network", NAME, "--ip", address, "--memory", "512m",
            "--pids-limit", "256", "--read-only", "--tmpfs", "/tmp:mode=1777,size=32m", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges:true", *given, image,
        )  # fmt: skip
        yield address
    finally:
        remove()


def remove() -> None:
    """Whatever there is of it, also of another process; its volume goes with it."""
    if found := docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").output.split():
        docker("rm", "--force", "--volumes", *found)
    if networks := docker("network", "ls", "--quiet", "--filter", f"label={LABEL}").output.split():
        docker("network", "rm", *networks)


def _serves(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}:9200/_cluster/health?timeout=1s", timeout=3.0) as answer:
            return bool(json.load(answer).get("status") in ("yellow", "green"))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _memory() -> float:
    container = docker("inspect", "--format", "{{.Id}}", NAME).output.strip()
    found = cgroups.memory([container])
    if container not in found:
        raise ActionFailed("the kernel's accounting of memory cannot be read here")
    return round(found[container] / 2**20, 1)
