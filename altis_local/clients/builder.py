"""Images: a content hash for each, and one parallel BuildKit run for those that are missing.

Called by `environment` at start. An image that is there is never built again; an override is used as it is. The
host's CA bundle goes in as a build secret, so that proxies which sign TLS anew do not break package installation.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from altis_local.clients.compose_model import CA_SECRET, IMAGE_PREFIX, Build
from altis_local.clients.content_hash import TreeHashes, image_hash, text_hash
from altis_local.clients.engine_reader import EngineReader, context_name
from altis_local.errors import BuildFailed, EngineUnavailable, UsageError

BASE_TAG = f"{IMAGE_PREFIX}base:trixie"
PROJECT_CONTEXT = "project"
"""Name of the build context that holds the site's own code."""

Report = Callable[[str], None]

_STEP_LENGTH = 100

_STEP = re.compile(r"^#(\d+) (\[.+\].*)$")
_OUTPUT = re.compile(r"^#(\d+) (?:\d+\.\d+ )?(.*)$")
_ERROR = re.compile(r"^#(\d+) ERROR: (.*)$")
_FAILED_TARGET = re.compile(r"^ERROR: target ([\w-]+):")


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """Where things are. `overrides`: role -> an image of the user's own."""

    scripts: Path
    cache: Path
    project: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)


def tags_of(builds: Mapping[str, Build], options: ImageOptions) -> Mapping[str, str]:
    """Role -> image with its content-hash tag, or the override."""
    trees = TreeHashes(options.cache)
    recipe = text_hash((options.scripts / "base-image").read_text())
    tags = {role: f"{IMAGE_PREFIX}{role}:{_hash(build, options, trees, recipe)}" for role, build in builds.items()}
    trees.save()
    return {**tags, **options.overrides}


def _hash(build: Build, options: ImageOptions, trees: TreeHashes, recipe: str) -> str:
    # The Dockerfile on its own too: it may be elsewhere, or left out of the context by .dockerignore.
    dockerfile = text_hash(build.dockerfile.read_text())
    parts = {
        "context": trees.of(build.context, _ignore(build)),
        "dockerfile": dockerfile,
        "base": recipe,
        "target": build.target,
    }
    parts |= {f"arg {name}": value for name, value in build.args.items()}
    for name, where in _contexts(build, options).items():
        parts[f"context {name}"] = trees.of(Path(where)) if Path(where).is_dir() else where
    return image_hash(parts)


def _ignore(build: Build) -> Path | None:
    """A Dockerfile may have a .dockerignore of its own; the builder takes it instead of the folder's."""
    own = build.dockerfile.with_name(f"{build.dockerfile.name}.dockerignore")
    return own if own.is_file() else None


def _contexts(build: Build, options: ImageOptions) -> Mapping[str, str]:
    contexts = dict(build.contexts)
    if PROJECT_CONTEXT in contexts and options.project:
        contexts[PROJECT_CONTEXT] = str(options.project)
    for name, where in contexts.items():
        if where.startswith("/") and not Path(where).is_dir():
            raise UsageError(f"image {build.role}: the folder {where} ({name}) is not there")
    return contexts


def missing(tags: Mapping[str, str], reader: EngineReader) -> Mapping[str, str]:
    """Those that the engine does not have."""
    have = reader.image_tags()
    return {role: tag for role, tag in tags.items() if tag not in have and not reader.has_image(tag)}


def prepare(
    builds: Mapping[str, Build], wanted: Mapping[str, str], options: ImageOptions, reader: EngineReader, report: Report
) -> None:
    """Make the images of `wanted` that are missing. One builder at a time: a second start waits, then finds them."""
    with _builder_lock(options.cache, report):
        lacking = missing(wanted, reader)
        for role in [role for role in lacking if role in options.overrides]:
            _pull(role, lacking[role], report)
        mine = {role: tag for role, tag in lacking.items() if role not in options.overrides}
        if not mine:
            return
        if not reader.has_image(BASE_TAG):
            report("base image")
            _run_base_script(options.scripts / "base-image")
        report(f"building {', '.join(sorted(mine))}")
        _bake({role: builds[role] for role in mine}, mine, options, report)


