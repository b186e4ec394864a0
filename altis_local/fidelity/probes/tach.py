"""Tachyon through the CDN: sizes, formats, lifetimes, and what it makes of arguments that are none."""

from __future__ import annotations

import re
import urllib.parse

from altis_local.fidelity.asking import answered, get, php, s3
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.probes.images import FRAMES, HEIGHT, WIDTH, frames, images, measured
from altis_local.fidelity.world import Answer, Ask, World

YEAR = "max-age=31536000"


def _picture(world: World, query: str, name: str = "a.jpg", **headers: str) -> Answer:
    held = images(world)
    answer = get(world, f"/tachyon/{held.folder}/{name}?{query}", **headers)
    if answer.status != 200:
        raise CannotTell(f"{name}?{query}: status {answer.status}: {answer.text[:80]}")
    return answer


def _sizes(world: World, wanted: dict[str, tuple[int, int]], name: str = "a.jpg") -> Finding:
    found = {query: measured(_picture(world, query, name).body)[1:] for query in wanted}
    return claims(*((found[q] == wanted[q], f"{q} → {'x'.join(map(str, found[q]))}") for q in wanted))


def path_and_turn(world: World) -> Finding:
    token = world.token()
    plain, turned = (measured(_picture(world, f"t={token}", name).body) for name in ("a.jpg", "turned.jpg"))
    return claims(
        (plain == ("jpeg", WIDTH, HEIGHT), f"a.jpg {plain}"),
        (turned == ("jpeg", HEIGHT, WIDTH), f"with orientation 6 {turned}"),
    )


def lifetime(world: World) -> Finding:
    answer = _picture(world, f"w=50&t={world.token()}")
    got = {name: answer.header(name) for name in ("content-type", "cache-control", "last-modified")}
    return claims(
        (got["content-type"] == "image/jpeg", got["content-type"] or "no type"),
        (got["cache-control"] == YEAR, got["cache-control"] or "no Cache-Control"),
        (got["last-modified"].endswith("GMT"), got["last-modified"] or "no Last-Modified"),
    )


def signed_lifetime(world: World) -> Finding:
    held = images(world)
    key = f"uploads/{held.folder}/private.jpg"
    code = f"return S3_Uploads\\Plugin::get_instance()->get_bucket()->presign( '{key}', 60 );"
    presign = urllib.parse.quote(php(world, code), safe="")
    plain = get(world, f"/tachyon/{held.folder}/private.jpg?t={world.token()}")
    answer = get(world, f"/tachyon/{held.folder}/private.jpg?w=50&presign={presign}")
    said = re.fullmatch(r"max-age=(\d+)", answer.header("cache-control"))
    return claims(
        (plain.status == 404, f"without a signature {plain.status}"),
        (answer.status == 200 and measured(answer.body)[1] == 50, f"signed {answer.status}"),
        (said and int(said[1]) <= 60, answer.header("cache-control") or "no Cache-Control"),
    )


def missing(world: World) -> Finding:
    answer = get(world, f"/tachyon/{world.token()}/none.jpg")
    return claims(
        (answer.status == 404, f"status {answer.status}"),
        (answer.header("content-type").startswith("text/html"), answer.header("content-type") or "no type"),
        (answer.text.strip() == "File not found.", answer.text[:60]),
    )


def as_the_function(world: World) -> Finding:
    """Status and headers of the function in the cloud, which the published server leaves out."""
    found, none = _picture(world, f"w=60&t={world.token()}"), get(world, f"/tachyon/{world.token()}/none.jpg")
    held = images(world)
    direct = answered(world.ask(Ask("http://tachyon:8080", f"/uploads/{held.folder}/none.jpg"))[0])
    return claims(
        (none.status == direct.status == 404, f"missing: {none.status} at the CDN, {direct.status} at the service"),
        (found.header("content-type") == "image/jpeg", f"type {found.header('content-type')}"),
        (found.header("cache-control") == YEAR, found.header("cache-control") or "no Cache-Control"),
    )


def width_and_height(world: World) -> Finding:
    whole = (WIDTH, HEIGHT)
    return _sizes(world, {"w=100": (100, 75), "h=60": (80, 60), "w=900": whole, "w=0": whole, "w=abc": whole})


def resize(world: World) -> Finding:
    wanted = {"resize=100,50": (100, 50), "resize=100px,50px": (100, 50), "resize=100,50&fit=30,30&w=20": (100, 50)}
    return _sizes(world, wanted)


