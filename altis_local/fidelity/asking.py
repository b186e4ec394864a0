"""Questions that many probes ask, put together from what a World can do: PHP, SQL, Redis, orders, traces, AWS.

Each raises CannotTell where there is no answer at all; what an answer means is the probe's business.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from altis_local.fidelity.finding import CannotTell
from altis_local.fidelity.world import Answer, Ask, Ran, World

PATIENCE = 3.0
"""Seconds for a log line or a trace to arrive."""
_MARK = "@@altis@@"
_REQUEST = re.compile(r'^\S+ - \[[^]]+\] "')


def get(world: World, path: str, *, place: str = "cdn", **headers: str) -> Answer:
    """One GET; `user_agent="x"` is the header User-Agent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered(world.ask(Ask(place, path, headers=named))[0])


def answered(answer: Answer) -> Answer:
    """The answer, if there is one."""
    if answer.status == 0:
        raise CannotTell(f"no answer: {answer.text[:200]}")
    return answer


def site(world: World) -> str:
    """The site's address without a slash at its end."""
    return str(world.status["urls"]["site"]).rstrip("/")


def members(world: World, role: str) -> tuple[str, ...]:
    """Names of the members of a role."""
    return tuple(m["member"] for m in world.status["members"] if m["role"] == role)


def duty(world: World, wanted: str) -> str:
    """The member that is writer, primary and so on."""
    found = [m["member"] for m in world.status["members"] if m["duty"] == wanted]
    if not found:
        raise CannotTell(f"there is no {wanted}")
    return str(found[0])


# -- orders: pages that do as they are told


