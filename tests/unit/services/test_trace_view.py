"""One trace put together: splits joined, times relative, queries and errors drawn out, nothing lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from altis_local.services.trace_view import DEEPEST, view
from tests.unit.services.datagrams import (
    BEGAN,
    ROOT,
    TRACE,
    apart,
    call,
    object_cache,
    one_request,
    profile,
    remote,
    root_final,
    root_in_progress,
    sql,
)


def seen(*documents: dict[str, Any]) -> dict[str, Any]:
    found = view(TRACE, [json.dumps(document) for document in documents])
    assert found is not None
    return dict(found)


def shape(node: dict[str, Any]) -> Any:
    return [node["name"], *map(shape, node["children"])]


def final_ones() -> list[dict[str, Any]]:
    return [document for document in one_request() if not document.get("in_progress")]


def test_nothing_known_is_nothing() -> None:
    assert view(TRACE, []) is None


def test_the_tree_of_a_request() -> None:
    (request,) = seen(*final_ones())["requests"]
    assert shape(request["tree"]) == [
        "my-env",
        ["xhprof", ["call_1", ["call_2"], ["call_3"]]],
        ["object-cache"],
        ["db-writer"],
        ["db-reader"],
        ["db-reader"],
        ["api.example.test"],
    ]
    kinds = [child["kind"] for child in request["tree"]["children"]]
    assert kinds == ["profile", "cache", "sql", "sql", "sql", "remote"]
    assert (request["tree"]["kind"], request["tree"]["at"], request["tree"]["took"]) == ("request", 0, 200)


def test_what_the_page_of_a_request_derives() -> None:
    (request,) = seen(*final_ones())["requests"]
    assert request["cpu"] == {"total": 90, "user": 80, "sys": 10}
    assert request["database"] == {"queries": 3, "took": 25}
    assert request["cache"] == {"took": 12, "hits": 40, "misses": 2}
    assert (request["queue"], request["memory"]) == (3, 21.5)
    assert (request["zone"], request["revision"]) == ("eu-west-1b", "r42")


def test_queries_and_remote_calls() -> None:
    trace = seen(*final_ones())
    assert [(q["name"], q["query"], q["at"], q["took"]) for q in trace["queries"]] == [
        ("db-writer", "SELECT 1 FROM wp_posts", 10, 4),
        ("db-reader", "SELECT 2 FROM wp_posts", 20, 4),
        ("db-reader", "SELECT 3 FROM wp_posts", 30, 4),
    ]
    assert [(r["method"], r["url"], r["status"], r["took"]) for r in trace["remote"]] == [
        ("POST", "https://api.example.test/v1", 201, 50)
    ]


def test_a_split_profile_is_joined_again() -> None:
    whole = seen(root_final(), profile(call(1, call(2), call(3)), call(4)))
    pieces = seen(
        apart(call(4), "dddddddddddddddd"),
        apart(call(2), "dddddddddddd0001"),
        profile(),
        apart(call(3), "dddddddddddd0001"),
        root_final(),
        apart(call(1), "dddddddddddddddd"),
    )
    assert shape(pieces["requests"][0]["tree"]) == shape(whole["requests"][0]["tree"])
    assert pieces["without_parent"] == []


def test_without_a_root_nothing_is_lost() -> None:
    trace = seen(sql(1), sql(2), object_cache())
    assert trace["requests"] == []
    assert [node["kind"] for node in trace["without_parent"]] == ["sql", "sql", "cache"]
    assert len(trace["queries"]) == 2


def test_in_progress_has_no_duration() -> None:
    trace = seen(root_in_progress(), remote(final=False))
    assert trace["requests"][0]["tree"]["took"] is None
    assert trace["remote"][0]["took"] is None
    assert trace["requests"][0]["database"] == {"queries": 0, "took": 0}


def test_errors_of_every_segment() -> None:
    stack = [{"path": "/usr/src/app/x.php", "line": 7}]
    exceptions = [{"message": "Undefined variable", "type": "E_WARNING", "stack": stack}, {"message": "No stack"}]
    failed = sql(1, fault=True, cause={"exceptions": [{"id": "1", "message": "Deadlock found"}]})
    trace = seen(root_final(error=True, cause={"exceptions": exceptions}), failed)
    assert [error["message"] for error in trace["errors"]] == ["Undefined variable", "No stack", "Deadlock found"]
    assert trace["errors"][0]["at"] == "/usr/src/app/x.php:7"
    assert trace["queries"][0]["fault"] is True


def test_parents_in_a_circle_are_shown_once() -> None:
    one, other = sql(1, parent_id="bbbbbbbbbbbbbb02"), sql(2, parent_id="bbbbbbbbbbbbbb01")
    own = sql(3, parent_id="bbbbbbbbbbbbbb03")
    trace = seen(root_final(), one, other, own)
    assert len(trace["queries"]) == 3


def test_depth_is_bounded() -> None:
    deep = call(0)
    for n in range(1, 300):
        deep = call(n, deep)
    node, depth = seen(root_final(), profile(deep))["requests"][0]["tree"], 0
    while node["children"]:
        node, depth = node["children"][0], depth + 1
    assert depth == DEEPEST


@pytest.mark.parametrize("odd", [None, [], "text", 5, {"exceptions": "none"}, {"exceptions": [None, {"stack": [1]}]}])
def test_odd_values_do_no_harm(odd: object) -> None:
    document = root_final(cause=odd, metadata=odd, annotations=odd, http=odd, aws=odd, subsegments=odd, service=odd)
    assert seen(document)["requests"][0]["started"] == BEGAN


def test_two_attempts_are_two_requests() -> None:
    trace = seen(root_final(502, fault=True), root_final(id="aaaaaaaaaaaaaaa2"), sql(1), sql(2, parent_id=ROOT))
    assert [request["database"]["queries"] for request in trace["requests"]] == [2, 0]