def fit_and_bars(world: World) -> Finding:
    return _sizes(world, {"fit=100,100": (100, 75), "lb=100,100": (100, 100), "fit=100,100&lb=90,90": (100, 75)})


def crop(world: World) -> Finding:
    wanted = {"crop=0,0,50,50": (200, 150), "crop=10px,10px,60px,40px": (60, 40), "crop=0,0,50,50&w=100": (100, 75)}
    return _sizes(world, wanted)


def strategies(world: World) -> Finding:
    ways = ("smart", "entropy", "attention")
    made = {way: _picture(world, f"resize=80,200&crop_strategy={way}").body for way in ways}
    sides = {side: _picture(world, f"resize=80,200&gravity={side}").body for side in ("west", "east", "center")}
    plain = _picture(world, "resize=80,200").body
    both = [_picture(world, f"resize=80,200&crop_strategy=entropy&gravity={side}").body for side in ("west", "east")]
    area = [_picture(world, f"crop=0,0,50,50&resize=40,100{way}").body for way in ("", "&crop_strategy=smart")]
    sizes = {measured(body)[1:] for body in (*made.values(), *sides.values())}
    return claims(
        (sizes == {(80, 200)}, f"sizes {sizes}"),
        (len({sides["west"], sides["east"]}) == 2, "west differs from east"),
        (sides["center"] == plain, "centre is where it is without a word"),
        (both[0] == both[1] == made["entropy"], "a strategy beats a gravity"),
        (area[0] == area[1], "smart is left out where there is a crop"),
    )


def zoom_and_quality(world: World) -> Finding:
    dense = {zoom: _picture(world, f"w={int(240 / zoom)}&zoom={zoom:g}").body for zoom in (1, 1.5, 2, 3)}
    sizes = {measured(body)[1:] for body in dense.values()}
    weights = [len(body) for body in dense.values()]
    chosen = [len(_picture(world, f"w=240&quality={quality}").body) for quality in (10, 82, 95)]
    return claims(
        (sizes == {(240, 180)}, f"sizes at zoom 1, 1.5, 2, 3: {sizes}"),
        (weights == sorted(weights, reverse=True) and weights[0] > weights[3], f"bytes fall: {weights}"),
        (chosen == sorted(chosen), f"quality 10, 82, 95: {chosen} bytes"),
        (chosen[1] == weights[0], f"82 is the default: {chosen[1]} = {weights[0]}"),
    )


def formats(world: World) -> Finding:
    gif, png = _picture(world, "w=20", "a.gif"), _picture(world, "w=100", "a.png")
    return claims(
        (measured(gif.body)[:2] == ("gif", 20), f"gif {measured(gif.body)}"),
        (frames(gif.body) == FRAMES, f"{frames(gif.body)} frames of {FRAMES}"),
        (measured(png.body)[:2] == ("png", 100), f"png {measured(png.body)}"),
        (png.body[25:26] == b"\x03", f"its colour type {png.body[25] if len(png.body) > 25 else '-'} (3: palette)"),
    )


def webp_by_accept(world: World) -> Finding:
    held, token = images(world), world.token()
    wanted = _picture(world, f"w=70&t={token}", accept="image/avif,image/webp,*/*")
    plain = _picture(world, f"w=70&t={token}", accept="image/png,*/*")
    path = f"/uploads/{held.folder}/a.jpg?w=70"
    zero = answered(world.ask(Ask("http://tachyon:8080", path, headers={"X-WebP": "0"}))[0])
    types = [a.header("content-type") for a in (wanted, plain, zero)]
    return claims((types == ["image/webp", "image/jpeg", "image/webp"], f"Accept webp, not, X-WebP: 0 → {types}"))


def webp_argument(world: World) -> Finding:
    types = {v: _picture(world, f"w=75&webp={v}").header("content-type") for v in ("1", "0", "false")}
    return claims((set(types.values()) == {"image/webp"}, f"webp= {types}"))


def webp_in_key(world: World) -> Finding:
    token = world.token()
    found = [_picture(world, f"w=65&t={token}", accept=accept) for accept in ("*/*", "image/webp", "*/*", "image/webp")]
    seen = [(a.header("content-type").removeprefix("image/"), a.cache) for a in found]
    return claims((seen == [("jpeg", "Miss"), ("webp", "Miss"), ("jpeg", "Hit"), ("webp", "Hit")], f"{seen}"))


