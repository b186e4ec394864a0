"""altis-local as somebody has it who installed the wheel: in a virtual environment of its own, far from a checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

from altis_local.environment.paths import shipped


def build_wheel(folder: Path, source: Path | None = None) -> Path:
    """The wheel of this checkout (or of a copy of it), made with the build backend that is installed here."""
    words = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source or shipped()))
    _pip(*words)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> tuple[str, ...]:
    """A fresh virtual environment with the wheel in it; its command, with a cache of its own that is empty yet.

    What the package depends on is taken from here, so that nothing is downloaded. Nothing is found that way that the
    wheel has, or should have: its own folder comes first, and editable packages are not followed.
    """
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    _pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (packages,) = (venv / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return ("env", "-u", "PYTHONPATH", f"XDG_CACHE_HOME={folder / 'cache'}", str(venv / "bin" / "altis-local"))


def _pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"pip {' '.join(words)}\n{done.stdout}{done.stderr}"
