"""The engine's own client, for tests of one image by itself: commands, builds, networks that nobody else has."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from altis_local.clients.builder import ca_bundle

PREFIXES = range(192, 200)
"""Second numbers of the tests' 10.x networks: no environment looks for its block there."""


def docker(*arguments: str, check: bool = True) -> str:
    """What the command printed, on both streams."""
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0 or not check, f"docker {arguments[0]}: {done.stderr}"
    return (done.stdout + done.stderr).strip()


def build(tag: str, source: Path, *options: str) -> None:
    """Build a folder of compose/images; costs nothing when nothing changed."""
    bundle = ca_bundle()
    secret = ("--secret", f"id=ca,src={bundle}") if bundle else ()
    docker("build", "-q", "-t", tag, *secret, *options, str(source))


def free_prefix() -> str:
    """First three numbers of a /24 to try."""
    return f"10.{random.choice(PREFIXES)}.{random.randint(0, 255)}"


def make_network(name: str, *options: str) -> str:
    """Create a network on a free /24; returns its first three numbers."""
    for _ in range(50):
        prefix = free_prefix()
        try:
            docker("network", "create", *options, "--subnet", f"{prefix}.0/24", name)
        except AssertionError as refused:
            if "overlaps" not in str(refused):
                raise
        else:
            return prefix
    pytest.fail("no free subnet")
