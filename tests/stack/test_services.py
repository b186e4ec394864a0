"""The site on its services: mail by SES, PHP's sessions, pages in Redis, and the sandbox beside the web containers."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.services import Services, administrator, publish
from tests.stack.world import World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]


@pytest.fixture
def services(ha: World) -> Services:
    return Services(ha)


# -- mail


def mails_about(services: Services, subject: str) -> list[str]:
    raw = (str(mail.get("RawData", "")) for mail in services.sent_mails())
    return [text for text in raw if subject in text]


def test_a_mail_is_sent_by_ses_and_logged(ha: World, services: Services) -> None:
    """MAIL-01 to MAIL-04."""
    subject = f"Mail {secrets.token_hex(4)}"
    sent = ha.wp("sandbox", "eval", f"echo json_encode( wp_mail( 'reader@example.org', '{subject}', 'It says so.' ) );")
    assert sent == "true"
    (mail,) = mails_about(services, subject)
    assert f"From: WordPress <noreply@{ha.name}.altis.cloud>" in mail
    assert "To: reader@example.org" in mail
    assert "It says so." in mail
    eventually(lambda: any(subject in line for line in services.log_lines("ses", "Sent")), "its line", within=5)
    (line,) = (json.loads(line) for line in services.log_lines("ses", "Sent") if subject in line)
    assert line["Destination"] == {"ToAddresses": ["reader@example.org"]}
    assert line["Message"]["Subject"]["Data"] == subject


def test_mail_from_a_domain_that_is_not_verified_fails_and_is_logged(ha: World, services: Services) -> None:
    subject = f"Refused {secrets.token_hex(4)}"
    code = "add_filter( 'wp_mail_from', fn () => 'somebody@example.com' );"
    refused = ha.wp("sandbox", "eval", f"{code} echo json_encode( wp_mail( 'r@example.org', '{subject}', 'No' ) );")
    assert refused == "false"
    assert mails_about(services, subject) == []
    lines = [json.loads(line) for line in services.log_lines("ses", "Failed")]
    (line,) = (one for one in lines if one["message"]["Message"]["Subject"]["Data"] == subject)
    assert line["error"]["class"] == "MessageRejected"


def test_a_comment_is_announced_to_the_administrator(ha: World, services: Services) -> None:
    """A mail that a visitor's request sends: from a web container."""
    title = f"Discussed {secrets.token_hex(4)}"
    with administrator(ha) as admin:
        post = publish(admin, title)
    comment = {
        **{"comment_post_ID": post["id"], "comment": f"A word on {title}.", "author": "Somebody"},
        **{"email": "somebody@example.org", "comment_parent": 0},
    }
    with ha.client() as visitor:
        answer = visitor.post("/wp-comments-post.php", data=comment)
    assert answer.status_code == 302, answer.text[:500]
    (mail,) = mails_about(services, title)
    assert "moderat" in mail
    assert "To: no-reply@altis.dev" in mail


# -- what web containers keep in Redis


def redis(world: World, *words: str) -> str:
    primary = world.containers()[world.duty("primary")]
    password = world.environment.reader.environment_of(primary.id)["ALTIS_REDIS_PASSWORD"]
    done = world.exec(primary.member, "redis-cli", "--no-auth-warning", "-a", password, *words)
    assert done.exit_code == 0, done.output
    return done.output.strip()


def test_sessions_are_in_redis(ha: World) -> None:
    """WEB-12: the handler of requests, its cookie's name and its keys. (That they are shared: test_site.)"""
    session = secrets.token_hex(16)
    code = f"ob_start(); \\Altis\\Cloud\\Sessions\\configure(); session_id('{session}'); session_start();"
    name = ha.wp(
        "web-a1", "eval", f"{code} $_SESSION['a'] = 1; session_write_close(); ob_end_clean(); echo session_name();"
    )
    assert name == "altis_session"
    assert redis(ha, "--scan", "--pattern", "*sessions:*").splitlines().count(f"sessions:{session}") == 1


