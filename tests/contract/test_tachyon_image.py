"""The tachyon image by itself: real container, a small S3-like origin, and Debian's libvips to compare pixels with.

The origin (compose/images/tachyon/testing) serves the files this module draws; `vips` in the same container makes
from them what Tachyon should have made. Containers and network have random names and go away with the module.
"""

from __future__ import annotations

import email.utils
import http.client
import io
import json
import secrets
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageSequence

from altis_local.clock import Deadline, SystemClock, wait_until
from tests.contract.engine_cli import build, docker

pytestmark = pytest.mark.engine

CLOCK = SystemClock()
SOURCE = Path(__file__).parents[2] / "compose" / "images" / "tachyon"
IMAGE = "altis-local/tachyon:contract"
ORIGIN = "altis-local/tachyon-origin:contract"
YEAR = "max-age=31536000"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def image(self) -> Image.Image:
        assert self.status == 200, self.body[:200]
        return Image.open(io.BytesIO(self.body))


@dataclass(frozen=True)
class Tachyon:
    name: str
    port: int
    origin: str
    origin_port: int
    objects: Path

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return fetch(self.port, path, method, {name.replace("_", "-"): value for name, value in headers.items()})

    def image(self, file: str, query: str = "", **headers: str) -> Image.Image:
        return self.get(f"/uploads/{file}?{query}", **headers).image

    def seen(self) -> dict[str, Any]:
        """The last request that S3 got."""
        return dict(json.loads(fetch(self.origin_port, "/__seen", "GET", {}).body))

    def vips(self, *steps: str) -> Image.Image:
        """What libvips makes, from /objects/uploads/ to /tmp/out.png; then as a JPEG, as Tachyon does."""
        last = "copy /tmp/out.png '/tmp/out.jpg[Q=100,subsample_mode=on]'"
        script = " && ".join(f"vips {step}" for step in (*steps, last))
        docker("exec", "-w", "/objects/uploads", self.origin, "sh", "-ec", script)
        jpeg = subprocess.run(["docker", "exec", self.origin, "cat", "/tmp/out.jpg"], capture_output=True, check=True)
        return Image.open(io.BytesIO(jpeg.stdout))


