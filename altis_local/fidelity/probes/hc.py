"""Health checks. What would make one fail is made up in one process, or in a transaction that is undone."""

from __future__ import annotations

import json

from altis_local.fidelity.asking import answered, get, php
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Ask, World

NAMES = ["mysql", "object-cache", "cron-waiting", "cron-canary", "elasticsearch"]
RUN = "Altis\\Cloud\\Healthcheck\\run_checks()"


def instance(world: World) -> Finding:
    """And in a process that finds neither database nor Redis."""
    found = get(world, "/__instance_healthcheck?_accept=json")
    code = "$_SERVER['REQUEST_URI'] = '/__instance_healthcheck'; $_SERVER['HTTP_HOST'] = 'x'; $_GET['_accept'] = 'json'; require '/usr/src/app/index.php';"
    nowhere = {"DB_HOST": "nowhere.invalid", "DB_READ_REPLICA_HOST": "nowhere.invalid", "REDIS_HOST": "nowhere.invalid"}
    alone = world.run("sandbox", "php", "-r", code, user="www-data", env=nowhere)
    other = code.replace("__instance_healthcheck", "__healthcheck")
    broken = world.run("sandbox", "php", "-r", other, user="www-data", env=nowhere)
    return claims(
        (
            found.status == 200 and found.json() == {"status": "ok", "checks": {"php": True}},
            f"{found.status} {found.text[:60]}",
        ),
        ('"status":"ok"' in alone.output, f"without database and Redis: {alone.output[-60:]}"),
        ('"status":"ok"' not in broken.output, f"(where /__healthcheck says {' '.join(broken.output.split())[-50:]})"),
    )


def application(world: World) -> Finding:
    plain, inside = get(world, "/__healthcheck"), get(world, f"/{world.token()}/__healthcheck?x=1")
    failing = php(
        world,
        f"add_filter( 'altis_healthchecks', fn ( $all ) => [ 'x' => false ] + $all ); return Altis\\Cloud\\Healthcheck\\has_passed( {RUN} );",
    )
    return claims(
        (plain.status == 200, f"/__healthcheck {plain.status} {plain.text[:80] if plain.status != 200 else ''}"),
        (inside.status == plain.status, f"anywhere in the address: {inside.status}"),
        (failing is False, f"with one failing check it has passed: {failing}"),
    )


def names(world: World) -> Finding:
    checks = (get(world, "/__healthcheck?_accept=json").json() or {}).get("checks", {})
    return claims((sorted(checks) == sorted(NAMES), f"{list(checks)}"))


def forms(world: World) -> Finding:
    asks = [Ask("lb", "/__healthcheck", headers={"Accept": a}) for a in ("application/json", "application/json, */*")]
    exact, wide = (answered(a) for a in world.ask(*asks))
    asked = get(world, "/__healthcheck?_accept=json")
    return claims(
        ((exact.json() or {}).get("status") in ("ok", "failed"), f"Accept exactly JSON: {exact.text[:40]}"),
        ((asked.json() or {}).get("status") in ("ok", "failed"), f"_accept=json: {asked.text[:40]}"),
        (
            "<title>Status: OK</title>" in wide.text or "<title>Status: Failure!</title>" in wide.text,
            f"else {wide.text[:60]}",
        ),
    )


def never_cached(world: World) -> Finding:
    token = world.token()
    answers = [get(world, f"/__healthcheck?t={token}") for _ in range(2)]
    said = {(a.header("cache-control"), a.header("expires")) for a in answers}
    return claims(
        (said == {("no-cache, must-revalidate, max-age=0", "Wed, 11 Jan 1984 05:00:00 GMT")}, f"{said}"),
        ([a.cache for a in answers] == ["Miss", "Miss"], f"{[a.cache for a in answers]}"),
    )


