"""An editor's day in a real browser: a post with an image, from the editor through every service to its visitors."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.stack.browser import Browser, Visitor, chromium
from tests.stack.services import Services
from tests.stack.world import World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack, pytest.mark.browser]

WIDTH, HEIGHT = 1600, 1067


@dataclass(frozen=True)
class Story:
    """What the editor writes. The word is nowhere else."""

    title: str
    word: str
    image: Path


@dataclass(frozen=True)
class Published:
    """Where it is, and since when the database had no newer job."""

    url: str
    number: int
    last_job: int


@pytest.fixture
def browser(ha: World, tmp_path: Path) -> Iterator[Browser]:
    with chromium(ha, tmp_path) as browser:
        yield browser


@pytest.fixture
def services(ha: World) -> Services:
    return Services(ha)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    mark = "".join(chr(ord("a") + byte % 26) for byte in secrets.token_bytes(12))
    return Story(f"Seen from the pier {mark[:5]}", mark, photograph(tmp_path / f"pier-{mark}.jpg"))


def photograph(path: Path) -> Path:
    """A sky over water, with the grain of a photograph."""
    down, across = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    sky = numpy.stack([90 + down * 0.12, 130 + down * 0.08, 200 - down * 0.05], axis=-1)
    water = numpy.stack([20 + across * 0.01, 60 + across * 0.02, 90 + numpy.sin(down / 9) * 15], axis=-1)
    picture = numpy.where(down[..., None] < HEIGHT * 0.6, sky, water)
    grain = numpy.random.default_rng(7).normal(0, 4, picture.shape)
    Image.fromarray(numpy.clip(picture + grain, 0, 255).astype("uint8")).save(path, quality=90)
    return path


def test_a_post_with_an_image_from_the_editor_to_its_visitors(
    ha: World, browser: Browser, services: Services, story: Story
) -> None:
    editor = browser.visitor()
    log_in(ha, editor)
    published = write(ha, editor, story)
    assert editor.complaints == []

    visitor = browser.visitor()
    image = read(ha, visitor, published, story)
    kept_in_s3(ha, services, story)
    found_by_search(ha, visitor, story)
    job_ran_once(ha, services, published)
    comment_is_mailed(ha, visitor, services, published, story)
    shown_in_a_trace(ha, visitor, services, published)
    media_deleted(ha, editor, services, image, story)
    assert visitor.failed == []


def log_in(ha: World, editor: Visitor) -> None:
    editor.page.goto(f"{ha.url}/wp-login.php")
    editor.shot("log-in")
    editor.page.fill("#user_login", "admin")
    editor.page.fill("#user_pass", "password")
    editor.page.click("#wp-submit")
    editor.page.wait_for_url("**/wp-admin/")
    editor.shot("dashboard")


def write(ha: World, editor: Visitor, story: Story) -> Published:
    """In the block editor, by its own buttons."""
    ((last_job,),) = ha.sql(ha.duty("writer"), "SELECT COALESCE(MAX(id), 0) FROM wordpress.wp_cavalcade_jobs")
    page = editor.page
    page.goto(f"{ha.url}/wp-admin/post-new.php")
    title = editor.canvas.get_by_role("textbox", name="Add title")
    title.wait_for()
    welcome = page.get_by_role("button", name="Close", exact=True)
    if welcome.is_visible():
        welcome.click()
    title.fill(story.title)
    title.press("Enter")
    page.keyboard.type(f"The word of the day is {story.word}.")
    page.keyboard.press("Enter")
    page.keyboard.type("/image")
    page.get_by_role("option", name="Image", exact=True).click()
    editor.canvas.locator('input[type="file"]').set_input_files(story.image)
    # A preview first, then what the library has made of it.
    editor.canvas.locator('.wp-block-image img[src^="https:"]').wait_for()
    editor.shot("editor")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.locator(".editor-post-publish-panel").get_by_role("button", name="Publish", exact=True).click()
    link = page.locator(".post-publish-panel__postpublish-buttons a", has_text="View Post")
    link.wait_for()
    editor.shot("published")
    number = page.evaluate("wp.data.select('core/editor').getCurrentPostId()")
    return Published(str(link.get_attribute("href")), int(number), int(last_job))


def read(ha: World, visitor: Visitor, published: Published, story: Story) -> str:
    """As somebody who has not logged in: by Tachyon through the CDN, in WebP. The image's address."""
    image = visitor.page.locator(".wp-block-image img")
    with visitor.page.expect_response(lambda answer: "/tachyon/" in answer.url and story.word in answer.url) as caught:
        visitor.page.goto(published.url)
    assert visitor.page.title().startswith(story.title)
    answer = caught.value
    assert answer.status == 200
    assert answer.header_value("content-type") == "image/webp"
    assert "from cloudfront" in str(answer.header_value("x-cache"))
    image.scroll_into_view_if_needed()
    eventually(lambda: image.evaluate("one => one.complete && one.naturalWidth > 300"), "the image", within=20)
    assert len(answer.body()) < story.image.stat().st_size / 3
    visitor.shot("post", whole=True)
    visitor.page.goto(ha.url)
    assert visitor.page.get_by_role("link", name=story.title).first.is_visible()
    visitor.shot("front-page", whole=True)
    return str(answer.url)