def fetch(port: int, path: str, method: str, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


# What is in S3 -----------------------------------------------------------------------------------------------------


def scene(width: int, height: int) -> Image.Image:
    """Four corners of different colours, soft shades in between, and some things with edges."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    image = Image.fromarray(np.dstack([230 * x + 10, 200 * y + 30, 220 - 180 * x * y]).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    pen.ellipse((width * 0.62, height * 0.2, width * 0.85, height * 0.6), fill=(250, 240, 60))
    pen.rectangle((width * 0.1, height * 0.5, width * 0.3, height * 0.9), fill=(20, 40, 120))
    return image


def subject(width: int, height: int) -> Image.Image:
    """A plain wall, and at its right end a face-coloured patch full of detail."""
    image = Image.new("RGB", (width, height), (128, 128, 128))
    pen = ImageDraw.Draw(image)
    left = width - height
    pen.ellipse((left + height * 0.2, height * 0.1, left + height * 0.8, height * 0.9), fill=(222, 170, 135))
    for n in range(12):
        pen.line(
            (left + height * 0.3, height * (0.3 + n * 0.03), left + height * 0.7, height * 0.5), fill=(120, 20, 20)
        )
    return image


def frames(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (60, 40), (5 * n, 255 - 5 * n, (37 * n) % 256)) for n in range(count)]


def draw(folder: Path) -> None:
    uploads, private = folder / "uploads", folder / "private"
    for each in (uploads, private):
        each.mkdir(parents=True)
    photo = scene(640, 400)
    photo.save(uploads / "photo.jpg", quality=95)
    photo.save(private / "photo.jpg", quality=95)
    photo.save(uploads / "a (1) + é.jpg", quality=95)
    photo.save(uploads / "drawing.png")
    photo.convert("L").save(uploads / "grey.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    photo.save(uploads / "turned.jpg", quality=95, exif=exif)
    scene(7000, 5000).save(uploads / "large.jpg", quality=70, exif=exif)
    subject(600, 150).save(uploads / "subject.jpg", quality=95)
    first, *rest = frames(48)
    first.save(uploads / "moving.gif", save_all=True, append_images=rest, duration=40, loop=0)
    first.save(uploads / "moving.webp", save_all=True, append_images=rest, duration=40, lossless=True)
    Image.new("1", (30000, 30000)).save(uploads / "bomb.png")
    (uploads / "notes.jpg").write_text("no image at all")


@pytest.fixture(scope="module")
def tachyon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tachyon]:
    build(IMAGE, SOURCE)
    build(ORIGIN, SOURCE / "testing")
    folder = tmp_path_factory.mktemp("objects")
    draw(folder)
    prefix = f"t-tachyon-{secrets.token_hex(3)}"
    origin = f"{prefix}-s3"
    try:
        docker("network", "create", prefix)
        docker("run", "-d", "--name", origin, "--network", prefix, "--network-alias", "aws",
               "--network-alias", "bucket.aws", "-p", "127.0.0.1::4566",
               "-v", f"{folder}:/objects:ro", ORIGIN)  # fmt: skip
        docker("run", "-d", "--name", prefix, "--network", prefix, "-p", "127.0.0.1::8080", "--read-only",
               "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--memory", "512m",
               "--memory-swap", "512m", "--pids-limit", "64", "-e", "S3_ENDPOINT=http://aws:4566",
               "-e", "S3_BUCKET=bucket", "-e", "S3_FORCE_PATH_STYLE=false", "-e", "TACHYON_S3_TIMEOUT_MS=2000",
               IMAGE)  # fmt: skip
        found = Tachyon(prefix, published(prefix, 8080), origin, published(origin, 4566), folder)
        ready = wait_until(lambda: is_well(found), Deadline.after(20, CLOCK))
        assert ready, docker("logs", prefix, check=False)
        yield found
    finally:
        docker("rm", "-f", prefix, origin, check=False)
        docker("network", "rm", prefix, check=False)


def published(name: str, port: int) -> int:
    return int(docker("port", name, str(port)).splitlines()[0].rpartition(":")[2])


def is_well(tachyon: Tachyon) -> bool:
    try:
        return tachyon.get("/health").status == 200 and fetch(tachyon.origin_port, "/__seen", "GET", {}).status == 200
    except (OSError, http.client.HTTPException):
        return False


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of colour values, of 255."""
    assert one.size == other.size
    a, b = (np.asarray(image.convert("RGB"), dtype=float) for image in (one, other))
    return float(np.abs(a - b).mean())


# Sizes and pixels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "size"),
    [
        pytest.param("", (640, 400), id="nothing"),
        pytest.param("w=100", (100, 63), id="w"),
        pytest.param("h=100", (160, 100), id="h"),
        pytest.param("w=100&h=100", (100, 63), id="w-and-h-fit-inside"),
        pytest.param("w=0", (640, 400), id="w-zero"),
        pytest.param("w=abc", (640, 400), id="w-no-number"),
        pytest.param("w=-5", (640, 400), id="w-negative"),
        pytest.param("w=x&h=50", (80, 50), id="only-the-invalid-one-is-dropped"),
        pytest.param("w=2000", (640, 400), id="never-enlarged"),
        pytest.param("w=100&w=50", (640, 400), id="twice-is-a-list-as-in-the-cloud"),
        pytest.param("w=100&zoom=2", (200, 125), id="zoom"),
        pytest.param("w=100&zoom=0", (100, 63), id="zoom-zero"),
        pytest.param("w=100&zoom=x", (100, 63), id="zoom-no-number"),
        pytest.param("w=200&zoom=0.25", (50, 31), id="zoom-out"),
        pytest.param("resize=100,50", (100, 50), id="resize"),
        pytest.param("resize=100px,50px", (100, 50), id="resize-px"),
        pytest.param("resize=100,50&fit=30,30&lb=20,20&w=10", (100, 50), id="resize-first"),
        pytest.param("fit=200,200&lb=50,50&w=10", (200, 125), id="fit-before-lb"),
        pytest.param("lb=100,100&w=10", (100, 100), id="lb-before-w"),
        pytest.param("resize=100", (640, 400), id="resize-half"),
        pytest.param("resize=100,50&zoom=2", (200, 100), id="resize-zoomed"),
        pytest.param("resize=0,100", (160, 100), id="resize-one-side-free"),
        pytest.param("crop=0,0,50,50", (320, 200), id="crop-percent"),
        pytest.param("crop=10px,20px,100px,50px", (100, 50), id="crop-px"),
        pytest.param("crop=0,0,50px,50", (50, 200), id="crop-mixed"),
        pytest.param("crop=0,0,50,50&w=100&h=100", (100, 100), id="crop-makes-w-and-h-cover"),
        pytest.param("crop=0,0,50", (640, 400), id="crop-of-three"),
        pytest.param("gravity=up&crop_strategy=best&quality=101&resize=100,50", (100, 50), id="invalid-ones-dropped"),
    ],
)
def test_size(tachyon: Tachyon, query: str, size: tuple[int, int]) -> None:
    assert tachyon.image("photo.jpg", query).size == size


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        pytest.param("w=100", ["thumbnail photo.jpg /tmp/out.png 100"], id="w"),
        pytest.param("fit=200,200", ["thumbnail photo.jpg /tmp/out.png 200 --height 200"], id="fit"),
        pytest.param("resize=100,90", ["thumbnail photo.jpg /tmp/out.png 100 --height 90 --crop centre"], id="resize"),
        pytest.param(
            "resize=100,100&gravity=west", ["thumbnail photo.jpg /tmp/out.png 100 --height 100 --crop low"], id="west"
        ),
        pytest.param(
            "resize=100,100&gravity=southeast",
            ["thumbnail photo.jpg /tmp/out.png 100 --height 100 --crop high"],
            id="southeast",
        ),
        pytest.param(
            "resize=90,120&crop_strategy=entropy&gravity=west",
            ["thumbnail photo.jpg /tmp/out.png 90 --height 120 --crop entropy"],
            id="entropy-beats-gravity",
        ),
        pytest.param(
            "resize=90,120&crop_strategy=attention",
            ["thumbnail photo.jpg /tmp/out.png 90 --height 120 --crop attention"],
            id="attention",
        ),
        pytest.param("crop=25,10,50,50", ["crop photo.jpg /tmp/out.png 160 40 320 200"], id="crop-percent"),
        pytest.param("crop=7px,9px,210px,110px", ["crop photo.jpg /tmp/out.png 7 9 210 110"], id="crop-px"),
        pytest.param(
            "crop=0,0,50,100&fit=80,80",
            ["crop photo.jpg /tmp/a.v 0 0 320 400", "thumbnail_image /tmp/a.v /tmp/out.png 80 --height 80"],
            id="crop-then-fit",
        ),
        pytest.param(
            "lb=100,100",
            ["thumbnail photo.jpg /tmp/a.v 100 --height 100",
             "gravity /tmp/a.v /tmp/out.png centre 100 100 --extend black"],
            id="black-bars",
        ),
        pytest.param(
            "lb=100,100&background=%2300ff80",
            ["thumbnail photo.jpg /tmp/a.v 100 --height 100",
             "gravity /tmp/a.v /tmp/out.png centre 100 100 --extend background --background '0 255 128'"],
            id="coloured-bars",
        ),
        pytest.param("resize=300,200&zoom=0.5", ["thumbnail photo.jpg /tmp/out.png 150 --height 100 --crop centre"],
                     id="zoom"),
    ],
)  # fmt: skip
def test_pixels_are_those_of_libvips(tachyon: Tachyon, query: str, steps: list[str]) -> None:
    assert difference(tachyon.image("photo.jpg", f"{query}&quality=100"), tachyon.vips(*steps)) < 1


