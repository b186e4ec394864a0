"""Bad input: each is refused with the reason and exit code 2 (8 for what is taken), and leaves nothing behind."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stack.world import World

pytestmark = [pytest.mark.engine, pytest.mark.stack]

MakeWorld = Callable[[str], World]
USAGE, CONFLICT = 2, 8


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("start", "--plan", "galactic"), "galactic"),
        (("start", "--plan", "local", "--web", "9"), "plan local has exactly 1 web"),
        (("start", "--web", "9"), "plan local has exactly 1 web"),
        (("start", "--plan", "local", "--readers", "1"), "plan local"),
        (("start", "--port", "99999"), "99999"),
        (("start", "--broken", "hearts"), "nothing to break is called hearts"),
        (("status",), "no environment is called"),
        (("stop",), "no environment is called"),
        (("scale", "web", "2"), "no environment is called"),
        (("failover", "db"), "no environment is called"),
        (("logs",), "no environment is called"),
        (("frobnicate",), "frobnicate"),
        (("drill", "run", "no-such-drill"), "no-such-drill"),
    ],
)
def test_nothing_is_made_of_bad_input(make_world: MakeWorld, words: tuple[str, ...], reason: str) -> None:
    world = make_world("bad")
    refused = world.run(*words)
    assert refused.returncode == USAGE, refused.stdout + refused.stderr
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert not world.environment.remains()


def test_a_port_that_is_taken_names_its_holder(make_world: MakeWorld) -> None:
    world = make_world("port")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        refused = world.run("start", "--plan", "local", "--port", port)
    assert refused.returncode == CONFLICT
    assert f"port {port} of the site is taken by" in refused.stderr
    assert "python" in refused.stderr or "pytest" in refused.stderr
    assert not world.environment.remains()


def test_a_port_of_another_environment_names_it(ha: World, make_world: MakeWorld) -> None:
    world = make_world("port")
    refused = world.run("start", "--port", ha.url.rpartition(":")[2])
    assert refused.returncode == CONFLICT
    assert f"altis-{ha.name}-cdn" in refused.stderr
    assert not world.environment.remains()


def test_a_build_that_fails_shows_the_failing_step(make_world: MakeWorld, tmp_path: Path) -> None:
    """The project's own build script, as a user's typing error has it."""
    world = make_world("build")
    (tmp_path / "altis-local.yml").write_text("project: .\n")
    (tmp_path / "wp-config.php").write_text("<?php\n")
    (tmp_path / ".build-script").write_text(
        "#!/bin/sh\necho compiling the theme\nno-such-compiler theme.scss\nexit 3\n"
    )
    refused = world.run("start", "--json", cwd=tmp_path)
    assert refused.returncode == 1, refused.stderr
    told = json.loads(refused.stdout)
    assert re.fullmatch(r"image web did not build: \[(web )?build 3/3\] RUN build-project failed", told["error"])
    assert any("compiling the theme" in line for line in told["log"])
    assert any("no-such-compiler: not found" in line for line in told["log"])
    assert not world.environment.remains()


def test_every_problem_of_a_configuration_is_told_with_its_line(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world("config")
    (tmp_path / "altis-local.yml").write_text("plan: galactic\nport: many\nwebs: 3\nimages:\n  cheese: x\n")
    refused = world.run("start", cwd=tmp_path)
    assert refused.returncode == USAGE
    for line, what in ((1, "plan"), (2, "port"), (3, "webs"), (5, "cheese")):
        told = [said for said in refused.stderr.splitlines() if f"altis-local.yml:{line}" in said]
        assert any(what in said for said in told), f"line {line}: {refused.stderr}"
    assert not world.environment.remains()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("exec", "db-9", "--", "true"), "db-9"),
        (("logs", "db-9"), "db-9"),
        (("shell", "cheese"), "cheese"),
        (("fault", "add", "kill", "db-9"), "db-9"),
        (("start", "--plan", "local"), "cannot shrink"),
        (("start", "--port", "1234"), "cannot move"),
        (("start", "--broken", "semi-sync"), "only possible when it is made"),
        (("drill", "run", "no-such-drill"), "no-such-drill"),
    ],
)
def test_a_running_environment_is_left_alone(ha: World, words: tuple[str, ...], reason: str) -> None:
    before = {name: c.id for name, c in ha.containers().items()}
    refused = ha.run(*words)
    assert refused.returncode == USAGE, refused.stdout + refused.stderr
    assert reason in refused.stderr
    assert {name: c.id for name, c in ha.containers().items()} == before


def test_an_error_is_a_document_too(ha: World) -> None:
    refused = ha.run("scale", "web", "99", "--json")
    document = json.loads(refused.stdout)
    assert (document["schema"], document["exit_code"]) == (1, USAGE)
    assert "allows 2 to 6 web" in document["error"]
