"""Verbs of drills without an environment: what there is, and saved runs shown and judged again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from altis_local.cli.main import main
from altis_local.drill import scenario, store
from altis_local.drill.evidence import Facts
from tests.unit.drill.drill_histories import Story, crash, facts, promoted

Capture = pytest.CaptureFixture[str]
CRASH = scenario.find("db-writer-crash")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTIS_LOCAL_NAME", "")
    monkeypatch.chdir(tmp_path)


def save(folder: Path, story: Story, about: Facts) -> store.Run:
    made = store.create(folder, CRASH.name, 1_700_000_000.0)
    made.save(CRASH, about)
    made.save_journal(promoted("db-2", 2, 4.2))
    made.history.write_text("".join(f"{line}\n" for line in story.lines))
    return made


def finished(*, lost: int = 0) -> Story:
    story = crash(lost=lost)
    story.read()
    return story


RUNS = {
    "ok": (finished(), facts(), 0),
    "failed": (finished(lost=5), facts(), 1),
    "unknown": (crash(), facts(), 3),
}


@pytest.mark.parametrize("verdict", RUNS)
def test_a_saved_run_is_judged_again(verdict: str, tmp_path: Path, capsys: Capture) -> None:
    """The exit code says it; reports are written anew; no engine is asked."""
    story, about, code = RUNS[verdict]
    saved = save(tmp_path, story, about)
    assert not saved.report.exists()
    assert main(["drill", "judge", "--junit", "junit.xml", "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["verdict"], told["drill"]) == (1, verdict, CRASH.name)
    assert told["report"] == str(saved.report)
    assert saved.report.exists()
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("tests") == str(len(told["checks"]))
    assert bool(int(suite.get("failures") or 0)) == (verdict == "failed")


@pytest.mark.parametrize("verdict", RUNS)
def test_a_saved_run_is_shown(verdict: str, tmp_path: Path, capsys: Capture) -> None:
    """To look at it is no failure."""
    story, about, _ = RUNS[verdict]
    saved = save(tmp_path, story, about)
    assert main(["drill", "show", saved.name]) == 0
    shown = capsys.readouterr().out
    assert f"{CRASH.name} on t (production-ha), seed 7: {verdict}" in shown
    assert f"none yet: altis-local drill judge {saved.name}" in shown
    assert ("lost: " in shown) == (verdict == "failed")
    assert main(["drill", "judge", saved.name]) == RUNS[verdict][2]
    capsys.readouterr()
    assert main(["drill", "show", "last"]) == 0
    assert str(saved.report) in capsys.readouterr().out
    assert main(["drill", "show", saved.name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_the_drills_there_are(capsys: Capture) -> None:
    assert main(["drill", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in told["drills"]} >= {"db-writer-crash", "web-scale", "cavalcade-burst"}
    assert all(row.keys() == {"name", "description", "plans"} for row in told["drills"])
    assert main(["drill", "list"]) == 0
    assert "db-writer-crash" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("judge", "no drill was run here yet"),
        ("show 20200101-000000-x", "20200101-000000-x"),
        ("run no-such-drill", "no drill is called 'no-such-drill'"),
        ("run no-such-file.yaml", "cannot read the drill file no-such-file.yaml"),
        ("run wrong.yaml", "unknown check 'no-such-check'"),
        ("run web-scale --duration 5", "leave --duration out"),
        ("run db-writer-crash --jobs 5", "db-writer-crash has no jobs"),
    ],
)
def test_wrong_words(words: str, said: str, tmp_path: Path, capsys: Capture) -> None:
    shipped = next(scenario.folder().glob("db-writer-crash*"))
    shutil.copy(shipped, tmp_path / "wrong.yaml")
    text = (tmp_path / "wrong.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("checks:", "checks:\n  - {name: no-such-check}", 1))
    assert main(["drill", *words.split()]) == 2
    assert said in capsys.readouterr().err
