"""Words in, text and exit code out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from altis_local.cli.arguments import Command, asks_for_json, split
from altis_local.cli.edge import guarded
from altis_local.cli.main import is_fast, main
from altis_local.cli.tables import columns, listing_text, status_text
from altis_local.errors import NotReady, UsageError
from tests.fakes.http_server import HttpFake, container


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands read the environment and the current folder: both are the test's own."""
    monkeypatch.setenv("ALTIS_LOCAL_NAME", "")
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpFake]:
    rows = [container("x", "web-a1", role="web"), container("x", "db-1", role="db", state="exited")]
    answers = {"GET /containers/json": rows, "GET /networks": [], "GET /volumes": {"Volumes": None}}
    with HttpFake(answers, tmp_path / "engine.sock") as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("status", Command("", "status", ())),
        ("-p x status --json", Command("x", "status", ("--json",))),
        ("status --json -p x", Command("x", "status", ("--json",))),
        ("--project=x list", Command("x", "list", ())),
        ("-p x drill run d -p y", Command("y", "drill", ("run", "d"))),
        ("-p x wp post list -p y", Command("x", "wp", ("post", "list", "-p", "y"))),
        ("wp -p x post", Command("x", "wp", ("post",))),
        ("exec -p x web -- ps -p 1", Command("x", "exec", ("web", "--", "ps", "-p", "1"))),
        ("db shell -- -p secret", Command("", "db", ("shell", "--", "-p", "secret"))),
        ("--help", Command("", "", ("--help",))),
        ("", Command("", "", ())),
    ],
)
def test_name_is_found_before_and_after_the_verb(line: str, expected: Command) -> None:
    assert split(line.split()) == expected


@pytest.mark.parametrize("line", ["-p", "status -p", "-p --json status"])
def test_name_option_needs_a_name(line: str) -> None:
    with pytest.raises(UsageError, match="needs the name"):
        split(line.split())


@pytest.mark.parametrize(
    ("line", "fast"),
    [
        ("wp --help", True),
        ("exec web-a1 ls", True),
        ("exec --help", False),
        ("status", True),
        ("status --help", False),
        ("start", False),
    ],
)
def test_fast_commands(line: str, fast: bool) -> None:
    assert is_fast(split(line.split())) is fast


