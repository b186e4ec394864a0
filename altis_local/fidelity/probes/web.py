"""Web containers: the image, what may be written, what nginx and PHP let through, sessions, the admin bar."""

from __future__ import annotations

import re

from altis_local.fidelity.asking import (
    answered,
    get,
    logged_in,
    members,
    obeyed,
    order,
    php,
    poll,
    redis,
    shell,
    trace,
)
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Ask, World

CODE = "/usr/src/app"
MEGABYTE = 1 << 20


def whole_copy(world: World) -> Finding:
    """The same tree in every container of the image, and no mount in its place."""
    line = f"cd {CODE} && find . -type f -printf '%P %s\\n' | sort | md5sum && ls"
    names = [*members(world, "web"), *members(world, "cavalcade")]
    trees = {name: shell(world, name, line).output.split() for name in names}
    mounts = [m["Destination"] for name in names for m in world.inspect(name)["Mounts"]]
    first = trees[names[0]]
    return claims(
        ({"index.php", "wordpress", "content", "vendor"} <= set(first), f"{CODE} holds {', '.join(first[2:12])}"),
        (len(names) > 1 and len({tree[0] for tree in trees.values()}) == 1, f"one tree in {', '.join(names)}"),
        (not any(m.startswith("/usr/src") for m in mounts), f"mounts {mounts or 'none'}"),
    )


def _writes(world: World, member: str) -> dict[str, str]:
    line = "for f in /usr/src/app/fid /etc/fid /var/fid /tmp/fid; do touch $f 2>/dev/null && { echo $f yes; rm $f; } || echo $f no; done"
    told = shell(world, member, line, "www-data").output.split()
    return dict(zip(told[::2], told[1::2], strict=True))


def read_only(world: World) -> Finding:
    found = _writes(world, "web")
    root = world.inspect(members(world, "web")[0])["HostConfig"]["ReadonlyRootfs"]
    temporary = php(world, "return sys_get_temp_dir();")
    return claims(
        (found == {f"{CODE}/fid": "no", "/etc/fid": "no", "/var/fid": "no", "/tmp/fid": "yes"}, f"{found}"),
        (root is True, f"root file system read-only: {root}"),
        (temporary == "/tmp", f"temporary folder {temporary}"),
    )


def read_only_everywhere(world: World) -> Finding:
    found = {role: _writes(world, role) for role in ("web", "cavalcade")}
    wanted = {f"{CODE}/fid": "no", "/etc/fid": "no", "/var/fid": "no", "/tmp/fid": "yes"}
    return claims((found == {"web": wanted, "cavalcade": wanted}, f"{found}"))


def no_installs(world: World) -> Finding:
    code = """
        $can = fn ( $cap ) => current_user_can( $cap );
        return [ is_super_admin(), DISALLOW_FILE_MODS, $can( 'install_plugins' ), $can( 'install_themes' ),
            $can( 'update_core' ), $can( 'manage_options' ) ];
    """
    found = php(world, code, user="admin", role="web")
    names = ("super admin", "DISALLOW_FILE_MODS", "install_plugins", "install_themes", "update_core", "manage_options")
    return claims((found == [True, True, False, False, False, True], f"{dict(zip(names, found, strict=True))}"))


def front_controller(world: World) -> Finding:
    line = f"cd {CODE} && find content -name '*.php' -path '*/*/*' | head -1"
    file = shell(world, "web", line).output.strip()
    token = world.token()
    direct = [get(world, f"/{path}?t={token}") for path in (file, "wp-config.php", "wordpress/wp-settings.php")]
    ajax = get(world, f"/wp-admin/admin-ajax.php?action={token}")
    return claims(
        (file, "a file to ask for"),
        ([a.status in (403, 404) for a in direct] == [True] * 3, f"/{file} and others: {[a.status for a in direct]}"),
        (not any(a.batcache for a in direct), "PHP had no part in that"),
        (ajax.text == "0", f"admin-ajax.php: {ajax.status} {ajax.text[:20]}"),
    )


def dot_paths(world: World) -> Finding:
    token = world.token()
    real = shell(world, "web", f"test -f {CODE}/.config/load.php && echo there").output.strip()
    found = {p: get(world, f"/{p}?t={token}").status for p in (".git/config", ".config/load.php", f".{token}")}
    return claims(
        (set(found.values()) <= {403, 404}, f"{found}"),
        (real == "there", ".config/load.php is there, and not shown"),
    )


