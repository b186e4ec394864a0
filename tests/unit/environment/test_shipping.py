"""An installed package is laid out as a checkout, whatever became of modes on the way."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from altis_local.environment.paths import shipped
from altis_local.environment.shipping import layout


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """As an unpacker leaves it that knows nothing of modes, under a umask that keeps others out."""
    package = tmp_path / "site-packages" / "altis_local"
    files = {
        "clock.py": "import time\n",
        "__pycache__/clock.pyc": "",
        "_shipped/compose/compose.yml": "name: altis\n",
        "_shipped/compose/images/aws/.dockerignore": "testing\n",
        "_shipped/compose/images/web/bin/web": "#!/bin/sh\n",
        "_shipped/fixtures/site/index.php": "<?php\n",
        "_shipped/fixtures/site/empty": "",
    }
    for name, text in files.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)
    for folder in package.rglob("*/"):
        folder.chmod(0o700)
    return package


def found(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): oct(p.stat().st_mode & 0o777) for p in folder.rglob("*") if p.is_file()}


def test_laid_out_as_a_checkout(package: Path, tmp_path: Path) -> None:
    made = layout(package, tmp_path / "cache")
    assert found(made) == {
        "altis_local/clock.py": "0o644",
        "compose/compose.yml": "0o644",
        "compose/images/aws/.dockerignore": "0o644",
        "compose/images/web/bin/web": "0o755",
        "fixtures/site/index.php": "0o644",
        "fixtures/site/empty": "0o644",
    }
    assert {p.stat().st_mode & 0o777 for p in (made, *made.rglob("*/")) if p.is_dir()} == {0o755}


def test_made_once_for_each_installation(package: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(8) as pool:
        (first,) = set(pool.map(lambda _: layout(package, cache), range(8)))
    assert [p.name for p in cache.iterdir()] == [first.name]
    stamp = first.stat().st_mtime_ns
    assert layout(package, cache) == first
    assert first.stat().st_mtime_ns == stamp
    # Installed anew: the folder is another one.
    os.utime(package / "_shipped", ns=(1, 1))
    assert layout(package, cache) != first


def test_a_checkout_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "checkout" / "altis_local").mkdir(parents=True)
    assert layout(tmp_path / "checkout" / "altis_local", tmp_path / "cache") == tmp_path / "checkout"
    assert not (tmp_path / "cache").exists()


def test_whatever_says_what_runs_it_is_executable_in_the_checkout() -> None:
    """Else an image made from a wheel would differ from one made here."""
    root = shipped()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "compose", "fixtures", "scripts"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [root / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 100
    wrong = [f for f in files if f.is_file() and (f.read_bytes()[:2] == b"#!") != bool(f.stat().st_mode & 0o100)]
    assert wrong == []
