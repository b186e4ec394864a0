"""Verbs of services on a whole environment: each does its thing, and JSON is all that --json prints."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from altis_local.clock import Deadline, wait_until
from tests.stack.world import CLOCK, Row, World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

CLIENT = "$GLOBALS['wp_object_cache']->get_client()"
MIB = 1 << 20
LARGE = 400 * MIB
"""More than control's whole memory (256 MiB), and more than aws has left of its own (512 MiB)."""


def object_at(world: World, key: str) -> tuple[int, str, bytes]:
    """What a visitor gets of an object: status, type, bytes."""
    with world.client() as visitor:
        answer = visitor.get(f"/{key}")
    return answer.status_code, answer.headers.get("content-type", ""), answer.content


@pytest.fixture
def keys(ha: World) -> Iterator[str]:
    """A folder of the bucket for one test."""
    folder = f"uploads/verbs-{secrets.token_hex(4)}/"
    yield folder
    ha.do("s3", "rm", "-r", "--yes", folder)


# -- s3


def test_a_file_goes_up_within_and_down_again(ha: World, keys: str, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "ü b+%.jpg").write_bytes(content)
    up = ha.json("s3", "cp", str(tmp_path / "ü b+%.jpg"), f"s3://{keys}")
    assert (up["target"], up["bytes"]) == (f"s3://{keys}ü b+%.jpg", 300_000)
    ha.do("s3", "cp", f"s3://{keys}ü b+%.jpg", f"s3://altis-{ha.name}/{keys}copy.jpg")
    assert object_at(ha, f"{keys}copy.jpg") == (200, "image/jpeg", content)
    (listed,) = (row for row in ha.json("s3", "ls", keys)["objects"] if row["key"].endswith("%.jpg"))
    assert (listed["size"], listed["etag"]) == (300_000, hashlib.md5(content).hexdigest())
    ha.do("s3", "cp", f"s3://{keys}ü b+%.jpg", str(tmp_path / "back.jpg"))
    assert (tmp_path / "back.jpg").read_bytes() == content
    ha.do("s3", "rm", f"{keys}copy.jpg")
    assert [row["key"] for row in ha.json("s3", "ls", "-r", keys)["objects"]] == [f"{keys}ü b+%.jpg"]


def test_a_private_object_is_read_by_nobody(ha: World, keys: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    ha.do("s3", "cp", "--acl", "private", str(tmp_path / "secret.txt"), f"s3://{keys}")
    assert object_at(ha, f"{keys}secret.txt")[0] == 403
    assert ha.do("s3", "cp", f"s3://{keys}secret.txt", "-").stdout == "secret"


def test_an_import_that_was_cut_short_goes_on(ha: World, keys: str, tmp_path: Path) -> None:
    """Ctrl-C in the middle; the second run sends what the first had not, and the third nothing."""
    files = {f"2026/{n % 12 + 1:02}/{n} ä.{end}": os.urandom(20_000) for n in range(150) for end in ("webp", "pdf")}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    words = ("s3", "import-uploads", str(tmp_path), "--to", keys)
    first = ha.spawn(*words)

    def some_are_there() -> bool:
        return len(ha.json("s3", "ls", "-r", keys)["objects"]) > 10

    eventually(some_are_there, "the first files", within=60)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    there = len(ha.json("s3", "ls", "-r", keys)["objects"])
    assert (first.returncode, there < len(files)) == (130, True)
    second = ha.json(*words)
    assert (second["uploaded"], second["skipped"], second["failed"]) == (len(files) - there, there, [])
    assert ha.json(*words)["skipped"] == len(files)
    name = "2026/05/4 ä.webp"
    assert object_at(ha, f"{keys}{name}") == (200, "image/webp", files[name])


def test_a_large_object_passes_through_no_memory(ha: World, keys: str, tmp_path: Path) -> None:
    before = {name: c.started_at for name, c in ha.containers().items() if name in ("aws", "control")}
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(LARGE)
        file.seek(LARGE // 2)
        file.write(b"middle")
    # The command itself, too, has less room than the object needs.
    room = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (LARGE - 100 * MIB,) * 2), "timeout": 240.0}
    ha.do("s3", "cp", str(large), f"s3://{keys}", **room)
    ha.do("s3", "cp", f"s3://{keys}large.bin", str(tmp_path / "back.bin"), **room)
    with (tmp_path / "back.bin").open("rb") as back, large.open("rb") as sent:
        assert hashlib.file_digest(back, "md5").digest() == hashlib.file_digest(sent, "md5").digest()
    assert {name: c.started_at for name, c in ha.containers().items() if name in before} == before


