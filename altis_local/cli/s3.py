"""s3: the bucket of uploads, in the words of Altis's local server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.times import clock, epoch, size
from altis_local.clients.services_api import ServicesApi
from altis_local.clock import SystemClock
from altis_local.environment.facade import Environment
from altis_local.environment.progress import Progress
from altis_local.environment.transfer import SCHEME, copy, download, key_of, pour, upload
from altis_local.environment.uploading import Tally, import_folder
from altis_local.errors import ActionFailed, UsageError

app = typer.Typer(
    no_args_is_help=True,
    help="The bucket of uploads (S3). A key is written plainly or as s3://KEY or s3://BUCKET/KEY.",
)

ACLS = ("public-read", "private")
STDOUT = "-"
BATCH = 500
"""Keys that are deleted with one request to control."""
_SHOWN_FAILURES = 20

Acl = Annotated[str, typer.Option(help=f"Who may read it: {' or '.join(ACLS)}.")]


def bucket_of(chosen: Environment) -> str:
    return f"altis-{chosen.name}"


@app.command("ls")
def listing(
    prefix: Annotated[str, typer.Argument(help="Only keys that begin with it; a folder ends with /.")] = "",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="What is in folders, too.")] = False,
    json: Json = False,
) -> None:
    """List keys: size, time, and what stands for a folder."""
    chosen = environment()
    pages = chosen.services().objects(key_of(prefix, bucket_of(chosen)), "" if recursive else "/")
    if json:
        _print_all(pages, bucket_of(chosen))
        return
    count = 0
    for page in pages:
        for folder in page["folders"]:
            print(f"{'':19}  {'folder':>10}  {folder}")
        for row in page["objects"]:
            print(f"{clock(epoch(row['modified']) or 0)}  {size(row['size']):>10}  {row['key']}")
        count += len(page["folders"]) + len(page["objects"])
    if not count:
        print(f"no key begins with {prefix!r}" if prefix else "the bucket is empty", file=sys.stderr)


def _print_all(pages: Iterator[Any], bucket: str) -> None:
    objects: list[Any] = []
    folders: list[str] = []
    for page in pages:
        objects += page["objects"]
        folders += page["folders"]
    print_json({"bucket": bucket, "folders": folders, "objects": objects})


@app.command("cp")
def copying(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A file, or s3://KEY.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="s3://KEY, a file, a folder, or - for the output.")],
    acl: Acl = "public-read",
    json: Json = False,
) -> None:
    """Copy a file into the bucket, out of it, or within it."""
    if acl not in ACLS:
        raise UsageError(f"no access rule is called {acl}", hint=f"there is: {', '.join(ACLS)}")
    if not (source.startswith(SCHEME) or target.startswith(SCHEME)):
        raise UsageError(
            "one of the two must be in the bucket: s3://KEY", hint="altis-local s3 cp photo.jpg s3://uploads/"
        )
    chosen = environment()
    storage, bucket = chosen.services(), bucket_of(chosen)
    if target == STDOUT:
        _print_object(storage, key_of(source, bucket), json=json)
        return
    report = _percent(chosen.progress)
    try:
        if not source.startswith(SCHEME):
            moved = upload(storage, Path(source), key_of(target, bucket), acl, report)
        elif target.startswith(SCHEME):
            moved = copy(storage, key_of(source, bucket), key_of(target, bucket), acl)
        else:
            moved = download(storage, key_of(source, bucket), Path(target), report)
    finally:
        chosen.progress.close()
    if json:
        print_json(moved._asdict())
    else:
        print(f"{moved.source} → {moved.target} ({size(moved.bytes)})")


def _print_object(storage: ServicesApi, key: str, *, json: bool) -> None:
    if json:
        raise UsageError("the output cannot hold an object and JSON", hint="give a file instead of -")
    storage.object_data(key)
    pour(storage, key, sys.stdout.buffer, lambda _: None)
    sys.stdout.buffer.flush()


class _EverySecond:
    """Whether it is time to tell again how far it is; not before the first second is over."""

    def __init__(self) -> None:
        self._now = SystemClock().monotonic
        self._told = self._now()

    def __call__(self) -> bool:
        if self._now() - self._told < 1.0:
            return False
        self._told = self._now()
        return True


def _percent(progress: Progress) -> Callable[[int, int], None]:
    """Tells how far a transfer is."""
    is_time, has_begun = _EverySecond(), False

    def report(moved: int, total: int) -> None:
        nonlocal has_begun
        if is_time():
            if not has_begun:
                progress.phase("transfer")
            has_begun = True
            progress.detail(f"{size(moved)} of {size(total)} ({moved / max(1, total):.0%})")

    return report


@app.command("rm")
def removing(
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="Keys, or prefixes with --recursive.")],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Everything that begins so.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask (with --recursive).")] = False,
    json: Json = False,
) -> None:
    """Delete keys. The bucket is versioned: their versions stay in it."""
    chosen = environment()
    storage = chosen.services()
    wanted = [key_of(key, bucket_of(chosen)) for key in keys]
    found = _below(storage, wanted) if recursive else wanted
    if recursive and found and not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"nothing was deleted: {len(found)} keys, and no terminal to ask on", hint="--yes")
        if not typer.confirm(f"Delete {len(found)} keys?", err=True):
            return
    if not recursive:
        for key in wanted:
            storage.object_data(key)  # says which of them is not there, before any of them goes
    for begin in range(0, len(found), BATCH):
        storage.remove_objects(found[begin : begin + BATCH])
    if json:
        print_json({"removed": found})
    else:
        print("\n".join(f"deleted {SCHEME}{key}" for key in found) or "there was nothing to delete")


def _below(storage: ServicesApi, prefixes: list[str]) -> list[str]:
    if not all(prefixes):
        raise UsageError("that would be the whole bucket", hint="altis-local s3 rm -r uploads/")
    return sorted({row["key"] for prefix in prefixes for page in storage.objects(prefix) for row in page["objects"]})


@app.command("import-uploads")
def importing(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Such as content/uploads.")],
    to: Annotated[str, typer.Option(help="Under which key.")] = "uploads/",
    json: Json = False,
) -> None:
    """Put a folder under uploads/, many files at once, readable by everybody. Run it again to go on."""
    chosen = environment()
    storage = chosen.services()
    prefix = key_of(to, bucket_of(chosen)).rstrip("/")
    progress = chosen.progress
    began = chosen.clock.monotonic()
    progress.phase("upload")
    try:
        tally = import_folder(storage, folder, f"{prefix}/" if prefix else "", _files(progress))
        progress.end()
    finally:
        progress.close()
    _tell(tally, chosen.clock.monotonic() - began, json=json)


def _files(progress: Progress) -> Callable[[Tally], None]:
    """Tells how many files are done."""
    is_time = _EverySecond()

    def report(tally: Tally) -> None:
        if is_time():
            done = tally.uploaded + tally.skipped + len(tally.failed)
            progress.detail(f"{done} of {tally.files} files, {size(tally.bytes)} sent")

    return report


def _tell(tally: Tally, seconds: float, *, json: bool) -> None:
    document = {
        "files": tally.files,
        "uploaded": tally.uploaded,
        "replaced": tally.replaced,
        "skipped": tally.skipped,
        "failed": [{"key": key, "error": error} for key, error in tally.failed],
        "bytes": tally.bytes,
        "seconds": round(seconds, 3),
    }
    if json:
        print_json(document)
    else:
        print(f"{tally.uploaded} files uploaded ({size(tally.bytes)}), {tally.skipped} were there already")
        if tally.replaced:
            print(f"{tally.replaced} replaced others: `altis-local cdn purge '/uploads/*'` where the CDN has these")
    if not tally.failed:
        return
    log = tuple(f"{key}: {error}" for key, error in tally.failed[:_SHOWN_FAILURES])
    if json:
        raise typer.Exit(1)
    raise ActionFailed(f"{len(tally.failed)} files could not be stored", log=log, hint="run it again: it goes on")
