"""Layers, builds, jobs, pictures and scale-outs: the arithmetic of the figures, from recorded and hand-made values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from altis_local.clients.compose_model import Build
from altis_local.drill.ledger import Attempt, JobRow, JobRun, Ledger, Op
from altis_local.errors import ActionFailed
from benchmarks import images, scale_out, tachyon_rate
from benchmarks.images import Layer, definition, leaves_first, matched, total
from benchmarks.jobs_rate import judged

HISTORY: list[dict[str, Any]] = [
    {"Size": 85_646_449, "CreatedBy": ""},
    {"Size": 105_826_657, "CreatedBy": "RUN /bin/sh -c set -eu; apt-get update # buildkit"},
    {"Size": 30_221_356, "CreatedBy": "COPY /opt/tachyon /opt/tachyon # buildkit"},
    {"Size": 16_811, "CreatedBy": "COPY server /opt/tachyon/server # buildkit"},
    {"Size": 0, "CreatedBy": "RUN /bin/sh -c node /opt/tachyon/server/main.js --check # buildkit"},
    {"Size": 0, "CreatedBy": "ENV UV_THREADPOOL_SIZE=4 MALLOC_ARENA_MAX=2"},
    {"Size": 0, "CreatedBy": "USER tachyon"},
]
"""As the engine told it of Tachyon's image, lowest first."""


def test_sizes_of_layers_come_from_the_history() -> None:
    layers = matched(["base", "b", "c", "d", "e"], HISTORY, "tachyon")
    assert [layer.size for layer in layers] == [85_646_449, 105_826_657, 30_221_356, 16_811, 0]


def test_a_history_that_does_not_fit_is_no_number() -> None:
    with pytest.raises(ActionFailed, match="tachyon has 4 layers, and 5 by its history"):
        matched(["base", "b", "c", "d"], HISTORY, "tachyon")


def test_a_shared_layer_counts_once() -> None:
    base, own, other = Layer("base", 80), Layer("own", 5), Layer("other", 7)
    assert total([base, own, base, other]) == 92
    assert total([]) == 0


def test_a_fresh_build_touches_no_name_of_starts(tmp_path: Path) -> None:
    builds = {"web": Build("web", tmp_path, tmp_path / "Dockerfile", {"A": "1"}, {"project": str(tmp_path)})}
    target = definition(builds, {"web": {"PROJECT": "altis-local/context-project:bench"}}, fresh="bench-1")["target"]
    assert target["web"]["tags"] == ["altis-local/web:bench"]
    assert target["web"]["args"] == {
        "A": "1",
        "PROJECT": "altis-local/context-project:bench",
        "BASE": "altis-local/base:bench",
        "BUILDKIT_CACHE_MOUNT_NS": "bench-1",
    }


def test_records_of_the_builder_go_before_their_parents() -> None:
    order = leaves_first({"leaf": "middle", "root": "kept by others", "middle": "root", "alone": ""})
    assert order.index("leaf") < order.index("middle") < order.index("root")
    assert set(order) == {"leaf", "middle", "root", "alone"}


def jobs(*runs: JobRun, asked: int = 4) -> Ledger:
    names = [f"job-{n}" for n in range(1, asked + 1)]
    attempts = tuple(Attempt(name, "job-1", "job", 0.0, 0.1, "ok", 0.1) for name in names)
    ended = {run.job for run in runs if run.end is not None}
    rows = tuple(JobRow(name, n, "completed", int(name in ended)) for n, name in enumerate(names))
    return Ledger(attempts, runs=runs, jobs=rows)


def ran(number: int, begin: float, end: float | None) -> JobRun:
    return JobRun(f"job-{number}", number, "cavalcade-a1", begin, end)


def test_jobs_per_second_from_the_first_begin_to_the_last_end() -> None:
    found = judged(jobs(ran(1, 10.0, 10.4), ran(2, 10.1, 10.5), ran(3, 11.0, 12.0), ran(4, 11.5, 11.9)), 4)
    assert (found.rate, found.wrong) == (2.0, 0)


