"""A whole run on a world of values: what it keeps, what it heals, and what it does when something goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from drill_histories import BACK, EPOCH, FAULT, crash, promoted, status

from altis_local.clients.engine_reader import Found
from altis_local.clients.engine_values import ContainerRequest, ExecResult
from altis_local.drill import report, scenario, store
from altis_local.drill.judge import Judgement, judge
from altis_local.drill.run import Drilling, Tools
from altis_local.drill.workload.config import VARIABLE, Config
from altis_local.environment.progress import Recorded
from altis_local.errors import ActionFailed, AltisError, Conflict, RefusedByPlan, Unreachable
from altis_local.model.history import Verdict

CRASH = scenario.find("db-writer-crash")


class Clock:
    """Sleeping is free here, and ends nobody else's sleep."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return EPOCH + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


class World:
    """An environment, its engine and its workload in one; `done` tells in order what was asked of it."""

    name = "t"

    def __init__(self, *, broken: tuple[str, ...] = (), **state: Any) -> None:
        self.done: list[str] = []
        self.extra = {"broken": list(broken), "sequence": 41, **state}
        self.story = crash(lost=3 if broken else 0)
        self.is_struck = False
        self.requests: dict[str, ContainerRequest] = {}
        self.on_kill: Callable[[], object] = lambda: None
        self.says_at_work = True

    # -- control

    def status(self) -> Mapping[str, Any]:
        serving = {"endpoints": {"db-writer": {"members": ["db-1"]}, "db-reader": {"members": ["db-2", "db-3"]}}}
        urls = {"urls": {"site": "https://localhost:8443/"}}
        return status("db-2" if self.is_struck else "db-1") | serving | urls | self.extra

    def journal(self, after: int = 0) -> tuple[Mapping[str, Any], ...]:
        events = [*promoted("db-2", 2, BACK), {"at": EPOCH + FAULT + 6, "kind": "converged", "text": "whole"}]
        numbered = [{**event, "sequence": n} for n, event in enumerate(events, start=42)]
        return tuple(e for e in numbered if e["sequence"] > after)

    # -- eyes

    def containers(self, environment: str | None = None) -> tuple[Found, ...]:
        labels = {"altis-local.block": "10.208.16.0/20"}
        made = [("control", "control", "", labels), ("web-a1", "web", "a", {}), ("lb-b", "lb", "b", {})]
        made += [(f"db-{n}", "db", "", {}) for n in (1, 2, 3)] + [("lb-a", "lb", "a", {})]
        return tuple(self._found(*one) for one in made)

    def _found(self, name: str, role: str, zone: str, labels: Mapping[str, str]) -> Found:
        kind = "control" if role == "control" else "member"
        return Found(name, f"altis-t-{name}", "t", kind, role, name, zone, "running", "image:1", labels, {})

    def environment_of(self, container: str) -> Mapping[str, str]:
        return {"DB_HOST": "db-writer", "DB_USER": "wordpress", "DB_PASSWORD": "secret"}

    # -- hands

    def create(self, request: ContainerRequest) -> str:
        self.requests[request.name] = request
        return request.name

    def start(self, container: str) -> None:
        self.done.append(f"start {container.rpartition('-')[2]}")

    def kill(self, container: str, signal: str = "KILL") -> None:
        self.done.append(f"signal {signal}")

    def remove(self, container: str, *, force: bool = False) -> None:
        self.done.append(f"remove {container.rpartition('-')[2]}")

    def logs(self, container: str, tail: int = 20) -> tuple[str, ...]:
        return ("Traceback",)

    def exec(
        self,
        container: str,
        argv: tuple[str, ...],
        *,
        user: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        if argv[0] == "mysql":
            self.done.append(f"{container}: let in")
            return ExecResult(0, "")
        if "Binlog Dump" in argv[-1]:
            self.done.append(f"{container}: held at {int((env or {})['AT']) / 1e9:.3f}")
            return ExecResult(0, f"{EPOCH + FAULT - 1:.9f}\n")
        self.on_kill()
        self.done.append(f"{container}: killed")
        self.is_struck = True
        return ExecResult(137, f"{EPOCH + FAULT:.9f}\n")

    # -- the workload

    def follow(self, container: str) -> Iterable[bytes]:
        config = Config.load(self.requests[container].environment[VARIABLE])
        own = crash()
        own.lines = []
        if config.mode == "write":
            if self.says_at_work:
                own.say("at-work", "workload", "workload", "ok", 0.0)
                own.lines += self.story.lines
        else:
            self.story.lines = []
            self.story.read()
            own.lines += self.story.lines
        if own.lines:
            own.say("done", "workload", "workload", "ok", 9.0)
        return (line.replace('": "', '":"').encode() for line in own.lines)


class Play:
    """Runs the drill and gives what is left of it."""

    def __init__(self, folder: Path, world: World, drill: scenario.Scenario = CRASH) -> None:
        self.world, self.clock = world, Clock()
        self.run = store.create(folder, drill.name, self.clock.now())
        tools = Tools(world, world, world, world.follow, self.clock, Recorded(self.clock))
        self.drilling = Drilling(tools, drill, self.run, seed=7)

    def judged(self) -> Judgement:
        judged = judge(*self.run.load())
        report.write(self.run, judged)
        return judged


def test_a_good_run_is_ok_and_keeps_everything(tmp_path: Path) -> None:
    play = Play(tmp_path, World())
    play.drilling.carry_out()
    judged = play.judged()
    assert judged.verdict is Verdict.OK, [c for c in judged.checked if c.finding.verdict is not Verdict.OK]
    done = [d for d in play.world.done if d != "signal TERM"]
    assert done == ["start write", "db-1: killed", "remove write", "start read", "remove read"]
    assert {f.name for f in play.run.folder.iterdir()} == {
        *("history.jsonl", "journal.jsonl", "run.json", "report.html", "report.json", "report.md", "junit.xml")
    }
    mark = judged.evidence.facts.faults[0]
    assert (mark.members, round(mark.mono, 6), mark.at) == (("db-1",), FAULT, EPOCH + FAULT)
    assert judged.evidence.facts.converge_seconds == 6.0


def test_the_password_is_not_kept(tmp_path: Path) -> None:
    play = Play(tmp_path, World())
    play.drilling.carry_out()
    play.judged()
    assert not [file for file in play.run.folder.iterdir() if "secret" in file.read_text()]
    request = next(iter(play.world.requests.values()))
    assert "secret" not in repr(Config.load(request.environment[VARIABLE]))


def test_the_workload_knows_what_the_cdn_and_wordpress_know(tmp_path: Path) -> None:
    play = Play(tmp_path, World())
    play.drilling.carry_out()
    request = next(iter(play.world.requests.values()))
    told = Config.load(request.environment[VARIABLE])
    assert told.site is not None
    assert told.site.balancers == ("10.208.17.2:80", "10.208.17.66:80")
    assert (told.site.edge, told.site.host, request.dns) == ("10.208.16.192:8443", "localhost:8443", ("10.208.19.196",))
    assert [n.network for n in request.networks] == [
        "altis-t-data",
        "altis-t-data-ro",
        "altis-t-edge",
        "altis-t-ingress",
    ]


def test_the_twin_holds_receivers_before_and_must_fail(tmp_path: Path) -> None:
    play = Play(tmp_path, World(broken=("semi-sync",)))
    play.drilling.carry_out()
    first, then = scenario.schedule(CRASH, seed=7, broken=frozenset({"semi-sync"}))
    assert first.offset < then.offset
    done = play.world.done
    assert sorted(done[1:3]) == [f"db-1: held at {EPOCH + first.offset:.3f}", "db-1: killed"]
    assert [d for d in done[3:] if d != "signal TERM"][:2] == ["db-1: let in", "remove write"]
    judged = play.judged()
    assert judged.verdict is Verdict.FAILED
    assert judged.lost is not None
    assert len(judged.lost) == 3
    assert all(a.op in play.run.report.read_text() for a in judged.lost)


@pytest.mark.parametrize(
    ("state", "why"),
    [({"converged": False}, "not converged"), ({"protected": False}, "not protected")],
    ids=["not converged", "not protected"],
)
def test_nothing_is_broken_where_the_state_is_not_steady(tmp_path: Path, state: dict[str, Any], why: str) -> None:
    play = Play(tmp_path, World(**state))
    play.drilling.carry_out()
    judged = play.judged()
    assert judged.verdict is Verdict.UNKNOWN
    assert why in judged.checked[0].finding.detail
    assert play.world.done == []


def test_a_plan_that_cannot_is_refused_before_anything(tmp_path: Path) -> None:
    play = Play(tmp_path, World(plan="local"))
    with pytest.raises(RefusedByPlan):
        play.drilling.carry_out()
    assert play.world.done == []


def interrupt() -> None:
    raise KeyboardInterrupt


def refuse() -> None:
    raise ActionFailed("no such container", member="db-1")


@pytest.mark.parametrize("fails", [Unreachable("control does not answer"), Conflict("db-1 is paused already")])
def test_what_cannot_be_carried_out_is_unknown(tmp_path: Path, fails: AltisError) -> None:
    """Exit code 3, not the 1 of an environment that failed: CI must be able to tell them apart."""
    play = Play(tmp_path, World())

    def fail() -> None:
        raise fails

    play.world.on_kill = fail
    play.drilling.carry_out()
    judged = play.judged()
    assert judged.verdict is Verdict.UNKNOWN
    assert any(fails.message in trouble for trouble in judged.evidence.facts.troubles)


def test_an_interrupted_drill_heals_and_cleans_up(tmp_path: Path) -> None:
    play = Play(tmp_path, World(broken=("semi-sync",)))
    play.world.on_kill = interrupt
    with pytest.raises(KeyboardInterrupt):
        play.drilling.carry_out()
    assert [d for d in play.world.done if d != "signal TERM"][-2:] == ["db-1: let in", "remove write"]
    assert play.judged().verdict is Verdict.UNKNOWN


def test_a_fault_that_missed_makes_it_unknown(tmp_path: Path) -> None:
    play = Play(tmp_path, World())
    play.world.on_kill = refuse
    play.drilling.carry_out()
    judged = play.judged()
    found = {c.name: c.finding for c in judged.checked}
    assert found["fault-struck"].verdict is Verdict.UNKNOWN
    assert "no such container" in found["steady-state"].detail


def test_clients_that_never_got_to_work_make_it_unknown(tmp_path: Path) -> None:
    play = Play(tmp_path, World())
    play.world.says_at_work = False
    play.drilling.carry_out()
    judged = play.judged()
    assert "did not get to work" in judged.checked[0].finding.detail
    assert {c.finding.verdict for c in judged.checked if c.name == "write-gap"} == {Verdict.UNKNOWN}
    assert "db-1: killed" not in play.world.done


def test_a_journal_that_cannot_be_read_is_no_proof(tmp_path: Path) -> None:
    class Mute(World):
        def journal(self, after: int = 0) -> tuple[Mapping[str, Any], ...]:
            raise Unreachable("gone", member="control")

    play = Play(tmp_path, Mute())
    play.drilling.carry_out()
    found = {c.name: c.finding.verdict for c in play.judged().checked}
    assert (found["without-a-hand"], found["reader-promoted"]) == (Verdict.UNKNOWN, Verdict.UNKNOWN)


def test_a_run_is_judged_again_from_its_folder_alone(tmp_path: Path) -> None:
    play = Play(tmp_path, World())
    play.drilling.carry_out()
    first = play.judged()
    moved = tmp_path / "elsewhere"
    play.run.folder.rename(moved)
    assert judge(*store.find(tmp_path, str(moved)).load()) == first
    assert json.loads((moved / "report.json").read_text())["verdict"] == "ok"


CALM = {"until": {"role": "web", "members": "least"}, "for_s": 1}
STAGED = scenario.Scenario.model_validate(
    CRASH.model_dump()
    | {
        "name": "staged",
        "stages": [{"name": "calm", **CALM}, {"name": "rush", "busy": 3, "until": {"role": "web", "members": 4}}],
        "faults": [{"kind": "kill", "target": "db-writer", "stage": "calm", "at_s": 0.5}],
    }
)


class Scaling(World):
    """As many healthy web containers as the stage's signals have asked for, up to `most`."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def status(self) -> Mapping[str, Any]:
        found = dict(super().status())
        count = min(self.most, 2 + 2 * self.done.count("signal USR1"))
        rows = [{"member": f"web-a{n}", "role": "web", "state": "healthy"} for n in range(count)]
        return found | {"members": [*found["members"], *rows]}


@pytest.mark.parametrize(("most", "marks"), [(4, ["calm", "rush"]), (3, ["calm", "rush"])], ids=["rises", "does not"])
def test_stages_follow_one_another_and_their_load_comes_by_signal(tmp_path: Path, most: int, marks: list[str]) -> None:
    play = Play(tmp_path, Scaling(most), STAGED)
    play.drilling.carry_out()
    facts = play.judged().evidence.facts
    assert [(stage.name, stage.role) for stage in facts.stages] == [(name, "web") for name in marks]
    assert (facts.stages[-1].reached is not None) == (most == 4)
    assert [d for d in play.world.done if d in ("signal USR1", "db-1: killed")] == ["db-1: killed", "signal USR1"]
    request = next(iter(play.world.requests.values()))
    assert [turn.busy for turn in Config.load(request.environment[VARIABLE]).stages] == [0, 3]
