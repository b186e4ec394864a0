"""GTID sets: text form and set algebra, against a plain set of pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altis_local.model.gtid import GtidSet

Pairs = set[tuple[str, int]]
pairs = st.sets(st.tuples(st.sampled_from(["a", "b", "c:tag"]), st.integers(1, 12)))


def build(items: Pairs) -> GtidSet:
    return GtidSet.parse(",".join(f"{source}:{number}" for source, number in items))


def plain(gtids: GtidSet) -> Pairs:
    return {(s, n) for s, items in gtids.sources.items() for first, last in items for n in range(first, last + 1)}


@given(pairs, pairs)
def test_algebra_is_that_of_sets(left: Pairs, right: Pairs) -> None:
    a, b = build(left), build(right)
    assert plain(a.union(b)) == left | right
    assert plain(a.minus(b)) == left - right
    assert a.contains(b) == (left >= right)
    assert a.count() == len(left)
    assert GtidSet.parse(str(a)) == a


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("AB:1-3:5, ab:4", "ab:1-5"),
        ("u:1-3,\nv:7", "u:1-3,v:7"),
        ("u:1:tag:2-4", "u:1,u:tag:2-4"),
    ],
)
def test_text_form(text: str, shown: str) -> None:
    assert str(GtidSet.parse(text)) == shown


@pytest.mark.parametrize("text", ["abc", "u:1-y", "u:1-2-3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        GtidSet.parse(text)
