"""What stack tests ask an environment's services: traces, AWS's APIs, the search index, jobs, pages past the CDN.

Asked from inside, as members are reached from nowhere else: control is on every network.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.stack.world import Row, World, eventually

ASK = """
import json, sys, urllib.error, urllib.request
url, method, headers, body = json.loads(sys.argv[1])
request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
try:
    answer = urllib.request.build_opener(Stay).open(request, timeout=20)
except urllib.error.HTTPError as error:
    answer = error
named = {}
for name, value in answer.headers.items():
    named[name.lower()] = ", ".join(filter(None, (named.get(name.lower()), value)))
print(json.dumps([answer.status, named, answer.read().decode(errors="replace")]))
"""
CALL = """
import boto3, json, os, sys
service, call, arguments = json.loads(sys.argv[1])
client = boto3.client(
    service, endpoint_url="http://127.0.0.1:4566", region_name=os.environ["ALTIS_REGION"],
    aws_access_key_id=os.environ["ALTIS_AWS_KEY"], aws_secret_access_key=os.environ["ALTIS_AWS_SECRET"],
)
print(json.dumps(getattr(client, call)(**arguments), default=str))
"""


@dataclass(frozen=True)
class Page:
    """An answer, with the names of its headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


class Services:
    """The services of one environment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, url: str, *, method: str = "GET", body: str = "", **headers: str) -> Page:
        """A request from control's place. Underscores in headers' names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        done = self._world.exec("control", "python", "-c", ASK, json.dumps([url, method, named, body]))
        assert done.exit_code == 0, done.output
        return Page(*json.loads(done.output))

    def page(self, path: str, web: str = "web-a1", **headers: str) -> Page:
        """A page of one web container, asked as the load balancer asks for it."""
        host = self._world.url.removeprefix("https://")
        told = {"Host": host, "X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9, 10.0.0.1"}
        return self.ask(f"http://{self._world.address(web, 'app')}{path}", **{**told, **headers})

    # -- traces

    def traces(self, expression: str) -> list[Row]:
        """Requests that a filter of X-Ray's console finds, newest first."""
        asked = httpx.QueryParams({"filter": expression})
        rows: list[Row] = self._standins(f"/traces?{asked}")["traces"]
        return rows

    def trace(self, url: str) -> Row:
        """The one request for an address that holds this text, once it has ended, with all its parts."""
        expression = f'http.url contains "{url}"'
        # Parts arrive after the request's own end, too.
        eventually(lambda: any(not row["in_progress"] for row in self.traces(expression)), f"a trace of {url}", 10)
        return self.trace_by_id(str(self.traces(expression)[0]["trace_id"]))

    def trace_by_id(self, trace_id: str) -> Row:
        found: Row = self._standins(f"/traces/{trace_id}")
        return found

    def _standins(self, path: str) -> Any:
        return self.ask(f"http://{self._world.address('standins', 'platform')}:8080{path}").json()

    # -- AWS

    def aws(self, service: str, call: str, **arguments: Any) -> Row:
        """An API call with the environment's own key, made inside of the aws container."""
        done = self._world.exec("aws", "python", "-c", CALL, json.dumps([service, call, arguments]))
        assert done.exit_code == 0, done.output
        document: Row = json.loads(done.output)
        return document

    def sent_mails(self) -> list[Row]:
        mails: list[Row] = self.ask(f"http://{self._world.address('aws', 'platform')}:4566/_aws/ses").json()["messages"]
        return mails

    def log_lines(self, group: str, stream: str) -> list[str]:
        """Messages of a stream of this environment's log group; none where it is not there yet."""
        named = f"{self._world.name}/{group}"
        streams = self.aws("logs", "describe_log_streams", logGroupName=named)["logStreams"]
        if stream not in [found["logStreamName"] for found in streams]:
            return []
        events = self.aws("logs", "get_log_events", logGroupName=named, logStreamName=stream)["events"]
        return [event["message"] for event in events]

    # -- search

    def elasticsearch(self, path: str, member: str = "search-1") -> Any:
        return self.ask(f"http://{self._world.address(member, 'store')}:9200{path}").json()

    def found(self, words: str) -> str:
        """What a search finds, past every cache: as a feed, for the theme's page lists other posts too."""
        with self._world.client() as visitor:
            page = visitor.get("/", params={"s": words, "feed": "rss2", "fresh": secrets.token_hex(6)})
        assert page.status_code == 200, page.text[:500]
        return page.text

    # -- jobs

    def schedule(self, hook: str, *arguments: str, due: float = -2) -> int:
        """Put a job that is due in so many seconds; its number."""
        values = "".join(f'i:{n};s:{len(text)}:"{text}";' for n, text in enumerate(arguments))
        when = f"UTC_TIMESTAMP() + INTERVAL {due} SECOND"
        writer = self._world.duty("writer")
        ((number,),) = self._world.sql(
            writer,
            "INSERT INTO wordpress.wp_cavalcade_jobs (site, hook, args, start, nextrun) "
            f"VALUES (1, '{hook}', 'a:{len(arguments)}:{{{values}}}', {when}, {when}); SELECT LAST_INSERT_ID()",
        )
        return int(number)

    def job(self, number: int) -> str:
        """A job's status; "" for one that is not there."""
        rows = self._world.sql(
            self._world.duty("writer"), f"SELECT status FROM wordpress.wp_cavalcade_jobs WHERE id = {number}"
        )
        return rows[0][0] if rows else ""

    def becomes(self, number: int, status: str, within: float = 30.0) -> None:
        eventually(lambda: self.job(number) == status, f"job {number} {status}", within, every=0.2)

    def runs(self, number: int) -> list[str]:
        """How each run of a job ended."""
        query = f"SELECT status FROM wordpress.wp_cavalcade_logs WHERE job = {number} ORDER BY id"
        return [row[0] for row in self._world.sql(self._world.duty("writer"), query)]


@contextmanager
def administrator(world: World) -> Iterator[httpx.Client]:
    """A browser in which the administrator has logged in, by the form and its cookies; it has the nonce of REST."""
    with world.client(follow_redirects=True) as browser:
        browser.get("/wp-login.php")
        form = {"log": "admin", "pwd": "password", "testcookie": "1", "redirect_to": f"{world.url}/wp-admin/"}
        page = browser.post("/wp-login.php", data=form)
        assert page.url.path == "/wp-admin/", page.text[:2000]
        browser.headers["X-WP-Nonce"] = browser.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        yield browser


def publish(browser: httpx.Client, title: str, content: str = "") -> Row:
    """A new post, as the editor saves it."""
    made = browser.post("/wp-json/wp/v2/posts", json={"title": title, "content": content, "status": "publish"})
    assert made.status_code == 201, made.text[:500]
    post: Row = made.json()
    return post
