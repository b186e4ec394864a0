"""The pytest plugin: an Altis environment as a fixture, one for the session.

Registered as `altis_local` under pytest11. Without an engine tests that ask for it are skipped with the reason, or
fail with `--altis-required` (CI). It holds no logic that the command line lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import httpx
import pytest

from altis_local.containers import AltisEnvironment
from altis_local.errors import AltisError, EngineUnavailable

LAST_EVENTS = 15
"""Lines of the journal that a failed test's report gets."""
_KEPT = pytest.StashKey[AltisEnvironment]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fixtures below."""
    group = parser.getgroup("altis-local")
    group.addoption("--altis-plan", default="local", help="plan of the environment (default: local)")
    group.addoption("--altis-reuse", metavar="NAME", help="use this environment, start it if needed, and keep it")
    group.addoption("--altis-required", action="store_true", help="fail instead of skipping where no engine answers")


@pytest.fixture(scope="session")
def altis_stack(request: pytest.FixtureRequest) -> Generator[AltisEnvironment, None, None]:
    """A converged environment: its own, removed at the end, or the one of --altis-reuse, kept."""
    options = request.config.option
    stack = AltisEnvironment(options.altis_reuse or "")
    if not (options.altis_reuse and _is_up(stack)):
        stack.with_plan(options.altis_plan)
        try:
            stack.start()
        except EngineUnavailable as error:
            (pytest.fail if options.altis_required else pytest.skip)(f"no container engine: {error}")
        except BaseException:
            if not options.altis_reuse:
                stack.stop()
            raise
    request.config.stash[_KEPT] = stack
    yield stack
    if not options.altis_reuse:
        stack.stop()


def _is_up(stack: AltisEnvironment) -> bool:
    try:
        return bool(stack.status()["converged"])
    except AltisError:
        return False


@pytest.fixture(scope="session")
def altis_http(altis_stack: AltisEnvironment) -> Generator[httpx.Client, None, None]:
    """A client at the site's address, through the CDN. The certificate is the local authority's and not checked."""
    with httpx.Client(base_url=altis_stack.get_url(), verify=False, timeout=30) as client:  # noqa: S501
        yield client


@pytest.fixture(scope="session")
def altis_wp(altis_stack: AltisEnvironment) -> Callable[..., str]:
    """`altis_wp("option", "get", "blogname")`: WP-CLI's output."""
    return altis_stack.wp


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
