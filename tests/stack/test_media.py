"""Uploads from WordPress to visitors: in S3 and nowhere else, through the CDN, resized by Tachyon."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator
from contextlib import suppress

import pytest
from PIL import Image

from altis_local.errors import AltisError
from tests.stack.media import Media, Upload, images, photograph, sources
from tests.stack.services import administrator
from tests.stack.world import World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack]

WEBP = {"Accept": "image/avif,image/webp,image/*;q=0.8"}
JPEG = {"Accept": "image/jpeg,*/*;q=0.5"}
PHOTOGRAPHS = 6


@pytest.fixture
def media(ha: World) -> Media:
    return Media(ha)


@pytest.fixture
def upload(media: Media) -> Iterator[Upload]:
    """A photograph that an administrator has just uploaded."""
    return media.upload()


def fresh() -> str:
    return f"fresh={secrets.token_hex(6)}"


# S3 ----------------------------------------------------------------------------------------------------------------


def test_an_upload_is_one_public_object_in_the_bucket(media: Media, upload: Upload) -> None:
    """S3-01, S3-04, S3-09: the original, with its type and ACL, and no smaller copy of it."""
    mark = upload.key.rpartition("/")[2].removesuffix(".jpg")
    assert media.keys(mark) == [upload.key]
    assert upload.key.startswith("uploads/20")
    head = media.head(upload.key)
    assert (head["ContentType"], head["ContentLength"]) == ("image/jpeg", len(upload.content))
    assert head["ETag"].strip('"') == hashlib.md5(upload.content).hexdigest()
    assert head["VersionId"] != "null"
    assert media.is_public(upload.key)


def test_an_upload_is_on_no_container_s_disk(ha: World, upload: Upload) -> None:
    """S3-01: neither under its name nor under any other; the image has its mark in it."""
    mark = upload.key.rpartition("/")[2].removesuffix(".jpg")
    looked_at = [name for name in ha.containers() if name.startswith(("web-", "sandbox", "cavalcade"))]
    assert len(looked_at) >= 3
    for member in looked_at:
        found = ha.exec(member, "grep", "-rlaF", mark, "/tmp", "/run", "/usr/src/app/content", "/var/tmp")
        assert found.output == "", member
        named = ha.exec(member, "find", "/", "-xdev", "-name", f"*{mark}*")
        assert mark not in named.output, member


def test_the_upload_directory_is_the_bucket_and_its_address_the_site_s(ha: World, media: Media) -> None:
    """S3-02."""
    dirs = media.php("return wp_upload_dir();")
    assert dirs["basedir"] == f"s3://{media.bucket}/uploads"
    assert dirs["baseurl"] == f"{ha.url}/uploads"
    assert dirs["error"] is False


def test_files_of_the_bucket_are_written_as_php_writes_files(media: Media) -> None:
    """S3-04: modes w, a, x and r; the type is guessed from the name."""
    name = f"{secrets.token_hex(6)}.css"
    said = media.php(f"""
        $file = wp_upload_dir()['basedir'] . '/{name}';
        file_put_contents($file, 'a{{}}');
        file_put_contents($file, 'b{{}}', FILE_APPEND);
        $said = [@fopen($file, 'x') === false, file_get_contents($file), filesize($file)];
        rename($file, "$file.txt");
        $said = [...$said, file_exists($file), file_exists("$file.txt"), unlink("$file.txt")];
        return [...$said, file_exists("$file.txt")];
    """)
    assert said == [True, "a{}b{}", 6, False, True, True, False]
    media.php(f"file_put_contents(wp_upload_dir()['basedir'] . '/{name}', 'c');")
    assert media.head(f"uploads/{name}")["ContentType"] == "text/css"


def test_wp_s3_uploads(ha: World, media: Media) -> None:
    """S3-05."""
    assert "Looks like your configuration is correct" in ha.wp("web-a1", "s3-uploads", "verify")
    name = f"{secrets.token_hex(6)}.txt"
    ha.wp("sandbox", "s3-uploads", "cp", "/etc/hostname", f"s3://{media.bucket}/uploads/t/{name}")
    assert ha.wp("web-a1", "s3-uploads", "ls", "uploads/t").split() == [name]
    ha.wp("web-a1", "s3-uploads", "rm", f"uploads/t/{name}")
    assert media.keys(name) == []


def test_a_refused_upload_is_said_so_and_leaves_no_attachment(ha: World, media: Media) -> None:
    name = f"{secrets.token_hex(8)}.jpg"
    with administrator(ha) as browser:
        docker("kill", ha.containers()["aws"].id)
        refused = media.send(browser, name, photograph("x"))
        assert refused.status_code == 500, refused.text[:500]
        assert "could not be stored" in refused.json()["message"]
        ha.converged()
        assert browser.get("/wp-json/wp/v2/media", params={"search": name[:-4]}).json() == []
        assert media.send(browser, name, photograph("x")).status_code == 201


# Through the CDN ---------------------------------------------------------------------------------------------------


def test_uploads_come_from_s3_through_the_cdn(ha: World, upload: Upload) -> None:
    """S3-03, CDN-32: cookies and log-ins make no difference, a signature in a header opens nothing."""
    told = {"Cookie": "wordpress_logged_in_x=1", "Authorization": "AWS4-HMAC-SHA256 Credential=a/b"}
    with ha.client() as visitor:
        first, second = visitor.get(upload.path), visitor.get(upload.path, headers=told)
    assert (first.status_code, first.content) == (200, upload.content)
    assert (first.headers["content-type"], first.headers["server"]) == ("image/jpeg", "AmazonS3")
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("Miss from cloudfront", "Hit from cloudfront")
    assert not [name for name in first.headers if name.startswith(("access-control", "x-localstack"))]


def test_nobody_chooses_what_an_upload_is_taken_for(ha: World, upload: Upload) -> None:
    with ha.client() as visitor:
        assert visitor.get(upload.path, params={"response-content-type": "text/html"}).status_code == 400


def test_missing_private_and_signed(ha: World, media: Media, upload: Upload) -> None:
    """S3-06, S3-07, TACH-04: a private object is as missing, but to who holds a signed address."""
    key = upload.key
    signed = media.php(f"""
        $bucket = S3_Uploads\\Plugin::get_instance()->get_bucket();
        $bucket->set_acl('{key}', 'private');
        return $bucket->presign('{key}', 600);
    """)
    owner = {"Authorization": f"AWS4-HMAC-SHA256 Credential={'0' * 12}/x, SignedHeaders=host, Signature=00"}
    with ha.client() as visitor:
        for path in (upload.path, "/uploads/none.jpg"):
            refused = visitor.get(f"{path}?{fresh()}", headers=owner)
            assert (refused.status_code, refused.headers["x-cache"]) == (403, "Error from cloudfront")
            assert "<Code>AccessDenied</Code>" in refused.text
        for path in (upload.image, "/tachyon/none.jpg"):
            assert visitor.get(f"{path}?{fresh()}").status_code == 404
        assert visitor.get(f"{upload.path}?{signed}").content == upload.content
        assert visitor.get(f"{upload.path}?{signed[:-1]}x").status_code == 403
        shown = visitor.get(upload.image, params={"w": "100", "presign": signed})
    assert shown.status_code == 200
    assert int(shown.headers["cache-control"].removeprefix("max-age=")) <= 600


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nobody_writes_through_the_cdn(ha: World, media: Media, method: str) -> None:
    name = f"{secrets.token_hex(8)}.txt"
    with ha.client() as visitor:
        refused = visitor.request(method, f"/uploads/{name}", content=b"x")
    assert (refused.status_code, refused.headers["x-cache"]) == (403, "Error from cloudfront")
    assert media.keys(name) == []


def test_uploaded_php_is_bytes(ha: World, media: Media) -> None:
    """S3-08."""
    name = f"{secrets.token_hex(8)}.php"
    media.php(f"file_put_contents(wp_upload_dir()['basedir'] . '/{name}', '<?php echo 6 * 7;');")
    with ha.client() as visitor:
        assert visitor.get(f"/uploads/{name}").text == "<?php echo 6 * 7;"


def test_a_large_upload_goes_in_and_out(ha: World, media: Media) -> None:
    content = secrets.token_bytes(30 << 20)
    upload = media.upload_as(f"{secrets.token_hex(8)}.zip", content)
    with ha.client() as visitor:
        assert visitor.get(upload.path).content == content
        part = visitor.get(upload.path, headers={"Range": f"bytes={25 << 20}-{(25 << 20) + 99}"})
    assert (part.status_code, part.content) == (206, content[25 << 20 : (25 << 20) + 100])


def test_media_go_on_without_web(ha: World, upload: Upload) -> None:
    """CDN-01, HA-08: what no cache has, too. Healing may be so fast that this has to be looked at again."""
    for _ in range(3):
        if was_without_web(ha, upload):
            return
        ha.converged()
    pytest.fail("there was always a web container again too soon")


def was_without_web(ha: World, upload: Upload) -> bool:
    webs = [container.id for name, container in ha.containers().items() if name.startswith("web-")]
    docker("pause", *webs)
    try:
        with ha.client() as visitor:
            assert visitor.get(f"{upload.path}?{fresh()}").content == upload.content
            assert visitor.get(f"{upload.image}?w=50&{fresh()}").status_code == 200
        return not any(one.is_running for name, one in ha.containers().items() if name.startswith("web-"))
    finally:
        for web in webs:
            with suppress(AltisError):
                ha.engine.unpause(web)


# Tachyon -----------------------------------------------------------------------------------------------------------


def test_webp_is_negotiated_and_cached_apart(ha: World, upload: Upload) -> None:
    """TACH-02, TACH-06, TACH-13, TACH-15."""
    with ha.client() as visitor:
        answers = [visitor.get(upload.image, params={"w": "600"}, headers=h) for h in (JPEG, WEBP, JPEG, WEBP)]
    assert [a.headers["content-type"] for a in answers] == ["image/jpeg", "image/webp"] * 2
    assert [a.headers["x-cache"].split()[0] for a in answers] == ["Miss", "Miss", "Hit", "Hit"]
    assert {a.headers["cache-control"] for a in answers} == {"max-age=31536000"}
    assert [Image.open(io.BytesIO(a.content)).size for a in answers] == [(600, 400)] * 4
    assert len(answers[1].content) < len(answers[0].content) < len(upload.content)


def test_a_picture_taken_upright_is_shown_upright(ha: World, media: Media) -> None:
    """TACH-01: stored lying on its side, with EXIF's word for it."""
    upload = media.upload(orientation=6)
    with ha.client() as visitor:
        shown = visitor.get(upload.image, params={"w": "200"}, headers=JPEG)
    assert Image.open(io.BytesIO(shown.content)).size == (200, 300)


