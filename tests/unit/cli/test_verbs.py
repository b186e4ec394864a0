"""Verbs of services from the command line to control's API and back: words in, requests out, documents and text in."""

from __future__ import annotations

import json
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altis_local.cli.app import VERBS
from altis_local.cli.main import main
from tests.fakes.http_server import HttpFake, container

Capture = pytest.CaptureFixture[str]

CACHE = {
    "members": [
        {"member": "redis-1", "duty": "primary", "version": "8.0.2", "up_seconds": 7300, "keys": 812, "used": 9_000_000,
         "limit": 50_331_648, "policy": "allkeys-lfu", "hits": 900, "misses": 100, "evicted": 0, "expired": 3,
         "clients": 9, "hit_rate": 0.9, "error": None},
        {"member": "redis-2", "error": "does not answer in time"},
    ]
}  # fmt: skip
CDN = {"pops": {"DUB56-P1": {"Hit": 3, "Miss": 1}, "IAD89-C1": {}}, "purges": 2}
SEARCH = {
    "asked": "search-1",
    "health": {"cluster_name": "altis", "status": "green", "number_of_nodes": 1, "active_shards": 2,
               "unassigned_shards": 0},
    "nodes": [{"name": "search-1", "node.roles": "data", "heap.percent": "41", "cluster_manager": "*"}],
    "indices": [{"index": "ep-x-post-1", "health": "green", "docs.count": "12", "store.size": "20480", "pri": "1",
                 "rep": "0"}],
}  # fmt: skip
JOB = {"id": 7, "site": 1, "hook": "wp_version_check", "args": "a:0:{}", "start": "2026-01-01T00:00:00Z",
       "next_run": "2026-01-01T00:00:00Z", "interval": 43200, "status": "waiting", "schedule": ""}  # fmt: skip
JOBS = {"jobs": [JOB], "counts": {"waiting": 1, "running": 0, "completed": 0, "failed": 0, "due": 1}}
END = {"id": 4, "job": 7, "hook": "wp_version_check", "status": "failed", "at": "2026-01-01T00:00:01Z",
       "content": "Fatal\n error"}  # fmt: skip
ROW = {"trace_id": "1-a-b", "id": "s", "started": 1767225600.0, "duration": 0.25, "in_progress": False,
       "method": "GET", "url": "https://localhost:8443/", "status": 500, "client_ip": "10.0.0.1", "fault": True,
       "error": False}  # fmt: skip


def node(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "kind": kind, "at": 1.5, "took": 2.0, "fault": False, "error": False,
            "errors": [], "children": [], **more}  # fmt: skip


TREE = node(
    "x",
    "request",
    method="GET",
    url="https://localhost:8443/",
    status=500,
    fault=True,
    errors=[{"name": "x", "type": "Error", "message": "no such thing", "at": "/usr/src/app/a.php:3"}],
    children=[
        node("db", "sql", query="SELECT *\n  FROM wp_posts " + "WHERE 1 " * 40, took=None),
        node("xhprof", "profile", children=[node("main()", "call")]),
        node("es", "remote", method="GET", url="http://search:9200/", status=200),
    ],
)
TRACE = {
    "trace_id": "1-a-b",
    "requests": [
        {"started": 1767225600.0, "client_ip": "10.0.0.1", "zone": "eu-west-1a", "revision": "dev", "memory": 4.0,
         "database": {"queries": 1, "took": 3.0}, "cache": {"took": 1.0, "hits": 5.0, "misses": 1.0}, "tree": TREE}
    ],
    "without_parent": [node("lost", "call")],
}  # fmt: skip
MAILS = {
    "mails": [{"id": "m1", "at": "2026-01-01T10:00:00Z", "from": "a@x", "to": ["b@x", "c@x"], "subject": "Hello"}],
    "log": [
        {"at": 1767261600.0, "stream": "Sent", "message": "{}", "id": "1"},
        {"at": 1767268800.0, "stream": "Failed", "id": "2", "message": json.dumps(
            {"error": {"class": "MessageRejected", "message": "not verified"},
             "message": {"Source": "z@y", "Destination": {"ToAddresses": ["q@y"]},
                         "Message": {"Subject": {"Data": "Lost"}}}})},
    ],
}  # fmt: skip
MAIL = {"id": "m1", "at": "2026-01-01T10:00:00Z", "source": "a@x", "to": ["b@x"], "subject": "Hello", "text": "Dear b",
        "html": "<p>Dear b</p>", "attachments": ["a.pdf"], "headers": []}  # fmt: skip
