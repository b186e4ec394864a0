"""The site with other settings, in the sandbox: a copy of the code beside the live one, and a server of PHP's own.

What would need another deploy, or a service to be away, is tried in a process of its own on the live data.
"""

from __future__ import annotations

import json
import re
from typing import Any

from altis_local.fidelity.asking import php, site, sql
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.world import World

MARK = "@@altis@@"


def _with(world: World, settings: dict[str, Any], code: str, environments: dict[str, Any] | None = None) -> Any:
    """The value of PHP code in a copy of the project whose composer.json has these settings of modules as well."""
    token = world.token()
    extra = json.dumps({"modules": settings, "environments": environments or {}})
    edit = (
        "$f = 'composer.json'; $c = json_decode( file_get_contents( $f ), true );"
        "$c['extra']['altis'] = array_replace_recursive( $c['extra']['altis'], json_decode( $argv[1], true ) );"
        "unlink( $f ); file_put_contents( $f, json_encode( $c ) );"
    )
    line = (
        'cp -al /usr/src/app "/tmp/$1" 2>/dev/null || cp -a /usr/src/app "/tmp/$1"; cd "/tmp/$1" && php -r "$2" "$3"; '
        './vendor/bin/wp --url="$4" eval "$5"; cd /; rm -rf "/tmp/$1"'
    )
    wrapped = f"echo '{MARK}' . json_encode( ( function () {{ {code} }} )() ) . '{MARK}';"
    ran = world.run("sandbox", "sh", "-c", line, "sh", token, edit, extra, site(world), wrapped, user="www-data")
    parts = ran.output.split(MARK)
    if len(parts) != 3:
        raise CannotTell(f"the copy of the site: {ran.output[-200:]}")
    return json.loads(parts[1])


def _served(world: World, environment: str, path: str) -> tuple[str, str]:
    """What PHP's own server answers for the site's code with other variables (status and headers, page and log)."""
    host = re.sub(r"^https?://", "", site(world))
    line = f"""
        cd /usr/src/app
        port=$((20000 + $$ % 20000))
        {environment} HTTPS=on php -S 127.0.0.1:$port -t /usr/src/app index.php >/tmp/$$.log 2>&1 &
        server=$!
        for i in $(seq 80); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
        wget -q -S -O - --content-on-error --header 'Host: {host}' --header 'X-Forwarded-Proto: https' \\
            --max-redirect=0 --timeout=15 "http://127.0.0.1:$port{path}" 2>/tmp/$$.head
        kill $server; wait $server 2>/dev/null
        echo; echo '{MARK}'; cat /tmp/$$.head; echo '{MARK}'; cat /tmp/$$.log; rm -f /tmp/$$.head /tmp/$$.log
    """
    parts = world.run("sandbox", "bash", "-c", line, user="www-data").output.split(MARK)
    if len(parts) != 3 or "HTTP/1" not in parts[1]:
        raise CannotTell(f"PHP's own server: {parts[-1][-200:]}")
    return parts[1], parts[0] + parts[2]


def _first_line(head: str) -> str:
    return next((line.strip() for line in head.splitlines() if "HTTP/1" in line), head[:80])


def by_environment_type(world: World) -> Finding:
    kind = world.variables("web").get("HM_ENV_TYPE", "")
    code = "return Altis\\get_config()['modules']['cloud']['fidelity'] ?? null;"
    other = "staging" if kind != "staging" else "production"
    environments = {
        kind: {"modules": {"cloud": {"fidelity": "mine"}}},
        other: {"modules": {"cloud": {"fidelity": "another's"}}},
    }
    plain = _with(world, {"cloud": {"fidelity": "all"}}, code)
    own = _with(world, {"cloud": {"fidelity": "all"}}, code, environments)
    return claims((plain == "all", f"for all: {plain}"), (own == "mine", f"for {kind} alone: {own}"))


def without_redis(world: World) -> Finding:
    code = """
        global $wp_object_cache;
        ob_start();
        Altis\\Cloud\\Sessions\\configure();
        $opened = @session_start();
        ob_end_clean();
        return [ $wp_object_cache->is_redis_connected ?? null, $opened, error_get_last()['message'] ?? '' ];
    """
    off = _with(world, {"cloud": {"redis": False}}, code)
    on = _with(world, {}, "global $wp_object_cache; return $wp_object_cache->is_redis_connected;")
    return claims(
        (off[0] is False, f"with redis: false connected {off[0]}"),
        (off[1] is False, f"and a session opens: {off[1]}"),
        (on is True, f"(without it: connected {on})"),
    )


def without_uploads(world: World) -> Finding:
    code = "return [ wp_upload_dir( null, false )['basedir'], in_array( 's3', stream_get_wrappers(), true ) ];"
    off, on = _with(world, {"cloud": {"s3-uploads": False}}, code), php(world, code)
    return claims(
        (not str(off[0]).startswith("s3://") and off[1] is False, f"off: {off}"),
        (str(on[0]).startswith("s3://") and on[1] is True, f"on: {on}"),
    )


def without_tachyon(world: World) -> Finding:
    code = """
        $url = wp_upload_dir( null, false )['baseurl'] . '/a.jpg';
        return [ function_exists( 'tachyon_url' ), apply_filters( 'the_content', "<img src='$url' width='9' height='9'>" ) ];
    """
    off, on = _with(world, {"media": {"tachyon": False}}, code), php(world, code)
    return claims(
        (off[0] is False and "/tachyon/" not in off[1], f"off: {off[1].strip()[:80]}"),
        (on[0] is True and "/tachyon/" in on[1], f"on: {on[1].strip()[:80]}"),
    )


def one_host(world: World) -> Finding:
    code = """
        global $wpdb;
        $wpdb->get_var( 'SELECT 1' );
        $find = fn ( $name ) => ( function () use ( $name ) { return $this->$name ?? null; } )->call( $wpdb );
        return [ $find( 'reader' ), array_unique( array_values( (array) $find( 'hosts' ) ) ) ];
    """
    off, on = _with(world, {"cloud": {"ludicrousdb": False}}, code), php(world, code)
    return claims(
        (off == [None, ["db-writer"]], f"off: reader {off[0]}, hosts {off[1]}"),
        (on[0] == "db-reader", f"on: reader {on[0]}"),
    )


def no_database(world: World) -> Finding:
    head, text = _served(world, "DB_HOST=nowhere.invalid DB_READ_REPLICA_HOST=nowhere.invalid", f"/?t={world.token()}")
    well, _ = _served(world, "", "/wp-login.php")
    return claims(
        (" 500 " in head, _first_line(head)),
        ("<h1>Database Connection Error</h1>" in text, "a page that says so"),
        ("no-cache" in head, "not to be cached"),
        (" 500 " not in well, "(with a database it is another)"),
    )


def no_redis(world: World) -> Finding:
    token = world.token()
    head, text = _served(world, "REDIS_HOST=nowhere.invalid", f"/?t={token}")
    rows = sql(world, "SELECT COUNT(*) FROM wordpress.wp_options WHERE option_name LIKE '%redis_failback_flush%'")
    return claims(
        (" 200 " in head, _first_line(head)),
        ("</html>" in text and "WP Redis:" in text, "a whole page, and a warning of PHP in the log"),
        (rows == [["0"]], f"{rows[0][0]} rows that would flush the cache later"),
    )