def _nginx(world: World, before: str = "true", after: str = "true") -> str:
    """The whole configuration as nginx of the sandbox reads it: the same as web's, in files that may be written."""
    access = "/run/status-access.conf"
    line = f"""
        cd {CODE}/.config
        [ -e {access} ] || {{ : > {access}; made=1; }}
        {before}
        nginx -T -e stderr 2>/dev/null
        {after}
        [ -z "$made" ] || rm -f {access}
    """
    return shell(world, "sandbox", line, "www-data").output


def nginx_additions(world: World) -> Finding:
    """What nginx reads, and in which order."""
    token = world.token()
    http, server = f"nginx-http-additions-{token}.conf", f"nginx-additions-{token}.conf"
    text = _nginx(
        world, f"echo '# http {token}' > {http}; echo '# server {token}' > {server}", f"rm -f {http} {server}"
    )
    own = text[: text.find("# configuration file", 30)]
    words = ("nginx-http-additions*.conf", "include /etc/nginx/mime.types", "/nginx-additions*.conf", "location ")
    places = [own.find(word) for word in words]
    return claims(
        (f"# http {token}" in text, "an addition for http is read"),
        (f"# server {token}" in text, "and one for the server"),
        (places == sorted(places) and places[0] > 0, "http's first, the server's before the first location"),
        (re.search(r"listen 80\b", own) and f"root {CODE};" in own, f"listens on 80, root {CODE}"),
    )


def upload_limits(world: World) -> Finding:
    """Announced, and never sent: nginx refuses at once what is too large, and waits for what is not."""
    sizes = {
        ("/", 60): 413,
        ("/", 40): 0,
        ("/wp-admin/async-upload.php", 60): 0,
        ("/wp-admin/async-upload.php", 1100): 413,
    }
    asks = [Ask("web", path, "POST", declared=mb * MEGABYTE, timeout=2.0) for path, mb in sizes]
    answers = world.ask(*asks)
    told = [f"{mb} MB to {path}: {a.status or 'taken'}" for (path, mb), a in zip(sizes, answers, strict=True)]
    waited = [a.status or ("timed out" not in a.text) for a in answers]
    return claims((waited == [413, False, False, 413], "; ".join(told)))


def version(world: World) -> Finding:
    machine = shell(world, "web", "uname -m").output.strip()
    return claims((machine in ("x86_64", "aarch64"), machine))


def sessions(world: World) -> Finding:
    token = world.token()
    first = obeyed(get(world, order(world, token, session=True)))
    cookie = re.match(r"altis_session=([^;]+)", first.header("set-cookie"))
    if not cookie:
        return claims((False, f"Set-Cookie {first.header('set-cookie') or 'missing'}"))
    name = f"sessions:{cookie[1]}"
    # The CDN drops cookies that it does not know by their pattern; altis_* it knows.
    second = obeyed(get(world, order(world, f"{token}b", session=True), cookie=f"altis_session={cookie[1]}"))
    stored = redis(world, "EXISTS", name)
    redis(world, "DEL", name)
    count = (second.json() or {}).get("orders")
    return claims(
        (stored == "1", f"Redis holds sessions:…: {stored}"),
        (count == 2, f"the second request counts {count}"),
    )


def multisite(world: World) -> Finding:
    token = world.token()
    code = f"""
        require_once ABSPATH . 'wp-admin/includes/ms.php';
        $network = get_network();
        $id = wpmu_create_blog( $network->domain, $network->path . '{token}/', 'Fidelity', get_users( [ 'number' => 1, 'fields' => 'ID', 'blog_id' => 0 ] )[0] );
        return [ is_multisite(), is_wp_error( $id ) ? $id->get_error_message() : $id ];
    """
    many, made = php(world, code)
    try:
        page = get(world, f"/{token}/?t={token}")
    finally:
        if isinstance(made, int) and made > 1:
            php(
                world,
                f"require_once ABSPATH . 'wp-admin/includes/ms.php'; wpmu_delete_blog( {made}, true ); return true;",
            )
    return claims(
        (many is True, f"multisite: {many}"),
        (isinstance(made, int), f"a new site: {made}"),
        (page.status == 200 and "<title>Fidelity" in page.text, f"/{token}/ {page.status}"),
    )


def errors_in_log(world: World) -> Finding:
    token = world.token()
    answer = obeyed(get(world, order(world, token, notice=f"noted {token}", body="fine")))
    poll(world, lambda: bool(world.logged("web", f"noted {token}")))
    lines = [line for line in world.logged("web", f"noted {token}") if "GET /" not in line]
    return claims(
        (f"noted {token}" not in answer.text and "fine" in answer.text, "the page shows nothing of a notice"),
        (lines, lines[0][:120] if lines else "and neither does the log"),
    )


