"""Configuration: layers, and every problem at once with where it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from altis_local.errors import UsageError
from altis_local.settings import load


def problems(folder: Path, text: str, **environ: str) -> str:
    (folder / "altis-local.yml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(folder, {}, environ)
    return "\n".join(caught.value.log)


def test_nothing_configured_says_nothing(tmp_path: Path) -> None:
    """Without a file every key is unset, so that a running environment keeps what it has."""
    loaded = load(tmp_path, {}, {})
    assert loaded.settings.plan is None
    assert loaded.settings.counts() == {}
    assert loaded.files == ()


def test_later_layers_win(tmp_path: Path) -> None:
    """File, local file, environment, flag; each value says where it came from."""
    (tmp_path / "altis-local.yml").write_text(
        "plan: local\nport: 1001\nweb: 2\nreaders: 1\nimages: {db: one, web: two}\n"
    )
    (tmp_path / "altis-local.local.yml").write_text("port: 1002\nimages: {db: three}\n")
    environ = {"ALTIS_LOCAL_PLAN": "production-ha", "ALTIS_LOCAL_DOMAINS": "a.test, b.test"}
    loaded = load(tmp_path, {"web": 3, "timing": None}, environ)
    settings = loaded.settings
    assert (settings.plan, settings.port, settings.web, settings.domains) == (
        "production-ha",
        1002,
        3,
        ("a.test", "b.test"),
    )
    assert settings.images == {"db": "three", "web": "two"}
    assert settings.counts() == {"web": 3, "db": 2}
    assert loaded.origins["port"] == "altis-local.local.yml:1"
    assert loaded.origins["plan"] == "$ALTIS_LOCAL_PLAN"
    assert loaded.origins["web"] == "--web"


def test_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "altis-local.yml").write_text("project: site\n")
    (tmp_path / "site" / "deep").mkdir(parents=True)
    loaded = load(tmp_path / "site" / "deep", {}, {})
    assert loaded.folder == tmp_path
    assert loaded.settings.project == tmp_path / "site"


def test_every_problem_at_once(tmp_path: Path) -> None:
    """One run names them all, each with file and line, and what was probably meant."""
    text = "plann: x\nplan: produktion\nport: abc\nimages:\n  bd: x\ndomains: [a.test, 'b c']\n"
    found = problems(tmp_path, text, ALTIS_LOCAL_WEBB="3")
    assert "altis-local.yml:1: unknown key `plann`; did you mean `plan`?" in found
    assert "altis-local.yml:2: `plan`" in found
    assert "did you mean `production`?" in found
    assert "altis-local.yml:3: `port`" in found
    assert "altis-local.yml:5: unknown role `bd`" in found
    assert "altis-local.yml:6: `domains.1`" in found
    assert "$ALTIS_LOCAL_WEBB: unknown key `webb`; did you mean `web`?" in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plan: [", "altis-local.yml:1: expected", id="no YAML"),
        pytest.param("- plan\n", "altis-local.yml:1: a list of `key: value` lines", id="no mapping"),
        pytest.param("web: 1\nweb: 2\n", "altis-local.yml:2: the key `web` stands here a second time", id="twice"),
        pytest.param("plan: local\nweb: 4\n", "altis-local.yml:2: plan local has exactly 1 web", id="bounds"),
        pytest.param("plan: local\nreaders: 1\n", "altis-local.yml:2: plan local has no readers", id="readers"),
        pytest.param("project: nowhere\n", "altis-local.yml:1: no such folder", id="project"),
        pytest.param("name: Über\n", "altis-local.yml:1: `name` a name is", id="name"),
        pytest.param("port: 70000\n", "altis-local.yml:1: `port` should be less than or equal to 65535", id="port"),
    ],
)
def test_problem_is_pointed_at(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problems(tmp_path, text)
