"""What an installed package carries, laid out as a checkout: compose/, fixtures/, scripts/ and the package itself.

Called through `paths` wherever images are built. A wheel holds these files below `_shipped`; whoever unpacked it may
have lost their executable bits, or have let nobody else read them. Images would be made with that, so the files are
copied into the cache folder once for each installation, as they are in a checkout. It changes nothing in a checkout.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

CARRIED = "_shipped"
"""The folder inside the package that a wheel brings the rest of the repository in."""
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", CARRIED)


def layout(package: Path, cache: Path) -> Path:
    """The repository's folder: the checkout's own, or one made from the installed `package` in `cache`."""
    carried = package / CARRIED
    if not carried.is_dir():
        return package.parent
    status = carried.stat()
    made = cache / f"shipped-{status.st_mtime_ns:x}-{status.st_ino:x}"
    if not made.is_dir():
        _make(made, carried, package)
    return made


def _make(folder: Path, carried: Path, package: Path) -> None:
    """Everything at once or nothing: two commands may do this at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".shipped-", dir=folder.parent) as work:
        fresh = Path(work) / "fresh"
        shutil.copytree(carried, fresh, ignore=_LEFT_OUT)
        shutil.copytree(package, fresh / package.name, ignore=_LEFT_OUT)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(_mode(path))
        with suppress(OSError):  # somebody else was faster: theirs is the same
            fresh.rename(folder)


def _mode(path: Path) -> int:
    """As in a fresh checkout. Whatever says what runs it is executable."""
    if path.is_dir():
        return 0o755
    with path.open("rb") as file:
        is_script = file.read(2) == b"#!"
    return 0o755 if is_script or path.stat().st_mode & stat.S_IXUSR else 0o644
