"""Log groups and metrics in CloudWatch, as LocalStack keeps them."""

from __future__ import annotations

import json
import re
import urllib.parse

from altis_local.fidelity.asking import answered, aws, poll
from altis_local.fidelity.finding import Finding, claims
from altis_local.fidelity.probes.jobs import HOOK, Jobs
from altis_local.fidelity.world import Ask, World

TWO_WEEKS, MONTH = 14, (30, 31)
LATE = 25.0
"""Seconds for lines and figures to arrive: they are gathered and sent together."""


def _groups(world: World) -> dict[str, int | None]:
    """Short name of each of the environment's groups: days that its lines are kept, None for ever."""
    prefix = f"{world.variables('web').get('HM_ENV')}/"
    held = (aws(world, "logs", "DescribeLogGroups", {"logGroupNamePrefix": prefix}) or {}).get("logGroups", [])
    return {g["logGroupName"].removeprefix(prefix): g.get("retentionInDays") for g in held}


def _lines(world: World, stream: str, needle: str, since: float) -> list[str]:
    """Lines of a stream in the group of jobs that hold the needle."""
    name = f"{world.variables('web').get('HM_ENV')}/cavalcade"
    request = {
        "logGroupName": name,
        "logStreamName": stream,
        "startTime": int((since - 60) * 1000),
        "startFromHead": True,
    }
    events = (aws(world, "logs", "GetLogEvents", request) or {}).get("events", [])
    return [event["message"] for event in events if needle in event["message"]]


def retention(world: World) -> Finding:
    found = _groups(world)
    php = next((found[name] for name in found if name.startswith("php")), -1)
    nginx = next((found[name] for name in found if name.startswith("nginx")), -1)
    return claims(
        (php == TWO_WEEKS, f"php {php} days"),
        (nginx == TWO_WEEKS, f"nginx {nginx} days"),
        ("cavalcade" in found and found["cavalcade"] is None, f"cavalcade {found.get('cavalcade', 'has no group')}"),
        (found.get("ses") in MONTH, f"ses {found.get('ses', 'has no group')} days"),
    )


def job_lines(world: World) -> Finding:
    began = world.now()
    found: dict[str, list[dict[str, object]]] = {}
    with Jobs(world) as jobs:
        jobs.add()
        jobs.add(exit=2)
        jobs.done(2)

        def look() -> bool:
            for stream in ("success", "fail"):
                found[stream] = [json.loads(line) for line in _lines(world, stream, jobs.token, began)]
            return all(found.values())

        poll(world, look, LATE)
    fields = {"hook", "id", "site_url", "site_id", "args", "status", "stdout", "stderr", "duration"}
    lines = [line for held in found.values() for line in held]
    missing = [sorted(fields - set(line)) for line in lines if not fields <= set(line)]
    counts = {stream: len(held) for stream, held in found.items()}
    return claims(
        (counts == {"success": 1, "fail": 1}, f"of a good and a bad job: {counts}"),
        ({line.get("hook") for line in lines} == {HOOK}, f"hooks {[line.get('hook') for line in lines]}"),
        (not missing, f"lack {missing}" if missing else f"each has {', '.join(sorted(fields))}"),
    )


def job_metrics(world: World) -> Finding:
    name = world.variables("web").get("HM_ENV", "")
    with Jobs(world) as jobs:
        jobs.add()
        jobs.add(exit=2)
        jobs.done(2)
    wanted = {"Invocations", "Completed", "Failed", "Duration"}
    found: dict[str, set[str]] = {}

    def look() -> bool:
        found.clear()
        for metric, dimension in _metrics(world, "Cavalcade"):
            found.setdefault(dimension, set()).add(metric)
        return wanted <= found.get(name, set()) and wanted <= found.get("", set())

    poll(world, look, LATE)
    return claims(
        (wanted <= found.get(name, set()), f"of Application {name}: {sorted(found.get(name, ()))}"),
        (wanted <= found.get("", set()), f"without: {sorted(found.get('', ()))}"),
    )


def _metrics(world: World, namespace: str) -> list[tuple[str, str]]:
    """(metric, value of its dimension Application) of each."""
    known = world.variables("web")
    scope = f"{known.get('AWS_ACCESS_KEY_ID', '')}/20260101/{known.get('AWS_REGION', '')}/monitoring/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    form = urllib.parse.urlencode({"Action": "ListMetrics", "Version": "2010-08-01", "Namespace": namespace}).encode()
    text = answered(world.ask(Ask("http://aws:4566", "/", "POST", headers, form))[0]).text
    rows = []
    for block in re.split(r"(?=<Namespace>)", text)[1:]:
        name = re.search(r"<MetricName>(\w+)<", block)
        value = re.search(r"<Name>Application</Name>\s*<Value>([^<]*)</Value>", block)
        rows += [(name[1], value[1] if value else "")] if name else []
    return rows
