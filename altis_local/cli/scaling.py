"""scale: another number of members, or by load; and `scale watch`, which tells what the load asks for and why."""

from __future__ import annotations

import json as encoder
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from altis_local.cli.lifecycle import Json, Timeout, done
from altis_local.cli.show import environment, print_json
from altis_local.cli.times import clock as time_of
from altis_local.clients.control_api import ControlApi
from altis_local.environment.facade import START_TIMEOUT, Environment
from altis_local.errors import ActionFailed, UsageError
from altis_local.model.plans import SCALABLE

WATCH = "watch"
AUTO = "auto"


def scale(
    role: Annotated[str, typer.Argument(metavar="ROLE|watch", help=f"One of: {', '.join(SCALABLE)}. Or watch.")],
    count: Annotated[str, typer.Argument(metavar="[N|auto]", help="How many; auto: by load, within the plan.")] = "",
    every: Annotated[float, typer.Option(min=0.1, help="watch: seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="watch: look once.")] = False,
    timeout: Timeout = START_TIMEOUT,
    json: Json = False,
) -> None:
    """Change the number of members of a role (those that leave are drained first), or watch how roles scale."""
    if role == WATCH:
        if count:
            raise UsageError("scale watch takes no number", hint="scale watch --every 5")
        _watch(environment(), every, once=once, json=json)
        return
    if not count:
        raise UsageError(f"how many {role}?", hint=f"scale {role} 3, scale {role} auto, or scale watch")
    if count != AUTO and not count.isdecimal():
        raise UsageError(f"{count!r} is no number of members", hint=f"scale {role} 3, or scale {role} auto")
    answer = environment().scale(role, None if count == AUTO else int(count), timeout=timeout)
    done(f"{role}: {answer['before']} → {answer['count']}", dict(answer), json=json)


def _watch(chosen: Environment, every: float, *, once: bool, json: bool) -> None:
    """A line for each role whenever something has changed, and each event of scaling, until Ctrl-C."""
    api = chosen.services().api
    after = int(api.status()["sequence"])
    told: dict[str, str] = {}
    while True:
        status = api.status()
        rows = _rows(status)
        after = _events(api, after, json=json)
        if json:
            print_json({"at": round(chosen.clock.now(), 3), "roles": rows})
        else:
            for role, row in rows.items():
                text = line(role, row)
                if told.get(role) != text:
                    told[role] = text
                    print(f"{time_of(chosen.clock.now())[11:]}  {text}", flush=True)
        if once:
            return
        chosen.clock.sleep(every)


def _rows(status: Mapping[str, Any]) -> Mapping[str, Any]:
    rows: Mapping[str, Any] | None = status.get("scaling")
    if rows is None:
        raise ActionFailed("it is of another version", member="control", hint="`altis-local start` replaces it")
    return rows


def _events(api: ControlApi, after: int, *, json: bool) -> int:
    """Tell changes that the journal has had since; the number of its newest event."""
    events = api.journal(after)
    for event in events:
        if event["kind"] == "scale":
            shown = (
                encoder.dumps({"schema": 1, "event": event})
                if json
                else f"{time_of(event['at'])[11:]}  → {event['text']}"
            )
            print(shown, flush=True)
    return int(events[-1]["sequence"]) if events else after


def line(role: str, row: Mapping[str, Any]) -> str:
    """One role in one line: `web  2 of 2–6  load 71 % (target 60 %)  out: 2 of 3 points …`."""
    number = f"{row['running']} of {row['wanted']} wanted ({row['least']}–{row['most']})"
    share = row["target"] <= 1 if "target" in row else role == "web"
    load = "load unknown" if row["load"] is None else f"load {amount(row['load'], share=share)}"
    if not row["automatic"]:
        return f"{role:<10} {number}, {load}, fixed: {row['why']}"
    parts = [f"{role:<10} {number}, {load} (target {amount(row['target'], share=share)})"]
    out, back = row["out"], row["in"]
    if row["wanted"] < row["most"]:
        parts.append(f"grows after {out['points']}/{out['needed']} points above {amount(out['above'], share=share)}")
    if row["wanted"] > row["least"]:
        parts.append(f"shrinks after {back['points']}/{back['needed']} below {amount(back['below'], share=share)}")
    if row["cooldown_left"]:
        parts.append(f"cooling down {row['cooldown_left']:.0f} s")
    if row["why"]:
        parts.append(f"last: {row['why']}")
    return ", ".join(parts)


def amount(value: float, *, share: bool) -> str:
    """A load: a share of workers, or a number of jobs."""
    return f"{value:.0%}" if share else f"{value:g}"
