"""A run: what is asked, what is left out and why, and that one broken probe costs no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from altis_local.clock import SystemClock
from altis_local.fidelity import probes, report, run
from altis_local.fidelity.catalogue import Group, Row
from altis_local.fidelity.finding import CannotTell, Finding, NotHere, Result, claims
from altis_local.fidelity.world import World
from tests.unit.fidelity.recorded import Replay

ROW = Row("X-01", "X", "it does", "somewhere", probe="planted.good")
LOCAL = {
    "plan": "local",
    "members": [
        {"member": "db-1", "role": "db", "zone": "a", "duty": "writer"},
        {"member": "web-a1", "role": "web", "zone": "a", "duty": None},
    ],
}
LARGE = {
    "plan": "production-ha",
    "members": [
        *LOCAL["members"],
        {"member": "db-2", "role": "db", "zone": "b", "duty": "reader"},
        {"member": "redis-2", "role": "redis", "zone": "b", "duty": "standby"},
        {"member": "web-b1", "role": "web", "zone": "b", "duty": None},
        {"member": "cavalcade-a1", "role": "cavalcade", "zone": "a", "duty": None},
        {"member": "cavalcade-b1", "role": "cavalcade", "zone": "b", "duty": None},
    ],
}
ENDED = threading.Event()


def good(world: World) -> Finding:
    return claims((True, f"plan {world.status['plan']}"))


def bad(world: World) -> Finding:
    return claims((True, "this holds"), (False, "that does not"))


def unclear(world: World) -> Finding:
    raise CannotTell("nobody answers")


def elsewhere(world: World) -> Finding:
    raise NotHere("needs another one")


def broken(world: World) -> Finding:
    raise KeyError("checks")


def hanging(world: World) -> Finding:
    ENDED.wait(30)
    return claims((True, "too late"))


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This module stands where probes are looked for."""
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, f"{probes.__name__}.planted", sys.modules[__name__])
    ENDED.clear()
    yield
    ENDED.set()


def outcome(*rows: Row, status: Any = LOCAL, **options: Any) -> dict[str, tuple[str, str]]:
    found = run.run(rows, Replay(status, {}), clock=SystemClock(), **options)
    return {row: (finding.result.value, finding.detail) for row, finding in found.items()}


@pytest.mark.parametrize(
    ("function", "result", "detail"),
    [
        ("good", "pass", "plan local"),
        ("bad", "fail", "that does not"),
        ("unclear", "unknown", "nobody answers"),
        ("elsewhere", "not_probed", "needs another one"),
        ("broken", "unknown", "the probe broke: KeyError: 'checks'"),
    ],
)
def test_a_probe_s_end_becomes_a_result(function: str, result: str, detail: str) -> None:
    row = replace(ROW, probe=f"planted.{function}")
    assert outcome(row) == {"X-01": (result, detail)}


def test_rows_without_a_probe_are_told_apart() -> None:
    rows = (replace(ROW, id="X-02", probe=""), replace(ROW, id="X-03", probe="", differs="for a reason"))
    assert outcome(*rows) == {"X-02": ("not_probed", ""), "X-03": ("differs", "for a reason")}


@pytest.mark.parametrize("need", ["readers", "standby", "zones", "webs", "runners"])
def test_what_only_a_larger_plan_has_is_left_out(need: str) -> None:
    row = replace(ROW, needs=(need,))
    result, why = outcome(row)["X-01"]
    assert result == "not_probed"
    assert "needs" in why
    assert outcome(row, status=LARGE)["X-01"][0] == "pass"


def test_what_disturbs_is_asked_for() -> None:
    row = replace(ROW, disruptive=True)
    assert outcome(row)["X-01"] == ("not_probed", "would disturb: --disruptive")
    assert outcome(row, disruptive=True)["X-01"][0] == "pass"


def test_one_that_hangs_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LIMIT", 0.5)
    rows = [replace(ROW, id="X-99", probe="planted.hanging"), *(replace(ROW, id=f"X-{n}") for n in range(10, 30))]
    found = outcome(*rows)
    assert found.pop("X-99") == ("unknown", "not done in time")
    assert {result for result, _ in found.values()} == {"pass"}


def test_rows_of_one_turn_follow_each_other_and_slow_ones_come_first() -> None:
    rows = [
        replace(ROW, id="X-1"),
        replace(ROW, id="X-2", turn="t"),
        replace(ROW, id="X-3", slow=True),
        replace(ROW, id="X-4", turn="t"),
    ]
    assert [[row.id for row in task] for task in run.tasks(rows)] == [["X-3"], ["X-2", "X-4"], ["X-1"]]


def test_claims_are_needed_and_cut() -> None:
    with pytest.raises(ValueError, match="proves nothing"):
        claims()
    assert len(claims((False, "x" * 1000)).detail) == 400
    assert claims((True, "a  b\nc"), (True, "d")) == Finding(Result.PASS, "a b c · d")


FOUND = {"X-1": Finding(Result.PASS, "seen"), "X-2": Finding(Result.FAIL, "not seen"), "X-3": Finding(Result.UNKNOWN)}
GROUP = Group("X", "things", tuple(replace(ROW, id=name) for name in FOUND))


def test_the_document() -> None:
    document = report.document((GROUP,), FOUND)
    assert document["passed"] == 1
    assert document["total"] == 3
    assert document["rows"][1] == {"id": "X-2", "result": "fail", "detail": "not seen"}
    assert document["counts"] == {"pass": 1, "fail": 1, "unknown": 1, "not_probed": 0, "differs": 0}


def test_the_text_shows_what_is_not_well_or_all() -> None:
    def plain(text: str, _: str) -> str:
        return text

    short = report.text((GROUP,), FOUND, everything=False, style=plain)
    assert "X-1" not in short
    assert "✗ X-2" in short
    assert "not seen" in short
    assert "3 rows: 1 pass · 1 fail · 1 unknown" in short
    assert "✓ X-1" in report.text((GROUP,), FOUND, everything=True, style=plain)
    assert "\x1b" not in short


@pytest.mark.parametrize(
    ("results", "code"),
    [((Result.PASS, Result.DIFFERS, Result.NOT_PROBED), 0), ((Result.PASS, Result.UNKNOWN), 3), (tuple(Result), 1)],
)
def test_the_exit_code(results: tuple[Result, ...], code: int) -> None:
    assert report.exit_code({str(n): Finding(result) for n, result in enumerate(results)}) == code
