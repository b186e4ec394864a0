"""Another version of altis-local takes a living environment over, and gives it back: nothing is lost."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stack.inserting import Inserter
from tests.stack.installed import build_wheel, install
from tests.stack.traffic import Traffic
from tests.stack.world import World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack]

OF_CONTROL = ("control", "standins")
"""Members that run control's image."""
Lives = dict[str, tuple[str, float]]


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory, shared: World) -> Iterator[World]:
    """The shared environment as a later version handles it: another package, with one more field in the Spec."""
    folder = tmp_path_factory.mktemp("newer")
    command = install(build_wheel(folder), folder)
    (package,) = (folder / "venv" / "lib").glob("python*/site-packages/altis_local")
    _change(package / "__init__.py", r'__version__ = ".*"', '__version__ = "99.0"')
    field = '    broken: tuple[str, ...] = ()\n    of_the_future: str = "not known before"\n'
    _change(package / "model" / "spec.py", r"    broken: tuple\[str, \.\.\.\] = \(\)\n", field)
    plan = r'(        Plan\("local"(.*)\n)'
    _change(package / "model" / "plans.py", plan, r'\1        Plan("galactic"\2\n')
    _change(package / "settings.py", r'Literal\["local", ', 'Literal["local", "galactic", ')
    world = World(shared.name, shared.folder, command)
    before = _images()
    yield world
    shared.do("start")
    shared.converged()
    for image in _images() - before:
        docker("image", "rm", "--force", image)


def _change(file: Path, pattern: str, text: str) -> None:
    changed, times = re.subn(pattern, text, file.read_text())
    assert times == 1, f"{pattern} is not in {file}"
    file.write_text(changed)


def _images() -> set[str]:
    return set(docker("images", "--format", "{{.Repository}}:{{.Tag}}", "altis-local/control").split())


def _lives(world: World) -> Lives:
    return {name: (c.id, c.started_at) for name, c in world.containers().items()}


def _kept(world: World) -> dict[str, object]:
    """What must be the same on both sides."""
    status = world.status()
    control = world.environment.standing().control
    assert control is not None
    return {
        "urls": status["urls"],
        "term": status["database"]["term"],
        "duties": {m["member"]: m["duty"] for m in status["members"] if m["duty"]},
        "ports": {name: control.label(name) for name in ("api-port", "site-port", "block")},
    }


def _spec(world: World) -> dict[str, object]:
    """As control keeps it."""
    kept: dict[str, object] = json.loads(world.exec("control", "cat", "/var/lib/altis/spec.json").output)
    return kept


def _hand_over(before: World, after: World) -> Lives:
    """Start with the other version, under traffic; who lives a new life."""
    lives, kept = _lives(before), _kept(before)
    inserter = Inserter(before, secrets.token_hex(4))
    with Traffic(before) as traffic, before.administrator() as browser:
        assert after.json("start")["converged"]
        page = browser.get("/wp-admin/profile.php")
        assert page.status_code == 200
        assert 'value="admin"' in page.text, "the session is gone"
    assert traffic.failed == []
    assert traffic.served > 10
    inserter.stop()
    assert inserter.failed() == []
    assert inserter.missing(after.duty("writer")) == set()
    assert _kept(after) == kept
    after.converged()
    assert inserter.missing(after.duty("reader")) == set()
    return {name: life for name, life in _lives(after).items() if lives.get(name) != life}


def test_a_newer_version_takes_over_and_an_older_one_takes_back(ha: World, newer: World) -> None:
    """Every 50 ms a page that no cache has, and a row through db-writer: not one fails."""
    theirs = ha.environment.standing().control
    assert theirs is not None
    assert set(_hand_over(ha, newer)) == set(OF_CONTROL)
    control = newer.environment.standing().control
    assert control is not None
    assert control.label("hash") != theirs.label("hash")
    assert (
        newer.exec("control", "python", "-c", "import altis_local as a; print(a.__version__)").output.strip() == "99.0"
    )
    assert _spec(newer)["of_the_future"] == "not known before"
    assert newer.json("start")["converged"], "once more changes nothing"
    # The older one finds a Spec with a field that it has never heard of.
    assert set(_hand_over(newer, ha)) == set(OF_CONTROL)
    back = ha.environment.standing().control
    assert back is not None
    assert back.label("hash") == theirs.label("hash")
    assert "of_the_future" not in _spec(ha)


def test_what_only_a_newer_version_can_run_is_left_to_it(
    newer: World, make_world: Callable[[str], World], folder: Path
) -> None:
    """The older version says so, and the control that can run it goes on."""
    older = make_world("galactic")
    future = World(older.name, folder, newer.command)
    future.do("start", "--plan", "galactic")
    lives = _lives(future)
    refused = older.run("start")
    assert refused.returncode == 8, refused.stderr
    assert "plan galactic, which this version does not know" in refused.stderr
    assert "newer altis-local" in refused.stderr
    assert _lives(future) == lives
    assert older.json("status")["converged"]
    future.answers()
    older.do("destroy", "--yes")