# -- cdn, cache, search


def x_cache(world: World, path: str) -> str:
    with world.client() as visitor:
        return str(visitor.get(path).headers["x-cache"]).split()[0]


def test_a_purge_takes_just_what_it_names(ha: World) -> None:
    stem = f"/?verbs={secrets.token_hex(4)}"
    for path in (f"{stem}a", f"{stem}b"):
        x_cache(ha, path)
        assert x_cache(ha, path) == "Hit"
    before = ha.json("cdn", "stats")
    assert ha.json("cdn", "purge", f"{ha.url}{stem}a")["paths"] == [f"{stem}a"]
    assert (x_cache(ha, f"{stem}a"), x_cache(ha, f"{stem}b")) == ("Miss", "Hit")
    ha.do("cdn", "purge", "/*")
    assert x_cache(ha, f"{stem}b") == "Miss"
    after = ha.json("cdn", "stats")
    assert after["purges"] == before["purges"] + 2
    assert sum(map(sum, (pop.values() for pop in after["pops"].values()))) >= 3


def test_a_flush_empties_the_cache_and_keeps_sessions(ha: World) -> None:
    ha.wp("sandbox", "eval", f"wp_cache_set('verbs', 1, 'verbs'); {CLIENT}->set('sessions:verbs', 1);")
    keys = {row["member"]: row for row in ha.json("cache", "info")["members"]}
    assert sorted(row["duty"] for row in keys.values())[0] == "primary"
    assert all(row["policy"] == "allkeys-lfu" and row["limit"] for row in keys.values())
    flushed = ha.json("cache", "flush")
    assert flushed["member"] == ha.duty("primary")
    assert flushed["removed"] > 0
    assert ha.wp("sandbox", "eval", "echo json_encode(wp_cache_get('verbs', 'verbs'));") == "false"
    assert ha.wp("sandbox", "eval", f"echo {CLIENT}->get('sessions:verbs');") == "1"


def test_a_reindex_brings_the_index_back(ha: World) -> None:
    info = ha.json("search", "info")
    assert info["health"]["number_of_nodes"] == len([m for m in ha.status()["members"] if m["role"] == "search"])
    ha.wp("sandbox", "elasticpress", "delete-index")
    assert ha.json("search", "info")["indices"] == []
    done = ha.json("search", "reindex", "--setup")
    assert done["exit_code"] == 0
    assert "Success: Done!" in done["output"]
    posts = int(ha.wp("sandbox", "eval", "echo array_sum((array) wp_count_posts('post'));"))

    def is_back() -> bool:
        return any(int(row["docs.count"]) >= posts > 0 for row in ha.json("search", "info")["indices"])

    eventually(is_back, "the index", within=15)


def test_a_reindex_that_fails_says_so(ha: World) -> None:
    done = ha.run("wp", "elasticpress", "nonsense")
    assert done.returncode != 0
    refused = ha.run("search", "reindex", "--nonsense")
    assert refused.returncode == 2


# -- jobs


def job(world: World, hook: str) -> Row:
    (row,) = world.json("jobs", "list", "--hook", hook)["jobs"]
    return dict(row)


def test_a_hook_runs_and_is_scheduled_again(ha: World) -> None:
    hook = "wp_privacy_delete_old_export_files"
    before = job(ha, hook)
    done = ha.json("jobs", "run", hook)
    assert (done["exit_code"], done["hook"]) == (0, hook)
    after = job(ha, hook)
    assert (after["status"], after["interval"]) == ("waiting", 3600)
    assert after["next_run"] >= before["next_run"]


