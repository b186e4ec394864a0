"""What the images take on disk, every layer counted once however many images share it, and how long a fresh build is.

The build makes everything anew, the base image and the builder's package caches among it, under names of its own that
are removed afterwards: images and caches that are there stay as they are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from altis_local.clients import builder, compose_model
from altis_local.clients.compose_model import Build
from altis_local.clients.engine_reader import EngineReader, context_name
from altis_local.clients.plain_http import Request, exchange
from altis_local.environment.paths import compose_files, fixture_site, shipped, user_paths
from altis_local.errors import ActionFailed
from benchmarks.bare import IMAGE as BASE
from benchmarks.commands import docker, timed
from benchmarks.stage import Stage
from benchmarks.values import Aim, Figure, Line, Sample

MEGABYTE = 1_000_000
"""As the engine counts."""
BUILD_LIMIT = 1800.0
TAG = "altis-local/{name}:bench"
"""Of everything that the build makes; a tag of `start` is the hash of what it is made from, and never this."""
_MAKERS = ("RUN", "COPY", "ADD", "WORKDIR")
"""Instructions that make a layer, be it an empty one."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image. `id` tells its content."""

    id: str
    size: int


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="images_disk",
            runs=1,
            lines=(
                Line("value", "images on disk, all roles", "MB", Aim("max", most=3000.0)),
                Line("apart", "the same, were no layer shared", "MB"),
            ),
            measure=disk,
            baseline="the base image alone",
            note="By part: what a role's image holds beyond the base image",
        ),
        Figure(
            name="build_fresh",
            runs=1,
            lines=(
                Line("value", "fresh build of all images, base image and downloads among it", "s", Aim("max", 360.0)),
            ),
            measure=build,
            prepare=lambda _: remove(),
            on_request=True,
            note="The base image, then one `docker buildx bake --no-cache` of every definition, with empty caches",
        ),
    )


# -- on disk


def disk(stage: Stage) -> Sample:
    reader = EngineReader()
    layers = {_name(image): layers_of(reader, image) for image in set(stage.images().values())}
    base = total(layers_of(reader, BASE))
    return Sample(
        _megabytes(total(layer for held in layers.values() for layer in held)),
        _megabytes(base),
        {"apart": _megabytes(sum(map(total, layers.values()))), "images": len(layers)},
        {name: _megabytes(total(held) - base) for name, held in sorted(layers.items())},
    )


def _name(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0]


def _megabytes(size: int) -> float:
    return round(size / MEGABYTE, 1)


def total(layers: Iterable[Layer]) -> int:
    """Bytes of these layers, each once."""
    return sum({layer.id: layer.size for layer in layers}.values())


def layers_of(reader: EngineReader, image: str) -> tuple[Layer, ...]:
    """The layers of an image, lowest first."""
    found = json.loads(docker("image", "inspect", image).output)[0]
    answer = exchange(reader.address, Request("GET", f"/images/{found['Id']}/history", timeout=30.0))
    if answer.status != 200:
        raise ActionFailed(f"the engine does not tell the history of {image}: {answer.text.strip()}")
    layers = matched(found["RootFS"]["Layers"], list(reversed(json.loads(answer.body))), image)
    if sum(layer.size for layer in layers) != found["Size"]:
        raise ActionFailed(f"the layers of {image} do not add up to its {found['Size']} bytes")
    return layers


def matched(ids: Sequence[str], history: Sequence[Mapping[str, Any]], image: str) -> tuple[Layer, ...]:
    """Sizes are told by the history alone, in which there are entries without a layer, too. Raises ActionFailed where
    the two do not fit: a wrong number would be worse than none."""
    sizes = [int(e["Size"]) for e in history if int(e["Size"]) or str(e["CreatedBy"]).split(" ")[0] in _MAKERS]
    if len(sizes) != len(ids):
        raise ActionFailed(f"{image} has {len(ids)} layers, and {len(sizes)} by its history")
    return tuple(Layer(*pair) for pair in zip(ids, sizes, strict=True))


# -- a fresh build


def build(stage: Stage) -> Sample:
    model = compose_model.load(compose_files(stage.folder), user_paths().cache)
    with _cleared():
        base = timed((str(shipped() / "scripts" / "base-image"), TAG.format(name="base")), limit=BUILD_LIMIT).seconds
        file = stage.folder / "bake.json"
        contexts, seconds = _contexts(model.builds)
        file.write_text(json.dumps(definition(model.builds, contexts, fresh=f"bench-{time.time_ns():x}")))
        command = ("docker", "buildx", "bake", "--builder", context_name(), "--no-cache", "--progress", "plain")
        seconds += timed((*command, "--file", str(file)), limit=BUILD_LIMIT).seconds
    parts = {"base image": round(base, 2), "images": round(seconds, 2)}
    return Sample(round(base + seconds, 2), more=parts, parts=parts)


def definition(
    builds: Mapping[str, Build], contexts: Mapping[str, Mapping[str, str]], *, fresh: str
) -> Mapping[str, Any]:
    """As `start` has it, but on the bench's base image, under the bench's names, with package caches of its own."""
    tags = {role: TAG.format(name=role) for role in builds}
    made: dict[str, Any] = json.loads(json.dumps(builder.bake_definition(builds, tags, contexts, builder.ca_bundle())))
    for target in made["target"].values():
        target["args"] |= {"BASE": TAG.format(name="base"), "BUILDKIT_CACHE_MOUNT_NS": fresh}
    return made


def _contexts(builds: Mapping[str, Build]) -> tuple[Mapping[str, Mapping[str, str]], float]:
    """Folders go in as images (see `builder`): role -> argument -> image, and the seconds that making them took."""
    found: dict[str, dict[str, str]] = {}
    seconds = 0.0
    recipe = shipped() / "compose" / "images" / "web" / "project.Dockerfile"
    for role, one in builds.items():
        for name, where in one.contexts.items():
            tag = TAG.format(name=f"context-{name}")
            folder = str(fixture_site()) if name == builder.PROJECT_CONTEXT else where
            command = ("docker", "buildx", "build", "--builder", context_name(), "--no-cache", "--load", "--tag", tag)
            seconds += timed((*command, "--file", str(recipe), folder), limit=BUILD_LIMIT).seconds
            found.setdefault(role, {})[name.upper()] = tag
    return found, seconds


@contextmanager
def _cleared() -> Iterator[None]:
    """Takes away what is made within: images by their names, and what the builder kept and had not before."""
    before = _kept()
    try:
        yield
    finally:
        remove()
        kept = _kept()
        # One by one, children before their parents; what others made meanwhile stays if they use it.
        for record in leaves_first({record: parent for record, parent in kept.items() if record not in before}):
            timed(("docker", "builder", "prune", "--all", "--force", "--filter", f"id={record}"))


def leaves_first(parents: Mapping[str, str]) -> list[str]:
    """Records with their parents, so that none comes before one that it is a parent of."""

    def depth(record: str) -> int:
        return 1 + depth(parents[record]) if record in parents else 0

    return sorted(parents, key=depth, reverse=True)


def remove() -> None:
    """Images of this name, also of another process."""
    ours = f"reference={TAG.format(name='*')}"
    if names := docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", ours).output.split():
        docker("rmi", *names)


def _kept() -> Mapping[str, str]:
    """Id of everything that the builder keeps -> its parent's id."""
    answer = exchange(EngineReader().address, Request("GET", "/system/df", timeout=120.0))
    records = json.loads(answer.body).get("BuildCache") or ()
    return {str(record["ID"]): str(record.get("Parent") or "") for record in records}