def test_the_comparison_would_notice_another_crop(tachyon: Tachyon) -> None:
    west = tachyon.image("photo.jpg", "resize=100,100&gravity=west&quality=100")
    assert difference(west, tachyon.vips("thumbnail photo.jpg /tmp/out.png 100 --height 100 --crop high")) > 10


@pytest.mark.parametrize(
    ("background", "colour"),
    [
        ("%23ff0000", (255, 0, 0)),
        ("red", (0, 0, 0)),
        ("%23FF0000", (0, 0, 0)),
        ("%23f00", (0, 0, 0)),
        ("ff0000", (0, 0, 0)),
    ],
)
def test_only_six_lower_case_digits_colour_the_bars(
    tachyon: Tachyon, background: str, colour: tuple[int, int, int]
) -> None:
    image = tachyon.image("drawing.png", f"lb=100,100&background={background}").convert("RGB")
    assert image.getpixel((50, 2)) == pytest.approx(colour, abs=6)
    assert image.getpixel((50, 97)) == pytest.approx(colour, abs=6)


def test_smart_crop_finds_the_subject(tachyon: Tachyon) -> None:
    def skin(query: str) -> float:
        pixels = np.asarray(tachyon.image("subject.jpg", query).convert("RGB"), dtype=int)
        return float((np.abs(pixels - (222, 170, 135)).max(axis=2) < 30).mean())

    assert skin("resize=100,100&crop_strategy=smart") > 0.2
    assert skin("resize=100,100") == 0
    assert skin("resize=100,100&crop_strategy=smart&crop=0,0,50,100") == 0, "skipped where crop is given"


