"""images: the image of each role, how large it is, and whether it is built."""

from __future__ import annotations

from pathlib import Path

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import print_json
from altis_local.cli.tables import columns
from altis_local.cli.times import size
from altis_local.clients.engine_reader import EngineReader
from altis_local.environment.previewing import services
from altis_local.settings import load


def images(json: Json = False) -> None:
    """Each role's image as `start` would use it, its size, and whether it is there."""
    reader = EngineReader()
    sizes = reader.image_sizes()
    rows = [
        {"role": role, "image": service.image, "built": service.image in sizes, "bytes": sizes.get(service.image)}
        for role, service in sorted(services(load(Path.cwd())).items())
    ]
    if json:
        print_json({"images": rows})
        return
    shown = [(r["role"], r["image"], "yes" if r["built"] else "no", _size(r["bytes"])) for r in rows]
    print(columns(("ROLE", "IMAGE", "BUILT", "SIZE"), shown))
    if not all(row["built"] for row in rows):
        print("\n`altis-local build` makes those that are missing; so does `start`")


def _size(count: object) -> str:
    return size(float(str(count))) if count else ""