def indexing(world: World) -> Finding:
    kind = php(world, "return [ HM_ENV_TYPE, (int) get_option( 'blog_public' ) ];")
    page = get(world, f"/?t={world.token()}")
    closed = re.search(r"<meta name='robots' content='[^']*noindex", page.text) is not None
    public = kind[0] == "production"
    return claims(
        (public or kind[1] == 0, f"type {kind[0]}: blog_public {kind[1]}"),
        (closed is not public, f"robots {'noindex' if closed else 'may index'}"),
    )


def admin_bar(world: World) -> Finding:
    page = get(world, "/wp-admin/", cookie=logged_in(world))
    known = world.variables("web")
    name, region, kind = (known.get(n, "") for n in ("HM_ENV", "HM_ENV_REGION", "HM_ENV_TYPE"))
    badge = re.search(r'class="altis-env-indicator">([^<]+)<', page.text)
    return claims(
        (page.status == 200 and "wpadminbar" in page.text, f"/wp-admin/ {page.status}"),
        ((badge is not None) is (kind != "production"), f"badge {badge[1] if badge else 'none'} for {kind}"),
        (
            re.search(rf"href=.https://[^'\"]*#/[^'\"]*{re.escape(region)}/{re.escape(name)}['\"]", page.text),
            "a link to the dashboard",
        ),
        (re.search(rf"href=.https://[^'\"]*support/new[^'\"]*{re.escape(name)}['\"]", page.text), "and one to support"),
    )


def instance_metadata(world: World) -> Finding:
    code = """
        $ask = function ( $method, $path, $headers ) {
            $context = [ 'http' => [ 'method' => $method, 'header' => $headers, 'timeout' => 1, 'ignore_errors' => true ] ];
            return @file_get_contents( "http://169.254.169.254$path", false, stream_context_create( $context ) );
        };
        $token = $ask( 'PUT', '/latest/api/token', 'X-aws-ec2-metadata-token-ttl-seconds: 60' );
        $path = '/latest/dynamic/instance-identity/document';
        return [ json_decode( (string) $ask( 'GET', $path, "X-aws-ec2-metadata-token: $token" ), true ), $ask( 'GET', $path, '' ) ];
    """
    web = members(world, "web")[0]
    document, without = php(world, code, role=web)
    zone = next(m["zone"] for m in world.status["members"] if m["member"] == web)
    wanted = f"{world.variables(web).get('HM_ENV_REGION')}{zone}"
    if not document:
        return claims((False, f"169.254.169.254 gave {web} no document"))
    token = world.token()
    get(world, f"/?t={token}")
    traced = str(trace(world, token)["requests"][0].get("zone"))
    return claims(
        (document.get("availabilityZone") == wanted, f"{web} is in {document.get('availabilityZone')}"),
        (str(document.get("instanceId", "")).startswith("i-"), f"as {document.get('instanceId')}"),
        ("availabilityZone" not in str(without), "and nothing without a token"),
        (traced.startswith(world.variables(web).get("HM_ENV_REGION", "-")), f"a trace's zone {traced or 'missing'}"),
    )


def installer_probe(world: World) -> Finding:
    asks = [Ask(place, "/wp-admin/install.php", headers={"Host": "10.0.0.5"}) for place in ("web", "lb")]
    answers = [answered(a) for a in world.ask(*asks)]
    other = answered(world.ask(Ask("web", "/wp-login.php", headers={"Host": "10.0.0.5"}))[0])
    return claims(
        ([a.status for a in answers] == [200, 200], f"status {[a.status for a in answers]} for Host 10.0.0.5"),
        (other.status != 200, f"(another page with that host: {other.status})"),
    )


def time_limit(world: World) -> Finding:
    token = world.token()
    late = answered(world.ask(Ask("web", order(world, token, sleep=62), timeout=70.0))[0])
    uploads = re.findall(r"(?:async-upload|wp/v2/media).*?fastcgi_read_timeout (\d+)s", _nginx(world), re.DOTALL)
    return claims(
        (late.status in (500, 504), f"a page of 62 s: status {late.status}"),
        (58 <= late.seconds <= 62, f"after {late.seconds:.0f} s"),
        (uploads == ["120", "120"], f"uploads {uploads} s"),
    )
