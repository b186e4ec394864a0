"""Jobs of one probe, put straight into the table and removed with their logs. Not probes; `cav` and others use it."""

from __future__ import annotations

from collections.abc import Iterable

from altis_local.fidelity.asking import php, poll, sql
from altis_local.fidelity.finding import CannotTell
from altis_local.fidelity.world import World

HOOK = "altis_order_job"
JOBS, LOGS = "wordpress.wp_cavalcade_jobs", "wordpress.wp_cavalcade_logs"
SOON = 25.0
"""Seconds for a due job to be done: the runner looks once a second, a job is a process."""


class Jobs:
    """Jobs of one probe, which go with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.token = world.token()
        self._count = 0

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        ids = f"SELECT id FROM {JOBS} WHERE args LIKE '%{self.token}%'"
        sql(self.world, f"DELETE FROM {LOGS} WHERE job IN ({ids}); DELETE FROM {JOBS} WHERE args LIKE '%{self.token}%'")

    def add(self, due: int = -1, interval: int = 0, status: str = "waiting", **order: int) -> str:
        """A job that is due in so many seconds; its id."""
        self._count += 1
        name = f"{self.token}{self._count:03d}"
        when = f"DATE_ADD( UTC_TIMESTAMP(), INTERVAL {due} SECOND )"
        args = f'a:2:{{i:0;s:{len(name)}:"{name}";i:1;a:{len(order)}:{{'
        args += "".join(f's:{len(k)}:"{k}";i:{v};' for k, v in order.items()) + "}}"
        rows = sql(
            self.world,
            f"INSERT INTO {JOBS} (site, hook, args, start, nextrun, `interval`, status, schedule) VALUES "
            f"(1, '{HOOK}', '{args}', {when}, {when}, {interval or 'NULL'}, '{status}', {repr('hourly') if interval else 'NULL'}); "
            "SELECT LAST_INSERT_ID()",
        )
        return rows[0][0]

    def states(self) -> list[str]:
        return [
            row[0] for row in sql(self.world, f"SELECT status FROM {JOBS} WHERE args LIKE '%{self.token}%' ORDER BY id")
        ]

    def logs(self, ids: Iterable[str]) -> list[list[str]]:
        """Status, content and the seconds between its date and its end, of each run."""
        wanted = ", ".join(ids)
        query = f"SELECT l.status, l.content, TIMESTAMPDIFF( SECOND, j.start, l.timestamp ) FROM {LOGS} l JOIN {JOBS} j ON j.id = l.job WHERE l.job IN ({wanted}) ORDER BY l.id"
        return sql(self.world, query)

    def done(self, count: int, patience: float = SOON) -> bool:
        return poll(self.world, lambda: sum(s in ("completed", "failed") for s in self.states()) >= count, patience)

    def seen(self, number: int) -> dict[str, object]:
        """What the job itself saw."""
        found = php(self.world, f"return wp_cache_get( '{self.token}{number:03d}', 'altis-orders' );")
        if not isinstance(found, dict):
            raise CannotTell("the job has said nothing: the site lacks the fixture's orders.php")
        return found
