"""Reading histories, and the numbers of a run."""

from __future__ import annotations

import pytest
from drill_histories import Story, crash

from altis_local.drill import figures
from altis_local.drill.ledger import Ledger, build, parse


def ledger(story: Story) -> Ledger:
    return build(parse(story.lines))


def test_an_operation_never_completed_is_unknown() -> None:
    story = Story()
    story.say("a", "w", "insert", "invoke", 1.0)
    (attempt,) = ledger(story).attempts
    assert (attempt.outcome, attempt.end) == ("info", None)


def test_a_cut_last_line_ends_the_history() -> None:
    story = crash()
    whole = len(parse(story.lines))
    assert len(parse([*story.lines, story.lines[0][:30]])) == whole
    assert len(parse([story.lines[0], "", story.lines[1][:9], *story.lines[2:]])) == 1


def test_values_of_both_lines_are_joined() -> None:
    story = Story()
    story.say("a", "w", "insert", "invoke", 1.0, seq=4)
    story.say("a", "w", "insert", "ok", 1.1, server=9)
    assert ledger(story).attempts[0].value == {"seq": 4, "server": 9}


def test_a_read_in_parts_counts_only_when_whole() -> None:
    story = Story()
    story.say("r", "reader", "read-posts", "ok", 1.0, titles=["a", "b"])
    assert ledger(story).posts is None
    story.say("r", "reader", "read-posts", "ok", 1.1, titles=["c"], count=3)
    assert ledger(story).posts == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("acks", "last", "gap"),
    [([], 5.0, None), ([1.0, 1.2, 3.0, 3.1], 3.1, 1.8), ([1.0, 1.2], 9.0, 7.8), ([1.0], 1.0, 0.0)],
    ids=["never", "in the middle", "never again", "once"],
)
def test_longest_gap(acks: list[float], last: float, gap: float | None) -> None:
    story = Story()
    for n, at in enumerate(acks):
        story.attempt(f"a{n}", f"w{n % 4}", "insert", at - 0.01, at, "ok")
    story.attempt("z", "w0", "insert", last - 0.01, last, "fail")
    found = figures.longest_gap(ledger(story), "insert")
    assert (None if found is None else round(found.seconds, 6)) == gap


def test_a_post_is_no_acknowledgement_to_a_writer() -> None:
    story = Story()
    for at, kind in ((1.0, "insert"), (2.0, "post"), (3.0, "insert")):
        story.attempt(f"a{at}", "w", kind, at - 0.1, at, "ok")
    gap = figures.longest_gap(ledger(story), "insert")
    assert gap is not None
    assert gap.seconds == 2.0


def test_failed_counts_unknown_but_not_the_edge() -> None:
    story = Story()
    for kind, outcome in (("insert", "info"), ("page", "fail"), ("edge", "fail"), ("post", "ok")):
        story.attempt(kind, "c", kind, 1.0, 1.1, outcome)
    assert [a.kind for a in figures.failed(ledger(story))] == ["insert", "page"]


def test_lost_is_unknown_without_the_read_and_empty_when_all_is_there() -> None:
    story = crash()
    assert figures.lost(ledger(story)) is None
    story.read()
    assert figures.lost(ledger(story)) == ()


def test_buckets_and_quantile() -> None:
    assert figures.per_bucket([0.0, 0.01, 0.06, 9.0], begin=0.0, end=0.1) == [2, 1, 0]
    assert figures.quantile([], 0.5) is None
    assert figures.quantile([3.0, 1.0, 2.0], 0.5) == 2.0