def test_pages_show_images_by_tachyon_in_several_sizes(ha: World) -> None:
    """S3-11, TACH-20, TACH-21, on the front page: each address that a browser may choose works."""
    with ha.client() as visitor:
        shown = images(visitor.get(f"/?{fresh()}").text)
        # Posts of other tests may have taken the older ones' places.
        assert len(shown) >= PHOTOGRAPHS // 2
        for image in shown:
            assert image["src"].startswith(f"{ha.url}/tachyon/"), image
            assert image["alt"]
        with_choice = [image for image in shown if "srcset" in image]
        assert len(with_choice) >= PHOTOGRAPHS // 2, shown
        widths = set()
        for address in sources(with_choice[0]):
            answer = visitor.get(address, headers=WEBP)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp"), address
            widths.add(Image.open(io.BytesIO(answer.content)).size[0])
        assert len(widths) >= 3


def test_its_loss_costs_images_and_no_page(ha: World, upload: Upload) -> None:
    """TACH-23."""
    with ha.client() as visitor:
        assert visitor.get(upload.image).status_code == 200
        docker("kill", ha.containers()["tachyon"].id)
        assert visitor.get(f"/?{fresh()}").status_code == 200
        assert visitor.get(upload.image).headers["x-cache"] == "Hit from cloudfront"
        failed = visitor.get(f"{upload.image}?{fresh()}")
        ha.converged()
        assert visitor.get(f"{upload.image}?{fresh()}").status_code == 200
    if failed.status_code != 200:  # healing may be as fast as this
        assert failed.status_code in {502, 504}
        assert "could not be satisfied" in failed.text