OBJECTS = {
    "folders": ["uploads/2026/"],
    "objects": [{"key": "uploads/a.jpg", "size": 2048, "modified": "2026-01-01T10:00:00.000Z", "etag": "e",
                 "content_type": ""}],
    "next": "",
}  # fmt: skip
SCALING = {
    "web": {"automatic": True, "wanted": 2, "running": 2, "least": 2, "most": 6, "load": 0.71, "unit": "share",
            "target": 0.6, "out": {"above": 0.6, "points": 2, "needed": 3},
            "in": {"below": 0.27, "points": 0, "needed": 15}, "points": [], "cooldown_left": 0.0, "changed_at": None,
            "why": ""},
    "cavalcade": {"automatic": False, "wanted": 1, "running": 1, "least": 1, "most": 1, "load": None, "unit": "jobs",
                  "why": "plan local has just so many"},
}  # fmt: skip
STATUS = {
    "environment": "x", "sequence": 5, "scaling": SCALING, "members": [],
    "urls": {"site": "https://localhost:8443/", "admin": "https://localhost:8443/wp-admin/", "dashboard": None},
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "GET /health": {"ok": True},
    "GET /status": STATUS,
    "GET /journal": {"events": [{"sequence": 6, "kind": "scale", "at": 1767225600.0, "text": "web 2 → 3: busy"}]},
    "GET /cache": CACHE,
    "POST /cache/flush": {"member": "redis-1", "removed": 812},
    "GET /cdn": CDN,
    "POST /cdn/invalidations": {"id": 3, "paths": ["/a", "/b/*"]},
    "GET /search": SEARCH,
    "GET /jobs": JOBS,
    "GET /jobs/ends": {"ends": [END]},
    "GET /traces": {"traces": [ROW]},
    "GET /traces/1-a-b": TRACE,
    "GET /traces/1-no-such": (422, {"error": "standins: no trace 1-no-such is known", "hint": None}),
    "GET /jobs/8": (404, b"Not Found"),
    "GET /jobs/9999999": (422, {"error": "there is no job 9999999", "hint": "`altis-local jobs list`"}),
    "GET /aws/mails": MAILS,
    "GET /aws/mail": MAIL,
    "POST /aws/clear-mails": {"removed": 1},
    "GET /aws/objects": OBJECTS,
    "GET /aws/object-data": {"key": "uploads/a.jpg", "size": 5, "etag": "e", "modified": "", "content_type": "image/x"},
    "GET /aws/object/uploads/a.jpg": b"bytes",
    "POST /aws/delete-objects": {"removed": ["uploads/a.jpg"]},
}


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTIS_LOCAL_NAME", "")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def control() -> Iterator[HttpFake]:
    with HttpFake(ANSWERS) as fake:
        yield fake


@pytest.fixture
def engine(control: HttpFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpFake]:
    """An engine with environment x, which runs, and y, which is stopped."""
    own = {"kind": "control", "site_url": "https://localhost:8443"}
    rows = [
        container("x", "control", **own, ports={8080: control.port}),
        container("x", "sandbox"),
        container("y", "control", **own, state="exited"),
        container("y", "sandbox", state="exited"),
    ]
    answers: dict[str, Any] = {
        "GET /containers/json": rows,
        "GET /containers/id-x-control/json": {"Config": {"Env": ["ALTIS_API_TOKEN=t"]}},
        "GET /networks": [{"Name": "altis-z-data", "Labels": {"altis-local.environment": "z"}}],
        "GET /volumes": {"Volumes": []},
    }
    with HttpFake(answers, tmp_path / "engine.sock") as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake


READING = (
    "cache info", "cache flush", "cdn stats", "cdn purge /a /b/*", "search info", "jobs list", "traces list",
    "traces show 1-a-b", "mail list", "mail show m1", "mail clear", "s3 ls", "s3 ls uploads/ -r", "s3 rm uploads/a.jpg",
    "open", "open admin", "scale watch --once", "prune --dry-run",
)  # fmt: skip