def test_smart_crop_of_turned_grey_and_moving_images(tachyon: Tachyon) -> None:
    for file in ("turned.jpg", "grey.jpg", "moving.gif"):
        assert tachyon.image(file, "resize=30,30&crop_strategy=smart").size == (30, 30), file


def test_orientation_is_applied_and_the_rest_of_the_metadata_kept(tachyon: Tachyon) -> None:
    plain = tachyon.image("turned.jpg", "quality=100")
    assert difference(plain, tachyon.vips("autorot turned.jpg /tmp/out.png")) < 1
    assert plain.size == (400, 640)
    assert plain.getexif().get(0x0112, 1) == 1
    assert plain.getexif().get(0x010E) == "a description"
    assert tachyon.image("turned.jpg", "w=100").size == (100, 160)


# Formats and quality -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "quality"),
    [("w=100", 82), ("w=100&zoom=1.5", 70), ("w=100&zoom=2", 51), ("w=100&zoom=3", 27), ("w=100&zoom=0.5", 82),
     ("w=100&quality=40", 40), ("w=100&zoom=2&quality=90", 90), ("quality=abc", 82)],
)  # fmt: skip
def test_quality_falls_with_the_zoom(tachyon: Tachyon, query: str, quality: int) -> None:
    own = io.BytesIO()
    scene(16, 16).save(own, "JPEG", quality=quality)
    assert tachyon.image("photo.jpg", query).quantization[0] == Image.open(own).quantization[0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("file", "query", "headers", "kind"),
    [
        ("photo.jpg", "", {}, "jpeg"),
        ("photo.jpg", "", {"X_WebP": "1"}, "webp"),
        ("photo.jpg", "", {"X_WebP": "0"}, "webp"),
        ("photo.jpg", "webp=1", {}, "webp"),
        ("photo.jpg", "webp=0", {}, "webp"),
        ("photo.jpg", "webp=false", {}, "webp"),
        ("photo.jpg", "webp=no", {"X_WebP": "1"}, "jpeg"),
        ("photo.jpg", "webp=", {"X_WebP": "1"}, "jpeg"),
        ("drawing.png", "", {}, "png"),
        ("drawing.png", "", {"X_WebP": "1"}, "webp"),
        ("moving.gif", "", {}, "gif"),
    ],
)
def test_format(tachyon: Tachyon, file: str, query: str, headers: dict[str, str], kind: str) -> None:
    answer = tachyon.get(f"/uploads/{file}?w=50&{query}", **headers)
    assert answer.headers["content-type"] == f"image/{kind}"
    assert (answer.image.format or "").lower() == kind


