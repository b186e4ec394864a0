"""The sandbox: web's image with a writable file system and live data, and no traffic."""

from __future__ import annotations

from altis_local.fidelity.asking import get, members, php, shell
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import World

CODE = "/usr/src/app"


def same_image(world: World) -> Finding:
    images = {role: world.inspect(role)["Image"] for role in ("sandbox", "web")}
    found = members(world, "sandbox")
    return claims(
        (len(found) == 1, f"sandboxes: {', '.join(found)}"),
        (images["sandbox"] == images["web"], f"images {[i[:19] for i in images.values()]}"),
    )


def no_traffic(world: World) -> Finding:
    token = world.token()
    network = world.inspect("sandbox")["NetworkSettings"]
    targets = shell(world, "lb", "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -m1 ALTIS_SERVERS_WEB").output
    known = world.variables("lb").get("ALTIS_SERVERS_WEB", targets)
    served = get(world, f"/?t={token}").status
    address = {n["IPAddress"] for n in network["Networks"].values()}
    return claims(
        (not any(network["Ports"].values()), f"ports {network['Ports'] or 'none'}"),
        (
            not any(name.endswith(("-app", "-edge", "-ingress")) for name in network["Networks"]),
            f"networks {sorted(network['Networks'])}",
        ),
        (
            "web-" in known and not any(a and f"={a}" in known.split() for a in address),
            f"targets of the balancer: {known[:100]}",
        ),
        (served == 200 and not world.logged("sandbox", token), "a request leaves no line in its log"),
    )


def writable(world: World) -> Finding:
    name = f"{CODE}/{world.token()}"
    made = shell(world, "sandbox", f"echo yes > {name} && cat {name} && rm {name}", "www-data")
    free = shell(world, "sandbox", f"df -P --block-size=1M {CODE} | tail -1").output.split()
    return claims(
        (made.output.strip() == "yes", f"a file below {CODE}: {made.output.strip()[:80]}"),
        (len(free) > 3 and int(free[3]) > 1024, f"{free[3] if len(free) > 3 else '?'} MB free"),
    )


def live_data(world: World) -> Finding:
    """An option that nobody reads, written in the sandbox and read by web."""
    token = world.token()
    name = f"fidelity_{token}"
    php(world, f"return update_option( '{name}', '{token}', false );")
    try:
        seen = php(world, f"return get_option( '{name}' );", role="web")
        here = php(
            world, "global $wpdb; return $wpdb->get_var( 'SELECT @@global.super_read_only FROM DUAL FOR UPDATE' );"
        )
    finally:
        php(world, f"return delete_option( '{name}' );")
    return claims(
        (seen == token, f"web reads {seen}"),
        (str(here) == "0", f"its database's read-only is {here}"),
    )


def tools(world: World) -> Finding:
    line = "id -un; pwd; echo $S3_UPLOADS_BUCKET; for t in wp screen wget aws; do command -v $t >/dev/null && echo $t; done"
    told = world.run("sandbox", "sh", "-c", line, user="www-data").output.split()
    missing = {"wp", "screen", "wget", "aws"} - set(told[3:])
    listed = world.run("sandbox", "sh", "-c", "aws s3 ls s3://$S3_UPLOADS_BUCKET/ 2>&1", user="www-data")
    return claims(
        (told[:2] == ["www-data", CODE], f"{told[:2]}"),
        (len(told) > 2 and told[2] == world.variables("web").get("S3_UPLOADS_BUCKET"), f"bucket {told[2:3]}"),
        (not missing, f"missing: {', '.join(sorted(missing))}" if missing else "wp, screen, wget, aws are there"),
        (listed.code == 0, f"aws s3 ls: {listed.code} {listed.output.strip()[-80:]}"),
    )


def ends_by_itself(world: World) -> Finding:
    """Sessions of seconds instead of minutes, on a terminal: the shell reads both limits from its environment."""
    timed = "b=$(date +%s); {}bash; echo @ended $(( $(date +%s) - b ))"
    line = "env -u SHLVL script -qec '{}' /dev/null < <({})"

    def session(command: str, typed: str) -> str:
        return world.run("sandbox", "bash", "-c", line.format(command, typed), user="www-data").output

    def lasts(environment: str) -> int:
        told = session(timed.format(environment), "sleep 9").rpartition("@ended")[2].split()
        return int(told[0]) if told else -1

    idle, hard = lasts("ALTIS_SHELL_IDLE_SECONDS=2 "), lasts("ALTIS_SHELL_LIMIT_SECONDS=4 ")
    usual = session("bash", "echo echo limit=\\$TMOUT; echo exit; sleep 1")
    return claims(
        (2 <= idle <= 5, f"idle for 2 s: ended after {idle} s"),
        (4 <= hard <= 7, f"with a limit of 4 s: after {hard} s"),
        ("20 minutes" in usual and "60 minutes" in usual, "the banner says 20 and 60 minutes"),
        ("live site" in usual, "and that the data is live"),
        ("limit=1200" in usual, "the shell's own limit is 1200 s" if "limit=1200" in usual else usual[-80:]),
    )