def test_a_page_is_made_once_for_all_web_containers(ha: World, services: Services) -> None:
    """PAGE-01, PAGE-03, PAGE-06, PAGE-09, PAGE-10, as the load balancer sees it."""
    path = f"/?made={secrets.token_hex(6)}"
    first = services.page(path)
    assert (first.status, first.headers["x-batcache"]) == (200, "MISS")
    second = services.page(f"{path}&utm_source=letter", "web-b1")
    assert (second.status, second.headers["x-batcache"]) == (200, "HIT")
    age, policy = second.headers["cache-control"].split(", ")
    assert (age.startswith("max-age="), policy) == (True, "must-revalidate")
    assert 280 < int(age.removeprefix("max-age=")) <= 300
    assert second.headers["last-modified"]
    assert "Cookie, Origin" in second.headers["vary"]
    assert second.body.split("<!--")[0] == first.body.split("<!--")[0]

    bypassed = services.page(path, Cookie="wordpress_logged_in_x=1")
    assert (bypassed.headers["x-batcache"], bypassed.headers["x-batcache-reason"]) == ("BYPASS", "Cookies")
    assert services.page(path, Cookie="wordpress_test_cookie=1").headers["x-batcache"] == "HIT"


def test_a_page_stays_in_redis_for_450_seconds(ha: World, services: Services) -> None:
    before = set(redis(ha, "--scan", "--pattern", "*batcache:*").splitlines())
    assert services.page(f"/?kept={secrets.token_hex(6)}").headers["x-batcache"] == "MISS"
    ttls = [
        int(redis(ha, "TTL", key)) for key in set(redis(ha, "--scan", "--pattern", "*batcache:*").splitlines()) - before
    ]
    assert any(440 <= ttl <= 450 for ttl in ttls), ttls


# -- sandbox


def test_the_sandbox_is_the_web_image_without_traffic(ha: World) -> None:
    """SBX-01, SBX-02."""
    found = ha.containers()
    shown = json.loads(docker("inspect", *(found[name].id for name in ("sandbox", "web-a1", "web-b1", "cavalcade-a1"))))
    assert len({container["Image"] for container in shown}) == 1
    assert shown[0]["NetworkSettings"]["Ports"] in ({}, {"80/tcp": None})
    networks = {name.removeprefix(f"altis-{ha.name}-") for name in shown[0]["NetworkSettings"]["Networks"]}
    assert networks == {"data", "data-ro", "platform"}, "no load balancer is on any of them"
    listening = ha.exec("sandbox", "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6 | grep -c ' 0A '")
    assert listening.output.strip() in ("0", "1"), "the engine's own resolver at most"


def test_the_sandbox_is_writable_and_web_containers_are_not(ha: World) -> None:
    """SBX-03, SBX-05."""
    put = ("sh", "-c", "touch /usr/src/app/x && rm /usr/src/app/x && id -un && pwd")
    assert ha.exec("sandbox", *put).output.split() == ["www-data", "/usr/src/app"]
    assert "Read-only file system" in ha.exec("web-a1", *put).output
    assert ha.exec("sandbox", "sh", "-c", "which wp screen wget").output.count("\n") == 3
    assert ha.exec("sandbox", "printenv", "S3_UPLOADS_BUCKET").output.strip() == f"altis-{ha.name}"


def test_the_sandbox_works_on_live_data(ha: World, services: Services) -> None:
    """SBX-04: what is changed there is what the next visitor sees, the object cache included."""
    before = ha.wp("sandbox", "option", "get", "blogdescription")
    told = f"Changed {secrets.token_hex(4)}"
    try:
        ha.wp("sandbox", "option", "update", "blogdescription", told)
        for web in ("web-a1", "web-b1"):
            feed = services.page(f"/feed/?fresh={secrets.token_hex(6)}", web)
            assert f"<description>{told}</description>" in feed.body
    finally:
        ha.wp("sandbox", "option", "update", "blogdescription", before)
    assert ha.wp("sandbox", "db", "query", "SELECT @@read_only").splitlines()[-1] == "0"


def test_commands_go_to_the_sandbox(ha: World, folder: Path) -> None:
    """`wp` and `shell` by default; the end of a shell's input is its end."""
    said = ha.do("wp", "eval", "echo gethostname();").stdout
    assert said == "sandbox"
    words = [sys.executable, "-m", "altis_local.cli.main", "-p", ha.name, "shell"]
    shell = subprocess.run(
        words, cwd=folder, input="hostname; pwd\n", text=True, capture_output=True, timeout=60, check=False
    )
    assert shell.stdout.split()[-2:] == ["sandbox", "/usr/src/app"], shell.stdout + shell.stderr
