"""Traces: every request that reaches PHP is there with its queries and remote calls, and nothing else is (APM rows)."""

from __future__ import annotations

import re
import secrets

import pytest

from tests.stack.services import Services, administrator
from tests.stack.world import Row, World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

REQUESTS = 25


@pytest.fixture
def services(ha: World) -> Services:
    return Services(ha)


def visit(world: World, path: str, **headers: str) -> str:
    """Ask for a page that no cache has; what its address holds and no other's does."""
    mark = f"trace={secrets.token_hex(6)}"
    with world.client() as visitor:
        page = visitor.get(f"{path}{'&' if '?' in path else '?'}{mark}", headers=headers)
    assert page.status_code in (200, 404), page.text[:500]
    return mark


def kinds(node: Row) -> list[str]:
    return [node["kind"], *(kind for child in node["children"] for kind in kinds(child))]


def test_a_request_is_shown_with_its_queries_and_its_place(ha: World, services: Services) -> None:
    """APM-04 to APM-07, APM-10, APM-13, WEB-19."""
    trace = services.trace(visit(ha, "/"))
    (request,) = trace["requests"]
    root = request["tree"]
    assert (root["name"], root["method"], root["status"]) == (ha.name, "GET", 200)
    assert root["url"].startswith(f"{ha.url}/?trace=")
    assert request["origin"] == "AWS::ECS::Container"
    assert request["revision"]
    assert request["memory"] > 1
    assert 0 <= request["queue"] < 5000
    assert request["cpu"]["total"] > 0
    assert request["cache"]["hits"] > 0
    assert {"sql", "profile", "cache"} <= set(kinds(root))
    assert root["took"] > 0
    assert trace["queries"]
    assert {query["name"] for query in trace["queries"]} == {"db-reader"}, "a page only reads"
    assert request["database"]["queries"] == len(trace["queries"])
    assert all(query["took"] is not None for query in trace["queries"])
    assert trace["without_parent"] == []
    assert trace["errors"] == []


def test_a_search_shows_its_remote_call(ha: World, services: Services) -> None:
    """APM-08."""
    calls: list[Row] = []

    def answered() -> bool:
        calls[:] = services.trace(visit(ha, "/?s=harbour"))["remote"]
        return [call["status"] for call in calls] == [200]

    # Where the machine is so busy that search takes a second, MySQL answers in its place.
    eventually(answered, "a search that is answered in time", within=15, every=1)
    (call,) = calls
    assert (call["name"], call["method"]) == ("search", "POST")
    assert call["url"].endswith("/_search")


def test_a_log_in_writes_and_shows_no_password(ha: World, services: Services) -> None:
    """APM-07, APM-11."""
    mark = f"trace={secrets.token_hex(6)}"
    with ha.client() as browser:
        browser.get("/wp-login.php")
        form = {"log": "admin", "pwd": "password", "testcookie": "1"}
        assert browser.post(f"/wp-login.php?{mark}", data=form).status_code == 302
    trace = services.trace(mark)
    assert "db-writer" in {query["name"] for query in trace["queries"]}, "the session is written down"
    (request,) = trace["requests"]
    assert request["metadata"]["$_POST"] == {**form, "pwd": "REDACTED"}
    assert "PATH" not in request["metadata"]["$_SERVER"]
    assert "password" not in str(request["metadata"])


def test_aws_is_a_remote_call(ha: World, services: Services) -> None:
    """APM-08: an upload, which goes to S3."""
    mark = f"trace={secrets.token_hex(6)}"
    name = f"{secrets.token_hex(6)}.txt"
    with administrator(ha) as admin:
        headers = {"Content-Type": "text/plain", "Content-Disposition": f'attachment; filename="{name}"'}
        made = admin.post(f"/wp-json/wp/v2/media?{mark}", content=b"It says so.", headers=headers)
        assert made.status_code == 201, made.text[:500]
    calls = [call for call in services.trace(mark)["remote"] if call["name"] == "aws"]
    put = [call for call in calls if call["method"] == "PUT" and call["url"].endswith(name)]
    assert [call["status"] for call in put] == [200]


def test_the_trace_has_the_id_of_the_request(ha: World, services: Services) -> None:
    """APM-09: "Self" before "Root"; one of its own without either."""
    own, root = (f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}" for _ in range(2))
    expected = {f"Root={root}": root, f"Self={own};Root={root}": own}
    for header, wanted in expected.items():
        path = f"/?trace={secrets.token_hex(6)}"
        assert services.page(path, X_Amzn_Trace_Id=header).status == 200
        eventually(lambda path=path: bool(services.traces(f'http.url contains "{path}"')), "its trace", 10)  # type: ignore[misc]
        assert services.traces(f'http.url contains "{path}"')[0]["trace_id"] == wanted
    path = f"/?trace={secrets.token_hex(6)}"
    services.page(path)
    trace = services.trace(path)
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", trace["trace_id"])


def test_every_request_that_reaches_php_is_traced_and_nothing_else(ha: World, services: Services) -> None:
    """APM-01, APM-02: hits of the page cache too; not hits of the CDN, probes, jobs and commands."""
    mark = secrets.token_hex(6)
    # Somebody may have asked for it by hand.
    cron = services.traces('http.url contains "wp-cron"')
    with ha.client() as visitor:
        for number in range(REQUESTS):
            assert visitor.get(f"/?trace={mark}-{number}").headers["x-cache"] == "Miss from cloudfront"
            assert visitor.get(f"/?trace={mark}-{number}").headers["x-cache"] == "Hit from cloudfront"
        # The page is in Redis now. This address is another one for the CDN alone.
        assert visitor.get(f"/?trace={mark}-0&utm_source=x").headers["x-batcache"] == "HIT"
    wanted = f'http.url contains "{mark}"'
    eventually(lambda: len(services.traces(wanted)) >= REQUESTS + 1, "the last trace", within=10)
    assert len(services.traces(wanted)) == REQUESTS + 1

    ha.wp("sandbox", "eval", f"echo '{mark}';")
    assert services.page(f"/__instance_healthcheck?{mark}", User_Agent="ELB-HealthChecker/2.0").status == 200
    assert len(services.traces(wanted)) == REQUESTS + 1
    assert services.traces(f'http.url contains "__instance_healthcheck?{mark}"') == []
    assert services.traces('http.url contains "wp-cron"') == cron


def test_a_missing_page_is_no_fault(ha: World, services: Services) -> None:
    mark = visit(ha, "/no-such-page/")
    assert services.trace(mark)["requests"][0]["tree"]["status"] == 404
    (row,) = services.traces(f'http.url contains "{mark}"')
    assert (row["status"], row["fault"]) == (404, False)
