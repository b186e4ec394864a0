"""fault: break a part by hand, see what is broken, let go of it."""

from __future__ import annotations

from typing import Annotated

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.drill.faults import KINDS, Faults, seconds
from altis_local.drill.targets import ENDPOINTS, resolve
from altis_local.environment.facade import Environment
from altis_local.errors import UsageError
from altis_local.model.faults import Fault

app = typer.Typer(
    no_args_is_help=True, help="Break a part of the environment by hand; control heals it as if it were real."
)


@app.command()
def add(
    kind: Annotated[str, typer.Argument(metavar="kill|pause", help="SIGKILL its processes, or stop them for a while.")],
    target: Annotated[str, typer.Argument(help=f"A member, a role (all of it), or {', '.join(ENDPOINTS)}.")],
    lease: Annotated[str, typer.Option("--for", help="How long it is paused: 500ms, 10s, 2m.")] = "10s",
    json: Json = False,
) -> None:
    """Apply a fault. A paused member is let go when its time is up, also when nobody is left to do it."""
    if kind not in KINDS:
        raise UsageError(f"no fault is called {kind}", hint=f"there is: {', '.join(KINDS)}")
    lasting = seconds(lease)
    chosen = environment()
    status = chosen.status() if target in ENDPOINTS else {}
    targets = resolve(target, chosen.standing().containers, status)
    if kind == "kill":
        _faults(chosen).kill(targets)
        made = tuple(Fault(f"kill-{t.member}", "kill", t.member, None) for t in targets)
    else:
        made = _faults(chosen).pause(targets, lasting)
    if json:
        print_json({"faults": [fault.document() for fault in made]})
        return
    for fault in made:
        print(f"{fault.target} is {'killed' if kind == 'kill' else f'paused for {lasting:g} s ({fault.id})'}")


@app.command("list")
def listing(json: Json = False) -> None:
    """The faults that are on now."""
    chosen = environment()
    chosen.standing()
    _tell(_faults(chosen).active(), chosen, json=json, nothing="no fault is on")


@app.command()
def clear(
    fault: Annotated[str, typer.Argument(metavar="[ID]", help="The fault, as `fault list` names it.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    json: Json = False,
) -> None:
    """Heal a fault, or all. One that is over already is no error."""
    if bool(fault) == every:
        raise UsageError("say which fault, or --all", hint="altis-local fault list")
    chosen = environment()
    chosen.standing()
    _tell(_faults(chosen).clear(fault or None), chosen, json=json, nothing="there was nothing to clear")


def _faults(chosen: Environment) -> Faults:
    return Faults(chosen.name, chosen.engine, chosen.reader, chosen.clock)


def _tell(faults: tuple[Fault, ...], chosen: Environment, *, json: bool, nothing: str) -> None:
    if json:
        print_json({"faults": [fault.document() for fault in faults]})
    elif not faults:
        print(nothing)
    else:
        left = [max(0.0, (f.expires_at or 0) - chosen.clock.now()) for f in faults]
        rows = [(f.id, f.kind, f.target, f"{s:.0f} s") for f, s in zip(faults, left, strict=True)]
        print(columns(("FAULT", "KIND", "TARGET", "LEFT"), rows))
