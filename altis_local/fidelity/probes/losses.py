"""What is lost when a member is lost: nothing that was acknowledged. Disruptive, all of them."""

from __future__ import annotations

from altis_local.fidelity.asking import answered, get, logged_in, members, order, php, poll, redis, s3, sql
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.probes.moving import duties, holder, kill, settle
from altis_local.fidelity.world import Ask, World

SOON = 30.0
"""Seconds for a take-over on a busy machine; the cloud's takes up to a minute."""


def _option(world: World, name: str, value: str) -> bool:
    """Write through the site; whether that was acknowledged."""
    return bool(php(world, f"return update_option( '{name}', '{value}', false );"))


def a_reader_becomes_writer(world: World) -> Finding:
    """HA-04: writes go on by the same name; the old writer comes back as a reader; no acknowledged row is missing."""
    token, before = world.token(), holder(world, "writer")
    kept = [n for n in range(5) if _option(world, f"{token}{n}", str(n))]
    kill(world, before)
    taken = poll(world, lambda: holder(world, "writer") not in ("", before), SOON)
    written = poll(world, lambda: _option(world, f"{token}9", "9"), SOON)
    settle(world)
    after = duties(world)
    writer = next((member for member, duty in after.items() if duty == "writer"), "")
    names = "', '".join([f"{token}{n}" for n in kept])
    found = sql(world, f"SELECT COUNT(*) FROM wordpress.wp_options WHERE option_name IN ('{names}')", writer)[0][0]
    closed = sql(world, "SELECT @@super_read_only", before)[0][0]
    php(world, f"foreach ( range( 0, 9 ) as $n ) {{ delete_option( '{token}' . $n ); }} return true;")
    return claims(
        (taken, f"{before} → {writer}"),
        (written, "db-writer takes writes again"),
        (after.get(before) == "reader" and closed == "1", f"{before} is {after.get(before)}, super_read_only {closed}"),
        (int(found) == len(kept) == 5, f"{found} of {len(kept)} acknowledged rows"),
    )


def a_reader_is_done_without(world: World) -> Finding:
    """HA-07, DB-03: reads go to other readers, or to the writer; pages do not notice."""
    lost = [m["member"] for m in world.status["members"] if m["duty"] == "reader"]
    kill(world, *lost)
    pages = [get(world, order(world, world.token(), query=["SELECT 1"])).status for _ in range(8)]
    code = "$db = new mysqli( 'db-reader', DB_USER, DB_PASSWORD ); return $db->query( 'SELECT @@report_host' )->fetch_row()[0];"
    by = php(world, code)
    settle(world)
    return claims(
        (set(pages) == {200}, f"pages meanwhile: {pages}"),
        (bool(by), f"db-reader answered, by {by}"),
        (all(duties(world).get(name) == "reader" for name in lost), f"{', '.join(lost)} came back as readers"),
    )


def the_standby_becomes_primary(world: World) -> Finding:
    """HA-05: cached data is largely kept."""
    token, before = world.token(), holder(world, "primary")
    php(world, f"foreach ( range( 1, 50 ) as $n ) {{ wp_cache_set( '{token}' . $n, $n, 'fidelity', 600 ); }} return 1;")
    redis(world, "WAIT", "1", "1000")
    kill(world, before)
    taken = poll(world, lambda: holder(world, "primary") not in ("", before), SOON)
    code = f"return array_sum( array_map( fn ( $n ) => (int) ( wp_cache_get( '{token}' . $n, 'fidelity' ) === $n ), range( 1, 50 ) ) );"
    kept = php(world, code)
    settle(world)
    return claims(
        (taken, f"{before} → {holder(world, 'primary')}"),
        (int(kept) >= 45, f"{kept} of 50 objects are kept"),
        (duties(world).get(before) == "standby", f"{before} came back as {duties(world).get(before)}"),
    )


def no_lasting_errors(world: World) -> Finding:
    """CACHE-08: connections to the old primary are dropped, so that nobody stays on one that refuses writes."""
    before = holder(world, "primary")
    ran = world.command("failover", "cache")
    pages = [get(world, order(world, world.token(), session=1)).status for _ in range(20)]
    settle(world)
    good = [status == 200 for status in pages]
    return claims(
        (ran.code == 0, ran.output.strip()[-120:] or f"no failover of {before}"),
        (all(good[5:]), f"pages with a session afterwards: {pages}"),
    )


def storage_survives(world: World) -> Finding:
    """S3-13: an acknowledged object, its bytes and its ACL."""
    token = world.token()
    keys = {f"/uploads/{token}-{n}.txt": f"kept {n} {token}".encode() for n in range(5)}
    acknowledged = [s3(world, "PUT", key, body=body, x_amz_acl="public-read").status for key, body in keys.items()]
    kill(world, "aws")
    settle(world)
    held = {key: s3(world, "GET", key, signed=False) for key in keys}
    through = get(world, next(iter(keys)))
    removed = [s3(world, "DELETE", key).status for key in keys]
    return claims(
        (set(acknowledged) == {200}, f"acknowledged: {acknowledged}"),
        (
            all(held[key].body == body for key, body in keys.items()),
            f"read by a stranger: {[a.status for a in held.values()]}",
        ),
        (through.status == 200, f"through the CDN: {through.status}"),
        (set(removed) == {204}, f"and removed: {removed}"),
    )


def containers_are_throwaway(world: World) -> Finding:
    """WEB-01: every web container is destroyed; a file, a post and who is logged in survive."""
    token, cookie = world.token(), logged_in(world)
    code = f"""
        $file = wp_upload_bits( '{token}.txt', null, 'kept {token}' );
        $post = wp_insert_post( [ 'post_title' => '{token}', 'post_status' => 'publish' ] );
        return [ $file['url'], (int) $post, get_permalink( $post ) ];
    """
    url, post, link = php(world, code, role="web")
    path = "/" + str(url).split("/", 3)[3]
    webs = members(world, "web")
    kill(world, *webs)
    settle(world)
    file = get(world, path)
    page = get(world, "/" + str(link).split("/", 3)[3] + f"?t={token}")
    admin = answered(world.ask(Ask("cdn", f"/wp-admin/profile.php?t={token}", headers={"Cookie": cookie}))[0])
    php(world, f"wp_delete_post( {int(post)}, true ); unlink( wp_upload_dir()['path'] . '/{token}.txt' ); return true;")
    return claims(
        (len(webs) > 0, f"destroyed: {', '.join(webs)}"),
        (file.text == f"kept {token}", f"the file: {file.status}"),
        (page.status == 200 and token in page.text, f"the post: {page.status}"),
        (admin.status == 200 and 'value="admin"' in admin.text, f"still logged in: {admin.status}"),
    )
