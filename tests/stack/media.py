"""Uploads as an editor makes them, and what becomes of them: in S3, through the CDN, in a page's HTML."""

from __future__ import annotations

import io
import json
import re
import secrets
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx
import numpy
from PIL import Image

from tests.stack.services import Services, administrator
from tests.stack.world import Row, World

WIDTH, HEIGHT = 1200, 800
ORIENTATION = 0x0112
PUBLIC = "http://acs.amazonaws.com/groups/global/AllUsers"


@dataclass(frozen=True)
class Upload:
    """A file in the library: its number, its key in the bucket, its bytes."""

    number: int
    key: str
    content: bytes

    @property
    def path(self) -> str:
        """Its path at the CDN."""
        return f"/{self.key}"

    @property
    def image(self) -> str:
        """Its path at the CDN by way of Tachyon."""
        return self.key.replace("uploads/", "/tachyon/", 1)


def photograph(mark: str, orientation: int = 1) -> bytes:
    """A picture with the grain of a photograph, and a mark in it to find its bytes by."""
    down, across = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    picture = numpy.stack([down * 0.2, across * 0.1, 120 + numpy.sin(across / 30) * 60], axis=-1)
    grain = numpy.random.default_rng(3).normal(0, 6, picture.shape)
    image = Image.fromarray(numpy.clip(picture + grain, 0, 255).astype("uint8"))
    exif, out = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    image.save(out, "JPEG", quality=90, exif=exif, comment=mark.encode())
    return out.getvalue()


class Media:
    """The media of one environment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._services = Services(world)
        self.bucket = f"altis-{world.name}"

    def send(self, browser: httpx.Client, name: str, content: bytes) -> httpx.Response:
        """As the block editor uploads a file."""
        return browser.post("/wp-json/wp/v2/media", files={"file": (name, content)}, timeout=60.0)

    def upload(self, orientation: int = 1) -> Upload:
        mark = f"m{secrets.token_hex(8)}"
        return self.upload_as(f"{mark}.jpg", photograph(mark, orientation))

    def upload_as(self, name: str, content: bytes) -> Upload:
        with administrator(self.world) as browser:
            made = self.send(browser, name, content)
        assert made.status_code == 201, made.text[:500]
        row: Row = made.json()
        original = row.get("original_url") or row["source_url"]
        return Upload(int(row["id"]), original.removeprefix(f"{self.world.url}/"), content)

    def delete(self, upload: Upload) -> None:
        with administrator(self.world) as browser:
            gone = browser.delete(f"/wp-json/wp/v2/media/{upload.number}", params={"force": "true"})
        assert gone.status_code == 200, gone.text[:500]

    def keys(self, part: str) -> list[str]:
        """Keys in the bucket that have this text in them."""
        listed = self._services.aws("s3", "list_objects_v2", Bucket=self.bucket, Prefix="uploads/")
        return [row["Key"] for row in listed.get("Contents", ()) if part in row["Key"]]

    def head(self, key: str) -> Row:
        return self._services.aws("s3", "head_object", Bucket=self.bucket, Key=key)

    def is_public(self, key: str) -> bool:
        grants = self._services.aws("s3", "get_object_acl", Bucket=self.bucket, Key=key)["Grants"]
        return any(grant["Grantee"].get("URI") == PUBLIC for grant in grants)

    def php(self, code: str, member: str = "web-a1") -> Any:
        """What PHP of the site returns, by way of JSON; warnings are not its answer."""
        said = self.world.wp(member, "eval", f"echo '@@' . json_encode((function () {{ {code} }})()) . '@@';")
        return json.loads(said.split("@@")[1])


def images(html: str) -> list[dict[str, str]]:
    """The attributes of each img of a page."""
    tags = re.findall(r"<img\s[^>]*>", html)
    return [{name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)} for tag in tags]


def sources(image: dict[str, str]) -> list[str]:
    """Every address that a browser may choose for an image."""
    chosen = [part.split()[0] for part in image.get("srcset", "").split(", ") if part]
    return [image["src"], *chosen]
