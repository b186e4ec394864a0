"""What only a real MySQL shows: clients' sessions, the first sign of a crash, and one hung write among many looks."""

from __future__ import annotations

import threading
import time

import pymysql
import pytest

from altis_local.clients.mysql import MySqlNode
from altis_local.clients.watch import SessionWatcher
from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.gtid import GtidSet
from tests.contract.members import PASSWORD, RealMembers, eventually

pytestmark = pytest.mark.engine

NAME = "db-1"


@pytest.fixture
def node(real_members: RealMembers) -> MySqlNode:
    """A running member that is open for writes."""
    if not real_members.is_running(NAME):
        real_members.renew(NAME)
    found = real_members.db(NAME)
    if found.observe().read_only:
        found.promote(found.observe().term + 1, NAME)
    return found


def client(node: MySqlNode, user: str = "wordpress") -> pymysql.Connection[pymysql.cursors.Cursor]:
    return pymysql.connect(host=node.address, user=user, password=PASSWORD, autocommit=True, connect_timeout=2)


def test_demotion_ends_clients_and_spares_control(node: MySqlNode) -> None:
    session = client(node)
    node.demote()
    with pytest.raises(pymysql.err.OperationalError):
        session.ping(reconnect=False)
    with pytest.raises(pymysql.err.OperationalError, match="read-only"), client(node).cursor() as cursor:
        cursor.execute("CREATE TABLE altis_drill.refused (id INT)")
    assert node.observe().read_only


def test_many_threads_share_one_member(node: MySqlNode) -> None:
    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(bool(node.observe()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 20


def test_a_long_action_delays_no_look(node: MySqlNode) -> None:
    def wait() -> None:
        with pytest.raises(ActionFailed):
            node.wait_applied(GtidSet.parse("00000000-0000-0000-0000-000000000001:1"), timeout=1)

    waiting = threading.Thread(target=wait)
    waiting.start()
    begin = time.monotonic()
    assert node.observe()
    assert time.monotonic() - begin < 0.5
    waiting.join()


def test_hung_writes_stay_few(node: MySqlNode) -> None:
    node.set_semi_sync(1)
    for beat in range(12):
        with pytest.raises(Unreachable):
            node.observe(beat, limit=0.02)
    with client(node, "altis_control").cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'REPLACE%'")
        assert cursor.fetchone() == (1,)
    node.set_semi_sync(0)
    assert eventually(lambda: bool(node.observe(99)))


def test_the_end_of_a_killed_server_is_seen_on_its_session(real_members: RealMembers, node: MySqlNode) -> None:
    watcher, ended = SessionWatcher(), threading.Event()
    node.observe()
    assert node.socket is not None
    watcher.watch(node.socket, ended.set)
    node.observe()
    assert not ended.wait(0.1)
    killing = threading.Thread(target=lambda: real_members.kill(NAME))
    killing.start()
    assert ended.wait(2)
    killing.join()
    with pytest.raises(Unreachable):
        node.observe()
    watcher.close()
