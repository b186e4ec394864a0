"""Which environment is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from altis_local.errors import UsageError
from altis_local.naming import environment_name, sanitised
from altis_local.settings import load


@pytest.mark.parametrize(
    ("flag", "environ", "text", "expected"),
    [
        pytest.param("one", {"ALTIS_LOCAL_NAME": "two"}, "name: three", "one", id="flag"),
        pytest.param("", {"ALTIS_LOCAL_NAME": "two"}, "name: three", "two", id="environment"),
        pytest.param("", {}, "plan: local\nname: three", "three", id="file"),
        pytest.param("", {}, "name: 'three'  # mine", "three", id="quoted"),
        pytest.param("", {}, "plan: local", "my-site", id="folder with a configuration"),
        pytest.param("", {}, None, "altis", id="any other folder"),
    ],
)
def test_name(tmp_path: Path, flag: str, environ: dict[str, str], text: str | None, expected: str) -> None:
    folder = tmp_path / "My_Site"
    folder.mkdir()
    if text is not None:
        (folder / "altis-local.yml").write_text(text)
        if not flag and not environ:
            assert load(folder, {}, {}).name == expected, "the quick way and the thorough one agree"
    assert environment_name(flag, folder, environ) == expected


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "x" * 31, "a b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name for an environment"):
        environment_name(name, Path("/"), {})


def test_folder_names_are_made_fit() -> None:
    assert sanitised("My Site (2026)!") == "my-site-2026"
    assert sanitised("___") == ""
