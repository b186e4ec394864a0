"""What an image is made of, as one short hash: the same content gives the same tag, and is not built twice.

Called by builder on every start, so it must be quick: whole trees are only read again when a file's size or times
changed (the signature is kept in the cache folder). It leaves out what never gets into an image.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

_LEFT_OUT = {".git", "__pycache__", "node_modules", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

_WILD = {r"\*\*/": "(?:.*/)?", r"\*\*": ".*", r"\*": "[^/]*", r"\?": "[^/]"}
"""Wildcards of .dockerignore, escaped, as regular expressions; the longer ones first."""

_Entry = tuple[str, str, os.stat_result]
"""Relative path, whole path, status."""


class _Pattern(NamedTuple):
    """A line of .dockerignore; `takes_in`: it began with an exclamation mark."""

    text: str
    takes_in: bool

    def matches(self, rel: str) -> bool:
        return _expression(self.text).fullmatch(rel) is not None


@cache
def _expression(text: str) -> re.Pattern[str]:
    escaped = re.escape(text)
    for wild, expression in _WILD.items():
        escaped = escaped.replace(wild, expression)
    return re.compile(f"{escaped}(?:/.*)?")


class TreeHashes:
    """Content hashes of folders, remembered by their signature between runs."""

    def __init__(self, cache: Path) -> None:
        self._file = cache / "trees.json"
        self._changed = False
        try:
            self._kept: dict[str, list[str]] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            self._kept = {}

    def of(self, folder: Path, ignore: Path | None = None) -> str:
        """Hash of every name, content and executable bit below `folder`, without what `ignore`, else its
        .dockerignore, leaves out. Other bits are the umask's of whoever fetched the files."""
        entries = sorted(_walk(folder, _ignored(ignore or folder / ".dockerignore")))
        signature = _digest(f"{rel}|{s.st_mode}|{s.st_size}|{s.st_mtime_ns}|{s.st_ctime_ns}" for rel, _, s in entries)
        kept = self._kept.get(str(folder))
        if kept and kept[0] == signature:
            return kept[1]
        content = _digest(f"{rel}|{_mode(s):o}|{_content(path, s)}" for rel, path, s in entries)
        self._kept[str(folder)] = [signature, content]
        self._changed = True
        return content

    def save(self) -> None:
        """Keep what was learned; losing it only costs time."""
        if not self._changed:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(self._kept))
        partial.replace(self._file)
        self._changed = False


def image_hash(parts: Mapping[str, str]) -> str:
    """Twelve characters for named parts (folder hashes, build arguments, the base's recipe)."""
    return _digest(f"{name}={value}" for name, value in sorted(parts.items()))[:12]


def text_hash(text: str) -> str:
    return _digest([text])


def _digest(parts: Iterator[str] | Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _mode(status: os.stat_result) -> int:
    return 0o755 if status.st_mode & stat.S_IXUSR else 0o644


def _content(path: str, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return f"-> {os.readlink(path)}"  # noqa: PTH115 - Path would double the time of this loop
    with open(path, "rb") as file:  # noqa: PTH123 - likewise
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(folder: Path, ignored: Sequence[_Pattern], below: str = "") -> Iterator[_Entry]:
    with os.scandir(folder / below) as entries:
        for entry in entries:
            rel = f"{below}/{entry.name}" if below else entry.name
            if entry.name in _LEFT_OUT or entry.name.endswith(".pyc") or _is_ignored(rel, ignored):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder, ignored, rel)
            elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                yield rel, entry.path, entry.stat(follow_symlinks=False)


def _ignored(file: Path) -> tuple[_Pattern, ...]:
    """The patterns of a .dockerignore in order."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return ()
    wanted = (line.strip() for line in lines if line.strip() and not line.startswith("#"))
    return tuple(_Pattern(line.lstrip("!").strip("/"), line.startswith("!")) for line in wanted)


def _is_ignored(rel: str, patterns: Sequence[_Pattern]) -> bool:
    """As the engine reads it: the last pattern that matches the path, or a folder above it, counts."""
    ignored = False
    for pattern in patterns:
        if pattern.matches(rel):
            ignored = not pattern.takes_in
        elif pattern.takes_in and pattern.text.startswith(f"{rel}/"):
            # A folder on the way to something taken in again must be walked.
            ignored = False
    return ignored
