"""The checks of scaling and of jobs find their fault in hand-written histories, and pass the good ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from drill_histories import EPOCH, Story
from scaling_histories import (
    CAV,
    FOUR,
    KILL,
    SAMPLES,
    STAGES,
    JobStory,
    burst,
    change,
    facts,
    journal,
    lean,
    pages,
    route,
    started,
    states,
    web,
)
from test_drill_checks import CASES as OTHERS

from altis_local.drill import checks, judge, scenario
from altis_local.drill import scaling_story as story
from altis_local.drill.evidence import Evidence, FaultMark, Sample, dump, load
from altis_local.drill.headline import headline
from altis_local.drill.pictures import picture
from altis_local.model.history import Verdict

OK, FAILED, UNKNOWN = Verdict.OK, Verdict.FAILED, Verdict.UNKNOWN
Make = Callable[[], Evidence]


def unread(run: Evidence) -> Evidence:
    return dataclasses.replace(run, journal=None)


def never_reached() -> Evidence:
    return web(stages=(STAGES[0], dataclasses.replace(STAGES[1], reached=None)))


def by_hand() -> Evidence:
    """It rose and fell, but control decided nothing by the load."""
    return web(events=[e for e in journal() if e["kind"] != "scale"])


def only_decided() -> Evidence:
    """Control wanted four, and there never were."""
    return web(samples=(SAMPLES[0], Sample(15.0, states(*FOUR[:3])), SAMPLES[-1]))


def stays_up() -> Evidence:
    return web(samples=SAMPLES[:-1])


def decides_late() -> Evidence:
    return web(events=[change("web", 2, 4, 19.0), *journal()[1:]])


def one_gets_more() -> Evidence:
    return web(lean(pages(), since=23.0, until=45.0, to="web-a1"))


def one_gets_nothing() -> Evidence:
    """A container that is routed to and never answers: the plateau of two."""
    return web(lean(pages(), since=0.0, until=14.0, to="web-b1"))


def answered_by_caches() -> Evidence:
    return web(pages(cached=True))


def never_started_again() -> Evidence:
    return web(events=[e for e in journal() if e.get("action") != "StartMember(web-b1)"])


def start_failed() -> Evidence:
    failing = [e | {"outcome": "failed"} if e.get("action") == "StartMember(web-b1)" else e for e in journal()]
    return web(events=failing)


def never_serves_again() -> Evidence:
    told = pages()
    told.lines = told.lines[:400] + [text.replace('"web-b1"', '"web-a1"') for text in told.lines[400:]]
    return web(told)


def served_nobody() -> Evidence:
    told = pages()
    told.lines = [text.replace('"web-b1"', '"web-a1"') for text in told.lines]
    return web(told)


def request_failed(kind: str) -> Evidence:
    told = pages()
    told.attempt("late", f"{kind}-1", kind, 45.0, 45.2, "fail", status=502, error="Bad Gateway")
    return web(told)


def jobs(spoil: Callable[[JobStory], None], **changes: object) -> Evidence:
    told = JobStory()
    spoil(told)
    told.read()
    return burst(told, **changes)  # type: ignore[arg-type]


def runs_twice(told: JobStory) -> None:
    told.runs.append(["job-4", 104, CAV[1], EPOCH + 9.0, EPOCH + 9.5])


def never_runs(told: JobStory) -> None:
    told.runs = [run for run in told.runs if run[0] != "job-4"]


def logged_twice(told: JobStory) -> None:
    told.jobs[4][3] = 2


def never_ends(told: JobStory) -> None:
    told.runs[11][4] = None
    told.jobs[11][2:] = ["running", 0]


def site_does_not_know(told: JobStory) -> None:
    told.runs = []


def nobody_asked(told: JobStory) -> None:
    told.lines, told.runs, told.jobs = [], [], []


KILLED = FaultMark("kill", CAV[1], (CAV[1],), EPOCH + 14.3, 14.3, True)


CASES: list[tuple[str, str, Make, float | None, Verdict, str]] = [
    ("web rose and fell", "scaled-by-load", web, 8.0, OK, "web 2 → 4 → 3 → 2; the first 3.0 s after"),
    ("jobs did it", "scaled-by-load", burst, 8.0, OK, "cavalcade 1 → 2 → 1"),
    ("never reached", "scaled-by-load", never_reached, 8.0, FAILED, "never came to 4 in the stage rush"),
    ("by hand", "scaled-by-load", by_hand, 8.0, FAILED, "never rose to 4 by its load"),
    ("only decided", "scaled-by-load", only_decided, 8.0, FAILED, "never rose to 4"),
    ("stays up", "scaled-by-load", stays_up, 8.0, FAILED, "did not come back to 2"),
    ("decides late", "scaled-by-load", decides_late, 8.0, FAILED, "9.0 s after the load began: more than 8 s"),
    ("no stages", "scaled-by-load", lambda: web(stages=()), 8.0, UNKNOWN, "no stage"),
    ("no journal", "scaled-by-load", lambda: unread(web()), 8.0, UNKNOWN, "journal"),
    ("even", "even-spread", web, 0.2, OK, "from even"),
    ("the killed one's go elsewhere", "even-spread", lambda: web(pages(slow=2.0)), 0.2, OK, "from even"),
    ("one gets more", "even-spread", one_gets_more, 0.2, FAILED, "more than 20%"),
    ("one gets nothing", "even-spread", one_gets_nothing, 0.2, FAILED, "over 2"),
    ("from caches", "even-spread", answered_by_caches, 0.2, UNKNOWN, "too few answers"),
    ("nobody asked", "even-spread", lambda: web(Story()), 0.2, UNKNOWN, "too few answers"),
    ("nothing reached", "even-spread", lambda: web(stages=()), 0.2, UNKNOWN, "no stage"),
    ("no journal of routes", "even-spread", lambda: unread(web()), 0.2, UNKNOWN, "journal"),
    ("replaced", "killed-replaced", web, 15.0, OK, "web-b1 was started again after 0.5 s"),
    ("never started", "killed-replaced", never_started_again, 15.0, FAILED, "never started"),
    ("start failed", "killed-replaced", start_failed, 15.0, FAILED, "never started"),
    ("never serves", "killed-replaced", never_serves_again, 15.0, FAILED, "never served again"),
    ("too late", "killed-replaced", web, 1.0, FAILED, "more than 1 s"),
    ("served nobody", "killed-replaced", served_nobody, 15.0, UNKNOWN, "served nobody"),
    ("nobody killed", "killed-replaced", lambda: web(faults=()), 15.0, UNKNOWN, "nobody was killed"),
    ("no journal of starts", "killed-replaced", lambda: unread(web()), 15.0, UNKNOWN, "journal"),
    ("each once", "jobs-ran-once", burst, None, OK, "20 jobs, each exactly once"),
    ("one twice", "jobs-ran-once", lambda: jobs(runs_twice), None, FAILED, "1 of 20 jobs ran more than once"),
    ("one never", "jobs-ran-once", lambda: jobs(never_runs), None, FAILED, "1 of 20 jobs never ran"),
    ("logged twice", "jobs-ran-once", lambda: jobs(logged_twice), None, FAILED, "not logged just once"),
    ("stuck", "jobs-ran-once", lambda: jobs(never_ends, faults=(KILLED,)), None, OK, "1 stuck with a killed container"),
    ("unknown to the site", "jobs-ran-once", lambda: jobs(site_does_not_know), None, UNKNOWN, "does the site know"),
    ("none asked for", "jobs-ran-once", lambda: jobs(nobody_asked), None, UNKNOWN, "no job was asked for"),
    ("runs not read", "jobs-ran-once", lambda: burst(JobStory()), None, UNKNOWN, "final read"),
    ("none cut", "no-job-cut", burst, None, OK, "1 containers were asked to end; 1 jobs ran in them"),
    ("cut by scale-in", "no-job-cut", lambda: jobs(never_ends), None, FAILED, "1 jobs never came to their end"),
    ("killed with it", "no-job-cut", lambda: jobs(never_ends, faults=(KILLED,)), None, OK, "asked to end"),
    ("nobody asked to end", "no-job-cut", lambda: burst(events=[]), None, UNKNOWN, "no container"),
    ("no journal of ends", "no-job-cut", lambda: unread(burst()), None, UNKNOWN, "journal"),
    ("ends not read", "no-job-cut", lambda: burst(JobStory()), None, UNKNOWN, "final read"),
    *[
        (f"{kind} failed", "failed-requests", lambda k=kind: request_failed(k), 0, FAILED, "more than 0")  # type: ignore[misc]
        for kind in ("page", "visit", "busy", "form")
    ],
    ("front page failed", "failed-requests", lambda: request_failed("edge"), 0, OK, "0 of 720"),
    ("all answered", "failed-requests", web, 0, OK, "240 visit"),
    ("nothing broken", "converged-again", burst, 60, OK, "nothing was broken"),
    (
        "helped before the fault",
        "without-a-hand",
        lambda: web(events=[*journal(), {"kind": "spec", "at": EPOCH + KILL - 5, "text": "asked to scale web to 4"}]),
        None,
        FAILED,
        "somebody",
    ),
]


@pytest.mark.parametrize(("name", "make", "most", "verdict", "says"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_check(name: str, make: Make, most: float | None, verdict: Verdict, says: str) -> None:
    finding = checks.check(name, make(), most).finding
    assert (finding.verdict, says in finding.detail) == (verdict, True), finding


def test_every_check_has_a_case_for_each_way_to_end() -> None:
    named = {(case[1], case[4]) for case in (*CASES, *OTHERS)}
    for name in checks.CHECKS:
        assert (name, OK) in named
        assert (name, UNKNOWN) in named
        assert (name, FAILED) in named or name == "fault-struck"


def test_plateaus_lie_between_changes_of_routes_and_the_death_of_a_member() -> None:
    found = [(len(p.members), round(p.begin, 1), round(p.end, 1)) for p in story.plateaus(web())]
    assert found == [
        (2, 0.3, 14.3),
        (4, 14.7, 19.8),
        (3, 20.4, 21.8),
        (4, 22.2, 44.9),
        (3, 45.3, 61.9),
        (2, 62.3, 71.8),
    ]


def test_a_route_that_failed_changes_nothing() -> None:
    events = [*journal(), route(30.0, "web-a1", outcome="failed")]
    assert story.plateaus(web(events=events)) == story.plateaus(web())


def test_a_start_before_the_kill_is_none_after_it() -> None:
    events = [e for e in journal() if e.get("action") != "StartMember(web-b1)"]
    finding = checks.check("killed-replaced", web(events=[started("web-b1", 1.0), *events]), None).finding
    assert finding.verdict is FAILED


def test_jobs_run_twice_are_shown_with_their_containers() -> None:
    finding = checks.check("jobs-ran-once", jobs(runs_twice), None).finding
    assert [CAV[0] in finding.evidence[0], CAV[1] in finding.evidence[1]] == [True, True]


@pytest.mark.parametrize(("drill", "make"), [("web-scale", web), ("cavalcade-burst", burst)])
def test_the_good_run_is_ok_as_a_whole_and_has_its_picture_and_numbers(drill: str, make: Make) -> None:
    judged = judge.judge(scenario.find(drill), make())
    assert judged.verdict is OK, [c for c in judged.checked if c.finding.verdict is not OK]
    ElementTree.fromstring(picture(judged))
    assert "unknown" not in dict(headline(judged)).values()
    document = judge.document(judged, None)
    assert (document["lost"], document["failed_requests"]) == (0, 0)
    assert document["scaled"][0].keys() == {"role", "from", "to", "at_s", "why"}


def test_the_documents_numbers_of_jobs() -> None:
    judged = judge.judge(scenario.find("cavalcade-burst"), jobs(runs_twice))
    assert judge.document(judged, None)["jobs"] == {"asked": 20, "lost": 0, "twice": 1, "stuck": 0, "cut": 0}
    ElementTree.fromstring(picture(judged))


def test_facts_survive_their_json() -> None:
    assert load(dump(facts())) == facts()