@pytest.mark.parametrize("line", READING)
def test_json_is_alone_on_stdout(engine: HttpFake, capsys: Capture, line: str) -> None:
    assert main([*line.split(), "-p", "x", "--json"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert all(json.loads(text)["schema"] == 1 for text in said)
    assert said


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cache info", ("redis-1", "90.0%", "8.6 MiB of 48.0 MiB", "allkeys-lfu", "2 h", "does not answer in time")),
        ("cache flush", ("812 keys removed from redis-1",)),
        ("cdn stats", ("DUB56-P1", "75.0%", "3 Hit, 1 Miss", "2 paths purged")),
        ("cdn purge /a /b/*", ("purged /a", "purged /b/*")),
        ("search info", ("altis: green, 1 nodes, 2 shards active", "41 %", "20.0 KiB", "1 × 1")),
        ("jobs list", ("wp_version_check", "12 h", "ago", "1 waiting, 0 running, 0 completed, 0 failed, 1 due")),
        ("jobs tail --no-follow", ("2026-01-01T00:00:01Z  failed", "wp_version_check  Fatal error")),
        ("traces list", ("2026-01-01 00:00:00", "250 ms", "500", "1-a-b")),
        ("traces show 1-a-b", ("→ 500", "1 queries, 3.0 ms", "5 hits, 1 misses", "   1.5 ms     2.0 ms  x FAULT",
                               "running    sql SELECT * FROM wp_posts",
                               "! Error: no such thing at /usr/src/app/a.php:3",
                               "(its functions: --profile)", "es GET http://search:9200/ 200", "lost")),
        ("traces show 1-a-b --profile", ("      main()",)),
        ("mail list", ("sent    a@x   b@x, c@x  Hello", "failed  z@y   q@y       Lost     (not verified)")),
        ("mail show m1", ("From      a@x", "Attached  a.pdf", "Dear b")),
        ("mail show m1 --html", ("<p>Dear b</p>",)),
        ("s3 ls", ("folder  uploads/2026/", "2026-01-01 10:00:00     2.0 KiB  uploads/a.jpg")),
        ("s3 cp s3://altis-x/uploads/a.jpg b.jpg", ("s3://uploads/a.jpg → b.jpg (5 B)",)),
        ("s3 cp s3://uploads/a.jpg .", ("→ a.jpg (5 B)",)),
        ("s3 rm uploads/a.jpg", ("deleted s3://uploads/a.jpg",)),
        ("s3 rm -r --yes uploads/", ("deleted s3://uploads/a.jpg",)),
        ("open", ("https://localhost:8443/\n",)),
        ("open admin", ("https://localhost:8443/wp-admin/\n",)),
        ("scale watch --once", ("web        2 of 2 wanted (2–6), load 71% (target 60%)",
                                "grows after 2/3 points above 60%", "→ web 2 → 3: busy",
                                "fixed: plan local has just so many", "load unknown")),
        ("-p z prune --dry-run", ("z            0           1         0        only networks are left of it",)),
    ],
)  # fmt: skip
def test_text_for_people(engine: HttpFake, capsys: Capture, line: str, expected: tuple[str, ...]) -> None:
    assert main([*([] if line.startswith("-p") else ["-p", "x"]), *line.split()]) == 0
    said = capsys.readouterr().out
    flat = " ".join(said.split())
    for text in expected:
        assert text in said or " ".join(text.split()) in flat, said


def test_a_download_is_whole(engine: HttpFake, tmp_path: Path) -> None:
    assert main(["-p", "x", "s3", "cp", "s3://uploads/a.jpg", str(tmp_path / "b.jpg")]) == 0
    assert (tmp_path / "b.jpg").read_bytes() == b"bytes"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("cdn purge https://localhost:8443/a?b=1 c", ("POST", "/cdn/invalidations", {"paths": ["/a?b=1", "c"]})),
        ("jobs list --status failed --hook h", ("GET", "/jobs?status=failed&hook=h&limit=100", None)),
        ("s3 ls s3://altis-x/uploads/", ("GET", "/aws/objects?prefix=uploads%2F&delimiter=%2F&next=", None)),
        ("s3 ls altis-x/", ("GET", "/aws/objects?prefix=altis-x%2F&delimiter=%2F&next=", None)),
        ("s3 rm -r --yes uploads/", ("POST", "/aws/delete-objects", {"keys": ["uploads/a.jpg"]})),
        ("jobs tail --no-follow -n 3", ("GET", "/jobs/ends?last=3", None)),
    ],
)
def test_what_control_is_asked(engine: HttpFake, control: HttpFake, line: str, asked: tuple[str, str, Any]) -> None:
    assert main(["-p", "x", *line.split()]) == 0
    assert asked in control.asked