def order(world: World, token: str, path: str = "/", **words: Any) -> str:
    """The address of a page that does what the words say (fixtures/site/content/mu-plugins/orders.php)."""
    secret = world.variables("web").get("SITE_SECRET", "")
    told = words if words.keys() & {"body", "echo", "fetch", "session"} else {**words, "body": token}
    text = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    mark = hmac.new(f"orders {secret}".encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{path}{'&' if '?' in path else '?'}t={token}&altis_order={text}.{mark}"


def obeyed(answer: Answer) -> Answer:
    """The answer, if the site has done as it was told."""
    if not answered(answer).header("x-altis-order"):
        raise CannotTell(f"the site takes no orders (status {answer.status}): it lacks the fixture's orders.php")
    return answer


def echo(world: World, ask: Ask) -> Mapping[str, Any]:
    """What PHP sees of a request: `server` and `cookie`. The path of `ask` is an order to echo."""
    value = obeyed(world.ask(ask)[0]).json()
    if not isinstance(value, dict):
        raise CannotTell("the echo is not readable")
    return value


# -- what arrived


def arrived(world: World, token: str, expected: int, role: str = "web") -> int:
    """How many requests with the token a role's log shows, once there are so many or time is up, and a moment later."""

    def count() -> int:
        # nginx's lines of requests; PHP's and nginx's own errors tell of them as well.
        return sum(_REQUEST.search(line) is not None for line in world.logged(role, token))

    poll(world, lambda: count() >= expected)
    world.wait(0.3)
    return count()


def poll(world: World, check: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Ask until it is so; False when time is up."""
    end = world.now() + patience
    while not check():
        if world.now() >= end:
            return False
        world.wait(0.15)
    return True


def stored_lifetime(world: World, key: str) -> int | None:
    """Seconds for which the CDN keeps the object whose cache key holds `key`, from its own file; None for none."""
    find = f"cat $(grep -rlaF -m1 -- '{key}' /var/cache/nginx/regional | head -1) 2>/dev/null | head -c 64 | base64 -w0"
    head = base64.b64decode(world.run("cdn", "sh", "-c", find).output.strip() or b"")
    if len(head) < 56:
        return None
    # nginx's file begins with: version, valid until, updating, error, last modified, date (each of 64 bits).
    _, valid, _, _, _, date = struct.unpack_from("<6q", head)
    return int(valid - date)


# -- inside


def php(world: World, code: str, *, role: str = "sandbox", env: Mapping[str, str] | None = None, user: str = "") -> Any:
    """The value that PHP code returns, run by `wp eval` as www-data."""
    wrapped = f"echo '{_MARK}' . json_encode( ( function () {{ {code} }} )() ) . '{_MARK}';"
    options = (f"--url={site(world)}", *((f"--user={user}",) if user else ()))
    ran = world.run(role, "wp", *options, "eval", wrapped, user="www-data", env=env)
    parts = ran.output.split(_MARK)
    if len(parts) != 3:
        raise CannotTell(f"wp eval: exit code {ran.code}, {ran.output[-300:]}")
    return json.loads(parts[1])


def sql(world: World, statement: str, member: str = "") -> list[list[str]]:
    """Rows that a database member (the writer unless named) answers, asked inside of it."""
    ran = world.run(member or duty(world, "writer"), "mysql", "-uroot", "-N", "-B", "-e", statement)
    if ran.code:
        raise CannotTell(f"mysql: {ran.output[-200:]}")
    return [line.split("\t") for line in ran.output.splitlines()]


def redis(world: World, *words: str) -> str:
    """What the primary answers, asked inside of it."""
    line = 'REDISCLI_AUTH="$ALTIS_REDIS_PASSWORD" exec redis-cli -s /run/redis/redis.sock "$@"'
    ran = world.run(duty(world, "primary"), "sh", "-c", line, "sh", *words)
    if ran.code or "NOAUTH" in ran.output:
        raise CannotTell(f"redis-cli: {ran.output[-200:]}")
    return ran.output.strip()


def shell(world: World, member: str, line: str, user: str = "") -> Ran:
    """A line of shell in a member."""
    return world.run(member, "sh", "-c", line, user=user)


# -- traces


def traces(world: World, token: str, expected: int = 1) -> list[Mapping[str, Any]]:
    """Ended requests whose address holds the token, once so many are known or time is up."""
    found: list[Mapping[str, Any]] = []

    def look() -> bool:
        nonlocal found
        answer = answered(world.ask(Ask("standins", "/traces?" + urllib.parse.urlencode({"url": token})))[0])
        rows = (answer.json() or {}).get("traces", [])
        found = [row for row in rows if row.get("duration") is not None]
        return len(found) >= expected

    poll(world, look)
    return found


def trace(world: World, token: str) -> Mapping[str, Any]:
    """The whole trace of the one request with this token."""
    rows = traces(world, token)
    if not rows:
        raise CannotTell(f"no trace of the request {token}")
    found = answered(world.ask(Ask("standins", f"/traces/{rows[0]['trace_id']}"))[0]).json()
    if not isinstance(found, dict) or not found.get("requests"):
        raise CannotTell("the trace cannot be read")
    return found


# -- AWS


def aws(world: World, service: str, action: str, request: Mapping[str, object]) -> Any:
    """What one of the JSON services answers, such as `logs`, `DescribeLogGroups`; None where it refuses."""
    target = {"logs": "Logs_20140328", "ssm": "AmazonSSM", "cloudwatch": "GraniteServiceVersion20100801"}[service]
    headers = (
        ("Authorization", _signature(world, service)),
        ("Content-Type", "application/x-amz-json-1.1" if service != "cloudwatch" else "application/x-amz-json-1.0"),
        ("X-Amz-Target", f"{target}.{action}"),
    )
    body = json.dumps(request).encode()
    answer = answered(world.ask(Ask("http://aws:4566", "/", "POST", headers, body))[0])
    return answer.json() if answer.status == 200 else None


def s3(world: World, method: str, path: str, *, body: bytes = b"", signed: bool = True, **headers: str) -> Answer:
    """A request to S3 for a path in the site's bucket, as its owner or as a stranger."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if signed:
        named["Authorization"] = _signature(world, "s3")
        named["X-Amz-Content-Sha256"] = hashlib.sha256(body).hexdigest()
        named["X-Amz-Date"] = "20260101T000000Z"
    return answered(world.ask(Ask("http://aws:4566", f"/{bucket(world)}{path}", method, named, body))[0])


def bucket(world: World) -> str:
    return world.variables("web").get("S3_UPLOADS_BUCKET", "")


def _signature(world: World, service: str) -> str:
    """LocalStack takes the key and looks no further."""
    known = world.variables("web")
    scope = f"{known.get('AWS_ACCESS_KEY_ID', '')}/20260101/{known.get('AWS_REGION', '')}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"


def logged_in(world: World) -> str:
    """The Cookie header of an administrator who has logged in; the session ends with the run."""

    def make() -> str:
        code = """
            $all = get_users( [ 'role' => 'administrator', 'number' => 1 ] );
            $id = get_user_by( 'login', 'admin' )->ID ?? $all[0]->ID;
            $ends = time() + 900;
            $token = WP_Session_Tokens::get_instance( $id )->create( $ends );
            $make = fn ( $scheme ) => wp_generate_auth_cookie( $id, $ends, $scheme, $token );
            return [ $id, $token, SECURE_AUTH_COOKIE . '=' . rawurlencode( $make( 'secure_auth' ) )
                . '; ' . LOGGED_IN_COOKIE . '=' . rawurlencode( $make( 'logged_in' ) ) ];
        """
        user, token, cookie = php(world, code)
        end = f"WP_Session_Tokens::get_instance( {int(user)} )->destroy( '{token}' ); return true;"
        world.later(lambda: php(world, end))
        return str(cookie)

    return world.shared("log-in", make)
