"""The search image by itself: one node as `local` has it, and three as the plans with high availability have them.

Documents and queries are shaped like ElasticPress's. Networks and volumes have random names and go with the module.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from altis_local.clock import Deadline, SystemClock, wait_until
from tests.contract.engine_cli import build, docker, make_network

pytestmark = pytest.mark.engine

CLOCK = SystemClock()
SOURCE = Path(__file__).parents[2] / "compose" / "images" / "search"
IMAGE = "altis-local/search:contract"
INDEX = json.loads((SOURCE / "post-index.json").read_text())
ZONES = "abc"
START = 60.0  # seconds; four on a machine that does nothing else


@dataclass(frozen=True)
class Node:
    """One search member: its container, and its HTTP API."""

    container: str
    address: str

    def ask(self, method: str, path: str, body: object = None, *, ok: bool = True) -> Any:
        connection = HTTPConnection(self.address, 9200, timeout=40)
        data = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, None if body is None else data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read() or "{}")
        connection.close()
        assert not ok or response.status < 300, f"{method} {path}: {response.status} {answer}"
        return answer

    def health(self) -> tuple[str, int]:
        """Status and number of nodes; "" when there is no answer or no manager."""
        try:
            seen = self.ask("GET", "/_cluster/health?timeout=1s&cluster_manager_timeout=1s", ok=False)
        except (OSError, ValueError):
            return "", 0
        return seen.get("status", "") if "cluster_name" in seen else "", seen.get("number_of_nodes", 0)

    def await_health(self, *wanted: str, nodes: int, seconds: float = START) -> None:
        reached = wait_until(
            lambda: (seen := self.health())[0] in wanted and seen[1] == nodes, Deadline.after(seconds, CLOCK), every=0.2
        )
        assert reached, f"{self.container}: {self.health()}\n{docker('logs', '--tail', '40', self.container)}"

    def count(self, index: str) -> int:
        """Documents a search finds, with every shard answering."""
        found = self.ask("POST", f"/{index}/_search?size=0&track_total_hits=true", {"query": {"match_all": {}}})
        assert found["_shards"]["failed"] == 0, found["_shards"]
        return int(found["hits"]["total"]["value"])


@dataclass(frozen=True)
class Lab:
    """A network with room for members; slots are name=address as control gives them."""

    prefix: str
    subnet: str

    def servers(self, count: int) -> dict[str, str]:
        return {f"search-{n}": f"{self.subnet}.{10 * count + n}" for n in range(1, count + 1)}

    def run(self, member: str, count: int, *flags: str) -> Node:
        servers = self.servers(count)
        node = Node(f"{self.prefix}-{count}-{member}", servers[member])
        values = {
            "ALTIS_MEMBER": member,
            "ALTIS_ZONE": ZONES[int(member[-1]) - 1],
            "ALTIS_ADDRESS_STORE": node.address,
            "ALTIS_SERVERS_SEARCH": " ".join(f"{name}={address}" for name, address in servers.items()),
        }
        environment = [flag for name, value in values.items() for flag in ("-e", f"{name}={value}")]
        docker("run", "-d", "--name", node.container, "--network", self.prefix, "--ip", node.address,
               "-v", f"{node.container}:/var/lib/opensearch", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
               "--security-opt", "no-new-privileges:true", "--memory", "512m", "--pids-limit", "256",
               *environment, *flags, IMAGE)  # fmt: skip
        return node


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    build(IMAGE, SOURCE)
    prefix = f"t-search-{secrets.token_hex(3)}"
    subnet = make_network(prefix, "--internal")
    try:
        yield Lab(prefix, subnet)
    finally:
        if left := docker("ps", "-aq", "--filter", f"name={prefix}").split():
            docker("rm", "-fv", *left, check=False)
        if volumes := docker("volume", "ls", "-q", "--filter", f"name={prefix}").split():
            docker("volume", "rm", "-f", *volumes, check=False)
        docker("network", "rm", prefix, check=False)


@pytest.fixture(scope="module")
def single(lab: Lab) -> Iterator[Node]:
    node = lab.run("search-1", 1)
    node.await_health("green", "yellow", nodes=1)
    node.ask("PUT", "/_ingest/pipeline/posts", {"processors": [
        {"lowercase": {"field": "post_status"}},
        {"script": {"source": "ctx.words = ctx.post_content.splitOnToken(' ').length"}},
    ]})  # fmt: skip
    node.ask("PUT", "/posts", INDEX)
    answer = node.ask("POST", "/_bulk?pipeline=posts&refresh=true", posts(300, "posts"))
    assert not answer["errors"], answer
    yield node
    docker("rm", "-fv", node.container)  # its memory is wanted by the three


def posts(count: int, index: str, first: int = 1) -> str:
    """A _bulk body of posts, every third about running, every seventh in the same category."""
    lines: list[object] = []
    for number in range(first, first + count):
        lines.append({"index": {"_index": index, "_id": str(number)}})
        lines.append({
            "ID": number,
            "post_title": f"Runners of city {number}" if number % 3 == 0 else f"Gardens of Wi-Fi {number}",
            "post_content": "<p>Some words, and <em>more</em> of them</p>",
            "post_status": "PUBLISH",
            "post_date": f"2024-{number % 12 + 1:02}-01 10:00:00",
            "terms": {"category": [{"name": "A name", "slug": f"category-{number % 7}", "term_id": number % 7}]},
            "meta": {"price": [{"value": str(number), "long": number}]},
        })  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in lines)


# One node ------------------------------------------------------------------------------------------------------------


def test_answers_as_the_cloud_does(single: Node) -> None:
    version = single.ask("GET", "/")["version"]
    assert (version["number"], version.get("distribution")) == ("7.10.2", None)


def test_index_is_as_it_was_asked_for_and_yellow_alone(single: Node) -> None:
    settings = single.ask("GET", "/posts/_settings?flat_settings=true")["posts"]["settings"]
    wanted = {
        "index.number_of_shards": "5",
        "index.number_of_replicas": "1",
        "index.mapping.total_fields.limit": "5000",
        "index.max_result_window": "1000000",
    }
    assert {name: settings[name] for name in wanted} == wanted
    assert single.health() == ("yellow", 1)


def test_a_word_is_found_by_its_stem(single: Node) -> None:
    query = {"query": {"multi_match": {"query": "runner", "fields": ["post_title^2", "post_content"]}}}
    assert single.ask("POST", "/posts/_search", query)["hits"]["total"]["value"] == 100
    tokens = single.ask("POST", "/posts/_analyze", {"analyzer": "default", "text": "<b>The running Gardens</b>"})
    assert [t["token"] for t in tokens["tokens"]] == ["run", "garden"]


def test_pipeline_changed_every_document(single: Node) -> None:
    document = single.ask("GET", "/posts/_doc/3")["_source"]
    assert (document["post_status"], document["words"]) == ("publish", 6)


def test_dynamic_fields_follow_the_templates(single: Node) -> None:
    properties = single.ask("GET", "/posts/_mapping")["posts"]["mappings"]["properties"]
    assert properties["terms"]["properties"]["category"]["properties"]["slug"]["type"] == "keyword"
    assert properties["meta"]["properties"]["price"]["properties"]["long"]["type"] == "long"


def test_aggregations_count(single: Node) -> None:
    answer = single.ask("POST", "/posts/_search?size=0", {
        "query": {"bool": {"filter": [{"range": {"meta.price.long": {"lte": 70}}}]}},
        "aggs": {"categories": {"terms": {"field": "terms.category.slug"}},
                 "months": {"date_histogram": {"field": "post_date", "calendar_interval": "month"}}},
    })  # fmt: skip
    buckets = answer["aggregations"]["categories"]["buckets"]
    assert {b["key"]: b["doc_count"] for b in buckets} == {f"category-{n}": 10 for n in range(7)}
    assert len(answer["aggregations"]["months"]["buckets"]) == 12


@pytest.mark.parametrize(
    "script",
    [
        pytest.param({"source": "doc['ID'].value * params.factor", "params": {"factor": 2}}, id="painless"),
        pytest.param({"lang": "expression", "source": "doc['ID'] * 2"}, id="expression"),
    ],
)
def test_a_script_gives_the_score(single: Node, script: dict[str, object]) -> None:
    query = {
        "function_score": {"query": {"match_all": {}}, "script_score": {"script": script}, "boost_mode": "replace"}
    }
    best = single.ask("POST", "/posts/_search?size=1", {"query": query})["hits"]["hits"][0]
    assert (best["_id"], best["_score"]) == ("300", 600.0)


def test_recent_posts_weigh_more_and_words_are_marked(single: Node) -> None:
    answer = single.ask("POST", "/posts/_search?size=1", {
        "query": {"function_score": {
            "query": {"match": {"post_title": {"query": "gardns", "fuzziness": "auto"}}},
            "exp": {"post_date": {"origin": "2024-12-01 10:00:00", "scale": "14d", "decay": 0.25, "offset": "7d"}}}},
        "highlight": {"fields": {"post_title": {}}},
    })["hits"]["hits"][0]  # fmt: skip
    assert answer["_source"]["post_date"].startswith("2024-12")
    assert "<em>Gardens</em>" in answer["highlight"]["post_title"][0]


def test_the_rest_of_what_elasticpress_calls(single: Node) -> None:
    """Writes of single documents, aliases, templates, close and open, and the lists of its status pages."""
    single.ask("PUT", "/other", INDEX | {"settings": INDEX["settings"] | {"index.number_of_replicas": 0}})
    single.ask("PUT", "/other/_doc/1?refresh=true", {"ID": 1, "post_title": "One"})
    single.ask("POST", "/other/_update/1?refresh=true", {"doc": {"post_title": "Two"}})
    assert single.ask("POST", "/_mget", {"docs": [{"_index": "other", "_id": "1"}]})["docs"][0]["found"]
    single.ask("POST", "/_aliases", {"actions": [{"add": {"index": "other", "alias": "all"}}]})
    template = {"source": {"query": {"match": {"post_title": "{{word}}"}}}, "params": {"word": "two"}}
    assert single.ask("POST", "/all/_search/template", template)["hits"]["total"]["value"] == 1
    single.ask("DELETE", "/other/_alias/all")
    for action in ("_close", "_open", "_refresh"):
        single.ask("POST", f"/other/{action}")
    single.ask("POST", "/_reindex?refresh=true", {"source": {"index": "other"}, "dest": {"index": "copy"}})
    assert single.count("copy") == 1
    names = {row["index"] for row in single.ask("GET", "/_cat/indices?format=json")}
    assert {"posts", "other", "copy"} <= names
    modules = {m["name"] for node in single.ask("GET", "/_nodes/plugins")["nodes"].values() for m in node["modules"]}
    assert {"analysis-common", "ingest-common", "lang-painless", "parent-join", "percolator"} <= modules
    single.ask("GET", "/_cluster/stats")
    single.ask("DELETE", "/other,copy")


def test_index_survives_a_kill_and_the_container_ends_with_java(single: Node) -> None:
    single.ask("PUT", "/posts/_doc/301?pipeline=posts", {"ID": 301, "post_content": "x", "post_status": "PUBLISH"})
    docker("exec", single.container, "sh", "-c", "kill -9 $(pidof java)", check=False)
    running = partial(docker, "inspect", "-f", "{{.State.Running}}", single.container)
    assert wait_until(lambda: running() == "false", Deadline.after(5, CLOCK))
    docker("start", single.container)
    single.await_health("yellow", nodes=1)
    assert single.count("posts") == 301


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param({}, "ALTIS_SERVERS_SEARCH is not set", id="nothing"),
        pytest.param({"SERVERS_SEARCH": "search-2=10.0.0.2"}, "does not name this member, search-1", id="not-in-it"),
        pytest.param({"SERVERS_SEARCH": "search-1"}, "'search-1' is not name=address", id="no-address"),
        pytest.param({"ADDRESS_STORE": "10.9.9.9", "SERVERS_SEARCH": "search-1=10.9.9.9"}, "10.9.9.9", id="not-joined"),
    ],
)
def test_what_is_wrong_is_named(lab: Lab, values: dict[str, str], complaint: str) -> None:
    values = {"MEMBER": "search-1", "ADDRESS_STORE": "127.0.0.1"} | values
    flags = [flag for name, value in values.items() for flag in ("-e", f"ALTIS_{name}={value}")]
    said = docker("run", "--rm", "--name", f"{lab.prefix}-wrong", "--network", "none", *flags, IMAGE, check=False)
    assert "altis-search: " in said
    assert complaint in said


# Three nodes ---------------------------------------------------------------------------------------------------------


def test_three_nodes_keep_the_index_whichever_is_killed(lab: Lab, single: Node) -> None:
    docker("stop", "-t", "0", single.container)
    nodes = [lab.run(member, 3) for member in lab.servers(3)]
    nodes[0].await_health("green", nodes=3)
    roles = {row["name"]: row["node.role"] for row in nodes[0].ask("GET", "/_cat/nodes?format=json&h=name,node.role")}
    assert {name: "d" in role for name, role in roles.items()} == {
        "search-1": True,
        "search-2": True,
        "search-3": False,
    }

    nodes[0].ask("PUT", "/posts", INDEX)
    assert not nodes[0].ask("POST", "/_bulk?refresh=true", posts(100, "posts"))["errors"]
    nodes[0].await_health("green", nodes=3)
    shards = nodes[0].ask("GET", "/_cat/shards/posts?format=json&h=node")
    assert sorted(s["node"] for s in shards) == ["search-1"] * 5 + ["search-2"] * 5

    expected = 100
    for victim in nodes:
        others = [node for node in nodes if node is not victim]
        docker("kill", victim.container)
        others[0].await_health("yellow", "green", nodes=2)
        for node in others:
            expected += 1
            node.ask("PUT", f"/posts/_doc/{expected}?refresh=true", {"ID": expected, "post_title": "Written meanwhile"})
            assert node.count("posts") == expected
        docker("start", victim.container)
        others[0].await_health("green", nodes=3)
        assert victim.count("posts") == expected

    docker("kill", *(node.container for node in nodes))
    docker("start", *(node.container for node in nodes))
    nodes[0].await_health("green", nodes=3)
    assert [node.count("posts") for node in nodes] == [expected] * 3
