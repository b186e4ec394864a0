"""The fixture's photographs come into S3 and its first posts once, whatever interrupts that, however often it runs."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from altis_local.clock import Deadline, wait_until
from tests.stack.media import ORIENTATION, Media
from tests.stack.world import CLOCK, Row, World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

NAMES = {
    "beacon-street-sunset",
    "lake-sherburne",
    "perched-osprey",
    "singaporean-cityscape",
    "skagen",
    "tea-gardens",
}
IN_TEXT = {"about", "a-tenant-on-the-outer-marker"}
STATE = """
    $said = [];
    // As the database has it: a job that reads from a reader a moment behind may leave an old row in the cache.
    wp_cache_flush();
    // Not what other tests have written.
    $names = array_column(Altis_Fixture\\Seed\\get_entries(), 'name');
    foreach (get_posts(['post_type' => ['post', 'page'], 'numberposts' => -1, 'suppress_filters' => true]) as $post) {
        if (!in_array($post->post_name, $names, true)) {
            continue;
        }
        $picture = get_post_thumbnail_id($post);
        $file = $picture ? basename(get_attached_file($picture)) : '';
        $said['posts'][$post->post_name] = [$file, substr_count($post->post_content, '<figure')];
    }
    $all = get_posts(['post_type' => 'attachment', 'numberposts' => -1, 'meta_key' => '_altis_fixture_photograph']);
    $said['library'] = array_map(fn ($one) => basename(get_attached_file($one->ID), '.jpg'), $all);
    return $said;
"""
UNDO = """
    $all = ['post_type' => 'attachment', 'numberposts' => -1, 'meta_key' => '_altis_fixture_photograph'];
    foreach (get_posts($all) as $one) {
        wp_delete_attachment($one->ID, true);
    }
    remove_action('post_updated', 'wp_save_post_revision');
    foreach (get_posts(['post_type' => ['post', 'page'], 'numberposts' => -1]) as $post) {
        delete_post_thumbnail($post);
        $text = preg_replace('#\\s*<!-- wp:image.*?<!-- /wp:image -->#s', '', $post->post_content);
        wp_update_post(wp_slash(['ID' => $post->ID, 'post_content' => $text]));
    }
    delete_option('altis_fixture_photographs');
    // What a killed run has left to go on with would go on with this.
    wp_unschedule_hook('altis_fixture.photographs');
"""
IS_FREE = "return !wp_cache_get('lock', 'altis_fixture', true);"


@pytest.fixture
def media(ha: World) -> Media:
    return Media(ha)


@pytest.fixture
def undone(ha: World, media: Media) -> Iterator[None]:
    """As before the first migration; afterwards whole again."""
    eventually(lambda: bool(media.php(IS_FREE)), "no run of another test is at it", within=90, every=0.5)
    media.php(UNDO)
    yield
    migrate(ha)
    is_there(media)


def is_there(media: Media) -> None:
    """Every photograph once, where it belongs."""
    if not wait_until(lambda: is_complete(media.php(STATE)), Deadline.after(90, CLOCK), every=1):
        jobs = media.world.sql(media.world.duty("writer"), "SELECT * FROM wordpress.wp_cavalcade_jobs")
        pytest.fail(f"the photographs are not there: {media.php(STATE)}\njobs: {jobs}")


def is_complete(state: Row) -> bool:
    # WordPress makes an upright copy of what lies on its side.
    names = sorted(name.removesuffix("-rotated") for name in state["library"])
    figures = {post: count for post, (_, count) in state["posts"].items() if count}
    above = [picture for picture, _ in state["posts"].values() if picture]
    return names == sorted(NAMES) and figures == dict.fromkeys(IN_TEXT, 1) and len(above) == len(NAMES) - len(IN_TEXT)


def migrate(world: World, seconds: float = 60.0) -> None:
    """Killed if it takes longer."""
    world.exec(
        "web-a1", "timeout", "-s", "KILL", str(seconds), "wp", f"--url={world.url}", "altis", "migrate", user="www-data"
    )


def test_a_new_site_has_its_photographs(ha: World, media: Media) -> None:
    is_there(media)
    for name in NAMES:
        keys = [key for key in media.keys(name) if key.endswith(f"{name}.jpg")]
        assert len(keys) == 1, keys
        assert media.is_public(keys[0])


def test_photographs_keep_what_their_cameras_say(ha: World, media: Media) -> None:
    with ha.client() as visitor:
        (sea,), (bird,) = (media.keys(f"{name}.jpg") for name in ("skagen", "perched-osprey"))
        exif = Image.open(io.BytesIO(visitor.get(f"/{sea}").content)).getexif()
        assert exif[0x0110] == "Canon EOS 20D"
        lying = Image.open(io.BytesIO(visitor.get(f"/{bird}").content))
    assert lying.getexif()[ORIENTATION] == 6
    assert lying.width > lying.height
    meta = media.php("return wp_get_attachment_metadata(attachment_url_to_postid(wp_upload_dir()['baseurl'] . '"
                     + sea.removeprefix("uploads") + "'));")  # fmt: skip
    assert (meta["width"], meta["image_meta"]["camera"], meta["image_meta"]["iso"]) == (800, "Canon EOS 20D", "100")


def test_another_migration_changes_nothing(ha: World, media: Media) -> None:
    is_there(media)
    before = media.php(STATE)
    migrate(ha)
    assert media.php(STATE) == before


def test_what_an_editor_deletes_stays_deleted(ha: World, media: Media, undone: None) -> None:
    migrate(ha)
    is_there(media)
    media.php("wp_delete_attachment(get_posts(['post_type' => 'attachment', 'name' => '', "
              "'meta_key' => '_altis_fixture_photograph', 'meta_value' => 'skagen.jpg'])[0]->ID, true);")  # fmt: skip
    migrate(ha)
    state = media.php(STATE)
    assert "skagen" not in state["library"]
    assert len(state["library"]) == len(NAMES) - 1
    media.php(UNDO)
    migrate(ha)


def test_a_killed_import_is_gone_on_with(ha: World, media: Media, undone: None) -> None:
    began = CLOCK.monotonic()
    migrate(ha)
    whole = CLOCK.monotonic() - began
    left = []
    for part in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        media.php(UNDO)
        migrate(ha, seconds=whole * part)
        left.append(len(media.php(STATE)["library"]))
        # Another run would have to wait for it.
        media.php("wp_cache_delete('lock', 'altis_fixture');")
        migrate(ha)
        assert is_complete(media.php(STATE)), f"after {left[-1]} were left"
    assert any(0 < count < len(NAMES) for count in left), f"no run was killed half way: {left}"


def test_without_s3_a_migration_ends_well_and_a_job_goes_on(ha: World, media: Media, undone: None) -> None:
    aws = ha.containers()["aws"].id
    docker("kill", aws)
    done = ha.exec("web-a1", "wp", f"--url={ha.url}", "altis", "migrate", user="www-data")
    assert done.exit_code == 0, done.output
    assert "not in S3 yet" in done.output
    query = "SELECT COUNT(*) FROM wordpress.wp_cavalcade_jobs WHERE hook = 'altis_fixture.photographs'"
    assert int(ha.sql(ha.duty("writer"), query)[0][0]) >= 1
    ha.converged()
    is_there(media)
