"""start, build, stop, restart, destroy, failover: what changes an environment (scale: see scaling)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from altis_local.cli.show import environment, print_json
from altis_local.environment.facade import START_TIMEOUT, STOP_TIMEOUT, Environment
from altis_local.environment.lifecycle import Cut
from altis_local.errors import UsageError
from altis_local.model.plans import PLANS
from altis_local.model.spec import BREAKABLE

FAILOVERS = ("db", "cache")

Json = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait until it is so.")]
Plan = Annotated[str | None, typer.Option(help=f"Shape: {', '.join(PLANS)}. Without it: as before, or local.")]
Timing = Annotated[str | None, typer.Option(help="Model of time: fast.")]
Port = Annotated[int | None, typer.Option(help="The site's port on loopback. Without it: as before, or from 8443 up.")]
Web = Annotated[int | None, typer.Option(help="Web containers, within the plan's bounds.")]
Readers = Annotated[int | None, typer.Option(help="Database readers, within the plan's bounds.")]
Broken = Annotated[
    list[str] | None,
    typer.Option(help=f"Break a setting on purpose, when it is made ({', '.join(BREAKABLE)}): drills must then fail."),
]


def start(  # noqa: PLR0913 - one argument is one option of the command
    plan: Plan = None,
    timing: Timing = None,
    port: Port = None,
    web: Web = None,
    readers: Readers = None,
    broken: Broken = None,
    timeout: Timeout = START_TIMEOUT,
    json: Json = False,
) -> None:
    """Bring the environment up, build what is missing, and wait until it has converged."""
    flags = {"plan": plan, "timing": timing, "port": port, "web": web, "readers": readers}
    chosen = environment(flags)
    _tell_started(chosen, chosen.start(broken=broken or (), timeout=timeout), json=json)


def build(json: Json = False) -> None:
    """Build every image that is missing; `start` does that too."""
    images = environment().build()
    if json:
        print_json({"images": dict(images)})
    else:
        print("\n".join(images.values()))


def stop(timeout: Timeout = STOP_TIMEOUT, json: Json = False) -> None:
    """Stop every container of the environment. Its data stays."""
    chosen = environment()
    cut = chosen.stop(timeout=timeout)
    text = f"{chosen.name} is stopped" if cut is not None else f"{chosen.name} was stopped already"
    document = {"environment": chosen.name, "state": "stopped", "cut": _rows(cut or ())}
    done("\n".join((text, *_named(cut or ()))), document, json=json)


def restart(timeout: Timeout = START_TIMEOUT, json: Json = False) -> None:
    """Stop the environment and start it again."""
    chosen = environment()
    status, cut = chosen.restart(timeout=timeout)
    _tell_started(chosen, {**status, "cut": _rows(cut)}, json=json)
    if cut and not json:
        print("\n".join(_named(cut)))


def destroy(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Remove the environment with all its data. Asks on a terminal; without one it needs --yes."""
    chosen = environment()
    document: dict[str, Any] = {"environment": chosen.name, "destroyed": False}
    if not chosen.remains():
        done(f"there is nothing of {chosen.name}", document, json=json)
    elif not yes and not sys.stdin.isatty():
        # As in Altis' own local server, where scripts may rely on it (LOCAL-18).
        done("nothing was removed: without a terminal, destroy needs --yes", document, json=json)
    elif not yes and not typer.confirm(f"Remove {chosen.name} with all its data?", err=True):
        done("nothing was removed", document, json=json)
    else:
        chosen.destroy()
        done(f"{chosen.name} is destroyed", document | {"destroyed": True}, json=json)


def failover(
    target: Annotated[str, typer.Argument(help="db or cache.")],
    graceful: Annotated[bool, typer.Option("--graceful", help="Hand over instead of crashing the holder.")] = False,
    to: Annotated[str | None, typer.Option(help="The member that is to take over (with --graceful).")] = None,
    json: Json = False,
) -> None:
    """Crash the writer or the primary (or hand over gracefully) and wait for its successor."""
    if target not in FAILOVERS:
        raise UsageError(f"there is no failover of {target!r}", hint=f"there is: {', '.join(FAILOVERS)}")
    if to and not graceful:
        raise UsageError("--to needs --graceful: after a crash, the furthest member takes over")
    answer = environment().failover(target, graceful=graceful, to=to)
    done(f"{target}: {answer['from']} → {answer['to']} in {answer['seconds']} s", dict(answer), json=json)


def done(text: str, document: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print(text)


def _rows(cut: tuple[Cut, ...]) -> list[dict[str, Any]]:
    return [{"member": one.member, "jobs": list(one.jobs)} for one in cut]


def _named(cut: tuple[Cut, ...]) -> Iterator[str]:
    """What became of jobs that took longer than `stop` waits."""
    for one in cut:
        yield f"  cut       {', '.join(one.jobs)} of {one.member}; they stay `running` (`altis-local jobs list`)"


def _tell_started(chosen: Environment, status: Any, *, json: bool) -> None:
    phases = getattr(chosen.progress, "phases", [])
    if json:
        print_json({**status, "phases": [{"phase": name, "seconds": round(s, 3)} for name, s in phases]})
        return
    urls = status["urls"]
    print(f"\n{chosen.name} is up: plan {status['plan']}, {len(status['members'])} members")
    print(f"  site      {urls['site']}")
    print(f"  admin     {urls['admin']}  (admin / password)")
    print(f"  phases    {', '.join(f'{name} {seconds:.1f} s' for name, seconds in phases)}")
    if status.get("broken"):
        print(f"  broken    {', '.join(status['broken'])} (on purpose)")
    if status.get("protected") is False:
        print("  NOT protected: a crash of the writer may lose acknowledged writes (see `altis-local status`)")
