"""The database as the site's clients see it: writer, readers, who answers what, and what statements carry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from altis_local.fidelity.asking import duty, members, obeyed, order, php, sql, traces
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Ask, World
from altis_local.model.plans import PLANS

WHERE = """
    $link = mysqli_connect( %s, DB_USER, DB_PASSWORD, DB_NAME );
    return mysqli_fetch_row( mysqli_query( $link, 'SELECT @@server_id, @@super_read_only' ) );
"""


def shape(world: World) -> Finding:
    plan = PLANS[str(world.status["plan"])]
    found = {kind: [m["member"] for m in world.status["members"] if m["duty"] == kind] for kind in ("writer", "reader")}
    least, most = plan.readers.least, plan.readers.most
    return claims(
        (len(found["writer"]) == 1, f"writer {found['writer']}"),
        (
            least <= len(found["reader"]) <= most,
            f"readers {found['reader'] or 'none'}; plan {plan.name} has {least} to {most}",
        ),
        (PLANS["local"].readers.most == PLANS["staging"].readers.most == 0, "plans that are not production have none"),
        (
            PLANS["production"].readers.least == 0 < PLANS["production"].readers.most,
            "production without HA may have some",
        ),
        (PLANS["production-ha"].readers.least >= 1, "production with HA has one at least"),
    )


def endpoints(world: World) -> Finding:
    """The writer's endpoint leads to the writer; the readers' to readers, or to the writer where there is none."""
    servers = {sql(world, "SELECT @@server_id", m)[0][0]: m for m in members(world, "db")}
    writer = servers.get(str(php(world, WHERE % "DB_HOST")[0]))
    spread = """
        $seen = [];
        for ( $i = 0; $i < 20; ++$i ) {
            $link = mysqli_connect( DB_READ_REPLICA_HOST, DB_USER, DB_PASSWORD, DB_NAME );
            $seen[] = (string) mysqli_fetch_row( mysqli_query( $link, 'SELECT @@server_id' ) )[0];
            mysqli_close( $link );
        }
        return array_count_values( $seen );
    """
    seen = {servers.get(name): count for name, count in php(world, spread).items()}
    readers = {m["member"] for m in world.status["members"] if m["duty"] == "reader"}
    wanted = readers or {duty(world, "writer")}
    return claims(
        (writer == duty(world, "writer"), f"db-writer leads to {writer}"),
        (set(seen) == wanted, f"20 times db-reader: {seen}"),
    )


def split(world: World) -> Finding:
    """Reads from readers, writes to the writer, as the traces of one request say."""
    token = world.token()
    query = ["SELECT 1 + 41", f"DELETE FROM wp_options WHERE option_name = '{token}'"]
    obeyed(world.ask(Ask("lb", order(world, token, query=query, body="x")))[0])
    rows = traces(world, token)
    queries = world.ask(Ask("standins", f"/traces/{rows[0]['trace_id']}"))[0].json()["queries"] if rows else []
    read = {q["name"] for q in queries if q["query"].startswith("SELECT 1 + 41")}
    written = {q["name"] for q in queries if token in q["query"] and q["query"].startswith("DELETE")}
    return claims(
        (read == {"db-reader"}, f"SELECT went to {read or 'nobody'}"),
        (written == {"db-writer"}, f"DELETE went to {written or 'nobody'}"),
    )


def own_writes(world: World) -> Finding:
    code = """
        global $wpdb;
        $where = fn ( $sql ) => $wpdb->get_var( $sql );
        $before = $where( "SELECT @@server_id FROM $wpdb->options LIMIT 1" );
        $wpdb->query( "DELETE FROM $wpdb->options WHERE option_name = 'fidelity-none'" );
        return [ $before, $where( "SELECT @@server_id FROM $wpdb->options LIMIT 1" ), $where( "SELECT @@server_id FROM $wpdb->users LIMIT 1" ) ];
    """
    before, after, other = php(world, code)
    names = {sql(world, "SELECT @@server_id", m)[0][0]: m for m in members(world, "db")}
    writer = duty(world, "writer")
    return claims(
        (names.get(str(before)) != writer, f"before a write the table is read from {names.get(str(before))}"),
        (names.get(str(after)) == writer, f"after it from {names.get(str(after))}"),
        (names.get(str(other)) != writer, f"another table from {names.get(str(other))}"),
    )


def locks_are_writes(world: World) -> Finding:
    code = """
        global $wpdb;
        $ask = fn ( $sql ) => (string) $wpdb->get_var( $sql );
        return [ $ask( 'SELECT @@server_id' ), $ask( 'SELECT @@server_id FOR UPDATE' ), $ask( "SELECT @@server_id + 0 * RELEASE_LOCK( 'fidelity' ) IS NULL" ) ];
    """
    plain, update, _ = php(world, code)
    names = {sql(world, "SELECT @@server_id", m)[0][0]: m for m in members(world, "db")}
    writer = duty(world, "writer")
    return claims(
        (names.get(plain) != writer, f"SELECT by {names.get(plain)}"),
        (names.get(update) == writer, f"SELECT … FOR UPDATE by {names.get(update)}"),
    )


def readers_refuse(world: World) -> Finding:
    code = """
        mysqli_report( MYSQLI_REPORT_OFF );
        $try = function ( $host ) {
            $link = mysqli_connect( $host, DB_USER, DB_PASSWORD, DB_NAME );
            mysqli_query( $link, "DELETE FROM wp_options WHERE option_name = 'fidelity-none'" );
            return mysqli_errno( $link );
        };
        return [ $try( DB_READ_REPLICA_HOST ), $try( DB_HOST ) ];
    """
    reader, writer = php(world, code)
    return claims((reader == 1290, f"a reader: error {reader}"), (writer == 0, f"the writer: error {writer}"))


def spread_over_zones(world: World) -> Finding:
    zones = {m["member"]: m["zone"] for m in world.status["members"] if m["role"] == "db"}
    return claims((len(set(zones.values())) > 1, f"{zones}"))


def trace_comment(world: World) -> Finding:
    do = select = ""
    states: set[int] = set()
    for _ in range(3):  # beside other probes the statements may begin when nobody looks any more
        states, do, select = _caught_running(world)
        if do and select:
            break
    return claims(
        (states == {200}, f"status {sorted(states)}"),
        ("# Trace ID: 1-" in do, f"a statement that is no SELECT: {do[-70:] or 'not seen'}"),
        (select and "Trace ID" not in select, f"a SELECT: {select[-50:] or 'not seen'}"),
    )


def _caught_running(world: World) -> tuple[set[int], str, str]:
    """Status of two requests, and their slow statements as lists of processes show them while they run."""
    token = world.token()
    slow = [f"DO SLEEP( 2.5 ), '{token}-do'", f"SELECT SLEEP( 2.5 ), '{token}-select'"]
    asks = [Ask("lb", order(world, f"{token}{n}", query=[text], body="x")) for n, text in enumerate(slow)]
    query = f"SELECT info FROM information_schema.processlist WHERE info LIKE '%{token}-%' AND info NOT LIKE '%processlist%'"
    looks = f"{query}; DO SLEEP( 0.3 ); " * 24
    with ThreadPoolExecutor(max_workers=8) as pool:
        looking = [pool.submit(world.run, m, "mysql", "-uroot", "-N", "-B", "-e", looks) for m in members(world, "db")]
        world.wait(0.5)
        answers = world.ask(*asks)
        told = [line for look in looking for line in look.result().output.splitlines()]
    do = next((line for line in told if f"{token}-do" in line), "")
    select = next((line for line in told if f"{token}-select" in line), "")
    return {a.status for a in answers}, do, select


def process_list(world: World) -> Finding:
    code = "global $wpdb; return [ count( $wpdb->get_results( 'SHOW FULL PROCESSLIST' ) ), $wpdb->get_var( 'SELECT CURRENT_USER()' ) ];"
    count, user = php(world, code)
    return claims((count > 0, f"{count} processes"), (not str(user).startswith("root"), f"as {user}"))
