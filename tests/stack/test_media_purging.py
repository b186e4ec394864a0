"""What leaves the CDN when media are deleted or the site says so, by CloudFront's API; and what an AWS SDK is told."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.stack.media import Media
from tests.stack.world import World

pytestmark = [pytest.mark.engine, pytest.mark.stack]

STATIC = "/wp-includes/css/dashicons.min.css"


@pytest.fixture
def media(ha: World) -> Media:
    return Media(ha)


@pytest.mark.parametrize("configured", [True, False], ids=["purged", "kept"])
def test_what_is_deleted_leaves_the_cdn_if_configured(ha: World, media: Media, configured: bool) -> None:
    """CDN-28. The fixture's composer.json says so; a site that does not keeps the caches as they are."""
    upload = media.upload()
    paths = [upload.path, upload.image, f"{upload.image}?w=90"]
    with ha.client() as visitor:
        assert [visitor.get(path).status_code for path in paths] == [200, 200, 200]
        if configured:
            media.delete(upload)
            assert [visitor.get(path).status_code for path in paths] == [403, 404, 404]
        else:
            hook = "Altis\\Cloud\\Cloudfront_Media_Purge\\purge_media_file_cache"
            said = media.php(f"""
                $was_there = remove_action('delete_attachment', '{hook}', 100);
                return [$was_there, (bool) wp_delete_attachment({upload.number}, true)];
            """)
            assert said == [True, True]
            assert [visitor.get(path).headers["x-cache"].split()[0] for path in paths] == ["Hit"] * 3
    assert media.keys(upload.key) == []


def test_purging_by_the_site_s_own_function(ha: World, media: Media) -> None:
    """CDN-26: a slash in front is optional, "*" stands for any rest, and nothing else goes."""
    mark = secrets.token_hex(6)
    plain, one, two, other = (f"{STATIC}?{mark}={end}" for end in ("plain", "all-1", "all-2", "other"))
    with ha.client() as visitor:

        def words() -> list[str]:
            return [visitor.get(path).headers["x-cache"].split()[0] for path in (plain, one, two, other)]

        words()
        assert words() == ["Hit"] * 4
        paths = json.dumps([plain.removeprefix("/"), f"{STATIC}?{mark}=all*"])
        assert media.php(f"return Altis\\Cloud\\purge_cdn_paths({paths});") is True
        assert words() == ["Miss", "Miss", "Miss", "Hit"]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param('return $purge(array_map(fn ($n) => "/t$n/*", range(1, 11)));', id="eleven-wildcards"),
        pytest.param("$purge(array_fill(0, 6, '/a/*')); return $purge(array_fill(0, 5, '/b/*'));", id="in-two-calls"),
        pytest.param('return $purge(array_map(fn ($n) => "/t$n", range(0, 2000)));', id="2001-paths"),
        pytest.param("return $purge(['/a*b']);", id="refused-by-the-api"),
        pytest.param("add_filter($id, fn () => ''); return $purge(['/a']);", id="no-distribution"),
        pytest.param("add_filter($id, fn () => 'EOTHER'); return $purge(['/a']);", id="not-our-distribution"),
    ],
)
def test_purges_that_are_refused(media: Media, code: str) -> None:
    """CDN-27: false and a warning."""
    said = media.php(f"""
        $warnings = 0;
        set_error_handler(function () use (&$warnings) {{ $warnings++; return true; }}, E_USER_WARNING);
        [$purge, $id] = ['Altis\\Cloud\\purge_cdn_paths', 'altis.cloud.cdn_distribution_id'];
        $call = function () use ($purge, $id) {{ {code} }};
        return [$call(), $warnings];
    """)
    assert said == [False, 1]


@pytest.mark.parametrize("is_late", [True, False], ids=["hooks-are-there", "before-wordpress"])
def test_an_aws_sdk_is_told_where_the_services_are(ha: World, is_late: bool) -> None:
    """By the filters of Altis' modules, before anybody can have asked for a client."""
    api, configuration = "require 'wordpress/wp-includes/plugin.php';", "require 'wp-config-production.php';"
    code = (
        "chdir('/usr/src/app'); "
        + (api + configuration if is_late else configuration + api)
        + """
        $names = ['s3_uploads_s3_client_params', 'aws_ses_wp_mail_ses_client_params', 'altis.aws_sdk.params'];
        foreach ($names as $name) {
            $said[] = apply_filters($name, ['region' => 'r', 'S3' => ['a' => 'b']]);
        }
        echo json_encode($said);
        """
    )
    done = ha.exec("web-a1", "php", "-r", code, user="www-data")
    s3, ses, sdk = json.loads(done.output)
    at = {"region": "r", "endpoint": "http://aws:4566"}
    assert s3 == {**at, "S3": {"a": "b"}, "use_path_style_endpoint": True}
    assert ses == {**at, "S3": {"a": "b"}}
    assert sdk == {
        **at,
        "S3": {"a": "b", "endpoint": "http://aws:4566", "use_path_style_endpoint": True},
        "CloudFront": {"endpoint": "http://standins:8170"},
    }
