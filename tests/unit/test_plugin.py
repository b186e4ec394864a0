"""The pytest plugin where there is no engine, and where nobody asks for an environment."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    pytester.makepyfile("def test_page(altis_http): ...\ndef test_else(): ...")
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs", *options)


def test_tests_are_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    ended = run(pytester)
    ended.assert_outcomes(passed=1, skipped=1)
    ended.stdout.fnmatch_lines(["SKIPPED*no container engine:*"])


@pytest.mark.parametrize("reuse", [(), ("--altis-reuse", "shop")], ids=["own", "reused"])
def test_or_fail_where_one_is_required(pytester: pytest.Pytester, reuse: tuple[str, ...]) -> None:
    ended = run(pytester, "--altis-required", *reuse)
    ended.assert_outcomes(passed=1, errors=1)
    ended.stdout.fnmatch_lines(["*no container engine:*"])


def test_a_wrong_name_is_told_as_the_command_line_tells_it(pytester: pytest.Pytester) -> None:
    ended = run(pytester, "--altis-reuse", "Not A Name")
    ended.assert_outcomes(passed=1, errors=1)
    ended.stdout.fnmatch_lines(["*is no name for an environment*"])


def test_a_pytest_that_asks_for_nothing_pays_for_nothing(pytester: pytest.Pytester) -> None:
    """Every pytest of a project loads the plugin."""
    heavy = ("httpx", "pymysql", "pydantic")
    code = f"import sys, altis_local.pytest_plugin; print([m for m in {heavy} if m in sys.modules])"
    ended = pytester.run(sys.executable, "-c", code)
    ended.stdout.fnmatch_lines(["[[]]"])
