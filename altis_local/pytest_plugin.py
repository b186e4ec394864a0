"""The pytest plugin: an Altis environment as a fixture, one for the session.

Registered as `altis_local` under pytest11. Without an engine tests that ask for it are skipped with the reason, or
fail with `--altis-required` (CI). It holds no logic that the command line lacks. Everybody's pytest loads it who has
the package, so each fixture imports what it needs itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import pytest

from altis_local.errors import AltisError, EngineUnavailable

if TYPE_CHECKING:
    import httpx
    from pymysql.connections import Connection

    from altis_local.containers import AltisEnvironment, DatabaseAccess

LAST_EVENTS = 15
"""Lines of the journal that a failed test's report gets."""
_KEPT: pytest.StashKey[AltisEnvironment] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fixtures below."""
    group = parser.getgroup("altis-local")
    group.addoption("--altis-plan", metavar="PLAN", help="plan of the environment (default: as it is, or local)")
    group.addoption("--altis-reuse", metavar="NAME", help="use this environment, start it if needed, and keep it")
    group.addoption("--altis-required", action="store_true", help="fail instead of skipping where no engine answers")


@pytest.fixture(scope="session")
def altis_stack(request: pytest.FixtureRequest) -> Generator[AltisEnvironment, None, None]:
    """A converged environment: its own, removed at the end, or the one of --altis-reuse, kept."""
    from altis_local.containers import AltisEnvironment  # noqa: PLC0415

    options = request.config.option
    stack = AltisEnvironment(options.altis_reuse or "")
    if options.altis_plan:
        stack.with_plan(options.altis_plan)
    try:
        if not (options.altis_reuse and _is_up(stack, options.altis_plan)):
            stack.start()
        request.config.stash[_KEPT] = stack
        yield stack
    except EngineUnavailable as error:
        (pytest.fail if options.altis_required else pytest.skip)(f"no container engine: {error}")
    except AltisError as error:
        pytest.fail("\n".join((f"no environment: {error}", *error.log, error.hint or "")), pytrace=False)
    finally:
        if not options.altis_reuse:
            _remove(stack)


def _is_up(stack: AltisEnvironment, plan: str | None) -> bool:
    """Whether it can be used as it is: no image is looked at then."""
    try:
        status = stack.status()
    except AltisError:
        return False
    return bool(status["converged"]) and plan in (None, status["plan"])


def _remove(stack: AltisEnvironment) -> None:
    try:
        stack.stop()
    except EngineUnavailable:
        return  # what does not answer cannot be left with anything of ours


@pytest.fixture(scope="session")
def altis_http(altis_stack: AltisEnvironment) -> Generator[httpx.Client, None, None]:
    """A client at the site's address, through the CDN. The certificate is the local authority's and not checked."""
    import httpx  # noqa: PLC0415

    with httpx.Client(base_url=altis_stack.get_url(), verify=False, timeout=30) as client:  # noqa: S501
        yield client


@pytest.fixture(scope="session")
def altis_wp(altis_stack: AltisEnvironment) -> Callable[..., str]:
    """`altis_wp("option", "get", "blogname")`: WP-CLI's output."""
    return altis_stack.wp


@pytest.fixture(scope="session")
def altis_db_access(altis_stack: AltisEnvironment) -> Generator[DatabaseAccess, None, None]:
    """Host, port and login of the writer, for clients of one's own; `.url` for SQLAlchemy."""
    from altis_local.environment.exposing import exposed  # noqa: PLC0415

    was_open = exposed(altis_stack.environment.standing(), "writer") is not None
    yield altis_stack.expose_db()
    if not was_open:
        altis_stack.unexpose_db()


@pytest.fixture
def altis_db(altis_db_access: DatabaseAccess) -> Generator[Connection, None, None]:
    """A connection to the site's database on the writer, anew for each test; every statement commits by itself."""
    import pymysql  # noqa: PLC0415

    access = altis_db_access
    with pymysql.connect(
        host=access.host,
        port=access.port,
        user=access.user,
        password=access.password,
        database=access.database,
        autocommit=True,
    ) as connection:
        yield connection


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journal's last lines to a failed test that used the environment."""
    report = yield
    stack = item.config.stash.get(_KEPT, None)
    if report.failed and stack is not None and "altis_stack" in getattr(item, "fixturenames", ()):
        try:
            events = stack.environment.journal()[-LAST_EVENTS:]
        except AltisError as error:
            report.sections.append(("altis journal", str(error)))
        else:
            lines = [f"{e['at']:.3f} {e['kind']} {e['action'] or ''} {e['outcome']} {e['text']}" for e in events]
            report.sections.append(("altis journal", "\n".join(lines)))
    return report