def test_png_gets_a_palette(tachyon: Tachyon) -> None:
    assert tachyon.image("drawing.png", "w=300").mode == "P"


@pytest.mark.parametrize(
    ("file", "headers"), [("moving.gif", {}), ("moving.gif", {"X_WebP": "1"}), ("moving.webp", {})]
)
def test_what_moves_goes_on_moving(tachyon: Tachyon, file: str, headers: dict[str, str]) -> None:
    image = tachyon.image(file, "w=20", **headers)
    shown = [frame.convert("RGB").getpixel((10, 6)) for frame in ImageSequence.Iterator(image)]
    assert len(shown) == 48
    for n, colour in enumerate(shown):
        assert colour == pytest.approx((5 * n, 255 - 5 * n, (37 * n) % 256), abs=25)


def test_crop_in_percent_is_of_one_frame(tachyon: Tachyon) -> None:
    image = tachyon.image("moving.gif", "crop=0,0,50,50")
    assert (image.size, image.n_frames) == ((30, 20), 48)  # type: ignore[attr-defined]


# Requests and answers ----------------------------------------------------------------------------------------------


def test_headers(tachyon: Tachyon) -> None:
    answer = tachyon.get("/uploads/photo.jpg?w=100")
    modified = email.utils.parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
    assert answer.headers["cache-control"] == YEAR
    assert abs(modified - time.time()) < 5


def test_head_is_a_get_without_its_body(tachyon: Tachyon) -> None:
    answer = tachyon.get("/uploads/photo.jpg?w=100", method="HEAD")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "image/jpeg", b"")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/uploads/photo.jpg", "/bucket/uploads/photo.jpg"),
        ("/uploads/tachyon/photo.jpg", "/bucket/uploads/photo.jpg"),
        ("/tachyon/photo.jpg", "/bucket/tachyon/photo.jpg"),
        ("/uploads/a%20(1)%20%2B%20%C3%A9.jpg", "/bucket/uploads/a%20%281%29%20%2B%20%C3%A9.jpg"),
    ],
)
def test_path(tachyon: Tachyon, path: str, key: str) -> None:
    assert tachyon.get(f"{path}?w=50").status == (404 if path.startswith("/tachyon") else 200)
    assert tachyon.seen()["path"] == key


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/uploads/absent.jpg", 404, id="access-denied"),
        pytest.param("/private/photo.jpg", 404, id="private"),
        pytest.param("/", 404, id="no-key"),
        pytest.param("/uploads/../private/photo.jpg", 404, id="up"),
        pytest.param("/uploads/..%2fprivate/photo.jpg", 404, id="up-encoded"),
        pytest.param("/errors/missing", 502, id="no-such-key"),
        pytest.param("/errors/broken", 502, id="s3-broken"),
        pytest.param("/errors/signature", 502, id="bad-signature"),
        pytest.param("/errors/slow", 502, id="s3-silent"),
        pytest.param("/uploads/notes.jpg", 502, id="no-image"),
        pytest.param("/uploads/bomb.png", 502, id="too-many-pixels"),
        pytest.param("/uploads/%zz.jpg", 502, id="badly-encoded"),
        pytest.param("/uploads/photo.jpg?crop=0,0,0,0", 502, id="crop-of-nothing"),
        pytest.param("/uploads/photo.jpg?w=101&zoom=1.5", 502, id="no-whole-number-of-pixels"),
    ],
)
def test_errors(tachyon: Tachyon, path: str, status: int) -> None:
    answer = tachyon.get(path)
    assert answer.status == status
    if status == 404:
        assert (answer.headers["content-type"], answer.body) == ("text/html", b"File not found.")
    assert "cache-control" not in answer.headers
    assert tachyon.get("/health").status == 200


