"""Reports of a judged run: one HTML page with its picture, JSON, JUnit and Markdown, all in the run's folder.

Called after a run and by `drill judge`. It decides nothing: every word comes from the judgement.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from xml.etree import ElementTree

from altis_local.drill.finding import Checked, told
from altis_local.drill.headline import headline
from altis_local.drill.judge import Judgement, document
from altis_local.drill.ledger import Attempt
from altis_local.drill.pictures import caption, picture
from altis_local.drill.store import Run
from altis_local.model.history import Verdict

LOST_SHOWN = 200
FAILED_SHOWN = 50


def write(run: Run, judged: Judgement) -> None:
    """All four files."""
    found = document(judged, str(run.report))
    whole = {
        **found,
        "checks": [_check(one) for one in judged.checked],
        "lost_writes": _lost(judged),
    }
    (run.folder / "report.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    (run.folder / "report.md").write_text(markdown(judged), encoding="utf-8")
    write_junit(run.folder / "junit.xml", judged)
    run.report.write_text(html(run, judged), encoding="utf-8")


def _check(one: Checked) -> dict[str, object]:
    """With its evidence, which the short document leaves out."""
    finding = one.finding
    told_in_short = {"name": one.name, "verdict": finding.verdict.value, "detail": finding.detail}
    return {**told_in_short, "evidence": list(finding.evidence)}


def _lost(judged: Judgement) -> list[str] | None:
    return None if judged.lost is None else [told(a) for a in judged.lost]


def write_junit(file: Path, judged: Judgement) -> None:
    """One test case for each check; unknown counts as an error, as a test that could not run does."""
    facts = judged.evidence.facts
    verdicts = [one.finding.verdict for one in judged.checked]
    suite = ElementTree.Element(
        "testsuite",
        name=f"drill.{facts.drill}",
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.FAILED)),
        errors=str(verdicts.count(Verdict.UNKNOWN)),
        time=f"{facts.duration:.2f}",
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(facts.started_at)),
    )
    for one in judged.checked:
        case = ElementTree.SubElement(suite, "testcase", classname=f"drill.{facts.drill}", name=one.name, time="0")
        kind = {Verdict.FAILED: "failure", Verdict.UNKNOWN: "error"}.get(one.finding.verdict)
        if kind:
            problem = ElementTree.SubElement(case, kind, message=one.finding.detail)
            problem.text = "\n".join(one.finding.evidence)
        else:
            ElementTree.SubElement(case, "system-out").text = one.finding.detail
    tree = ElementTree.ElementTree(suite)
    ElementTree.indent(tree)
    file.parent.mkdir(parents=True, exist_ok=True)
    tree.write(file, encoding="utf-8", xml_declaration=True)


def markdown(judged: Judgement) -> str:
    """For a pull request or a chat."""
    facts = judged.evidence.facts
    lines = [
        f"# Drill {facts.drill}: {judged.verdict.value}",
        "",
        f"{facts.environment} · {facts.plan} · seed {facts.seed} · {moment(facts.started_at)}",
        "",
        " · ".join(f"{name} **{value}**" for name, value in headline(judged)),
        "",
        "| check | verdict | what was seen |",
        "|---|---|---|",
        *(f"| {c.name} | {c.finding.verdict.value} | {_cell(c.finding.detail)} |" for c in judged.checked),
        "",
    ]
    if judged.lost:
        lines += ["## Lost writes", "", *(f"- {told(a)}" for a in judged.lost[:LOST_SHOWN]), ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def html(run: Run, judged: Judgement) -> str:
    """One file with nothing outside itself."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  only reports pay for it
    from markupsafe import Markup  # noqa: PLC0415

    folder = Path(__file__).parent / "templates"
    page = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    facts = judged.evidence.facts
    return page.get_template("report.html.j2").render(
        run=run.name,
        facts=facts,
        verdict=judged.verdict.value,
        started=moment(facts.started_at),
        headline=headline(judged),
        checks=judged.checked,
        picture=Markup(picture(judged)),  # noqa: S704  our own drawing
        caption=caption(judged),
        since="the fault" if facts.struck else "the beginning",
        lost_title="Asked for and never run"
        if judged.jobs
        else "Lost: acknowledged to a client, and not there in the end",
        lost=_rows(judged, judged.lost or (), LOST_SHOWN),
        lost_count=None if judged.lost is None else len(judged.lost),
        failed=_rows(judged, judged.failed, FAILED_SHOWN),
        failed_count=len(judged.failed),
        journal=_journal(judged),
    )


def _rows(judged: Judgement, attempts: tuple[Attempt, ...], most: int) -> list[dict[str, str]]:
    zero = judged.evidence.facts.zero
    rows = []
    for a in attempts[:most]:
        late = "" if zero is None else f"{(a.end or a.begin) - zero:+.3f} s"
        server, error = str(a.value.get("server", "")), str(a.value.get("error", ""))
        rows.append(
            {"op": a.op, "client": a.client, "kind": a.kind, "outcome": a.outcome, "when": late}
            | {"server": server, "error": error}
        )
    return rows


def _journal(judged: Judgement) -> list[dict[str, str]]:
    """What control did, from just before the fault; where load is what drives it, from the beginning."""
    facts = judged.evidence.facts
    zero = facts.started_at if facts.zero is None else facts.zero + facts.ahead
    first = facts.started_at if facts.stages and facts.stages[0].role else zero - 0.2
    return [
        {
            "when": f"{float(e['at']) - zero:+.3f} s",
            "what": str(e.get("action") or e.get("kind") or ""),
            "text": str(e.get("text") or ""),
            "outcome": str(e.get("outcome") or ""),
            "seconds": "" if e.get("seconds") is None else f"{float(e['seconds']) * 1000:,.0f} ms",
        }
        for e in judged.evidence.journal or ()
        if float(e["at"]) >= first
    ][:300]
