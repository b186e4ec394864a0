"""Files to the bucket and back: what is there is skipped, an import that broke goes on, nothing is half there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from altis_local.clients.control_api import Document
from altis_local.environment.content_types import UNKNOWN, content_type
from altis_local.environment.transfer import copy, download, key_of, upload
from altis_local.environment.uploading import WIDTH, Tally, import_folder
from altis_local.errors import ActionFailed, Unreachable, UsageError


class Bucket:
    """A bucket in memory. `broken`: keys that it does not take."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.headers: dict[str, Mapping[str, str]] = {}
        self.broken: set[str] = set()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def objects(self, prefix: str) -> Iterator[Document]:
        rows = [{"key": k, "size": len(v), "etag": md5(v)} for k, v in self.held.items() if k.startswith(prefix)]
        yield {"objects": rows[:2]}
        yield {"objects": rows[2:]}

    def object_data(self, key: str) -> Document:
        if key not in self.held:
            raise UsageError(f"there is no object {key}")
        return {"size": len(self.held[key]), "content_type": self.headers[key]["content_type"]}

    def read_object(self, key: str) -> Iterator[bytes]:
        for begin in range(0, len(self.held[key]), 3):
            yield self.held[key][begin : begin + 3]
            if key in self.broken:
                raise Unreachable("cut")

    def copy_object(self, key: str, target: str, acl: str) -> Document:
        self.held[target], self.headers[target] = self.held[key], {**self.headers[key], "x_amz_acl": acl}
        return {}

    def write_object(self, key: str, content: Iterator[bytes], size: int, headers: Mapping[str, str]) -> Document:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        body = b"".join(content)
        with self._lock:
            self.at_once -= 1
            if key in self.broken:
                raise ActionFailed("no room")
            assert len(body) == size
            self.held[key], self.headers[key] = body, headers
        return {}


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "2026/01/b.PDF", "2026/01/ü ö.webp", "2026/.DS_Store", "empty.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"" if "empty" in name else name.encode())
    (tmp_path / "link.png").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    return tmp_path


def nobody(_: Tally) -> None:
    """Hears nothing."""


KEYS = {"uploads/a.jpg", "uploads/2026/01/b.PDF", "uploads/2026/01/ü ö.webp", "uploads/empty.txt", "uploads/link.png"}


def test_an_import_puts_every_file_where_the_site_looks_for_it(folder: Path) -> None:
    bucket = Bucket()
    tally = import_folder(bucket, folder, "uploads/", nobody)
    assert set(bucket.held) == KEYS
    assert (tally.uploaded, tally.skipped, tally.failed) == (5, 0, [])
    assert bucket.headers["uploads/2026/01/b.PDF"] == {"content_type": "application/pdf", "x_amz_acl": "public-read"}
    assert tally.bytes == sum(map(len, bucket.held.values()))


def test_what_is_there_is_not_sent_again_and_what_differs_is(folder: Path) -> None:
    bucket = Bucket()
    import_folder(bucket, folder, "uploads/", nobody)
    bucket.held["uploads/a.jpg"] = b"A.jpg"  # the same size
    del bucket.held["uploads/empty.txt"]
    tally = import_folder(bucket, folder, "uploads/", nobody)
    assert (tally.uploaded, tally.replaced, tally.skipped) == (2, 1, 3)
    assert bucket.held["uploads/a.jpg"] == b"a.jpg"


def test_an_import_that_broke_goes_on(folder: Path) -> None:
    bucket = Bucket()
    bucket.broken = {"uploads/a.jpg"}
    (folder / "closed.txt").write_text("x")
    told: list[int] = []
    tally = import_folder(bucket, folder, "uploads/", lambda tally: told.append(tally.uploaded + len(tally.failed)))
    assert tally.failed == [("uploads/a.jpg", "no room")]
    assert told == [1, 2, 3, 4, 5, 6]
    bucket.broken.clear()
    again = import_folder(bucket, folder, "uploads/", nobody)
    assert (again.uploaded, again.skipped, again.failed) == (1, 5, [])


def test_many_files_go_at_once_but_not_all(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.txt").write_text(str(number))
    bucket = Bucket()
    assert import_folder(bucket, tmp_path, "", nobody).uploaded == 200
    assert bucket.most_at_once <= WIDTH


def test_an_import_that_is_called_off_stops_files_on_their_way(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(1 << 20))
    (tmp_path / "b.bin").write_bytes(bytes(3 << 20))
    bucket = Bucket()

    def call_off(_: Tally) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(bucket, tmp_path, "", call_off)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        import_folder(Bucket(), tmp_path / "nothing", "", nobody)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("uploads/a.jpg", "uploads/a.jpg"),
        ("/uploads/a.jpg", "uploads/a.jpg"),
        ("s3://uploads/a.jpg", "uploads/a.jpg"),
        ("s3://altis-x/uploads/a.jpg", "uploads/a.jpg"),
        ("s3://altis-x", ""),
        ("s3://altis-x/", ""),
        ("s3:///a", "a"),
        ("altis-x/a", "altis-x/a"),
        ("s3://altis-xy/a", "altis-xy/a"),
        ("", ""),
    ],
)
def test_keys_as_people_write_them(text: str, key: str) -> None:
    assert key_of(text, "altis-x") == key


def test_up_within_and_down_again(tmp_path: Path) -> None:
    bucket, told = Bucket(), []
    (tmp_path / "a.webp").write_bytes(b"0123456789")
    made = upload(bucket, tmp_path / "a.webp", "uploads/", "private", lambda moved, size: told.append((moved, size)))
    assert (made.target, made.bytes, told) == ("s3://uploads/a.webp", 10, [(10, 10)])
    assert bucket.headers["uploads/a.webp"] == {"content_type": "image/webp", "x_amz_acl": "private"}
    assert copy(bucket, "uploads/a.webp", "b", "public-read").target == "s3://b"
    assert bucket.headers["b"]["content_type"] == "image/webp"
    (tmp_path / "down").mkdir()
    assert download(bucket, "b", tmp_path / "down", lambda *_: None).target == str(tmp_path / "down" / "b")
    assert (tmp_path / "down" / "b").read_bytes() == b"0123456789"


def test_a_download_that_breaks_leaves_what_was_there(tmp_path: Path) -> None:
    bucket = Bucket()
    bucket.held["a"], bucket.headers["a"] = b"0123456789", {"content_type": "x"}
    bucket.broken = {"a"}
    (tmp_path / "a").write_text("old")
    with pytest.raises(Unreachable):
        download(bucket, "a", tmp_path, lambda *_: None)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "old")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", "image/jpeg"),
        ("a.tar.gz", "application/x-gzip"),
        ("clip.mov", "video/quicktime"),
        ("song.m4a", "audio/mpeg"),
        ("page.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("logo.svg", "image/svg+xml"),
        ("noending", UNKNOWN),
        ("odd.zzz", UNKNOWN),
        (".htaccess", UNKNOWN),
        ("x.", UNKNOWN),
    ],
)
def test_types_are_wordpress_own(name: str, kind: str) -> None:
    assert content_type(name) == kind
