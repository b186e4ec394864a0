"""Tests that need an engine: skipped with the reason where none answers, failed where one is required.

`make test` sets ALTIS_REQUIRE_ENGINE, so that CI never passes by leaving tests out. Only tests in a browser may be
left out all the same: an engine is all that is needed to work on altis-local.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from altis_local.clients.engine_reader import EngineReader
from altis_local.errors import AltisError

# How fast an example is made or judged tells of the machine's load, not of the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# Begun in the background this process ignores Ctrl-C, and so would every command that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

NEED_ENGINE = ("engine", "stack", "drill")
SHARED = "altis_stack"
"""The plugin's fixture: the environment that most stack tests share."""
REQUIRED = bool(os.environ.get("ALTIS_REQUIRE_ENGINE"))


@cache
def engine_problem() -> str:
    """Why no engine can be used; "" when one answers."""
    try:
        EngineReader().version()
    except AltisError as error:
        return str(error)
    return ""


def _needs_engine(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in NEED_ENGINE)


def pytest_itemcollected(item: pytest.Item) -> None:
    """For workers side by side (`--dist loadgroup`), which look for groups as soon as all is collected.

    A file's tests stay together, also those with simulated members: they may go on from one another.
    """
    item.add_marker(pytest.mark.xdist_group(SHARED if _is_shared(item) else item.path.stem))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long row of tests that share an environment is one worker's, and begins first; the other takes file after
    file, those with environments of their own before those with none."""
    if any(_needs_engine(item) for item in items):
        items.sort(key=lambda item: (not _is_shared(item), not item.get_closest_marker("stack")))


def _is_shared(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("stack")) and SHARED in getattr(item, "fixturenames", ())


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _needs_engine(item) and not REQUIRED and (problem := engine_problem()):
        pytest.skip(problem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    may_skip = hasattr(report, "wasxfail") or item.get_closest_marker("browser")
    if report.skipped and REQUIRED and _needs_engine(item) and not may_skip:
        report.outcome = "failed"
        report.longrepr = f"skipped although an engine is required: {report.longrepr}"
    return report
