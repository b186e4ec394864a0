"""The pytest plugin in a pytest of its own, as a project's tests have it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from altis_local.containers import DatabaseAccess
from tests.stack.world import World

DOCKER_CONFIG = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
"""Where the engine's client finds its plugins; the tests below have another home."""

pytestmark = [pytest.mark.engine, pytest.mark.stack]

A_PROJECTS_TESTS = """
def test_front_page(altis_http):
    page = altis_http.get("/", params={{"fresh": "{word}"}})
    assert page.status_code == 200
    assert "<title>Altis" in page.text

def test_commands_and_rows_are_of_the_same_site(altis_wp, altis_db):
    altis_wp("option", "update", "blogdescription", "{word}")
    with altis_db.cursor() as cursor:
        cursor.execute("SELECT option_value FROM wp_options WHERE option_name = 'blogdescription'")
        assert cursor.fetchone() == ("{word}",)
        cursor.execute("CREATE TABLE altis_drill.plugin_{word} (id INT PRIMARY KEY)")

def test_every_test_has_a_connection_of_its_own_to_the_writer(altis_db, altis_db_access, altis_stack):
    assert altis_db_access.url.startswith("mysql+pymysql://wordpress:")
    with altis_db.cursor() as cursor:
        cursor.execute("SELECT @@read_only, @@report_host")
        read_only, member = cursor.fetchone()
        cursor.execute("DROP TABLE altis_drill.plugin_{word}")
    assert not read_only
    duties = {{m["member"]: m["duty"] for m in altis_stack.status()["members"]}}
    assert duties[member] == "writer"
"""


@pytest.fixture
def plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs tests in a process of their own; the plugin comes by its entry point."""

    monkeypatch.setenv("DOCKER_CONFIG", DOCKER_CONFIG)

    def run(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(tests)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options, timeout=240)

    return run


def exposed(world: World) -> list[str]:
    return [c.member for c in world.environment.standing().containers if c.kind == "exposed"]


@pytest.fixture
def closed(ha: World, altis_db_access: DatabaseAccess) -> Iterator[None]:
    """Without the port that our own tests' fixtures have opened; they find it again afterwards."""
    ha.do("db", "unexpose")
    yield
    ha.do("db", "expose", "--port", str(altis_db_access.port))


@pytest.mark.usefixtures("closed")
def test_an_environment_that_is_there_is_used_and_kept(ha: World, plugin: Callable[..., pytest.RunResult]) -> None:
    before = {name: c.id for name, c in ha.containers().items()}
    ended = plugin(A_PROJECTS_TESTS.format(word=secrets.token_hex(6)), "--altis-reuse", ha.name)
    ended.assert_outcomes(passed=3)
    assert {name: c.id for name, c in ha.containers().items()} == before
    assert exposed(ha) == [], "the port to the database is closed again"


@pytest.mark.usefixtures("closed")
def test_a_port_that_somebody_opened_stays_open(ha: World, plugin: Callable[..., pytest.RunResult]) -> None:
    ha.do("db", "expose")
    tests = "def test_rows(altis_db):\n    altis_db.ping()"
    plugin(tests, "--altis-reuse", ha.name, "--altis-plan", "production-ha").assert_outcomes(passed=1)
    assert exposed(ha) == ["expose-writer"]
    ha.do("db", "unexpose")


def test_a_failure_tells_what_control_did(ha: World, plugin: Callable[..., pytest.RunResult]) -> None:
    ended = plugin("def test_wrong(altis_http):\n    assert altis_http is None", "--altis-reuse", ha.name)
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*altis journal*", "*converged*"])


def test_what_the_plan_cannot_become_is_told_as_start_tells_it(
    ha: World, plugin: Callable[..., pytest.RunResult]
) -> None:
    ended = plugin("def test_it(altis_stack): ...", "--altis-reuse", ha.name, "--altis-plan", "local")
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines(["*cannot shrink to local*"])
    assert ha.converged()["plan"] == "production-ha"


@pytest.mark.slow
def test_without_one_it_makes_its_own_and_removes_it(
    plugin: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    tests = """
    from pathlib import Path

    def test_own(altis_stack, altis_wp):
        Path("name").write_text(altis_stack.name)
        assert altis_stack.status()["plan"] == "local"
        assert altis_wp("option", "get", "blogname").strip()
    """
    plugin(tests).assert_outcomes(passed=1)
    name = (pytester.path / "name").read_text()
    assert name.startswith("test-")
    assert not World(name, pytester.path).environment.remains()