def test_a_job_by_number_leaves_its_row_alone(ha: World) -> None:
    before = job(ha, "wp_version_check")
    assert ha.json("jobs", "run", str(before["id"]))["exit_code"] == 0
    assert job(ha, "wp_version_check") == before


def test_the_tail_tells_how_a_run_ended(ha: World) -> None:
    hook = f"verbs_{secrets.token_hex(4)}"
    tail = ha.spawn("jobs", "tail", "-n", "1", "--json")
    try:
        ha.wp("sandbox", "cron", "event", "schedule", hook, "now")
        assert tail.stdout is not None
        rows = (json.loads(line) for line in tail.stdout)
        row = next(row for row in rows if row["hook"] == hook)
    finally:
        tail.send_signal(signal.SIGINT)
    tail.communicate(timeout=20)
    assert (row["schema"], row["status"], tail.returncode) == (1, "completed", 130)
    assert job(ha, hook)["status"] == "completed"
    assert ha.json("jobs", "list", "--status", "completed")["counts"]["completed"] >= 1


# -- traces, mail


def test_a_request_is_found_by_its_path_and_shown_with_its_queries(ha: World) -> None:
    mark = secrets.token_hex(6)
    with ha.client() as visitor:
        visitor.get(f"/?uncached={mark}")
        assert visitor.get(f"/no-such-page-{mark}/").status_code == 404
    listed: list[Row] = []

    def both_are_there() -> bool:
        listed[:] = ha.json("traces", "list", "--path", mark)["traces"]
        return len(listed) == 2

    eventually(both_are_there, "their traces", within=20)
    (page,) = (row for row in listed if "uncached" in row["url"])
    shown = ha.json("traces", "show", page["trace_id"])
    assert shown["requests"][0]["tree"]["status"] == 200
    assert shown["queries"]
    text = ha.do("traces", "show", page["trace_id"]).stdout
    assert "→ 200" in text
    assert text.count(" ms  ") > len(shown["queries"])
    failed = ha.json("traces", "list", "--path", mark, "--errors")["traces"]
    assert [row["status"] for row in failed] == [404]
    assert ha.json("traces", "list", "--path", mark, "--slow", "600")["traces"] == []
    assert ha.json("traces", "list", "--path", mark, "--since", "2026-01-01")["traces"] == listed


def test_mail_is_listed_shown_and_cleared(ha: World) -> None:
    subject = f"Grüße {secrets.token_hex(4)}"
    ha.wp("sandbox", "eval", f"wp_mail(['a@example.org', 'b@example.org'], '{subject}', 'Hallöchen');")
    refused = "add_filter('wp_mail_from', fn () => 'x@example.com'); "
    ha.wp("sandbox", "eval", f"{refused} wp_mail('a@example.org', 'Not {subject}', 'No');")
    (mail,) = (row for row in ha.json("mail", "list")["mails"] if row["subject"] == subject)
    assert mail["to"] == ["a@example.org, b@example.org"]
    assert ha.json("mail", "show", mail["id"])["text"] == "Hallöchen"
    assert "Hallöchen" in ha.do("mail", "show", mail["id"]).stdout

    def both_are_told() -> bool:
        lines = ha.do("mail", "list").stdout.splitlines()
        sent = [line for line in lines if "  sent  " in line and subject in line]
        failed = [
            line for line in lines if "  failed" in line and f"Not {subject}" in line and "MessageRejected" in line
        ]
        return bool(sent and failed)

    eventually(both_are_told, "both lines", within=10)
    assert ha.json("mail", "clear")["removed"] >= 1
    assert ha.json("mail", "list")["mails"] == []
    assert ha.run("mail", "show", mail["id"]).returncode == 2


# -- scaling, images, pages


