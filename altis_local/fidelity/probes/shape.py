"""The environment as a whole: roles, plans, zones, region, and what the command line promises."""

from __future__ import annotations

import re

from altis_local.fidelity.asking import answered, get, logged_in, members, php, shell, site, sql, traces
from altis_local.fidelity.finding import Finding, NotHere, claims
from altis_local.fidelity.world import Ask, World
from altis_local.model.plans import PLANS, Plan, refusal

ROLES = ("cdn", "lb", "web", "db", "redis", "search", "cavalcade", "aws", "tachyon")
REGIONS = (
    *("us-east-1", "eu-west-1", "eu-west-2", "eu-central-1"),
    *("ap-southeast-1", "ap-northeast-1", "ap-southeast-2"),
)
CLOSED = (
    ("web", "db-member", 3306), ("web", "redis-member", 6379), ("web", "lb", 80), ("db", "web", 80), ("redis", "web", 80),
    ("search", "aws", 4566), ("db", "standins", 8169), ("tachyon", "db-member", 3306), ("cdn", "db-member", 3306),
)  # fmt: skip
OPEN = (
    ("web", "db-writer", 3306), ("web", "db-reader", 3306), ("web", "cache", 6379), ("web", "search", 9200), ("web", "aws", 4566),
    ("sandbox", "db-writer", 3306), ("cavalcade", "cache", 6379), ("tachyon", "aws", 4566),
)  # fmt: skip


def all_roles(world: World) -> Finding:
    states = {role: [m["state"] for m in world.status["members"] if m["role"] == role] for role in ROLES}
    wrong = {role: found for role, found in states.items() if not found or set(found) != {"healthy"}}
    return claims((not wrong, f"not well: {wrong}" if wrong else f"healthy: {', '.join(ROLES)}"))


def plans_differ(world: World) -> Finding:
    """And what a plan lacks is refused, with the reason, by the control plane that runs."""

    def outline(plan: Plan) -> tuple[object, ...]:
        return plan.zones, plan.web, plan.readers, plan.standby, plan.cavalcade, plan.search, plan.environment_type

    mine = PLANS[str(world.status["plan"])]
    before = len(members(world, "web"))
    refused = world.scale("web", mine.web.most + 1)
    return claims(
        (len({outline(plan) for plan in PLANS.values()}) == len(PLANS), f"{len(PLANS)} plans, all different"),
        (refused != "", f"one web container too many: {refused or 'taken'}"),
        (len(members(world, "web")) == before, "nothing changed"),
    )


def stricter_caps(world: World) -> Finding:
    del world
    caps = {name: (plan.web.most, plan.cavalcade.most, plan.readers.most) for name, plan in PLANS.items()}
    lower = all(a <= b for name in ("local", "staging") for a, b in zip(caps[name], caps["production"], strict=True))
    return claims(
        (lower and caps["staging"] != caps["production"], f"web, cavalcade, readers: {caps}"),
        (refusal(PLANS["staging"], "db", 2) is not None, "no reader on staging"),
    )


def zones(world: World) -> Finding:
    plan = PLANS[str(world.status["plan"])]
    found = {m["zone"] for m in world.status["members"] if m["zone"]}
    ha = {name: len(PLANS[name].zones) for name in ("production-ha", "enterprise")}
    single = {name: len(PLANS[name].zones) for name in ("local", "staging")}
    return claims(
        (found == set(plan.zones), f"plan {plan.name} stands in {sorted(found)}"),
        (min(ha.values()) >= 2 and set(single.values()) == {1}, f"zones by plan: {ha | single}"),
    )


def spread(world: World) -> Finding:
    counts = {}
    for role in ("web", "cavalcade", "db"):
        held = [m["zone"] for m in world.status["members"] if m["role"] == role]
        counts[role] = [held.count(zone) for zone in PLANS[str(world.status["plan"])].zones]
    return claims((all(max(c) - min(c) <= 1 for c in counts.values()), f"members in each zone: {counts}"))


def regional(world: World) -> Finding:
    found = {
        m["member"]: m["zone"] for m in world.status["members"] if m["role"] in ("cdn", "aws", "tachyon", "standins")
    }
    zonal = {m["zone"] for m in world.status["members"] if m["role"] in ("web", "lb")}
    return claims(
        (len(found) == 4 and not any(found.values()), f"zones of {', '.join(found)}: {set(found.values())}"),
        (all(zonal), f"(of others: {sorted(z for z in zonal if z)})"),
    )


def region(world: World) -> Finding:
    code = "return [ HM_ENV_REGION, S3_UPLOADS_REGION, getenv( 'AWS_REGION' ) ];"
    found = php(world, code, role="web")
    place = answered(world.ask(Ask("standins", "/health"))[0]).status
    return claims((len(set(found)) == 1 and found[0] in REGIONS, f"{found}"), (place == 200, "its stand-ins are well"))


def least_access(world: World) -> Finding:
    """Both ways: what must be open is open, by the very look that finds the rest closed."""
    where = {f"{role}-member": _address(world, role) for role in ("db", "redis")}
    where |= {"web": _address(world, "web"), "lb": _address(world, "lb")}

    def connects(member: str, name: str, port: int) -> bool:
        target = where.get(name, name)
        line = f"timeout 1 bash -c 'exec 3<>/dev/tcp/{target}/{port}' 2>/dev/null && echo open"
        return shell(world, member, line).output.strip() == "open"

    opened = [f"{a}→{b}" for a, b, port in OPEN if not connects(a, b, port)]
    closed = [f"{a}→{b}" for a, b, port in CLOSED if connects(a, b, port)]
    return claims(
        (not opened, f"cannot: {opened}" if opened else f"{len(OPEN)} ways that are needed are open"),
        (not closed, f"can: {closed}" if closed else f"{len(CLOSED)} others are closed"),
    )


