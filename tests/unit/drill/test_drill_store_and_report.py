"""Run folders, and the four reports of a judged run."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from drill_histories import Story, crash, facts, run

from altis_local.drill import report, scenario, store
from altis_local.drill.evidence import Evidence, dump, load
from altis_local.drill.judge import document, judge
from altis_local.drill.pictures import picture
from altis_local.errors import UsageError
from altis_local.model.faults import Fault, from_labels

CRASH = scenario.find("db-writer-crash")


def failing() -> Evidence:
    story = crash(lost=5)
    story.read()
    return run(story)


def saved(folder: Path, drill: str = "db-writer-crash", at: float = 1_700_000_000.0) -> store.Run:
    made = store.create(folder, drill, at)
    made.save(CRASH, facts())
    return made


def test_facts_survive_their_json() -> None:
    assert load(dump(facts())) == facts()


def test_folders_are_named_by_time_and_never_shared(tmp_path: Path) -> None:
    names = [saved(tmp_path).name for _ in range(2)]
    assert names == ["20231114-221320-db-writer-crash", "20231114-221320-db-writer-crash-2"]


def test_the_last_run_is_found(tmp_path: Path) -> None:
    first, second = saved(tmp_path), saved(tmp_path, at=1_700_000_100.0)
    os.utime(first.folder / "run.json", (1, 1))
    assert store.find(tmp_path, "last") == second
    assert store.find(tmp_path, first.name) == first


@pytest.mark.parametrize("name", ["last", "nope"])
def test_a_run_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        store.find(tmp_path, name)


def test_a_spoiled_run_is_a_usage_error(tmp_path: Path) -> None:
    made = saved(tmp_path)
    (made.folder / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="no run that can be judged"):
        made.load()


def test_the_document_has_what_was_promised() -> None:
    found = document(judge(CRASH, failing()), "/r/report.html")
    assert (found["verdict"], found["lost"], found["seed"], found["report"]) == ("failed", 5, 7, "/r/report.html")
    assert {"drill", "checks", "acknowledged", "write_gap_s", "failed_requests", "duration_s"} <= found.keys()
    assert all(check.keys() == {"name", "verdict", "detail"} for check in found["checks"])


def test_junit_counts_unknown_as_errors(tmp_path: Path) -> None:
    story = crash(lost=2)
    file = tmp_path / "deep" / "junit.xml"
    story.read()
    report.write_junit(file, judge(CRASH, run(story, after={})))
    suite = ElementTree.parse(file).getroot()
    assert (suite.get("failures"), suite.get("tests")) == ("2", "12")
    assert int(suite.get("errors") or 0) >= 2
    assert "writer-0" in (suite.find("testcase/failure").text or "")  # type: ignore[union-attr]


def test_the_page_stands_alone_and_shows_the_lost_rows(tmp_path: Path) -> None:
    made = saved(tmp_path)
    judged = judge(CRASH, failing())
    report.write(made, judged)
    page = made.report.read_text()
    assert "src=" not in page
    assert "<link" not in page
    assert "<svg" in page
    assert judged.lost
    assert all(attempt.op in page for attempt in judged.lost)
    assert "| acknowledged-writes-kept | failed |" in (made.folder / "report.md").read_text()


def test_what_clients_were_told_cannot_become_markup(tmp_path: Path) -> None:
    story = crash()
    story.attempt("x", "writer-0", "insert", 4.1, 4.2, "fail", error="<script>alert(1)</script>")
    story.read()
    made = saved(tmp_path)
    report.write(made, judge(CRASH, run(story)))
    assert "<script>" not in made.report.read_text()


def test_the_picture_follows_the_page_in_light_and_dark() -> None:
    svg = picture(judge(CRASH, failing()))
    assert "var(--ink)" in svg
    assert "#0a0b" not in svg
    assert "lost" in svg


def test_an_empty_history_has_no_picture_but_a_report(tmp_path: Path) -> None:
    judged = judge(CRASH, run(Story(), faults=(), journal=[]))
    assert picture(judged) == ""
    report.write(saved(tmp_path), judged)


def test_a_fault_survives_its_labels() -> None:
    fault = Fault("pause-db-1", "pause", "db-1", 1_700_000_000.25)
    assert from_labels({"other": "x", **fault.labels()}) == fault
    assert from_labels({"altis-local.kind": "member"}) is None