def test_fast_commands_import_no_framework() -> None:
    """What makes them fast: neither a CLI framework, nor the engine's SDK, nor pydantic, nor YAML."""
    heavy = "typer click rich docker pydantic yaml http.client cattrs dataclasses"
    code = (
        "import sys; import altis_local.cli.main, altis_local.cli.fast, altis_local.environment.status, "
        f"altis_local.environment.paths; print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_list_and_status(engine: HttpFake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["environments"][0]["state"] == "degraded"
    assert main(["-p", "x", "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {m["member"]: m["state"] for m in document["members"]} == {"web-a1": "unhealthy", "db-1": "stopped"}
    assert main(["status", "-p", "x"]) == 0
    assert "control is not running" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("status -p nope", 2, "no environment is called nope"),
        ("-p NO status", 2, "is no name"),
        ("-p x wp", 4, "docker client is not installed"),
        ("-p x exec db-1 ls", 1, "db-1: it is exited, not running"),
        ("-p x exec cache ls", 2, "no member cache"),
        ("-p x exec web-a1", 2, "exec takes a member"),
        ("-p x shell a b", 2, "shell takes one member"),
        ("nonsense", 2, "No such command"),
        ("start --plan huge", 2, "--plan: `plan`"),
        ("start --port none", 2, "--port"),
        ("start --timing aws", 2, "--timing"),
        ("scale", 2, "Missing argument"),
        ("logs -p x nobody", 2, "no member nobody"),
        ("destroy -p gone", 0, ""),
        ("destroy -p x", 0, ""),
    ],
)
def test_exit_codes(
    engine: HttpFake,
    capsys: pytest.CaptureFixture[str],
    line: str,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bad input and bad worlds end with a clear line and the number that the design gives them."""
    monkeypatch.setattr("os.execvp", _no_client)
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main(line.split()) == code
    assert said in capsys.readouterr().err


def _no_client(*_: object) -> None:
    raise FileNotFoundError


def test_destroy_without_a_terminal_removes_nothing(
    engine: HttpFake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main(["destroy", "-p", "x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["destroyed"] is False
    assert all(method == "GET" for method, _, _ in engine.asked)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    for line in ("list", "status", "wp option get home", "start", "destroy --yes", "logs"):
        assert main(line.split()) == 4, line
        assert "no container engine answers" in capsys.readouterr().err
    assert main(["list", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["exit_code"] == 4


def test_errors_say_what_and_what_to_do(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALTIS_DEBUG", raising=False)

    def late() -> int:
        raise NotReady("it lags", member="db-1", log=("disk full",), hint="look")

    assert guarded(late, json=False) == 5
    assert capsys.readouterr().err == "error: db-1: it lags\n  disk full\n  → look\n"

    def broken() -> int:
        raise ZeroDivisionError("no")

    assert guarded(broken, json=False) == 1
    assert "Traceback" not in capsys.readouterr().err

    def interrupted() -> int:
        raise KeyboardInterrupt

    assert guarded(interrupted, json=False) == 130


def _interrupt() -> int:
    raise KeyboardInterrupt


def _break() -> int:
    raise ZeroDivisionError("no")


def _lag() -> int:
    raise NotReady("it lags", member="db-1", log=("disk full",), hint="look")


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        (_interrupt, 130, ("interrupted", None, [])),
        (_break, 1, ("ZeroDivisionError: no", None, [])),
        (_lag, 5, ("it lags", "db-1", ["disk full"])),
    ],
)
def test_every_end_is_a_document_where_json_was_asked_for(
    work: Callable[[], int],
    code: int,
    said: object,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ALTIS_DEBUG", raising=False)
    assert guarded(work, json=True) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["exit_code"], bool(told["hint"])) == (1, code, True)
    assert (told["error"], told["member"], told["log"]) == said


@pytest.mark.parametrize(
    "line", ["start --jsan --json", "scale --json", "db nonsense --json", "start --timeout many --json", "-p --json"]
)
def test_a_refused_command_line_is_a_document_too(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["schema"], told["exit_code"]) == (1, 2)
    assert told["error"]
    assert shown.err


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("status --json", True),
        ("-p x drill list --json", True),
        ("wp post list --json", False),
        ("-p x exec web php -r 1 --json", False),
        ("db shell -- --json", False),
        ("start", False),
        ("-p --json", True),
    ],
)
def test_whose_json_it_is(line: str, ours: bool) -> None:
    assert asks_for_json(line.split()) == ours


@pytest.mark.parametrize("verb", ["", "start", "db", "config", "drill", "fault", "exec", "wp", "logs"])
def test_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    if verb != "wp":  # its help is WP-CLI's own
        assert main([*([verb] if verb else []), "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


def test_config_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "altis-local.yml").write_text("name: mine\nplan: local\n")
    assert main(["config", "effective", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["settings"]["plan"] == "local"
    assert shown["origins"]["plan"] == "altis-local.yml:2"
    assert main(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "altis-local.yml"
    (tmp_path / "altis-local.yml").write_text("plan: nope\n")
    assert main(["config", "validate"]) == 2
    assert "altis-local.yml:1" in capsys.readouterr().err


def test_columns_leave_out_what_is_empty() -> None:
    assert columns(("A", "B", "C"), [("x", None, 1), ("long", "", 22)]) == "A     C\nx     1\nlong  22"


def test_documents_as_text() -> None:
    document = {
        "environment": "x",
        "plan": "production-ha",
        "converged": True,
        "protected": False,
        "urls": {"site": "https://localhost:8443/", "admin": "https://localhost:8443/wp-admin/"},
        "broken": ["semi-sync"],
        "members": [
            {
                "member": "db-1",
                "zone": "a",
                "state": "healthy",
                "duty": "writer",
                "memory_bytes": 2**28,
                "health": None,
                "detail": "term 1",
            }
        ],
        "endpoints": {"db-writer": {"address": "db-writer:3306", "members": ["db-1"]}},
        "faults": [],
    }
    text = status_text(document)
    assert "x: plan production-ha, converged" in text
    assert "protected  NO" in text
    assert "semi-sync (on purpose)" in text
    assert "256 MiB" in text
    assert listing_text({"environments": []}).startswith("no environment yet")


def test_the_version_is_told_by_an_option_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    assert main(["--version"]) == 0
    told = capsys.readouterr().out
    assert main(["version"]) == 0
    assert capsys.readouterr().out == told != ""