@contextmanager
def _builder_lock(cache: Path, report: Report) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "builder.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another build")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pull(role: str, image: str, report: Report) -> None:
    report(f"pulling {image}")
    done = subprocess.run(["docker", "pull", "-q", image], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(
            f"image {image}, set for {role}, is neither here nor can it be pulled",
            log=tuple(done.stderr.strip().splitlines()[-5:]),
            hint=f"build or load it, or take `images: {role}` out of the configuration",
        )


def _run_base_script(script: Path) -> None:
    done = subprocess.run([str(script), BASE_TAG], capture_output=True, text=True, check=False)
    if done.returncode:
        log = tuple((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise BuildFailed("the base image could not be made", log=log, hint=f"try by hand: {script} {BASE_TAG}")


_FOLDER_IMAGE = "FROM scratch\nCOPY . /\n"


def _context_images(builds: Mapping[str, Build], options: ImageOptions) -> Mapping[str, Mapping[str, str]]:
    """Role -> build argument -> image that holds a named context's folder.

    Engines before 23 know no named contexts, so a folder goes in as an image and its tag as an argument: `project`
    becomes PROJECT, which the Dockerfile takes its files from.
    """
    trees = TreeHashes(options.cache)
    found = {
        role: {
            name.upper(): (f"{IMAGE_PREFIX}context-{name}:{trees.of(Path(where))[:12]}", where)
            for name, where in _contexts(build, options).items()
        }
        for role, build in builds.items()
    }
    for tag, where in sorted({pair for pairs in found.values() for pair in pairs.values()}):
        _build_folder(tag, where)
    return {role: {name: tag for name, (tag, _) in pairs.items()} for role, pairs in found.items()}


def _build_folder(tag: str, where: str) -> None:
    command = ["docker", "build", "--quiet", "--label", "altis-local.image=context", "--tag", tag, "--file", "-", where]
    done = subprocess.run(
        command,
        input=_FOLDER_IMAGE,
        capture_output=True,
        text=True,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"the folder {where} could not be read in", log=tuple(done.stderr.strip().splitlines()[-20:]))


def bake_definition(
    builds: Mapping[str, Build],
    tags: Mapping[str, str],
    contexts: Mapping[str, Mapping[str, str]],
    ca: Path | None,
) -> Mapping[str, object]:
    """What `docker buildx bake` is to do. `contexts`: role -> build argument -> image of a folder."""
    targets = {
        role: {
            "context": str(build.context),
            "dockerfile": str(build.dockerfile),
            "args": {**build.args, **contexts.get(role, {})},
            "tags": [tags[role]],
            "labels": {"altis-local.image": role},
            "output": ["type=docker"],
            **({"target": build.target} if build.target else {}),
            **({"secret": [f"id={CA_SECRET},src={ca}"]} if ca else {}),
        }
        for role, build in builds.items()
    }
    return {"group": {"default": {"targets": sorted(targets)}}, "target": targets}


def ca_bundle(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The host's CA bundle, where it has one."""
    candidates = (environ.get("SSL_CERT_FILE", ""), "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem")
    return next((Path(name) for name in candidates if name and Path(name).is_file()), None)


def _bake(builds: Mapping[str, Build], tags: Mapping[str, str], options: ImageOptions, report: Report) -> None:
    # The engine's own builder by name: a chosen one that runs in a container would not see the local base image.
    command = ["docker", "buildx", "bake", "--builder", context_name(), "--progress", "plain", "-f", "-"]
    definition = json.dumps(bake_definition(builds, tags, _context_images(builds, options), ca_bundle()))
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise EngineUnavailable("the docker client is not installed", hint="see `altis-local doctor`") from error
    with process:
        try:
            _feed(process.stdin, definition)
            log = BuildLog(report, *(builds if len(builds) == 1 else ()))
            for line in process.stdout or ():
                log.take(line.rstrip("\n"))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise log.failure(process.returncode)


def _feed(pipe: IO[str] | None, text: str) -> None:
    if pipe:
        pipe.write(text)
        pipe.close()


class BuildLog:
    """Reads BuildKit's plain progress: names of steps to report, and what the failing one said last.

    `only`: the image that is built, where it is one alone: BuildKit names it nowhere then.
    """

    def __init__(self, report: Report, only: str = "") -> None:
        self._report = report
        self._only = only
        self._names: dict[str, str] = {}
        self._last: dict[str, deque[str]] = {}
        self._everything: deque[str] = deque(maxlen=20)
        self._failed: tuple[str, str] | None = None
        self._target = ""

    def take(self, line: str) -> None:
        if line.strip():
            self._everything.append(line)
        if found := _STEP.match(line):
            self._begin(found[1], found[2])
        elif found := _ERROR.match(line):
            if "context canceled" not in found[2] and found[2].strip().lower() != "canceled":
                self._failed = self._failed or (found[1], found[2])
        elif found := _FAILED_TARGET.match(line):
            self._target = found[1]
        elif found := _OUTPUT.match(line):
            self._last.setdefault(found[1], deque(maxlen=20)).append(found[2])

    def _begin(self, number: str, name: str) -> None:
        if number not in self._names:
            self._names[number] = name = _shortened(name)
            if " internal]" not in name and "[internal]" not in name:
                self._report(name)

    def failure(self, code: int) -> BuildFailed:
        """The error to raise: which step of which image, and its last lines."""
        if self._failed is None:
            return BuildFailed(f"the build ended with code {code}", log=tuple(self._everything))
        number, reason = self._failed
        name = self._names.get(number, "a step")
        image = self._target or self._only or name.strip("[").split(" ", 1)[0].rstrip("]")
        lines = tuple(self._last.get(number, ())) or (reason,)
        return BuildFailed(
            f"image {image} did not build: {name} failed", log=lines, hint="correct the step and run the same again"
        )


def _shortened(step: str) -> str:
    """A step's name on one line, without its mounts: instructions can be scripts."""
    plain = " ".join(word for word in step.split() if not word.startswith("--mount="))
    return plain if len(plain) <= _STEP_LENGTH else f"{plain[: _STEP_LENGTH - 1]}…"
