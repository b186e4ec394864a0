"""Where queries go: reads to a reader, writes to the writer, a request reads its own writes, and readers refuse."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pymysql.connections import Connection

from tests.stack.traffic import Traffic
from tests.stack.world import World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

LOG = "/var/lib/mysql/stack-test.log"
READ_ONLY = 1290


class Heard:
    """What clients of the site's user asked of one member while its general log was on."""

    def __init__(self, log: str) -> None:
        self.log = log

    def statements(self) -> list[str]:
        """The site's own, told from control's by the sessions that its user opened or took up again."""
        sessions = set(re.findall(r"\t\s*(\d+) (?:Connect|Change user)\s+wordpress@", self.log))
        rows = re.findall(r"^\S+\t\s*(\d+) (?:Query|Execute)\s+(.*)$", self.log, re.MULTILINE)
        return [statement.strip() for session, statement in rows if session in sessions]

    def count(self, verb: str) -> int:
        return sum(s.upper().startswith(verb) for s in self.statements())

    def writes(self) -> int:
        return sum(self.count(verb) for verb in ("INSERT", "UPDATE", "DELETE", "REPLACE"))


@contextmanager
def listening(world: World) -> Iterator[dict[str, Heard]]:
    """Hear what every db member is asked; by duty, filled when the block has ended."""
    members = {duty: world.duty(duty) for duty in ("writer", "reader")}
    heard: dict[str, Heard] = {}
    for member in members.values():
        world.exec(member, "rm", "-f", LOG)
        world.sql(member, f"SET GLOBAL general_log_file = '{LOG}', GLOBAL log_output = 'FILE', GLOBAL general_log = 1")
    try:
        yield heard
    finally:
        for duty, member in members.items():
            world.sql(member, "SET GLOBAL general_log = 0")
            heard[duty] = Heard(world.exec(member, "cat", LOG).output)
            world.exec(member, "rm", "-f", LOG)


def test_a_page_is_read_from_the_reader_alone(ha: World) -> None:
    """Now and then a request does WordPress' housekeeping, and reads what it wrote; or a job is at work; or the reader
    does not answer in time on a busy machine, and the writer is asked."""
    for _ in range(10):
        ha.wp("web-a1", "cache", "flush")
        with listening(ha) as heard:
            ha.answers()
        if not heard["writer"].statements():
            break
    assert heard["reader"].count("SELECT") > 0
    assert heard["reader"].writes() == 0
    assert heard["writer"].statements() == []


def test_writes_go_to_the_writer_and_are_read_back_from_it(ha: World) -> None:
    key, mark = f"stack_{secrets.token_hex(4)}", secrets.token_hex(6)
    code = (
        f'global $wpdb; $wpdb->get_var("SELECT /* before-{mark} */ COUNT(*) FROM {{$wpdb->options}}");'
        f'$wpdb->insert($wpdb->options, ["option_name" => "{key}", "option_value" => "{mark}"]);'
        f'echo $wpdb->get_var("SELECT /* after-{mark} */ option_value FROM {{$wpdb->options}}'
        f" WHERE option_name = '{key}'\");"
    )
    with listening(ha) as heard:
        assert ha.wp("web-a1", "eval", code) == mark
    on_writer, on_reader = heard["writer"].statements(), heard["reader"].statements()
    assert any(f"before-{mark}" in s for s in on_reader)
    assert not any(f"before-{mark}" in s for s in on_writer)
    assert any(s.startswith("INSERT") and key in s for s in on_writer)
    assert not any(s.startswith("INSERT") for s in on_reader)
    # The reader has it a moment later; this request could not have waited for it.
    assert any(f"after-{mark}" in s for s in on_writer)
    assert not any(f"after-{mark}" in s for s in on_reader)


@pytest.mark.parametrize(("host", "number"), [("db-reader", READ_ONLY), ("db-writer", 0)])
def test_only_the_writer_takes_writes(ha: World, host: str, number: int) -> None:
    code = (
        f'mysqli_report(MYSQLI_REPORT_OFF); $db = new mysqli("{host}", getenv("DB_USER"), getenv("DB_PASSWORD"));'
        '$db->query("CREATE TABLE IF NOT EXISTS altis_drill.written (id INT)"); echo $db->errno;'
    )
    done = ha.exec("web-b1", "php", "-r", code)
    assert done.output.strip() == str(number)


def test_every_reader_refuses_writes_of_root(ha: World) -> None:
    """Super read-only: not even an administrator's hand brings a reader apart from its writer."""
    done = ha.exec(ha.duty("reader"), "mysql", "-uroot", "-e", "CREATE TABLE altis_drill.apart (id INT)")
    assert done.exit_code != 0
    assert str(READ_ONLY) in done.output


@pytest.mark.usefixtures("ha")
def test_what_the_site_writes_is_on_the_writer_at_once(altis_wp: Callable[..., str], altis_db: Connection) -> None:
    key, value = f"stack_{secrets.token_hex(4)}", secrets.token_hex(6)
    altis_wp("option", "add", key, value)
    with altis_db.cursor() as cursor:
        cursor.execute("SELECT option_value, @@read_only FROM wp_options WHERE option_name = %s", (key,))
        assert cursor.fetchall() == ((value, 0),)


def kept_by_readers(world: World, member: str) -> int:
    """Sessions that came by db-reader and are with this member."""
    lines = [line for proxy in world.environment.snapshot()["proxies"].values() for line in proxy["servers"]]
    return sum(line["sessions"] for line in lines if (line["backend"], line["member"]) == ("db-reader", member))


def test_reads_come_back_to_the_reader_with_kept_connections(ha: World) -> None:
    """While there is no reader PHP reads from the writer, on connections that it keeps: they must not stay for ever."""
    writer, reader = ha.duty("writer"), ha.duty("reader")
    with Traffic(ha) as traffic:
        ha.hurt("killed", [reader])
        eventually(lambda: kept_by_readers(ha, writer) > 0, "pages read from the writer", within=20, every=0.1)
        ha.converged()
        eventually(
            lambda: kept_by_readers(ha, reader) > 0 == kept_by_readers(ha, writer), "and from the reader again", 30
        )
    assert traffic.failed == []