def backgrounds(world: World) -> Finding:
    plain, red, name, upper, short = (
        _picture(world, f"lb=100,100{more}").body
        for more in ("", *(f"&background={c}" for c in ("%23ff0000", "red", "%23FF0000", "%23f00")))
    )
    return claims(
        (red != plain, "#ff0000 is taken"),
        (name == upper == short == plain, "red, #FF0000 and #f00 are not"),
    )


def invalid_arguments(world: World) -> Finding:
    return _sizes(world, {"w=x&h=60": (80, 60), "resize=big&w=100": (100, 75), "crop_strategy=none&w=100": (100, 75)})


def source_sets(world: World) -> Finding:
    html = str(php(world, _ATTACHMENT % (world.token(), "return wp_get_attachment_image( $id, 'medium' );")))
    zooms = sorted({float(z) for z in re.findall(r"zoom=([\d.]+)", html)})
    return claims(
        ("/tachyon/" in html and "srcset=" in html, "the picture's tag names Tachyon and a srcset"),
        (zooms == [0.25, 0.5, 1.0, 1.5, 2.0], f"zooms {zooms}"),
    )


_ATTACHMENT = """
    $file = '%s.jpg';
    $id = wp_insert_attachment( [ 'post_title' => $file, 'post_status' => 'private', 'post_mime_type' => 'image/jpeg' ], $file );
    wp_update_attachment_metadata( $id, [ 'width' => 2000, 'height' => 1500, 'file' => $file, 'sizes' => [] ] );
    try {
        %s
    } finally {
        // Without its name the file stays.
        delete_post_meta( $id, '_wp_attached_file' );
        delete_post_meta( $id, '_wp_attachment_metadata' );
        wp_delete_post( $id, true );
    }
"""
"""(A picture that is not there: only its address is asked for.)"""


def addresses(world: World) -> Finding:
    code = """
        $base = wp_upload_dir()['baseurl'];
        $GLOBALS['current_screen'] = new class { public function in_admin() { return true; } };
        $admin = Tachyon::instance()->filter_image_downsize( false, 1, 'full' );
        unset( $GLOBALS['current_screen'] );
        return [ tachyon_url( "$base/2024/a.jpg", [ 'w' => 9 ] ), tachyon_url( 'https://x.test/a.jpg', [ 'w' => 9 ] ),
            TACHYON_URL, $admin, get_site_url( get_main_site_id() ) ];
    """
    own, other, url, admin, main = php(world, code)
    return claims(
        (own == f"{url}/2024/a.jpg?w=9", f"an upload: {own}"),
        (other == "https://x.test/a.jpg", f"another address: {other}"),
        (url == f"{main}/tachyon", f"TACHYON_URL {url}"),
        (admin is False, "in the admin pictures are left alone" if admin is False else f"in the admin: {admin}"),
    )


def in_pages(world: World) -> Finding:
    """What the filters of a post's text make of an uploaded picture."""
    code = """
        $url = wp_upload_dir()['baseurl'] . '/2024/a.jpg';
        return apply_filters( 'the_content', "<p><img src='$url' width='300' height='200' alt=''></p>" );
    """
    html = str(php(world, code))
    found = re.search(r'src="([^"]+)"', html)
    return claims((found and "/tachyon/2024/a.jpg" in found[1], found[1] if found else html[:120]))


def is_private(world: World) -> Finding:
    """S3-06 in both places: the bucket, and Tachyon with the signature in `presign`."""
    held = images(world)
    key = f"/uploads/{held.folder}/private.jpg"
    stranger = s3(world, "GET", key, signed=False)
    code = f"""
        add_filter( 's3_uploads_is_attachment_private', '__return_true' );
        {_ATTACHMENT % (f"{held.folder}/private", "return [ wp_get_attachment_url( $id ), tachyon_url( wp_get_attachment_url( $id ) ) ];")}
    """
    url, tachyon = php(world, code)
    query = urllib.parse.urlsplit(url).query
    owner = s3(world, "GET", f"{key}?{query}", signed=False)
    asked = dict(urllib.parse.parse_qsl(query))
    return claims(
        (stranger.status == 403, f"anonymous {stranger.status}"),
        (owner.status == 200, f"signed {owner.status}"),
        (21_590 <= int(asked.get("X-Amz-Expires", "0")) <= 21_600, f"valid for {asked.get('X-Amz-Expires')} s"),
        ("presign=" in tachyon and "X-Amz-Signature=" not in tachyon, f"Tachyon's address {tachyon[:90]}"),
    )
