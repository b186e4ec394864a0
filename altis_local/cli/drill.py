"""drill: list, run, show, judge. Exit codes of a run: 0 ok, 1 failed, 2 refused, 3 unknown, 130 interrupted."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.clients.log_stream import follow
from altis_local.drill import report, scenario, store
from altis_local.drill.finding import told
from altis_local.drill.headline import headline
from altis_local.drill.judge import Judgement, document, judge
from altis_local.drill.run import Drilling, Tools
from altis_local.model.history import Verdict
from altis_local.naming import find_folder

app = typer.Typer(no_args_is_help=True, help="Break the environment on purpose and judge what its clients saw.")

EXIT = {Verdict.OK: 0, Verdict.FAILED: 1, Verdict.UNKNOWN: 3}
_SIGNS = {Verdict.OK: ("✓", "green"), Verdict.FAILED: ("✗", "red"), Verdict.UNKNOWN: ("?", "yellow")}


@app.command("list")
def listing(json: Json = False) -> None:
    """The drills there are, and the plans that can run them."""
    known = scenario.builtin()
    if json:
        rows = [{"name": s.name, "description": s.description, "plans": list(s.plans)} for s in known]
        print_json({"drills": rows})
        return
    print(columns(("DRILL", "PLANS", "WHAT HAPPENS"), [(s.name, " ".join(s.plans), s.description) for s in known]))


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A drill of `drill list`, or a drill file (.yaml).")],
    seed: Annotated[int | None, typer.Option(help="Repeats the offsets of an earlier run.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds for which the clients work.")] = None,
    jobs: Annotated[int | None, typer.Option(help="How many jobs come due at once, in a drill of jobs.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the checks there as JUnit XML too.")] = None,
    json: Json = False,
) -> None:
    """Run a drill on the environment and judge it."""
    chosen = scenario.find(name)
    if duration is not None:
        chosen = scenario.lasting(chosen, duration)
    if jobs is not None:
        chosen = scenario.with_jobs(chosen, jobs)
    world = environment()
    plan = world.status().get("plan")
    if plan:
        scenario.refuse(chosen, str(plan))
    # Asked to end, it must still heal what it broke: as with Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    tools = Tools(world, world.engine, world.reader, follow, world.clock, world.progress)
    folder = store.create(find_folder(Path.cwd()), chosen.name, world.clock.now())
    seed = random.SystemRandom().randrange(1, 1_000_000) if seed is None else seed
    Drilling(tools, chosen, folder, seed=seed).carry_out()
    judged = _judge(folder)
    if junit:
        report.write_junit(junit, judged)
    _tell(judged, folder, json=json)
    raise typer.Exit(EXIT[judged.verdict])


@app.command("judge")
def again(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder or its name, or last.")] = "last",
    junit: Annotated[Path | None, typer.Option(help="Write the checks there as JUnit XML too.")] = None,
    json: Json = False,
) -> None:
    """Judge a saved run again and write its reports anew. It needs no environment."""
    folder = store.find(find_folder(Path.cwd()), run)
    judged = _judge(folder)
    if junit:
        report.write_junit(junit, judged)
    _tell(judged, folder, json=json)
    raise typer.Exit(EXIT[judged.verdict])


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="A run's folder or its name, or last.")] = "last",
    json: Json = False,
) -> None:
    """What a saved run found."""
    folder = store.find(find_folder(Path.cwd()), run)
    _tell(judge(*folder.load()), folder, json=json)


def _judge(folder: store.Run) -> Judgement:
    judged = judge(*folder.load())
    report.write(folder, judged)
    return judged


def _tell(judged: Judgement, folder: store.Run, *, json: bool) -> None:
    where = str(folder.report) if folder.report.exists() else None
    if json:
        print_json(document(judged, where))
        return
    facts = judged.evidence.facts
    typer.echo(f"\n{facts.drill} on {facts.environment} ({facts.plan}), seed {facts.seed}: {_styled(judged.verdict)}\n")
    for one in judged.checked:
        typer.echo(f"  {_styled(one.finding.verdict, sign=True)} {one.name:<26} {one.finding.detail}")
    typer.echo("\n  " + " · ".join(f"{name} {value}" for name, value in headline(judged)))
    for attempt in (judged.lost or ())[:10]:
        typer.echo(f"  lost: {told(attempt)}")
    typer.echo(f"\n  report  {where or 'none yet: altis-local drill judge ' + folder.name}")


def _styled(verdict: Verdict, *, sign: bool = False) -> str:
    mark, colour = _SIGNS[verdict]
    return typer.style(mark if sign else verdict.value, fg=colour)


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
