"""Uploads: in the bucket and nowhere else, and what S3 lets whom read."""

from __future__ import annotations

import re

from altis_local.fidelity.asking import arrived, bucket, get, members, php, s3, shell, site
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.probes.images import images, wipe
from altis_local.fidelity.world import World


def only_in_bucket(world: World) -> Finding:
    token = world.token()
    code = f"""
        $made = wp_upload_bits( '{token}.txt', null, 'kept {token}' );
        switch_to_blog( 7 );
        $other = wp_upload_dir( null, false )['basedir'];
        restore_current_blog();
        return [ $made['file'] ?? '', $made['error'] ?? null, $other ];
    """
    try:
        file, error, other = php(world, code, role="web")
        key = str(file).removeprefix(f"s3://{bucket(world)}")
        held = s3(world, "GET", key)
        line = f"find / -xdev -name '{token}*' 2>/dev/null; grep -rl {token} /tmp 2>/dev/null"
        left = {name: shell(world, name, line).output.split() for name in members(world, "web")}
    finally:
        wipe(world, key.lstrip("/") if error is None else token)
    return claims(
        (error is False and key.startswith("/uploads/"), f"stored as {file}"),
        (held.status == 200 and held.text == f"kept {token}", f"in the bucket: {held.status}"),
        (not any(left.values()), f"on a container's disk: {left if any(left.values()) else 'nothing'}"),
        (str(other).endswith("/uploads/sites/7"), f"a sub-site's: {other}"),
    )


def folder(world: World) -> Finding:
    found = php(world, "return array_intersect_key( wp_upload_dir(), array_flip( [ 'basedir', 'baseurl' ] ) );")
    return claims(
        (found["basedir"] == f"s3://{bucket(world)}/uploads", found["basedir"]),
        (found["baseurl"] == f"{site(world)}/uploads", found["baseurl"]),
    )


def served_by_cdn(world: World) -> Finding:
    token, held = world.token(), images(world)
    answer = get(world, f"/uploads/{held.folder}/a.jpg?t={token}")
    seen = arrived(world, token, 0)
    return claims(
        (answer.status == 200 and held.is_jpeg(answer.body), f"{answer.status}, {len(answer.body)} bytes"),
        (answer.header("content-type") == "image/jpeg", answer.header("content-type") or "no type"),
        (answer.header("x-cache") == "Miss from cloudfront" and seen == 0, f"{answer.cache}, web saw {seen}"),
    )


def streams(world: World) -> Finding:
    token = world.token()
    key = f"uploads/{token}.css"
    code = f"""
        $file = 's3://{bucket(world)}/{key}';
        $write = function ( $mode, $text ) use ( $file ) {{
            $stream = @fopen( $file, $mode );
            return $stream && fwrite( $stream, $text ) === strlen( $text ) && fclose( $stream );
        }};
        $new = $write( 'x', 'one ' );
        $again = $write( 'x', 'no' );
        $more = $write( 'a', 'two' );
        $read = file_get_contents( $file );
        $over = $write( 'w', 'three' );
        return [ $new, $again, $more, $read, $over, file_get_contents( $file ), (bool) @fopen( $file, 'r+' ) ];
    """
    try:
        found = php(world, code)
        held, acl = s3(world, "HEAD", f"/{key}"), s3(world, "GET", f"/{key}?acl").text
        stranger = s3(world, "GET", f"/{key}", signed=False)
    finally:
        wipe(world, key)
    return claims(
        (found == [True, False, True, "one two", True, "three", False], f"x, x again, a, read, w, read, r+: {found}"),
        (held.header("content-type") == "text/css", f"type {held.header('content-type')}"),
        ("AllUsers" in acl and stranger.status == 200, f"public-read: {stranger.status} for anybody"),
    )


def commands(world: World) -> Finding:
    token = world.token()
    here = f"/tmp/{token}"
    lines = (
        ("verify", "wp s3-uploads verify"),
        (
            "upload-directory",
            f"mkdir {here}; echo a > {here}/a.txt; echo b > {here}/b.txt; wp s3-uploads upload-directory {here} uploads/{token}",
        ),
        ("ls", f"wp s3-uploads ls uploads/{token}"),
        ("cp", f"wp s3-uploads cp s3://$S3_UPLOADS_BUCKET/uploads/{token}/a.txt {here}/c.txt && cat {here}/c.txt"),
        ("rm", f"wp s3-uploads rm uploads/{token}"),
        ("ls after", f"wp s3-uploads ls uploads/{token}; rm -r {here}"),
    )
    try:
        said = {name: shell(world, "sandbox", line, "www-data") for name, line in lines}
    finally:
        wipe(world, f"uploads/{token}")
    codes = {name: ran.code for name, ran in said.items()}
    return claims(
        (set(codes.values()) == {0}, f"exit codes {codes}"),
        ("a.txt" in said["ls"].output and "b.txt" in said["ls"].output, f"ls: {said['ls'].output.split()[-2:]}"),
        (said["cp"].output.split()[-1:] == ["a"], "cp brings a file back"),
        ("a.txt" not in said["ls after"].output, "rm removes them"),
    )


