"""jobs: what Cavalcade has to do, how runs ended, and running one by hand."""

from __future__ import annotations

import json as encoder
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from altis_local.cli import site_command
from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.cli.times import epoch, relative, span
from altis_local.clients.services_api import ServicesApi
from altis_local.clock import Clock, Deadline, wait_until
from altis_local.errors import ActionFailed, Unreachable, UsageError
from altis_local.model.reports import JOB_STATUSES

app = typer.Typer(no_args_is_help=True, help="Scheduled jobs (Cavalcade).")

EVERY = 1.0
"""Seconds between two looks at the log: a runner itself looks for jobs once a second."""
_FOR_EVER = 10 * 365 * 86400.0
_SHOWN = 48


@app.command("list")
def listing(
    status: Annotated[str, typer.Option(help=f"Only those that are {', '.join(JOB_STATUSES)}.")] = "",
    hook: Annotated[str, typer.Option(help="Only those of this hook.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    json: Json = False,
) -> None:
    """Jobs: running ones first, then as they are due."""
    if status and status not in JOB_STATUSES:
        raise UsageError(f"no job is ever {status}", hint=f"there is: {', '.join(JOB_STATUSES)}")
    chosen = environment()
    document = chosen.services().jobs(status=status, hook=hook, limit=str(limit))
    if json:
        print_json(document)
        return
    now = chosen.clock.now()
    head = ("ID", "SITE", "STATUS", "HOOK", "NEXT RUN", "EVERY", "ARGUMENTS")
    print(columns(head, [_row(row, now) for row in document["jobs"]]) if document["jobs"] else "no such job")
    counts = document["counts"]
    print("\n" + ", ".join(f"{counts.get(name, 0)} {name}" for name in (*JOB_STATUSES, "due")))


def _row(row: dict[str, Any], now: float) -> tuple[object, ...]:
    moment = epoch(row["next_run"])
    when = "" if moment is None or row["status"] not in ("waiting", "running") else relative(moment, now)
    every = "" if row["interval"] is None else span(float(row["interval"]))
    arguments = row["args"] if len(row["args"]) <= _SHOWN else f"{row['args'][:_SHOWN]}…"
    return (row["id"], row["site"], row["status"], row["hook"], when, every, "" if arguments == "a:0:{}" else arguments)


@app.command()
def run(
    what: Annotated[str, typer.Argument(metavar="ID|HOOK", help="A job's number, or a hook's name.")],
    site: Annotated[int, typer.Option(help="The number of the site whose hook is meant.")] = 0,
    json: Json = False,
) -> None:
    """Run a job now, in the sandbox.

    A number does what the job does and leaves its row alone; a hook runs its events and schedules them again.
    """
    chosen = environment()
    services = chosen.services()
    job = services.job(int(what)) if what.isdecimal() else _of_hook(services, what, site)
    words = ("cavalcade", "run", what) if what.isdecimal() else ("cron", "event", "run", what)
    about = {"job": job["id"], "hook": job["hook"], "site": job["site"]}
    print(f"running {job['hook']} of site {job['site']} in the sandbox", file=sys.stderr)
    site_command.run(chosen, words, url=job["url"], about=about, json=json)


def _of_hook(services: ServicesApi, hook: str, site: int) -> Any:
    """A job of that hook, of the site that is meant or of the first one that has it."""
    rows: Sequence[Any] = services.jobs(hook=hook, status="waiting", limit="1000")["jobs"]
    found = sorted((row["site"], row["id"]) for row in rows if site in (0, row["site"]))
    if not found:
        where = f" of site {site}" if site else ""
        raise UsageError(
            f"no job that waits has the hook {hook}{where}", hint="`altis-local jobs list --status waiting`"
        )
    return services.job(found[0][1])


@app.command()
def tail(
    lines: Annotated[
        int, typer.Option("-n", "--lines", min=1, max=1000, help="How many that have ended already.")
    ] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on as jobs end, until Ctrl-C.")] = True,
    json: Annotated[bool, typer.Option("--json", help="One JSON document for each line.")] = False,
) -> None:
    """How runs ended, as they end."""
    chosen = environment()
    services = chosen.services()
    last = services.job_ends(last=str(lines))
    _tell(last, json=json)
    if follow:
        for ends in _following(services, last[-1]["id"] if last else 0, chosen.clock):
            _tell(ends, json=json)


def _following(services: ServicesApi, after: int, clock: Clock) -> Iterator[Sequence[Any]]:
    fresh: Sequence[Any] = ()

    def look() -> bool:
        nonlocal fresh
        # While the database fails over nobody can say; what ended meanwhile is told then.
        with suppress(ActionFailed, Unreachable):
            fresh = services.job_ends(after=str(after))
        return bool(fresh)

    while wait_until(look, Deadline.after(_FOR_EVER, clock), every=EVERY):
        yield fresh
        after, fresh = fresh[-1]["id"], ()


def _tell(ends: Sequence[Any], *, json: bool) -> None:
    for end in ends:
        if json:
            text = encoder.dumps({"schema": 1, **end})
        else:
            said = " ".join(end["content"].split())
            text = f"{end['at']}  {end['status']:<9}  {end['job']:>6}  {end['hook'] or '(gone)'}  {said}".rstrip()
        print(text, flush=True)
