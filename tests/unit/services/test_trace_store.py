"""Segments in SQLite: the final document wins, lists and filters find, bounds hold."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from altis_local.errors import UsageError
from altis_local.services.segments import Segment, parse
from altis_local.services.trace_filter import Wanted, condition, wanted
from altis_local.services.trace_store import TraceStore
from tests.unit.services.datagrams import BEGAN, TRACE, datagram, one_request, root_final, root_in_progress, sql

MEGABYTE = 1024 * 1024
ALL = Wanted(0, 9e9)


class Hands:
    """A clock to be set by hand."""

    def __init__(self) -> None:
        self.at = BEGAN

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Hands:
    return Hands()


@pytest.fixture
def store(tmp_path: Path, now: Hands) -> TraceStore:
    return TraceStore(tmp_path / "t.sqlite", largest=2 * MEGABYTE, now=now)


def segments(*documents: dict[str, object]) -> list[Segment]:
    return [parse(datagram(document)) for document in documents]


def numbered(number: int, **changes: object) -> dict[str, object]:
    """A request of its own, `number` seconds after the first."""
    own = {"trace_id": f"1-6922f1a0-{number:024x}", "start_time": BEGAN + number, "end_time": BEGAN + number + 0.1}
    return root_final(**{"url": f"https://localhost:8443/page-{number}/", **own, **changes})  # type: ignore[arg-type]


def test_one_request_is_one_row_and_all_its_documents(store: TraceStore) -> None:
    store.add(segments(*one_request()))
    (row,) = store.requests(ALL)
    assert (row.trace_id, row.duration, row.line.status) == (TRACE, pytest.approx(0.2), 200)
    assert len(store.documents(TRACE)) == 7
    assert store.counts() == {"requests": 1, "segments": 7}


def test_in_any_order_the_final_documents_stay(store: TraceStore) -> None:
    documents = one_request()
    for seed in range(20):
        mixed = random.Random(seed).sample(documents, len(documents))
        for document in mixed:
            store.add(segments(document))
        assert store.requests(ALL)[0].line.status == 200
        assert not any('"in_progress": true' in text for text in store.documents(TRACE))
        assert len(store.documents(TRACE)) == 7


def test_a_request_in_progress_is_listed_as_such(store: TraceStore) -> None:
    store.add(segments(root_in_progress()))
    assert store.requests(ALL)[0].as_dict()["in_progress"] is True


def test_two_attempts_of_one_trace_are_two_rows(store: TraceStore) -> None:
    store.add(segments(root_final(), root_final(502, id="aaaaaaaaaaaaaaa2")))
    assert sorted(row.line.status for row in store.requests(ALL)) == [200, 502]


def test_newest_first_and_no_more_than_the_limit(store: TraceStore) -> None:
    store.add(segments(*(numbered(n) for n in range(600))))
    rows = store.requests(ALL)
    assert len(rows) == 500
    assert [row.line.url for row in rows[:2]] == [f"https://localhost:8443/page-{n}/" for n in (599, 598)]
    assert len(store.requests(Wanted(BEGAN + 10, BEGAN + 19.5))) == 10


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('http.url = "https://localhost:8443/shop/"', {200}),
        ('http.url contains "cart"', {500, 404}),
        ('http.url CONTAINS "cart" and fault', {500}),
        ('http.url beginswith "https://localhost:8443/cart"', {500, 404}),
        ('http.url != "https://localhost:8443/shop/"', {500, 404}),
        ('http.url contains "%"', {404}),
        ('http.url contains "\'; drop table request; --"', set()),
        ('http.clientip = "10.9.9.9"', {404}),
        ("http.status >= 400 AND http.status < 500", {404}),
        ("responsetime > 1.5", {500}),
        ("error", {404}),
        ("ok", {200}),
        ("!ok", {404, 500}),
        ("!ok and responsetime > 1.5", {500}),
    ],
)
def test_filters(store: TraceStore, expression: str, found: set[int]) -> None:
    cart = root_final(404, "https://localhost:8443/cart/?a=%20", id="aaaaaaaaaaaaaaa3", error=True)
    cart["http"]["request"]["client_ip"] = "10.9.9.9"
    slow = root_final(500, "https://localhost:8443/cart/", id="aaaaaaaaaaaaaaa2", fault=True, end_time=BEGAN + 2)
    store.add(segments(root_final(), slow, cart))
    query = wanted({"filter": expression, "from": "0"}, BEGAN + 10)
    assert {row.line.status for row in store.requests(query)} == found


@pytest.mark.parametrize(
    "expression",
    ["", "http.url", 'http.url = "a', 'http.url > "a"', "http.status contains 5", 'nothing = "a"', "fault or error",
     'http.url = "a" http.url = "b"', "fault AND", "responsetime > fast", "AND fault"],
)  # fmt: skip
def test_filters_that_are_not_understood(expression: str) -> None:
    with pytest.raises(UsageError, match="not understood"):
        condition(expression)


@pytest.mark.parametrize(
    "query", [{"limit": "501"}, {"limit": "0"}, {"from": "yesterday"}, {"status": "5xx"}, {"sort": "up"}]
)
def test_parameters_that_are_not_understood(query: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        wanted(query, BEGAN)


def test_a_quarter_of_an_hour_unless_asked_otherwise() -> None:
    assert wanted({}, 10_000) == Wanted(9_100, 10_000)
    assert wanted({"status": "404", "url": "/x", "limit": "5"}, 10_000).values == ("/x", 404.0)


def test_old_traces_go_as_a_whole(store: TraceStore, now: Hands) -> None:
    store.add(segments(sql(1), numbered(1)))
    now.at += 86400
    store.add(segments(root_final(), sql(2), numbered(2)))
    now.at += 29.5 * 86400
    store.prune()
    assert [row.line.url[-7:] for row in store.requests(ALL)] == ["page-2/"]
    assert store.documents(TRACE) == (), "a part of it was too old"


def test_the_size_is_bounded_and_the_newest_stay(store: TraceStore, now: Hands, tmp_path: Path) -> None:
    for n in range(400):
        now.at += 1
        store.add(segments(numbered(n, metadata={"$_GET": {"long": "x" * 20_000}})))
        if n % 50 == 0:
            store.prune()
    store.prune()
    assert store.used() <= 2 * MEGABYTE
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2 * 2 * MEGABYTE + 5 * MEGABYTE
    rows = store.requests(ALL)
    assert rows[0].line.url.endswith("page-399/")
    assert 20 < len(rows) < 400


def test_an_unreadable_file_is_thrown_away(now: Hands, tmp_path: Path) -> None:
    (tmp_path / "t.sqlite").write_bytes(b"no database" * 1000)
    store = TraceStore(tmp_path / "t.sqlite", largest=2 * MEGABYTE, now=now)
    store.add(segments(*one_request()))
    assert store.counts() == {"requests": 1, "segments": 7}


def test_what_was_kept_is_found_after_a_restart(store: TraceStore, now: Hands, tmp_path: Path) -> None:
    store.add(segments(*one_request()))
    again = TraceStore(tmp_path / "t.sqlite", largest=2 * MEGABYTE, now=now)
    assert len(again.documents(TRACE)) == 7
