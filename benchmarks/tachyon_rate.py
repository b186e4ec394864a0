"""Pictures per second through the tachyon container, S3 among it, beside sharp alone in a container of the same image.

Both make the same WebP pictures of the fixture's photographs, in the sizes in which WordPress asks for them, as many
at once as Tachyon works on. Nothing caches: the clients ask Tachyon itself, from inside.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.clients.log_stream import follow
from altis_local.errors import ActionFailed
from altis_local.model.topology import ZONES, address, member
from benchmarks.clients import new_run
from benchmarks.stage import Stage, Subject
from benchmarks.values import Aim, Figure, Line, Sample

PLAN = "local"
CLIENTS = 4
"""Tachyon's slots."""
ROUNDS = 2
QUALITY = 82
FOLDER = "/usr/src/app/content/mu-plugins/seed/photographs"
PHOTOGRAPHS = ("beacon-street-sunset", "lake-sherburne", "perched-osprey", "singaporean-cityscape", "tea-gardens")
SIZES: tuple[Mapping[str, Any], ...] = (
    {"width": 300, "fit": "inside"},
    {"width": 768, "fit": "inside"},
    {"width": 1024, "fit": "inside"},
    {"width": 1536, "fit": "inside"},
    {"width": 600, "height": 400, "fit": "cover"},
)
PREFIX = "uploads/bench"
MEMORY = 160 << 20
BARE_LABEL = "altis-local-benchmark=sharp"
BARE_LIMIT = 120.0
_CLIENTS_CODE = Path(__file__).with_name("tachyon_clients.py")
_BARE_CODE = Path(__file__).with_name("bare_sharp.mjs")


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="tachyon_rate",
            runs=5,
            lines=(
                Line("value", "pictures through Tachyon, S3 among it", "/s", more_is_better=True),
                Line("of_bare", "of what sharp alone makes", "×", Aim("median", least=0.8), more_is_better=True),
                Line("failed_requests", "requests that failed", "", Aim("max", most=0)),
            ),
            measure=measure,
            prepare=_prepare,
            baseline="sharp alone in a container of the same image, the photographs in its memory",
            note=f"{len(PHOTOGRAPHS)} photographs of 2,400 pixels in {len(SIZES)} sizes, {CLIENTS} at once, WebP",
        ),
    )


def measure(stage: Stage) -> Sample:
    subject = _prepare(stage)
    bare = _bare(stage, photographs(subject))
    ours = _through_tachyon(subject)
    if bare["made"] != ours["made"] + ours["failed"]:
        raise ActionFailed(f"{bare['made']} pictures were made by sharp alone, {ours['made']} by Tachyon")
    rate, alone = ours["made"] / ours["seconds"], bare["made"] / bare["seconds"]
    more = {"of_bare": round(rate / alone, 3), "failed_requests": ours["failed"]}
    return Sample(round(rate, 3), round(alone, 3), {**more, "bytes": ours["bytes"], "bare_bytes": bare["bytes"]})


def _prepare(stage: Stage) -> Subject:
    """The photographs are in S3, where anybody may read them."""
    subject = stage.up(PLAN)
    services = subject.world.services()
    there = {row["key"] for page in services.objects(f"{PREFIX}/") for row in page["objects"]}
    for name, content in photographs(subject).items():
        if f"{PREFIX}/{name}.jpg" not in there:
            headers = {"content_type": "image/jpeg", "x_amz_acl": "public-read"}
            services.write_object(f"{PREFIX}/{name}.jpg", [content], len(content), headers)
    return subject


def photographs(subject: Subject) -> Mapping[str, bytes]:
    """As the site's image has them."""
    web = subject.world.member("web")
    found = {name: subject.world.reader.read_file(web.id, f"{FOLDER}/{name}.jpg") for name in PHOTOGRAPHS}
    if gone := [name for name, content in found.items() if not content]:
        raise ActionFailed(f"the site has no photograph {', '.join(gone)}")
    return {name: content for name, content in found.items() if content}


def work() -> list[dict[str, Any]]:
    """Every picture that is made."""
    return [{"name": name, **size, "quality": QUALITY} for _ in range(ROUNDS) for size in SIZES for name in PHOTOGRAPHS]


def path(picture: Mapping[str, Any]) -> str:
    """The picture as a site's page asks for it."""
    size = f"resize={picture['width']},{picture['height']}" if "height" in picture else f"w={picture['width']}"
    return f"/{PREFIX}/{picture['name']}.jpg?{size}&quality={picture['quality']}&webp=1"


def _through_tachyon(subject: Subject) -> Mapping[str, Any]:
    world = subject.world
    control = next(c for c in world.standing().containers if c.kind == "control")
    host = address(control.label("block"), "edge", member("tachyon", ZONES))
    pictures = [path(picture) for picture in work()]
    told = {"host": host, "port": 8080, "clients": CLIENTS}
    # Its first answers warm up what the baseline has warmed up, too.
    _asked(subject, control.image, {**told, "paths": pictures[:CLIENTS]})
    return _asked(subject, control.image, {**told, "paths": pictures})


def _asked(subject: Subject, image: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    engine, name = subject.world.engine, subject.name
    request = ContainerRequest(
        name=qualified(name, f"workload-{new_run()}"),
        image=image,
        labels=labels(name, "workload"),
        environment={"ALTIS_BENCH_TACHYON": json.dumps(told)},
        networks=(Attachment(qualified(name, "edge")),),
        entrypoint=("tini", "--", "python", "-c", _CLIENTS_CODE.read_text(encoding="utf-8")),
        command=(),
        memory=MEMORY,
        pids=64,
        read_only=True,
        user="65534:65534",
        cap_drop=("ALL",),
    )
    container = engine.create(request)
    try:
        engine.start(container)
        return _result(b"\n".join(follow(container)).decode())
    finally:
        engine.remove(container, force=True)


def _bare(stage: Stage, sources: Mapping[str, bytes]) -> Mapping[str, Any]:
    encoded = {name: base64.b64encode(content).decode() for name, content in sources.items()}
    given = json.dumps({"clients": CLIENTS, "sources": encoded, "work": work()})
    command = (
        "docker", "run", "--rm", "--interactive", "--label", BARE_LABEL, "--network", "none", "--memory", "512m",
        "--pids-limit", "64", "--cap-drop", "ALL", "--read-only", "--workdir", "/opt/tachyon", "--entrypoint", "tini",
        stage.images()["tachyon"], "--", "node", "--max-old-space-size=96", "--input-type=module", "--eval",
        _BARE_CODE.read_text(encoding="utf-8"),
    )  # fmt: skip
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=BARE_LIMIT)
    except subprocess.TimeoutExpired as exc:
        raise ActionFailed(f"sharp alone took more than {BARE_LIMIT:g} s") from exc
    if done.returncode:
        raise ActionFailed("sharp alone failed", log=tuple(done.stderr.splitlines()[-8:]))
    return _result(done.stdout)


def _result(text: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        raise ActionFailed("the clients said nothing of what they did", log=tuple(text.splitlines()[-5:])) from None
    return found