def test_traces_are_filtered_where_they_are_kept(engine: HttpFake, control: HttpFake) -> None:
    assert main(["-p", "x", "traces", "list", "--since", "1h", "--path", "/shop", "--slow", "0.5", "--errors"]) == 0
    asked = [path for _, path, _ in control.asked if path.startswith("/traces")]
    assert ["filter=responsetime+%3E+0.500000+AND+%21ok" in asked[0], "http.status+%3E%3D+400" in asked[1]] == [
        True
    ] * 2
    assert all("url=%2Fshop" in path for path in asked)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("-p nope cache info", 2, "no environment is called nope"),
        ("-p y cache info", 1, "environment y is stopped"),
        ("-p y s3 ls", 1, "`altis-local -p y start`"),
        ("-p y search reindex", 1, "environment y is stopped"),
        ("-p y scale watch", 1, "environment y is stopped"),
        ("-p y db expose", 1, "environment y is stopped"),
        ("-p y open", 1, "environment y is stopped"),
        ("-p x open cheese", 2, "there is no page cheese"),
        ("-p x open dashboard", 1, "has no dashboard"),
        ("-p x traces show 1-no-such", 2, "no trace 1-no-such"),
        ("-p x traces list --since yesterday", 2, "'yesterday' is no time"),
        ("-p x traces list --slow very", 2, "--slow"),
        ("-p x jobs list --status tired", 2, "no job is ever tired"),
        ("-p x jobs run 9999999", 2, "there is no job 9999999"),
        ("-p x jobs run 8", 1, "control: it is of another version"),
        ("-p x jobs tail -n 0", 2, "--lines"),
        ("-p x cdn purge", 2, "Missing argument"),
        ("-p x cdn purge https://example.com/", 2, "no address of this site"),
        ("-p x s3 cp a b", 2, "one of the two must be in the bucket"),
        ("-p x s3 cp nothing s3://uploads/", 2, "nothing is not there"),
        ("-p x s3 cp . s3://uploads/", 2, "import-uploads"),
        ("-p x s3 cp s3://a b --acl everybody", 2, "no access rule"),
        ("-p x s3 cp s3://a - --json", 2, "cannot hold an object and JSON"),
        ("-p x s3 cp s3://uploads/a.jpg no/such/folder/x", 2, "is no folder"),
        ("-p x s3 rm -r /", 2, "whole bucket"),
        ("-p x s3 rm -r uploads/", 2, "nothing was deleted"),
        ("-p x s3 import-uploads nothing", 2, "is no folder"),
        ("-p x scale watch 3", 2, "takes no number"),
        ("-p x scale web", 2, "how many web?"),
        ("-p x scale web many", 2, "'many' is no number"),
        ("completion tcsh", 2, "no completion for 'tcsh'"),
        ("-p z prune", 2, "needs --yes"),
        ("-p x db expose --port 99999", 2, "--port"),
    ],
)
def test_wrong_input_ends_clearly(
    engine: HttpFake, capsys: Capture, line: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main(line.split()) == code
    err = capsys.readouterr().err
    assert said in " ".join(err.split())
    assert "Traceback" not in err


EVERY_VERB = (
    "s3 ls", "s3 cp s3://a b", "s3 rm a", "s3 import-uploads .", "cdn stats", "cdn purge /", "cache info",
    "cache flush", "search info", "search reindex", "jobs list", "jobs run 1", "jobs tail", "traces list",
    "traces show 1", "mail list", "mail show 1", "mail clear", "open", "scale watch", "db expose",
)  # fmt: skip


@pytest.mark.parametrize("line", EVERY_VERB)
def test_where_nothing_runs_every_verb_says_so(engine: HttpFake, capsys: Capture, line: str) -> None:
    assert main(["-p", "nope", *line.split(), "--json"]) == 2
    assert "no environment is called nope" in json.loads(capsys.readouterr().out)["error"]
    assert main(["-p", "y", *line.split(), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "environment y is stopped"
    assert all(method == "GET" for method, _, _ in engine.asked)


def test_the_browser_opens_where_there_is_one(
    engine: HttpFake, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A browser of the test's own: a script that writes down what it is asked to open."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" >{tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    assert main(["-p", "x", "open", "admin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["opened"] is True
    assert (tmp_path / "opened").read_text() == "https://localhost:8443/wp-admin/"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: Capture) -> None:
    assert main(["completion", shell]) == 0
    assert "_ALTIS_LOCAL_COMPLETE" in capsys.readouterr().out


def test_bash_completes_verbs_and_options(tmp_path: Path) -> None:
    """A real bash with the script that the command prints."""
    (tmp_path / "altis-local").write_text(f'#!/bin/sh\nexec {sys.executable} -m altis_local.cli.main "$@"\n')
    (tmp_path / "altis-local").chmod(0o755)
    code = f"""PATH={tmp_path}:$PATH; eval "$(altis-local completion bash)"
    for words in "altis-local import" "altis-local s3 im" "altis-local s3 cp --a"; do
      COMP_WORDS=($words); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _altis_local_completion altis-local
      echo "${{COMPREPLY[*]}}"
    done"""
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "import-uploads", "--acl"], done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: Capture) -> None:
    if verb not in ("wp", "cli"):  # their help is WP-CLI's own
        assert main([verb, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


def test_help_of_all_is_in_order(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    places = [said.index(title) for title in dict.fromkeys(verb.panel for verb in VERBS.values())]
    assert places == sorted(places)


def test_a_verb_imports_no_other_verbs() -> None:
    code = (
        "import sys; from altis_local.cli.main import main; main(['cdn', '--help']); "
        "print([m for m in ('altis_local.cli.drill', 'altis_local.cli.s3', 'docker') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