def _address(world: World, role: str) -> str:
    network = {"db": "store", "redis": "store", "web": "app", "lb": "edge"}[role]
    held = world.inspect(members(world, role)[0])["NetworkSettings"]["Networks"]
    return next(str(n["IPAddress"]) for name, n in held.items() if name.endswith(f"-{network}"))


def segregated(world: World) -> Finding:
    others = world.others()
    if not others:
        raise NotHere("needs a second environment on this engine")
    line = "timeout 1 bash -c 'exec 3<>/dev/tcp/{}/3306' 2>/dev/null && echo open"
    found = {name: shell(world, "web", line.format(address)).output.strip() for name, address in others[:4]}
    own = shell(world, "web", line.format("db-writer")).output.strip()
    return claims(
        (
            not any(found.values()),
            f"databases of others: {', '.join(found)}: {'reached' if any(found.values()) else 'no way'}",
        ),
        (own == "open", f"its own: {own or 'closed'}"),
    )


def migration(world: World) -> Finding:
    ran = world.run("sandbox", "wp", f"--url={site(world)}", "altis", "migrate", user="www-data")
    count = sql(
        world, "SELECT COUNT(*) FROM wordpress.wp_cavalcade_jobs WHERE hook = 'hm-platform.healthcheck.cavalcade'"
    )[0][0]
    return claims((ran.code == 0, f"wp altis migrate: {ran.code}"), (count == "1", f"{count} canary after it"))


def debug_link(world: World) -> Finding:
    token = world.token()
    page = get(world, f"/wp-admin/?t={token}", cookie=logged_in(world))
    link = re.search(r'id=.wp-admin-bar-altis-view-trace.[^>]*>.*?href=.([^"\']+).', page.text, re.DOTALL)
    known = [row["trace_id"] for row in traces(world, token)]
    return claims(
        (link and "trace/1-" in link[1], link[1] if link else f"no link ({page.status})"),
        (link and len(known) == 1 and known[0] in link[1], f"this request's trace is {known}"),
    )


def first_login(world: World) -> Finding:
    body = b"log=admin&pwd=password&testcookie=1"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "wordpress_test_cookie=WP%20Cookie%20check",
    }
    asks = [Ask("cdn", "/wp-login.php", "POST", headers, text) for text in (body, body.replace(b"password", b"wrong"))]
    good, bad = (answered(a) for a in world.ask(*asks))
    code = "return [ get_user_by( 'login', 'admin' )->user_email, is_super_admin( get_user_by( 'login', 'admin' )->ID ), get_network()->site_name ];"
    mail, is_super, title = php(world, code)
    cookie = re.search(r"wordpress_logged_in_[0-9a-f]+=([^;]+)", good.header("set-cookie"))
    if cookie:
        php(
            world,
            f"$parts = wp_parse_auth_cookie( rawurldecode( '{cookie[1]}' ), 'logged_in' ); WP_Session_Tokens::get_instance( get_user_by( 'login', 'admin' )->ID )->destroy( $parts['token'] ); return true;",
        )
    return claims(
        (good.status == 302 and cookie, f"admin/password: {good.status}"),
        (bad.status == 200 and "logged_in" not in bad.header("set-cookie"), f"a wrong one: {bad.status}"),
        (mail == "no-reply@altis.dev" and is_super is True, f"{mail}, super admin {is_super}"),
        (str(title).startswith("Altis"), f"title {title}"),
    )


def wp_by_pipe(world: World) -> Finding:
    piped = world.command("wp", "eval", "-", stdin="echo 'read ' . home_url( '/' );")
    failed = world.command("wp", "eval", "exit( 7 );")
    ran = world.command("exec", "web", "sh", "-c", "test -t 0 || echo no terminal; exit 5")
    return claims(
        (piped.code == 0 and f"read {site(world)}/" in piped.output, f"standard input: {piped.output.strip()[:80]}"),
        (failed.code == 7, f"wp gives the child's exit code: {failed.code}"),
        (ran.code == 5 and "no terminal" in ran.output, f"exec: {ran.code}, {ran.output.strip()[:40]}"),
    )


def unattended(world: World) -> Finding:
    """Disruptive: Tachyon is killed. It comes back by itself, pages do not notice, nobody else is touched."""
    began = {
        m["member"]: world.inspect(m["member"])["State"]["StartedAt"]
        for m in world.status["members"]
        if m["role"] != "tachyon"
    }
    world.run("tachyon", "sh", "-c", "kill -9 $(pgrep -o node || echo 1)")
    pages = [get(world, f"/?t={world.token()}").status for _ in range(5)]
    world.wait(8.0)
    back = world.inspect("tachyon")["State"]["Running"]
    after = {name: world.inspect(name)["State"]["StartedAt"] for name in began}
    return claims(
        (set(pages) == {200}, f"pages meanwhile {pages}"),
        (back is True, f"tachyon runs again: {back}"),
        (after == began, "no other member was started anew"),
    )
