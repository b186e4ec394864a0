"""Search: posts get into the index as they are saved, are found there, and by MySQL while no search member answers."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.stack.keeping import misspelt, new_word
from tests.stack.services import Services, administrator, publish
from tests.stack.world import World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

NODES = ("search-1", "search-2", "search-3")
WARNING = "Error in Elasticsearch request"
NOT_ASKED = "did not answer a moment ago"
IN_INDEX = 45.0
"""Seconds until a change is in the index for certain: its refresh takes one, a retry by a job ten."""
PATIENCE = 3.0
"""Seconds for a page whose search has no answer: a second of waiting at most, and the page itself on a busy machine."""


@pytest.fixture
def services(ha: World) -> Services:
    return Services(ha)


@pytest.fixture
def admin(ha: World) -> Iterator[httpx.Client]:
    with administrator(ha) as browser:
        yield browser


def is_found(services: Services, words: str, title: str) -> bool:
    return title in services.found(words)


def indexed(services: Services, words: str, title: str) -> None:
    """Wait until the index has it: a moment after the answer of the request that saved it."""
    eventually(lambda: is_found(services, words, title), f"{words} in the index", within=IN_INDEX, every=1.0)


def hidden(services: Services, words: str, title: str) -> None:
    """Wait until the index has it no more. (On a busy machine MySQL may answer in its place, with what it knows.)"""
    eventually(lambda: not is_found(services, words, title), f"{words} found no more", within=IN_INDEX, every=1.0)


def warnings_of(world: World, text: str = WARNING) -> int:
    webs = [c for c in world.containers().values() if c.role == "web"]
    return sum(text in line for web in webs for line in world.engine.logs(web.id, 100_000))


def test_a_post_is_found_as_it_is_saved_changed_and_deleted(ha: World, services: Services, admin: httpx.Client) -> None:
    word, other, title = new_word(), new_word(), f"Found {secrets.token_hex(4)}"
    # The editor's marks are no text.
    post = publish(admin, title, f"<!-- wp:paragraph --><p>It says {word}.</p><!-- /wp:paragraph -->")
    indexed(services, misspelt(word), title)
    hidden(services, "paragraph", title)

    admin.post(f"/wp-json/wp/v2/posts/{post['id']}", json={"content": f"Now it says {other}."})
    indexed(services, misspelt(other), title)
    hidden(services, misspelt(word), title)

    admin.delete(f"/wp-json/wp/v2/posts/{post['id']}", params={"force": "true"})
    hidden(services, misspelt(other), title)


def test_drafts_and_protected_posts_are_not_found(services: Services, admin: httpx.Client) -> None:
    word, title = new_word(), f"Hidden {secrets.token_hex(4)}"
    seen = publish(admin, f"Shown {title}", word)
    indexed(services, misspelt(word), f"Shown {title}")
    for change in ({"status": "draft"}, {"status": "publish", "password": "secret"}):
        admin.post(f"/wp-json/wp/v2/posts/{seen['id']}", json=change)
        hidden(services, misspelt(word), title)


def test_the_index_is_what_elasticpress_makes(ha: World, services: Services) -> None:
    """SEARCH-01, SEARCH-02, SEARCH-05 to SEARCH-07: seen from a web container, and in the cluster."""
    assert ha.wp("sandbox", "eval", r"echo Altis\Cloud\get_elasticsearch_url();") == "http://search:9200"
    seen = ha.exec("web-a1", "php", "-r", "echo file_get_contents( 'http://search:9200/_cluster/health' );")
    assert '"status":"green"' in seen.output, seen.output
    assert services.elasticsearch("/")["version"]["number"] == "7.10.2"
    (name,) = re.findall(r'"([^"]+)"', ha.wp("sandbox", "elasticpress", "get-indices"))
    assert name.endswith("-post-1")
    settings = services.elasticsearch(f"/{name}/_settings")[name]["settings"]["index"]
    assert (settings["number_of_shards"], settings["number_of_replicas"]) == ("5", "1")
    assert settings["mapping"]["total_fields"]["limit"] == "5000"
    assert settings["max_result_window"] == "1000000"


def test_a_sync_makes_the_index_anew(ha: World, services: Services, admin: httpx.Client) -> None:
    word, title = new_word(), f"Synced {secrets.token_hex(4)}"
    publish(admin, title, word)
    indexed(services, misspelt(word), title)
    ha.wp("sandbox", "elasticpress", "delete-index")
    said = ha.wp("sandbox", "elasticpress", "sync", "--setup", "--yes")
    assert said.endswith("Success: Done!"), said
    (count,) = re.findall(r"Number of posts indexed: (\d+)", said)
    posts = (
        "SELECT COUNT(*) FROM wordpress.wp_posts WHERE post_status = 'publish' AND post_password = '' "
        "AND post_type IN ('post', 'page')"
    )
    assert [[count]] == ha.sql(ha.duty("writer"), posts)
    indexed(services, misspelt(word), title)


def test_two_may_make_the_index_at_once(ha: World) -> None:
    """A post saved while the first job makes the index: the later one finds what it wanted, silently."""
    assert ha.wp("sandbox", "eval", r"echo wp_json_encode( Altis\Search\Index\create() );") == "true"


def test_without_any_member_mysql_searches_and_the_index_comes_back(
    ha: World, services: Services, admin: httpx.Client
) -> None:
    """SEARCH-04. Their containers are removed: what comes back has nothing but its volume."""
    word, title = new_word(), f"Kept {secrets.token_hex(4)}"
    publish(admin, title, word)
    indexed(services, misspelt(word), title)
    warned = warnings_of(ha)
    ha.hurt("gone", NODES)
    began = time.monotonic()
    page = services.found(word)
    took = time.monotonic() - began
    assert title in page, "MySQL finds it"
    assert took < PATIENCE
    assert warnings_of(ha) > warned, "and says so"
    ha.answers()

    ha.converged()
    indexed(services, misspelt(word), title)
    assert services.elasticsearch("/_cluster/health?wait_for_status=green&timeout=15s")["status"] == "green"


def test_members_that_are_silent_cost_a_second_once(ha: World, services: Services, admin: httpx.Client) -> None:
    """Frozen ones accept and never answer. After the first wait nobody waits again for a while."""
    word, title = new_word(), f"Silent {secrets.token_hex(4)}"
    publish(admin, title, word)
    indexed(services, misspelt(word), title)
    found = [c for c in ha.environment.standing().containers if c.member in NODES]
    ha.faults.pause(found, 8.0)
    before = warnings_of(ha, NOT_ASKED)
    for _ in range(4):
        began = time.monotonic()
        assert title in services.found(word)
        assert time.monotonic() - began < PATIENCE
    assert warnings_of(ha, NOT_ASKED) > before, "somebody was spared"
    ha.converged()
    indexed(services, misspelt(word), title)