def thresholds(world: World) -> Finding:
    late = (
        """
        global $wpdb;
        $table = $wpdb->base_prefix . 'cavalcade_jobs';
        $check = function ( $name ) {
            wp_cache_flush_runtime();
            return %s[ $name ] === true;
        };
        $try = function ( $sql ) use ( $wpdb, $check ) {
            $wpdb->query( 'START TRANSACTION' );
            $wpdb->query( $sql );
            $passed = $check( 'cron-waiting' );
            $wpdb->query( 'ROLLBACK' );
            return $passed;
        };
        $job = fn ( $age ) => "INSERT INTO $table ( site, hook, args, start, nextrun, status ) VALUES ( 1, 'fidelity', 'a:0:{}', UTC_TIMESTAMP(), DATE_SUB( UTC_TIMESTAMP(), INTERVAL $age SECOND ), 'running' )";
        $option = 'hm-platform.healthcheck.last_run';
        $found = [ $try( $job( 30 ) ), $try( $job( 90 ) ), $try( "DELETE FROM $table" ) ];
        foreach ( [ 800, 1000 ] as $age ) {
            $answer = fn () => time() - $age;
            add_filter( "pre_option_$option", $answer );
            $found[] = $check( 'cron-canary' );
            remove_filter( "pre_option_$option", $answer );
        }
        return $found;
    """
        % RUN
    )
    found = php(world, late)
    search = php(world, f"return {RUN}['elasticsearch'] === true;", env={"ELASTICSEARCH_PORT": "9"})
    lines = world.logged("web", '"ELB-HealthChecker/2.0"')
    return claims(
        (found[:3] == [True, False, False], f"a job 30 s late, 90 s late, no job at all: {found[:3]}"),
        (found[3:] == [True, False], f"canary 800 s ago, 1000 s ago: {found[3:]}"),
        (search is False, f"search away: {search}"),
        (lines and not any("/__healthcheck" in line for line in lines), "the load balancer asks another address"),
    )


def command(world: World) -> Finding:
    def wp(*words: str, code: str = "") -> tuple[int, str]:
        ran = world.run(
            "sandbox", "wp", "healthcheck", *words, user="www-data", env={"ELASTICSEARCH_PORT": code} if code else None
        )
        return ran.code, ran.output.strip()

    run = wp("run", "--format=json")
    tries = 5
    while run[0] and (tries := tries - 1) >= 0:
        # A probe beside this one may have made jobs that are due just now: it has to hold in a moment.
        world.wait(2.0)
        run = wp("run", "--format=json")
    instance_, bad = wp("instance"), wp("run", code="9")
    text = run[1]
    rows = json.loads(text[text.find("[") :] or "[]") if "[" in text else []
    return claims(
        (run[0] == 0 and {r["check"] for r in rows} == set(NAMES), f"run: {run[0]}, {text[:120]}"),
        (instance_[0] == 0 and "php" in instance_[1], f"instance: {instance_[0]}"),
        (bad[0] == 1, f"with search away: {bad[0]}"),
    )


def filters(world: World) -> Finding:
    code = """
        $passes = fn ( $filter, $run, $value ) => ( function () use ( $filter, $run, $value ) {
            $add = fn ( $all ) => [ 'mine' => $value ] + $all;
            add_filter( $filter, $add );
            $checks = $run();
            remove_filter( $filter, $add );
            return [ array_key_exists( 'mine', $checks ), Altis\\Cloud\\Healthcheck\\has_passed( [ 'mine' => $checks['mine'] ?? null ] ) ];
        } )();
        $all = fn () => Altis\\Cloud\\Healthcheck\\run_checks();
        $one = fn () => Altis\\Cloud\\Healthcheck\\run_instance_checks();
        $found = [];
        foreach ( [ true, false, 1, 'yes', new WP_Error( 'x', 'y' ) ] as $value ) {
            $found[] = [ $passes( 'altis_healthchecks', $all, $value ), $passes( 'altis_instance_healthchecks', $one, $value ) ];
        }
        return $found;
    """
    good, *bad = php(world, code)
    return claims(
        (good == [[True, True]] * 2, f"true: {good}"),
        (all(row == [[True, False]] * 2 for row in bad), f"false, 1, 'yes', an error: {bad}"),
    )
