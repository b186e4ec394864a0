"""Runs become numbers, files, a page; an interrupted bench goes on; a fault that missed counts for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from altis_local.drill import scenario
from altis_local.drill.ledger import Attempt
from altis_local.errors import ActionFailed, UsageError
from benchmarks import page
from benchmarks.catalogue import FIGURES, chosen
from benchmarks.histories import errors
from benchmarks.runner import Runner
from benchmarks.stage import Stage
from benchmarks.store import Store
from benchmarks.summary import is_met, numbers, summarise
from benchmarks.values import Aim, Figure, Line, Sample
from benchmarks.write_gap import DRILL, quick

HOST = {"cpu": "a cpu", "cores": 2, "memory_gib": 4.0, "engine": "docker 1", "kernel": "6.1"}
VERSIONS = {"altis-local": "0", "revision": "abc", "python": "3.11"}


class NoStage:
    """These figures need none."""

    def discard(self) -> None:
        """Nothing stands here."""


NO_STAGE = cast(Stage, NoStage())


def figure(measure: Callable[[Stage], Sample], runs: int = 3) -> Figure:
    lines = (Line("value", "a thing", "s", Aim("p95", 0.3)), Line("lost", "lost", "", Aim("max", 0)))
    return Figure("thing", runs, lines, measure, baseline="the bare thing", shows_all=True)


def counting(*values: float) -> tuple[Callable[[Stage], Sample], Iterator[float]]:
    rest = iter(values)
    return (lambda _: Sample(next(rest), baseline=0.1, more={"lost": 0})), rest


def store(folder: Path, **host: object) -> Store:
    return Store({**HOST, **host}, VERSIONS, folder)


def measured(one: Figure, folder: Path, *, limit: int | None = None, again: bool = False) -> tuple[str, ...]:
    return Runner(NO_STAGE, store(folder), lambda _: None, limit=limit).measure([one], again=again)


@pytest.mark.parametrize(
    ("found", "median", "p95", "most"),
    [
        pytest.param([0.2], 0.2, 0.2, 0.2, id="one"),
        pytest.param([3.0, 1.0, 2.0], 2.0, 3.0, 3.0, id="p95 of a few is the worst"),
        pytest.param([float(n) for n in range(1, 41)], 20.5, 38.0, 40.0, id="p95 of 40 is the 38th"),
    ],
)
def test_numbers(found: list[float], median: float, p95: float, most: float) -> None:
    told = numbers(found)
    assert (told["median"], told["p95"], told["max"], told["n"]) == (median, p95, most, len(found))
    # The other end is the same from below.
    below = numbers([-value for value in found])
    assert (below["p5"], below["min"]) == (-p95, -most)


def test_an_aim_without_runs_is_neither_met_nor_missed() -> None:
    assert is_met(Aim("median", 1.0), numbers([])) is None
    assert is_met(None, numbers([1.0])) is None
    assert is_met(Aim("max", 1.0), numbers([1.0])) is True
    assert is_met(Aim("max", 1.0), numbers([0.5, 1.1])) is False


@pytest.mark.parametrize(
    ("aim", "found", "met"),
    [
        pytest.param(Aim("median", least=0.8), [0.7, 0.8, 0.9], True, id="just enough"),
        pytest.param(Aim("median", least=0.8), [0.7, 0.79, 0.9], False, id="too little"),
        pytest.param(Aim("min", least=0.8), [0.7, 0.8, 0.9], False, id="the worst counts"),
        pytest.param(Aim("median", most=2.0, least=1.0), [1.5], True, id="between"),
        pytest.param(Aim("median", most=2.0, least=1.0), [2.5], False, id="beyond"),
        pytest.param(Aim("median", least=0.8), [], None, id="nothing to judge by"),
    ],
)
def test_an_aim_may_ask_for_at_least(aim: Aim, found: list[float], met: bool | None) -> None:
    assert is_met(aim, numbers(found)) is met


def test_void_runs_count_for_nothing() -> None:
    runs = [
        {"value": 0.2, "more": {"lost": 0}, "baseline": 0.1, "load_before": 1.0},
        {"value": 0.0, "more": {}, "void": "the fault missed", "load_before": 9.0},
    ]
    found = summarise(figure(lambda _: Sample(0.0)), runs)
    assert (found["n"], found["median"], found["void"], found["ratio"]) == (1, 0.2, 1, 2.0)
    assert found["load_before"]["max"] == 1.0


def test_a_bench_goes_on_where_it_stopped(tmp_path: Path) -> None:
    measure, rest = counting(0.1, 0.2, 0.3, 0.4)
    assert measured(figure(measure), tmp_path, limit=2) == ()
    assert measured(figure(measure), tmp_path) == ()
    assert [run["value"] for run in store(tmp_path).runs(figure(measure))] == [0.1, 0.2, 0.3]
    assert measured(figure(measure), tmp_path) == ()
    assert next(rest) == 0.4, "a figure that has all its runs is not measured again"


def test_again_starts_over(tmp_path: Path) -> None:
    measure, _ = counting(0.1, 0.2, 0.3, 0.4)
    measured(figure(measure), tmp_path)
    measured(figure(measure, runs=1), tmp_path, again=True)
    assert [run["value"] for run in store(tmp_path).runs(figure(measure))] == [0.4]


def test_runs_of_another_host_are_not_gone_on_with(tmp_path: Path) -> None:
    measure, _ = counting(0.1, 0.2, 0.3)
    measured(figure(measure), tmp_path)
    assert store(tmp_path, cores=8).runs(figure(measure)) == []


def test_an_interrupted_run_leaves_the_others(tmp_path: Path) -> None:
    def measure(_: Stage) -> Sample:
        if (tmp_path / "thing.json").exists():
            raise KeyboardInterrupt
        return Sample(0.1)

    with pytest.raises(KeyboardInterrupt):
        measured(figure(measure), tmp_path)
    assert len(store(tmp_path).runs(figure(measure))) == 1


def test_a_figure_that_only_fails_is_given_up_and_named(tmp_path: Path) -> None:
    def measure(_: Stage) -> Sample:
        raise ActionFailed("no such luck", log=("last line",))

    assert measured(figure(measure), tmp_path) == ("thing",)
    voids = [run["void"] for run in store(tmp_path).runs(figure(measure))]
    assert voids == ["no such luck · last line"] * 3


def test_the_page_tells_values_aims_and_what_is_missing(tmp_path: Path) -> None:
    measure, _ = counting(0.1, 0.2, 0.9)
    one = figure(measure)
    measured(one, tmp_path)
    document = store(tmp_path).read("thing")
    assert document
    text = page.render((one, *FIGURES[:1]), {"thing": document})
    row = next(line for line in text.splitlines() if "a thing" in line)
    assert "| p95 ≤ 0.3 s | 0.200 s | 0.900 s | 0.900 s | 3 | 0.100 s | 2.00 × | **missed** |" in row
    assert "0.100, 0.200, 0.900" in text
    assert f"Not measured yet: {FIGURES[0].name}" in text


def test_the_page_tells_the_bad_end_of_rates(tmp_path: Path) -> None:
    lines = (Line("value", "a rate", "/s", Aim("median", least=12.0), more_is_better=True),)
    rate = Figure("rate", 4, lines, counting(10.0, 20.0, 14.0, 13.0)[0])
    measured(rate, tmp_path)
    document = store(tmp_path).read("rate")
    assert document
    row = next(line for line in page.render((rate,), {"rate": document}).splitlines() if "a rate" in line)
    assert "| median ≥ 12 /s | 13.5 /s | p5 10 /s | min 10 /s | 4 | 0.10 /s | 135.00 × | met |" in row


def test_a_page_of_results_without_the_other_end_still_renders(tmp_path: Path) -> None:
    """As they were written before there were rates."""
    measure, _ = counting(0.1, 0.2, 0.9)
    one = figure(measure)
    measured(one, tmp_path)
    document = store(tmp_path).read("thing")
    assert document
    for line in document["lines"].values():
        for new in ("more_is_better", "p5", "min"):
            del line[new]
    assert "| p95 ≤ 0.3 s | 0.200 s | 0.900 s | 0.900 s | 3 |" in page.render((one,), {"thing": document})


def test_what_takes_long_is_measured_when_it_is_named() -> None:
    long = {figure.name for figure in FIGURES if figure.on_request}
    assert "build_fresh" in long
    assert not long & {figure.name for figure in chosen([])}
    assert [figure.name for figure in chosen(["build"])] == ["build_fresh"]
    assert "build_fresh (only by `ONLY=build_fresh`)" in page.render(FIGURES, {})


def test_figures_by_name_or_beginning() -> None:
    assert [f.name for f in chosen(["wp,status"])] == ["wp_overhead", "status_time"]
    assert all(f.name.startswith("start") for f in chosen(["start"]))
    assert len({f.name for f in FIGURES}) == len(FIGURES)
    with pytest.raises(UsageError, match="nothing_like"):
        chosen(["wp", "nothing_like"])


def test_errors_are_counted_by_client() -> None:
    def attempt(client: str, outcome: str) -> Attempt:
        return Attempt("op", client, "insert", 0.0, 1.0, outcome, 0.0, {"error": "gone"} if outcome != "ok" else {})

    found = errors([attempt("a", "ok"), attempt("b", "info"), attempt("b", "fail"), attempt("c", "info")])
    assert found == {"errors_per_client": 2, "errors": [0, 2, 1], "told": {"info gone": 2, "fail gone": 1}}


def test_the_short_drill_still_judges_losses() -> None:
    short = quick(scenario.find(DRILL))
    names = {check.name for check in short.checks}
    assert {"fault-struck", "acknowledged-writes-kept", "one-writer", "reader-promoted", "without-a-hand"} <= names
    assert short.workload.writers == scenario.find(DRILL).workload.writers
    assert not short.workload.authors + short.workload.visitors
