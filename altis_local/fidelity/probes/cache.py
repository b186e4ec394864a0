"""The object cache: shared, bounded, keyed as WP Redis does. What empties it or stops it is disruptive."""

from __future__ import annotations

from altis_local.fidelity.asking import get, php, redis, sql
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import World


def shared_by_containers(world: World) -> Finding:
    token = world.token()
    php(world, f"return wp_cache_set( '{token}', 'from the sandbox', 'fidelity', 60 );")
    seen = php(world, f"return wp_cache_get( '{token}', 'fidelity' );", role="web")
    return claims((seen == "from the sandbox", f"web reads {seen!r}"))


def what_it_holds(world: World) -> Finding:
    get(world, f"/?t={world.token()}")
    php(world, f"return set_transient( 'fidelity_{world.token()}', 1, 30 );")
    keys = redis(world, "--scan").split("\n")
    groups = {key.rpartition(":")[0].rpartition(":")[2] for key in keys}
    rows = int(
        sql(world, "SELECT COUNT(*) FROM wordpress.wp_options WHERE option_name LIKE '\\_transient\\_fidelity%'")[0][0]
    )
    wanted = {"batcache", "options", "posts", "transient"}
    return claims(
        (wanted <= groups, f"groups {', '.join(sorted(groups)[:14])}"),
        (rows == 0, f"{rows} transients in the database"),
    )


def bounded(world: World) -> Finding:
    policy = redis(world, "CONFIG", "GET", "maxmemory-policy").split()[-1]
    memory = int(redis(world, "CONFIG", "GET", "maxmemory").split()[-1])
    return claims((policy == "allkeys-lfu", policy), (memory > 0, f"{memory >> 20} MB"))


def keys(world: World) -> Finding:
    token = world.token()
    code = f"""
        wp_cache_set( "{token} a b", 1, 'fidelity', 60 );
        wp_cache_set( '{token}', 1, 'users', 60 );
        return WP_CACHE_KEY_SALT;
    """
    salt = php(world, code)
    found = sorted(redis(world, "--scan", "--pattern", f"*{token}*").split("\n"))
    others = [key for key in redis(world, "--scan").split("\n") if not key.startswith((salt, "sessions:"))]
    wanted = sorted([f"{salt}1:fidelity:{token}ab", f"{salt}users:{token}"])
    return claims(
        (found == wanted, f"{found}"),
        (not others, f"all begin with {salt} (or sessions:)" if not others else f"others: {others[:3]}"),
    )


def alloptions(world: World) -> Finding:
    """At the moment of the change, in the very process that makes it."""
    name = f"fidelity_{world.token()}"
    code = f"""
        global $wp_object_cache;
        $key = WP_CACHE_KEY_SALT . get_current_blog_id() . ':options:alloptions';
        $there = fn () => (bool) $wp_object_cache->get_client()->exists( $key );
        wp_load_alloptions( true );
        add_option( '{name}', 'a', '', true );
        wp_load_alloptions( true );
        $before = $there();
        update_option( '{name}', 'b' );
        $after = $there();
        $again = wp_load_alloptions( true )['{name}'] ?? null;
        delete_option( '{name}' );
        return [ $before, $after, $again ];
    """
    for _ in range(3):
        before, after, again = php(world, code)
        # Another process may have built it again within the moment.
        if not after:
            break
    return claims(
        (before is True, f"the list is in Redis: {before}"),
        (after is False, f"after a change: {after}"),
        (again == "b", f"built again it has {again!r}"),
    )


def constants(world: World) -> Finding:
    code = "global $redis_server; return [ REDIS_HOST, REDIS_PORT, REDIS_SECURE, strlen( REDIS_AUTH ) > 8, array_keys( $redis_server ), $redis_server['host'] ];"
    host, port, secure, has_password, names, used = php(world, code, role="web")
    return claims(
        (host == used == "cache" and port == 6379, f"{host}:{port}"),
        (secure is False and has_password is True, f"REDIS_SECURE {secure}, a password: {has_password}"),
        ({"host", "port", "auth"} <= set(names), f"$redis_server has {names}"),
    )


def commands(world: World) -> Finding:
    def wp(*words: str) -> tuple[int, str]:
        ran = world.run("sandbox", "wp", "redis", *words, user="www-data")
        return ran.code, " ".join(ran.output.split())[:60]

    found = {word: wp(word) for word in ("info", "debug", "enable")}
    return claims(*((code == 0, f"wp redis {word}: {code} {said}") for word, (code, said) in found.items()))


def standby(world: World) -> Finding:
    info = dict(line.strip().split(":", 1) for line in redis(world, "INFO", "replication").splitlines() if ":" in line)
    zones = [m["zone"] for m in world.status["members"] if m["role"] == "redis"]
    return claims(
        (
            info.get("connected_slaves") == "1" and "state=online" in info.get("slave0", ""),
            f"replica {info.get('slave0')}",
        ),
        (len(set(zones)) == len(zones) == 2, f"zones {zones}"),
    )


def flush(world: World) -> Finding:
    php(world, "return wp_cache_set( 'fidelity', 1, 'fidelity', 60 );")
    before = int(redis(world, "DBSIZE"))
    php(world, "global $wp_object_cache; wp_cache_flush(); return true;")
    after = int(redis(world, "DBSIZE"))
    page = get(world, f"/?t={world.token()}").status
    return claims(
        (before > 20, f"{before} keys before"),
        (after < before / 2, f"{after} a moment after"),
        (page == 200, f"page {page}"),
    )
