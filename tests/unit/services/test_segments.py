"""From a datagram to a Segment: what joins documents must be right, the rest may be anything."""

from __future__ import annotations

import json

import pytest

from altis_local.services.segments import Malformed, number_at, parse, request_line
from tests.unit.services.datagrams import BEGAN, HEADER, ROOT, TRACE, datagram, root_final, root_in_progress, sql


def test_a_final_root() -> None:
    segment = parse(datagram(root_final()))
    assert (segment.trace_id, segment.id, segment.parent_id, segment.name) == (TRACE, ROOT, "", "my-env")
    assert (segment.started, segment.ended, segment.in_progress) == (BEGAN, BEGAN + 0.2, False)
    assert json.loads(segment.text) == root_final()


def test_one_in_progress_has_no_end() -> None:
    assert parse(datagram(root_in_progress())).in_progress
    assert parse(datagram(root_in_progress(end_time=BEGAN))).in_progress


def test_a_subsegment_names_its_parent() -> None:
    assert parse(datagram(sql())).parent_id == ROOT


def test_identifiers_are_compared_in_lower_case() -> None:
    segment = parse(datagram(sql(trace_id=TRACE.upper(), id="ABCDEFABCDEFABCD")))
    assert (segment.trace_id, segment.id) == (TRACE, "abcdefabcdefabcd")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", "header", id="empty"),
        pytest.param(json.dumps(root_final()).encode(), "header", id="no-header"),
        pytest.param(b'{"format": "xml", "version": 1}\n{}', "header", id="other-format"),
        pytest.param(b'{"format": "json", "version": 2}\n{}', "header", id="other-version"),
        pytest.param(b"[]\n{}", "header", id="header-a-list"),
        pytest.param(HEADER, "not JSON", id="no-document"),
        pytest.param(HEADER + b'{"name": "x"', "not JSON", id="cut-off"),
        pytest.param(HEADER + b"\xff\xfe\x00", "not JSON", id="no-text"),
        pytest.param(HEADER + b"[1]", "no JSON object", id="a-list"),
        pytest.param(HEADER + b'{"a":' * 20000, "not JSON", id="endlessly-deep"),
        pytest.param(datagram(root_final(trace_id="1-2-3")), "trace_id", id="trace-id"),
        pytest.param(datagram(root_final(trace_id=None)), "trace_id", id="trace-id-null"),
        pytest.param(datagram(root_final(id="short")), "id", id="id"),
        pytest.param(datagram(sql(parent_id="")), "parent_id", id="orphaned-by-birth"),
        pytest.param(datagram(root_final(name="")), "name", id="no-name"),
        pytest.param(datagram(root_final(start_time="soon")), "start_time", id="no-start"),
        pytest.param(datagram(root_final(start_time=float("nan"))), "start_time", id="start-not-a-number"),
        pytest.param(datagram(root_final(end_time=None)), "end_time", id="no-end"),
    ],
)
def test_malformed(payload: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse(payload)


def test_the_line_of_a_request() -> None:
    line = request_line(parse(datagram(root_final(503, fault=True))))
    assert (line.method, line.url, line.status) == ("GET", "https://localhost:8443/shop/", 503)
    assert (line.client_ip, line.fault, line.error) == ("10.208.0.1", True, False)


@pytest.mark.parametrize("http", [None, [], {"request": []}, {"request": {"url": 5}, "response": {"status": "x"}}])
def test_a_line_of_nothing(http: object) -> None:
    line = request_line(parse(datagram(root_final(http=http))))
    assert (line.method, line.url, line.status, line.client_ip) == ("", "", 0, "")


@pytest.mark.parametrize("value", [True, "1", None, float("inf"), float("nan"), 10**400, [1]])
def test_what_is_no_number(value: object) -> None:
    assert number_at({"a": {"b": value}}, "a", "b") is None