def test_the_watch_tells_what_was_asked_for_and_why(ha: World) -> None:
    watch = ha.spawn("scale", "watch", "--json", "--every", "0.2")
    assert watch.stdout is not None
    documents = map(json.loads, watch.stdout)
    try:
        first = next(documents)["roles"]["web"]
        assert (first["automatic"], first["least"] < first["most"]) == (True, True)
        assert first["out"]["needed"] == 3
        ha.do("scale", "web", "3")
        web = next(d["roles"]["web"] for d in documents if "roles" in d and d["roles"]["web"]["running"] == 3)
        assert (web["automatic"], web["wanted"]) == (False, 3)
        ha.do("scale", "web", "auto")
        assert next(d for d in documents if "roles" in d and d["roles"]["web"]["automatic"])
    finally:
        watch.send_signal(signal.SIGINT)
        watch.communicate(timeout=20)
    assert watch.returncode == 130


def test_images_are_those_that_members_run(ha: World) -> None:
    rows = {row["role"]: row for row in ha.json("images")["images"]}
    assert all(row["built"] and row["bytes"] > MIB for row in rows.values() if row["role"] in ("db", "redis", "lb"))
    assert set(rows) >= {m["role"] for m in ha.status()["members"]}


def test_pages_to_open(ha: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no window can open."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    shown = ha.json("open", "admin")
    assert (shown["url"], shown["opened"]) == (f"{ha.url}/wp-admin/", False)
    assert ha.do("open", "--print").stdout == f"{ha.url}/\n"


# -- db expose


@pytest.fixture
def door(ha: World) -> Iterator[Row]:
    yield ha.json("db", "expose", "--show")
    ha.do("db", "unexpose")


def hostname(door: Row) -> str:
    """The member that answers at the exposed port, if it takes writes."""
    link = pymysql.connect(
        host=door["host"],
        port=door["port"],
        user=door["user"],
        password=door["password"],
        database=door["database"],
        connect_timeout=3,
        read_timeout=5,
    )
    with link, link.cursor() as cursor:
        cursor.execute("SELECT @@hostname, @@read_only, COUNT(*) FROM wp_posts")
        name, read_only, posts = cursor.fetchone() or ("", 1, 0)
    assert (read_only, posts > 0) == (0, True)
    return str(name)


def test_the_exposed_port_leads_to_the_writer_and_follows_it(ha: World, door: Row) -> None:
    before = ha.duty("writer")
    assert hostname(door) == before
    assert ha.json("db", "expose")["port"] == door["port"]
    assert ha.json("db", "info")["exposed"]["writer"] == f"127.0.0.1:{door['port']}"
    assert ha.json("db", "expose")["password"] is None
    ha.do("failover", "db")
    ha.converged()
    assert hostname(door) == ha.duty("writer") != before


def test_a_port_that_is_taken_is_refused_and_the_old_one_stays(ha: World, door: Row) -> None:
    taken = ha.url.rpartition(":")[2]
    refused = ha.run("db", "expose", "--port", taken)
    assert (refused.returncode, f"port {taken} is taken" in refused.stderr) == (8, True)
    assert hostname(door) == ha.duty("writer")
    ha.do("db", "unexpose")
    with pytest.raises(pymysql.err.OperationalError):
        hostname(door)


# -- wrong input


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("s3", "cp", "s3://no/such/key", "x"), 2, "there is no object no/such/key"),
        (("s3", "cp", "s3://no/such/key", "-"), 2, "there is no object no/such/key"),
        (("s3", "cp", "s3://no/such/key", "s3://other"), 2, "there is no object no/such/key"),
        (("s3", "rm", "no/such/key"), 2, "there is no object no/such/key"),
        (("s3", "rm", "-r", "uploads/"), 2, "nothing was deleted"),
        (("s3", "cp", "/no/such/file", "s3://x"), 2, "/no/such/file is not there"),
        (("s3", "import-uploads", "/no/such/folder"), 2, "/no/such/folder is no folder"),
        (("cdn", "purge", "/a*b"), 2, "'*' may only be the last character"),
        (("cdn", "purge", "/a b"), 2, "must be URL-encoded"),
        (("cdn", "purge", *(f"/{n}*" for n in range(16))), 2, "15 wildcards"),
        (("cdn", "purge", "https://example.com/"), 2, "no address of this site"),
        (("jobs", "run", "999999999"), 2, "there is no job 999999999"),
        (("jobs", "run", "no_such_hook"), 2, "no job that waits has the hook no_such_hook"),
        (("jobs", "list", "--limit", "0"), 2, "--limit"),
        (("traces", "show", "1-no-such-trace"), 2, "no trace 1-no-such-trace"),
        (("traces", "list", "--since", "soon"), 2, "'soon' is no time"),
        (("mail", "show", "no-such-mail"), 2, "there is no mail no-such-mail"),
        (("open", "cheese"), 2, "there is no page cheese"),
        (("scale", "cheese", "3"), 2, "scale takes one of"),
        (("scale", "watch", "3"), 2, "takes no number"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(ha: World, words: tuple[str, ...], code: int, reason: str) -> None:
    refused = ha.run(*words)
    assert (refused.returncode, refused.stdout) == (code, ""), refused.stdout + refused.stderr
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr
    told = ha.run(*words, "--json")
    if "--limit" not in reason:
        assert json.loads(told.stdout)["exit_code"] == code


def test_two_mistakes_delete_nothing(ha: World, keys: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    ha.do("s3", "cp", str(tmp_path / "a.txt"), f"s3://{keys}")
    assert ha.run("s3", "rm", f"{keys}a.txt", f"{keys}b.txt").returncode == 2
    assert len(ha.json("s3", "ls", keys)["objects"]) == 1


SOME_VERBS: tuple[tuple[str, ...], ...] = (
    ("s3", "ls"),
    ("jobs", "tail"),
    ("open",),
    ("scale", "watch"),
    ("db", "expose"),
)
"""What is to be told where nothing runs. (The unit tests ask every verb.)"""


def test_without_an_environment_nothing_is_made(folder: Path) -> None:
    world = World("t-stack-verbs-nothing", folder)
    for words in SOME_VERBS:
        refused = world.run(*words, "--json")
        assert refused.returncode == 2, words
        assert "no environment is called" in json.loads(refused.stdout)["error"], words
    assert not world.environment.remains()


def test_a_stopped_environment_says_so_and_is_pruned_when_its_folder_is_gone(
    make_world: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world: World = make_world("pruned")
    home = tmp_path_factory.mktemp("home")
    (home / "altis-local.yml").write_text("plan: local\n")
    world.do("start", cwd=home, timeout=600.0)
    port = world.json("db", "expose")["port"]
    assert world.run("prune", "--yes").stdout == "nothing is left over\n"
    world.do("stop")
    assert str(port) not in docker("ps", "--format", "{{.Ports}}", "--filter", f"name=altis-{world.name}")
    for words in SOME_VERBS:
        refused = world.run(*words, "--json")
        assert refused.returncode == 1, (words, refused.stderr)
        assert json.loads(refused.stdout)["error"] == f"environment {world.name} is stopped", words
    assert not any(c.is_running for c in world.environment.standing().containers)
    (home / "altis-local.yml").unlink()
    home.rmdir()
    (row,) = world.json("prune", "--dry-run")["leftovers"]
    assert (row["environment"], row["reason"]) == (world.name, f"its folder {home} is gone")
    assert world.run("prune").returncode == 2
    assert world.environment.remains()
    assert world.json("prune", "--yes")["removed"] == [world.name]
    assert not world.environment.remains()


def test_prune_asks_on_a_terminal(make_world: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Networks alone, as an interrupted destroy leaves them."""
    world: World = make_world("asked")
    docker("network", "create", "--label", f"altis-local.environment={world.name}", f"altis-{world.name}-data")
    for answer, remains in ((b"n\n", True), (b"y\n", False)):
        ours, theirs = os.openpty()
        try:
            asked = world.spawn("prune", stdin=theirs)
            os.write(ours, answer)
            out, err = asked.communicate(timeout=60)
        finally:
            os.close(ours)
            os.close(theirs)
        assert "only networks are left of it" in out
        assert "Remove 1 with all their data?" in err
        assert world.environment.remains() is remains
    assert wait_until(lambda: not world.environment.remains(), Deadline.after(5, CLOCK))