def signature(seconds: int = 60) -> dict[str, str]:
    return {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "test/20261123/eu-west-1/s3/aws4_request",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "X-Amz-Expires": str(seconds),
        "X-Amz-Signature": "good",
        "X-Amz-SignedHeaders": "host",
    }


@pytest.mark.parametrize("form", ["presign", "presign-twice", "plain"])
def test_presigned(tachyon: Tachyon, form: str) -> None:
    signed = signature()
    text = urllib.parse.urlencode(signed)
    query = {
        "presign": "presign=" + urllib.parse.quote(text, safe=""),
        "presign-twice": "presign=" + urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
        "plain": text,
    }[form]
    answer = tachyon.get(f"/private/photo.jpg?w=100&{query}", Referer="https://site.test/")
    assert answer.image.size == (100, 63)
    assert 50 <= int(answer.headers["cache-control"].removeprefix("max-age=")) <= 60
    assert tachyon.seen()["query"] == signed
    assert "referer" not in tachyon.seen()["headers"], "it was not signed"


def test_referer_goes_to_s3_for_anonymous_requests(tachyon: Tachyon) -> None:
    tachyon.get("/uploads/photo.jpg?w=10", Referer="https://site.test/page")
    assert tachyon.seen()["headers"]["referer"] == "https://site.test/page"
    assert "authorization" not in tachyon.seen()["headers"]


def test_bucket_in_the_hosts_name_and_port_by_argument(tachyon: Tachyon) -> None:
    name = f"{tachyon.name}-host"
    try:
        docker("run", "-d", "--name", name, "--network", tachyon.name, "-p", "127.0.0.1::8090", "--read-only",
               "-e", "S3_ENDPOINT=http://aws:4566", "-e", "S3_BUCKET=bucket", "-e", "PORT=8091",
               IMAGE, "8090")  # fmt: skip
        port = published(name, 8090)
        path = "/uploads/photo.jpg?w=100"
        assert wait_until(lambda: "port 8090" in docker("logs", name), Deadline.after(20, CLOCK))
        assert fetch(port, path, "GET", {}).image.width == 100
        seen = tachyon.seen()
        assert (seen["path"], seen["headers"]["host"]) == ("/uploads/photo.jpg", "bucket.aws:4566")
    finally:
        docker("rm", "-f", name, check=False)


# Under load --------------------------------------------------------------------------------------------------------


def test_many_at_once_stay_within_the_memory(tachyon: Tachyon) -> None:
    """Large photographs to be turned are the dearest: each is more than 100 MB of pixels."""
    paths = [f"/uploads/large.jpg?w={200 + n}" for n in range(6)] + [
        f"/uploads/moving.gif?w={20 + n}" for n in range(6)
    ]
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = list(pool.map(tachyon.get, paths))
    assert {answer.status for answer in answers} == {200}
    state = json.loads(docker("inspect", tachyon.name))[0]["State"]
    assert state["Running"] and not state["OOMKilled"]


def test_term_ends_it_at_once(tachyon: Tachyon) -> None:
    name = f"{tachyon.name}-term"
    try:
        docker(
            "run",
            "-d",
            "--name",
            name,
            "--read-only",
            "-e",
            "S3_ENDPOINT=http://127.0.0.1:1",
            "-e",
            "S3_BUCKET=b",
            IMAGE,
        )
        assert wait_until(lambda: "port 8080" in docker("logs", name), Deadline.after(20, CLOCK))
        began = time.monotonic()
        docker("stop", "-t", "8", name)
        assert time.monotonic() - began < 6
        assert docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"
    finally:
        docker("rm", "-f", name, check=False)


def test_missing_settings_are_named() -> None:
    said = docker("run", "--rm", "-e", "S3_ENDPOINT=http://aws:4566", IMAGE, check=False)
    assert "S3_BUCKET is not set" in said
