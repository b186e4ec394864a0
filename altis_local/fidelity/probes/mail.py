"""Mail by SES: what is sent, what is refused, and the logs of both. Messages of probes are taken out of the inbox."""

from __future__ import annotations

import json
import re

from altis_local.fidelity.asking import answered, aws, php, poll
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.world import Ask, World

INBOX = "http://aws:4566"
MONTH = (30, 31)


def _send(world: World, token: str, more: str = "") -> list[object]:
    """Whether WordPress says that it went out, and why not."""
    code = f"""
        $why = null;
        add_action( 'wp_mail_failed', function ( $error ) use ( &$why ) {{ $why = $error->get_error_message(); }} );
        {more}
        $sent = wp_mail( 'reader@example.test', 'Subject {token}', 'Body {token}', $headers ?? '', $files ?? [] );
        return [ $sent, $why ];
    """
    found: list[object] = php(world, code)
    return found


def _inbox(world: World, token: str) -> list[dict[str, object]]:
    """Messages that hold the token, which are then removed."""
    held = answered(world.ask(Ask(INBOX, "/_aws/ses"))[0]).json() or {}
    mine = [m for m in held.get("messages", []) if token in json.dumps(m)]
    for message in mine:
        world.ask(Ask(INBOX, f"/_aws/ses?id={message.get('Id')}", "DELETE"))
    return mine


def _logged(world: World, stream: str, token: str) -> list[str]:
    group = f"{world.variables('web').get('HM_ENV')}/ses"
    found: list[str] = []

    def look() -> bool:
        nonlocal found
        request = {"logGroupName": group, "logStreamName": stream, "limit": 200}
        events = (aws(world, "logs", "GetLogEvents", request) or {}).get("events", [])
        found = [e["message"] for e in events if token in e["message"]]
        return bool(found)

    poll(world, look)
    return found


def sends(world: World) -> Finding:
    token = world.token()
    sent, why = _send(world, token)
    mine = _inbox(world, token)
    return claims((sent is True, f"wp_mail {sent} {why or ''}"), (len(mine) == 1, f"{len(mine)} messages in SES"))


def unverified(world: World) -> Finding:
    token = world.token()
    sent, why = _send(world, token, f"add_filter( 'wp_mail_from', fn () => 'x@{token}.test', 20 );")
    lines, mine = _logged(world, "Failed", token), _inbox(world, token)
    return claims(
        (sent is False, f"from an unverified domain: {sent} {why or ''}"),
        (len(lines) == 1, f"{len(lines)} lines in the stream Failed"),
        (not mine, f"{len(mine)} messages in SES"),
    )


def sender(world: World) -> Finding:
    token = world.token()
    sent, why = _send(world, token)
    name, host = world.variables("web").get("HM_ENV"), php(world, "return get_network()->domain;").partition(":")[0]
    domain = host.removeprefix("www.") if "." in host else f"{name}.altis.cloud"
    found = [str(m.get("Source", "")) for m in _inbox(world, token)]
    filtered = f"{token}b"
    _send(world, filtered, "add_filter( 'wp_mail_from', fn () => 'desk@' . HM_ENV . '.altis.cloud' );")
    other = [str(m.get("Source", "")) for m in _inbox(world, filtered)]
    return claims(
        (sent is True and f"noreply@{domain}" in " ".join(found), f"from {found or why}"),
        (any(source.startswith("desk@") for source in other), f"with a filter from {other}"),
    )


def logs(world: World) -> Finding:
    token = world.token()
    _send(world, token)
    lines = _logged(world, "Sent", token)
    _inbox(world, token)
    group = f"{world.variables('web').get('HM_ENV')}/ses"
    groups = (aws(world, "logs", "DescribeLogGroups", {"logGroupNamePrefix": group}) or {}).get("logGroups", [])
    days = [g.get("retentionInDays") for g in groups if g.get("logGroupName") == group]
    return claims(
        (len(lines) == 1, f"{len(lines)} lines in {group}, stream Sent"),
        (days and days[0] in MONTH, f"kept for {days} days"),
    )


def largest(world: World) -> Finding:
    token = world.token()

    def with_file(megabytes: int) -> list[object]:
        make = (
            f"$files = [ tempnam( '/tmp', 'fid' ) ]; file_put_contents( $files[0], random_bytes( {megabytes} << 20 ) );"
        )
        return _send(world, token, make + " register_shutdown_function( fn () => unlink( $files[0] ) );")

    large, small = with_file(11), with_file(1)
    mine = _inbox(world, token)
    return claims(
        (large[0] is False and re.search(r"(?i)length|size|large", str(large[1])), f"11 MB: {large}"),
        (small[0] is True and len(mine) == 1, f"1 MB: {small}, {len(mine)} messages"),
    )


def inbox(world: World) -> Finding:
    """The command line shows what was sent, and from where it was sent there is no way out."""
    token = world.token()
    sent, why = _send(world, token)
    listed = world.command("mail", "list", "--json")
    kept = _inbox(world, token)
    outside = php(
        world, "return (bool) @fsockopen( '192.0.2.25', 25, $code, $text, 1 ) || gethostbynamel( 'example.com' );"
    )
    return claims(
        (sent is True and len(kept) == 1, f"sent {sent} {why or ''}"),
        (
            listed.code == 0 and token in listed.output,
            f"`mail list` {'shows it' if token in listed.output else listed.output[-80:]}",
        ),
        (outside is False, f"a way out: {outside}"),
    )