def missing_is_refused(world: World) -> Finding:
    answer = s3(world, "GET", f"/uploads/{world.token()}.jpg", signed=False)
    owner = s3(world, "GET", f"/uploads/{world.token()}.jpg")
    code = re.search(r"<Code>(\w+)</Code>", answer.text)
    return claims(
        (
            answer.status == 403 and code and code[1] == "AccessDenied",
            f"a stranger: {answer.status} {code[1] if code else ''}",
        ),
        (owner.status == 404 and "NoSuchKey" in owner.text, f"the owner: {owner.status}"),
    )


def never_run(world: World) -> Finding:
    token = world.token()
    key = f"uploads/{token}.php"
    try:
        s3(world, "PUT", f"/{key}", body=b"<?php echo 6 * 7;", x_amz_acl="public-read")
        answer = get(world, f"/{key}")
    finally:
        wipe(world, key)
    return claims(
        (answer.status in (200, 403) and answer.text.strip() != "42", f"{answer.status}: {answer.text[:40]}"),
        (answer.status != 200 or "<?php" in answer.text, "it comes as it is"),
    )


def versions(world: World) -> Finding:
    key = f"uploads/{world.token()}.txt"
    state = s3(world, "GET", "?versioning=").text
    try:
        for text in (b"old", b"new"):
            s3(world, "PUT", f"/{key}", body=text)
        ids = re.findall(r"<VersionId>([^<]+)</VersionId>", s3(world, "GET", f"?versions=&prefix={key}").text)
        texts = sorted(s3(world, "GET", f"/{key}?versionId={version}").text for version in ids)
    finally:
        wipe(world, key)
    return claims(
        ("<Status>Enabled</Status>" in state, "versioning is enabled"),
        (texts == ["new", "old"], f"of two writes: {texts}"),
    )


def no_cross_origin_rules(world: World) -> Finding:
    """The bucket's own rules of this kind are put for a moment; where there are some already, nothing is tried."""
    if "<CORSRule>" in s3(world, "GET", "?cors=").text:
        raise CannotTell("the bucket has CORS rules of its own: they are left alone")
    held, token = images(world), world.token()
    rules = b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
    key = f"/uploads/{held.folder}/a.jpg"
    try:
        put = s3(world, "PUT", "?cors=", body=rules)
        direct = s3(world, "GET", key, origin="https://y.test")
        answer = get(world, f"{key}?t={token}", origin="https://y.test")
    finally:
        s3(world, "DELETE", "?cors=")
    return claims(
        (
            put.status == 200 and direct.header("access-control-allow-origin"),
            f"S3 itself has them: {put.status}, {direct.header('access-control-allow-origin') or 'none'}",
        ),
        (
            answer.status == 200 and not answer.header("access-control-allow-origin"),
            f"through the CDN {answer.status}, {answer.header('access-control-allow-origin') or 'none'}",
        ),
    )


def media_purge(world: World) -> Finding:
    """By what the project has chosen: a picture of an attachment at the CDN before and after it is deleted."""
    token = world.token()
    code = f"""
        $dir = wp_upload_dir( null, false );
        file_put_contents( "$dir[basedir]/{token}.txt", 'kept' );
        $id = wp_insert_attachment( [ 'post_title' => '{token}', 'post_mime_type' => 'text/plain' ], '{token}.txt' );
        return [ $id, (bool) ( Altis\\get_config()['modules']['cloud']['cdn-media-purge'] ?? false ) ];
    """
    try:
        number, purges = php(world, code)
        path = f"/uploads/{token}.txt"
        before = [get(world, path) for _ in range(2)]
        php(world, f"return (bool) wp_delete_attachment( {int(number)}, true );")
        after = get(world, path)
    finally:
        wipe(world, f"uploads/{token}")
    wanted = (403, 404) if purges else (200,)
    return claims(
        (
            [a.cache for a in before] == ["Miss", "Hit"] and before[1].status == 200,
            f"before {[a.cache for a in before]}",
        ),
        (after.status in wanted, f"cdn-media-purge {purges}: after its end {after.status} {after.cache}"),
    )