def kept_in_s3(ha: World, services: Services, story: Story) -> None:
    listed = services.aws("s3", "list_objects_v2", Bucket=f"altis-{ha.name}", Prefix="uploads/")
    objects = [found for found in listed["Contents"] if story.word in found["Key"]]
    assert [found["Size"] for found in objects] == [story.image.stat().st_size], "the original, and nothing but it"
    for web in ("web-a1", "web-b1"):
        assert story.word not in ha.exec(web, "find", "/usr/src/app/content", "/tmp").output


def found_by_search(ha: World, visitor: Visitor, story: Story) -> None:
    def is_found() -> bool:
        visitor.page.goto(f"{ha.url}/?s={story.word}&fresh={secrets.token_hex(4)}")
        # (The theme lists other posts below.)
        return visitor.page.locator("main .wp-block-query").first.get_by_role("link", name=story.title).count() > 0

    eventually(is_found, "the post is found", within=30, every=0.5)
    visitor.shot("search", whole=True)


def job_ran_once(ha: World, services: Services, published: Published) -> None:
    """What WordPress puts off when a post is published: telling others of it."""
    writer = ha.duty("writer")
    query = f"SELECT id FROM wordpress.wp_cavalcade_jobs WHERE hook = 'do_pings' AND id > {published.last_job}"
    eventually(lambda: bool(ha.sql(writer, query)), "the job", within=10)
    ((number,),) = ha.sql(writer, query)
    services.becomes(int(number), "completed")
    eventually(lambda: services.runs(int(number)) == ["completed"], "it ran once", within=5)
    marks = f"SELECT COUNT(*) FROM wordpress.wp_postmeta WHERE post_id = {published.number} AND meta_key = '_encloseme'"
    assert ha.sql(writer, marks) == [["0"]], "it did what it was for"


def comment_is_mailed(ha: World, visitor: Visitor, services: Services, published: Published, story: Story) -> None:
    visitor.page.goto(published.url)
    visitor.page.fill("#comment", f"A fine pier, {story.word}.")
    visitor.page.fill("#author", "A visitor")
    visitor.page.fill("#email", "visitor@example.org")
    visitor.page.click("#commentform [type=submit]")
    visitor.page.get_by_text("awaiting moderation").first.wait_for()
    inbox = [str(mail.get("RawData", "")) for mail in services.sent_mails()]
    (mail,) = [text for text in inbox if story.word in text]
    assert "To: no-reply@altis.dev" in mail


def shown_in_a_trace(ha: World, visitor: Visitor, services: Services, published: Published) -> None:
    mark = f"trace={secrets.token_hex(6)}"
    ha.do("cache", "flush")  # else the object cache might answer every question
    visitor.page.goto(f"{published.url}?{mark}")
    trace = services.trace(mark)
    (request,) = trace["requests"]
    assert (request["tree"]["url"], request["tree"]["status"]) == (f"{published.url}?{mark}", 200)
    assert any("wp_posts" in query["query"] for query in trace["queries"])


def media_deleted(ha: World, editor: Visitor, services: Services, image: str, story: Story) -> None:
    """In the library, by hand. It is gone from S3, and from the CDN where the site's configuration says so (CDN-28)."""
    editor.page.goto(f"{ha.url}/wp-admin/upload.php?mode=grid")
    editor.page.locator(".attachments .attachment img").first.wait_for()
    editor.page.wait_for_load_state("networkidle")
    editor.shot("media-library")
    editor.page.goto(f"{ha.url}/wp-admin/upload.php?mode=list&s={story.word}")
    editor.page.once("dialog", lambda dialog: dialog.accept())
    editor.page.locator("#the-list tr").first.hover()
    editor.page.locator("#the-list .row-actions .delete a").first.click()
    editor.page.get_by_text("permanently deleted").first.wait_for()
    listed = services.aws("s3", "list_objects_v2", Bucket=f"altis-{ha.name}", Prefix="uploads/")
    assert [found for found in listed.get("Contents", ()) if story.word in found["Key"]] == []
    with ha.client() as visitor:
        assert visitor.get(image).status_code == 404