@pytest.mark.parametrize(
    ("runs", "wrong"),
    [
        pytest.param([(1, 0.0, 1.0), (2, 0.0, 1.0), (3, 0.0, 1.0)], 1, id="one never ran"),
        pytest.param(
            [(1, 0.0, 1.0), (2, 0.0, 1.0), (3, 0.0, 1.0), (4, 0.0, 1.0), (4, 0.5, 1.0)], 1, id="one ran twice"
        ),
        pytest.param([(1, 0.0, 1.0), (2, 0.0, 1.0), (3, 0.0, 1.0), (4, 0.0, None)], 1, id="one was cut"),
        pytest.param([(1, 0.0, 1.0), (1, 0.0, 1.0), (3, 0.0, None)], 4, id="all of it"),
    ],
)
def test_a_job_that_did_not_run_exactly_once_is_seen(runs: list[tuple[int, float, float | None]], wrong: int) -> None:
    assert judged(jobs(*(ran(*run) for run in runs)), 4).wrong == wrong


def test_fewer_jobs_than_asked_for_are_wrong_too() -> None:
    assert judged(jobs(ran(1, 0.0, 1.0), ran(2, 0.0, 1.0), asked=2), 4).wrong == 2


def test_jobs_of_which_nobody_knows_are_no_number() -> None:
    with pytest.raises(ActionFailed, match="nobody wrote down"):
        judged(Ledger(jobs().attempts), 4)
    with pytest.raises(ActionFailed, match="no job came to its end"):
        judged(jobs(ran(1, 0.0, None)), 4)


def test_a_scale_out_is_the_first_decision_for_more() -> None:
    journal: list[dict[str, Any]] = [
        {"kind": "turn", "text": "web 2 → 3: not a decision of scaling"},
        {"kind": "scale", "text": "cavalcade 1 → 2: 20 jobs are due or running, above 8 for 3 points", "at": 1.0},
        {"kind": "scale", "text": "web 3 → 2: 20% of PHP workers are busy, below 36% for 15 points", "at": 2.0},
        {"kind": "scale", "text": "web 2 → 4: 94% of PHP workers are busy, above 60% for 3 points", "at": 3.0},
        {"kind": "scale", "text": "web 4 → 5: 94% of PHP workers are busy, above 60% for 3 points", "at": 4.0},
    ]
    found = scale_out.grown(journal)
    assert found is not None and found["at"] == 3.0
    assert scale_out.grown(journal[:3]) is None


def test_load_counts_from_its_first_request_to_a_new_containers_first_answer() -> None:
    def op(kind: str, type_: str, at: float, served: str | None = None) -> Op:
        return Op(f"{kind}-{at}", "busy-1", kind, type_, at, at, {"served": served} if served else {})

    ops = [
        op("workload", "ok", 1.0),
        op("busy", "invoke", 5.0),
        op("busy", "ok", 6.0, "web-a1"),
        op("busy", "invoke", 6.1),
        op("busy", "ok", 9.0, "web-a2"),
        op("busy", "ok", 8.0, "web-b2"),
        op("busy", "fail", 7.0, "web-c1"),
    ]
    assert scale_out.began(ops) == 5.0
    assert scale_out.served(ops, frozenset({"web-a1", "web-b1"})) == 8.0
    assert scale_out.served(ops[:4], frozenset({"web-a1"})) is None


def test_tachyon_is_asked_for_what_sharp_alone_makes() -> None:
    pictures = tachyon_rate.work()
    rounds, per_round = tachyon_rate.ROUNDS, len(tachyon_rate.PHOTOGRAPHS) * len(tachyon_rate.SIZES)
    assert len(pictures) == rounds * per_round
    paths = {tachyon_rate.path(picture) for picture in pictures}
    assert len(paths) == per_round
    assert "/uploads/bench/tea-gardens.jpg?w=1536&quality=82&webp=1" in paths
    assert "/uploads/bench/tea-gardens.jpg?resize=600,400&quality=82&webp=1" in paths


def test_the_bench_builds_under_a_tag_that_no_start_uses() -> None:
    assert images.TAG.format(name="web").rpartition(":")[2] == "bench"
