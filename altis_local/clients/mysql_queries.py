"""MySQL's statements for one member, and their rows as values. Called by MySqlNode alone; asks nothing itself.

The performance schema is off (140 MB for each member), so everything comes from variables and SHOW.
"""

from __future__ import annotations

from collections.abc import Sequence

from altis_local.clients.mysql_session import Row
from altis_local.model.gtid import GtidSet
from altis_local.model.state import DbNode, Receiver, SemiSync

STATE = """\
SELECT @@GLOBAL.server_id AS server_id, @@GLOBAL.server_uuid AS server_uuid, @@GLOBAL.read_only AS read_only,
  @@GLOBAL.gtid_executed AS executed, @@GLOBAL.version AS version,
  @@GLOBAL.rpl_semi_sync_source_enabled AS source, @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count AS count,
  @@GLOBAL.rpl_semi_sync_replica_enabled AS replica, t.term, t.member AS term_member, s.url AS site_url
FROM (SELECT 1) AS one
LEFT JOIN (SELECT term, member FROM altis_control.term ORDER BY term DESC LIMIT 1) AS t ON TRUE
LEFT JOIN (SELECT url FROM altis_control.site WHERE id = 1) AS s ON TRUE;
SHOW REPLICA STATUS;
SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_clients'"""
"""All that DbNode holds, in one round trip."""

RECEIVER = "SHOW REPLICA STATUS"
EXECUTED = "SELECT @@GLOBAL.gtid_executed AS executed"
JOBS = """\
SELECT
(SELECT COUNT(*) FROM wordpress.wp_cavalcade_jobs WHERE status = 'waiting' AND nextrun < UTC_TIMESTAMP()) AS due,
(SELECT JSON_ARRAYAGG(id) FROM wordpress.wp_cavalcade_jobs WHERE status = 'running') AS running"""
HOOKS = "SELECT id, hook FROM wordpress.wp_cavalcade_jobs WHERE status = 'running'"
BEAT = "REPLACE INTO altis_control.heartbeat (id, beat) VALUES (%s, %s)"
SITE = "REPLACE INTO altis_control.site (id, url) VALUES (1, %s)"
WAIT = "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s) AS is_late"

PROMOTE = """\
STOP REPLICA;
RESET REPLICA ALL;
SET GLOBAL rpl_semi_sync_source_enabled = OFF, GLOBAL super_read_only = OFF;
INSERT INTO altis_control.term (term, member)
  SELECT %s, %s FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM altis_control.term WHERE term = %s AND member = %s);
SET GLOBAL read_only = OFF"""
"""The term is written while clients still cannot write, so it is the first transaction. Promoting again changes
nothing; a term that another member has is a duplicate key, which ends the rest."""

REPOINT = """\
SET GLOBAL super_read_only = ON;
STOP REPLICA;
SET GLOBAL rpl_semi_sync_source_enabled = OFF, GLOBAL rpl_semi_sync_replica_enabled = %s;
CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = %s, SOURCE_PASSWORD = %s,
  SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400;
START REPLICA"""

ACKNOWLEDGE = """\
SET GLOBAL rpl_semi_sync_replica_enabled = %s;
STOP REPLICA IO_THREAD;
START REPLICA IO_THREAD"""
"""A receiver tells its source only while connecting whether it acknowledges. A source that waits may read the first
acknowledgement of the new connection up to 1 s late, unless another reader's wakes it (its poll's time-out)."""

WAIT_FOR_READERS = """\
SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = %s;
SET GLOBAL rpl_semi_sync_source_enabled = ON"""
WAIT_FOR_NOBODY = "SET GLOBAL rpl_semi_sync_source_enabled = OFF"

OPEN_FOR_CLONE = "SET GLOBAL clone_valid_donor_list = %s, GLOBAL super_read_only = OFF"
"""CLONE is refused to a super_read_only server. Clients stay shut out by read_only."""
CLONE = "CLONE INSTANCE FROM %s@%s:%s IDENTIFIED BY %s"

SESSIONS = """\
SELECT id FROM information_schema.processlist
WHERE user NOT IN (%s, 'system user', 'event_scheduler') AND command NOT LIKE 'Binlog Dump%%'"""
_NOT_REACHED = ("Error connecting to source", "Error reconnecting to source")
CLONING = "SELECT COUNT(*) AS running FROM information_schema.processlist WHERE info LIKE 'CLONE INSTANCE%'"


def node(member: str, results: Sequence[Sequence[Row]]) -> DbNode:
    """The answers to STATE."""
    (state,), receivers, statuses = results
    return DbNode(
        member=member,
        server_id=state["server_id"],
        server_uuid=state["server_uuid"],
        read_only=bool(state["read_only"]),
        executed=GtidSet.parse(state["executed"]),
        term=state["term"] or 0,
        term_member=state["term_member"] or "",
        receiver=receiver(receivers),
        semi_sync=SemiSync(
            source=bool(state["source"]),
            count=state["count"],
            clients=int(statuses[0]["Value"]) if statuses else 0,
            replica=bool(state["replica"]),
        ),
        site_url=state["site_url"] or "",
        version=state["version"],
    )


def receiver(rows: Sequence[Row]) -> Receiver | None:
    """The answer to RECEIVER; None for a member that follows nobody."""
    if not rows:
        return None
    row = rows[0]
    lag = row["Seconds_Behind_Source"]
    return Receiver(
        source=row["Source_Host"],
        io=row["Replica_IO_Running"],
        sql=row["Replica_SQL_Running"],
        retrieved=GtidSet.parse(row["Retrieved_Gtid_Set"]),
        lag=None if lag is None else float(lag),
        error=_error(row),
    )


def _error(row: Row) -> str:
    """What is the matter with the member itself. That its source could not be reached for a moment is not."""
    receiving: str = row["Last_IO_Error"]
    return row["Last_SQL_Error"] if receiving.startswith(_NOT_REACHED) else receiving or row["Last_SQL_Error"]


def cloning_node(member: str) -> DbNode:
    """A member whose data is being replaced: it holds nothing that counts."""
    return DbNode(
        member=member,
        server_id=0,
        server_uuid="",
        read_only=True,
        executed=GtidSet(),
        term=0,
        term_member="",
        receiver=None,
        semi_sync=SemiSync(source=False, count=0, clients=0, replica=False),
        cloning=True,
    )
