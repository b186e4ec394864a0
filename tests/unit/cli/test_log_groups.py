"""Log groups on the command line, through control's own questions, from the simulated CloudWatch Logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from altis_local.cli import log_groups
from altis_local.cli.log_groups import Wanted
from altis_local.cli.moments import moment
from altis_local.control.aws_requests import QUESTIONS, Asked
from altis_local.errors import UsageError
from altis_local.model.spec import Secrets, Spec
from tests.fakes.aws_server import AwsServer

NOW = 1_793_461_385.0
SPEC = Spec("t", "local", "10.208.0.0/20", 8443, {}, Secrets(*"abcdefg"))


class Control:
    """Control's API without the way to it."""

    def __init__(self, server: AwsServer) -> None:
        self.server = server
        self.asked = 0

    def aws(self, question: str, **words: str) -> Any:
        self.asked += 1
        return QUESTIONS[question](Asked(self.server.client, SPEC, words))

    def write(self, stream: str, *texts: str, at: float = NOW) -> None:
        events = self.server.streams.setdefault(("t/php", stream), [])
        events += [{"timestamp": round(at * 1000), "message": text} for text in texts]


@pytest.fixture
def control() -> Iterator[Control]:
    with AwsServer() as server:
        server.groups |= {"t/php": 14, "t/access": 0}
        yield Control(server)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("90s", NOW - 90),
        ("10", 10.0),
        ("1.5h", NOW - 5400),
        ("2d", NOW - 172_800),
        ("1793461385", NOW),
        ("2026-10-31T15:43:05Z", 1_793_461_385.0),
        ("2026-10-31", datetime(2026, 10, 31).timestamp()),  # noqa: DTZ001 - local time is meant
    ],
)
def test_moments(text: str, expected: float) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "-1h", "10m ago", "2026-13-01"])
def test_no_moments(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        moment(text, NOW)


def test_groups(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    log_groups.show_groups(control, "t", as_json=True)
    assert json.loads(capsys.readouterr().out)["groups"] == [
        {"name": "t/access", "days": 0, "bytes": 0, "short": "access"},
        {"name": "t/php", "days": 14, "bytes": 0, "short": "php"},
    ]
    log_groups.show_groups(control, "t", as_json=False)
    assert "14 days" in capsys.readouterr().out


def test_the_last_lines_over_many_pages(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    control.write("web-a1/x", *(f"line {number}" for number in range(2500)))
    log_groups.show(control, Wanted("t/php", tail=2), as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "2026-10-31T15:43:05.000Z web-a1/x | line 2498",
        "2026-10-31T15:43:05.000Z web-a1/x | line 2499",
    ]
    assert control.asked == 3


def test_filter_and_time(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    control.write("web-a1/x", 'PHP Warning: "foo" of old', at=NOW - 100)
    control.write("web-a1/x", 'PHP Warning: "foo"', "PHP Notice: bar")
    log_groups.show(control, Wanted("t/php", since=NOW - 1, text="Warning"), as_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "schema": 1,
        "group": "t/php",
        "stream": "web-a1/x",
        "at": NOW,
        "line": 'PHP Warning: "foo"',
    }


def test_an_unknown_group(control: Control) -> None:
    with pytest.raises(UsageError) as caught:
        log_groups.show(control, Wanted("t/nope"), as_json=False)
    assert caught.value.hint == "there is: t/access, t/php"


class Passing:
    """A clock that does something else each second, and ends the test when there is nothing left to do."""

    def __init__(self, *steps: Any) -> None:
        self._steps = list(steps)

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        if not self._steps:
            raise KeyboardInterrupt
        self._steps.pop(0)()


def test_following_gives_every_line_once(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    control.write("web-a1/x", "old", "one", at=NOW)
    clock = Passing(
        lambda: control.write("web-a1/x", "two", at=NOW),
        lambda: None,
        lambda: control.write("web-a1/x", "three", at=NOW + 60),
        lambda: control.write("web-b1/y", "late", at=NOW + 58),
    )
    with pytest.raises(KeyboardInterrupt):
        log_groups.follow(control, Wanted("t/php", tail=1), clock, as_json=False)
    assert [line.split(" | ")[1] for line in capsys.readouterr().out.splitlines()] == ["one", "two", "three", "late"]
