"""What the region gives every environment: log groups with the members' lines, metrics, instance metadata; all of it
again after the services forgot it, and nothing twice."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from altis_local.model.topology import ZONES
from tests.stack.services import Services
from tests.stack.world import Row, World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

KEPT = {"access": 0, "cavalcade": 0, "lb": 14, "nginx": 14, "php": 14, "ses": 30}
SITE = ("web-a1", "sandbox", "cavalcade-a1")
METADATA = """
$address = 'http://169.254.169.254/latest/';
$ask = fn ( $path, $method, $header ) => @file_get_contents( $address . $path, false, stream_context_create(
  [ 'http' => [ 'method' => $method, 'header' => $header, 'timeout' => 1 ] ] ) );
$token = $ask( 'api/token', 'PUT', 'X-aws-ec2-metadata-token-ttl-seconds: 60' );
echo $ask( 'dynamic/instance-identity/document', 'GET', "X-aws-ec2-metadata-token: $token" );
"""


@pytest.fixture
def services(ha: World) -> Services:
    return Services(ha)


def lines(world: World, group: str, text: str) -> list[Row]:
    """Lines of a group with a text in them, by the command line."""
    said = world.do("logs", "--group", group, "--filter", text, "--tail", "100000", "--json").stdout
    return [json.loads(line) for line in said.splitlines()]


def arrives(world: World, group: str, text: str, within: float = 20.0) -> Row:
    """The one line with this text, once it is there."""
    found: list[Row] = []

    def is_there() -> bool:
        found[:] = lines(world, group, text)
        return bool(found)

    eventually(is_there, f"{text!r} in {group}", within, every=0.5)
    assert len(found) == 1, found
    return found[0]


def visit(world: World) -> str:
    """A page of which the CDN's log has one line; its mark in that line."""
    mark = f"mark={secrets.token_hex(8)}"
    with world.client() as visitor:
        visitor.get(f"/wp-includes/css/buttons.css?{mark}")
    return mark


def forbidden(world: World) -> str:
    """A path about which the first web container's nginx complains."""
    path = f"/.hidden-{secrets.token_hex(6)}"
    assert Services(world).page(path).status == 403
    return path


def stream(world: World, member: str) -> str:
    return f"{member}/{world.containers()[member].id[:12]}"


def metadata(world: World, member: str) -> Row:
    """The identity document that a member's own code gets; empty when it gets none."""
    said = world.exec(member, "php", "-r", METADATA, user="www-data").output
    document: Row = json.loads(said) if said.startswith("{") else {}
    return document


def has_metadata(world: World, members: Iterable[str] = SITE) -> None:
    for member in members:
        eventually(lambda name=member: bool(metadata(world, name)), f"{member}'s metadata", within=10, every=0.2)


# -- log groups


def test_groups_and_how_long_they_are_kept(ha: World) -> None:
    """DASH-01, DASH-11."""
    groups = ha.json("logs", "--groups")["groups"]
    assert {one["short"]: one["days"] for one in groups if one["name"].startswith(f"{ha.name}/")} == KEPT


def test_a_request_is_in_the_access_log_once(ha: World) -> None:
    found = arrives(ha, "access", visit(ha))
    assert found["stream"].startswith(stream(ha, "cdn"))
    assert "GET" in found["line"]


def test_an_error_of_nginx_and_one_of_php(ha: World) -> None:
    path = forbidden(ha)
    found = arrives(ha, "nginx", path)
    assert found["stream"].startswith(stream(ha, "web-a1"))
    assert "access forbidden by rule" in found["line"]
    worker = ha.exec("web-a1", "sh", "-c", "grep -l '^php-fpm: pool' /proc/[0-9]*/cmdline | head -1").output
    number = worker.split("/")[2]
    ha.exec("web-a1", "kill", "-KILL", number)
    found = arrives(ha, "php", f"child {number} exited on signal 9")
    assert found["stream"].startswith(stream(ha, "web-a1"))
    assert lines(ha, "nginx", f"child {number} exited") == []


def test_what_runners_say_is_in_the_group_of_cavalcade(ha: World, services: Services) -> None:
    job = services.schedule("hm-platform.healthcheck.cavalcade", secrets.token_hex(4))
    services.becomes(job, "completed")
    eventually(lambda: bool(lines(ha, "cavalcade", f"[{job}] Worker ret: 0")), "its line", within=20, every=0.5)
    (found,) = lines(ha, "cavalcade", f"[{job}] Running wp cavalcade run {job} ")
    assert found["stream"].startswith("cavalcade-")


def test_a_replaced_member_writes_into_a_stream_of_its_own(ha: World) -> None:
    before = stream(ha, "web-a1")
    docker("kill", ha.containers()["web-a1"].id)
    ha.converged()
    path = forbidden(ha)
    assert stream(ha, "web-a1") != before
    assert arrives(ha, "nginx", path)["stream"].startswith(stream(ha, "web-a1"))


def test_logs_are_followed_as_they_come(ha: World) -> None:
    process = ha.spawn("logs", "--group", "access", "--follow", "--json", "--tail", "0")
    assert process.stdout is not None
    seen: list[Row] = []

    def read() -> None:
        seen.extend(json.loads(line) for line in process.stdout or ())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def is_shown() -> bool:
        visit(ha)
        return bool(seen)

    try:
        eventually(is_shown, "a first line", within=60, every=1)
        marks = [visit(ha) for _ in range(3)]
        eventually(lambda: all(any(m in row["line"] for row in seen) for m in marks), "all three", within=30)
        assert [sum(mark in row["line"] for row in seen) for mark in marks] == [1, 1, 1]
    finally:
        process.terminate()
        process.wait(10)


# -- and what goes wrong


def test_no_line_is_lost_or_doubled_when_control_is_killed(ha: World) -> None:
    """Visits go on while its process dies and comes back."""
    stop = threading.Event()

    def visits() -> list[str]:
        made = []
        while not stop.wait(0.05):
            made.append(visit(ha))
        return made

    with ThreadPoolExecutor(1) as pool:
        visiting = pool.submit(visits)
        try:
            eventually(lambda: bool(lines(ha, "access", "mark=")), "the first ones", within=20, every=0.5)
            control = ha.containers()["control"].id
            begun = docker("inspect", "--format", "{{.State.StartedAt}}", control)
            ha.hurt("process-killed", ["control"])
            ha.converged()
            assert docker("inspect", "--format", "{{.State.StartedAt}}", control) != begun
        finally:
            stop.set()
        marks = visiting.result()
    assert len(marks) > 20
    arrives(ha, "access", marks[-1])
    said = [row["line"] for row in lines(ha, "access", "mark=")]
    counts = {mark: sum(mark in line for line in said) for mark in marks}
    assert {mark: count for mark, count in counts.items() if count != 1} == {}


def test_aws_gets_back_what_it_forgets_and_lines_written_meanwhile(ha: World, services: Services) -> None:
    docker("kill", ha.containers()["aws"].id)
    meanwhile = visit(ha)
    ha.converged()
    groups = ha.json("logs", "--groups")["groups"]
    assert {one["short"]: one["days"] for one in groups if one["name"].startswith(f"{ha.name}/")} == KEPT
    identities = services.aws("ses", "list_identities")["Identities"]
    assert {"altis.cloud", f"{ha.name}.altis.cloud"} <= set(identities)
    arrives(ha, "access", meanwhile)
    arrives(ha, "access", visit(ha))


def test_a_group_that_somebody_deleted_is_made_anew(ha: World, services: Services) -> None:
    services.aws("logs", "delete_log_group", logGroupName=f"{ha.name}/access")
    mark = visit(ha)

    def is_there() -> bool:
        return any(one["name"] == f"{ha.name}/access" for one in ha.json("logs", "--groups")["groups"])

    eventually(is_there, "the group is there again", within=30, every=0.5)
    arrives(ha, "access", mark, within=40)
    groups = ha.json("logs", "--groups")["groups"]
    assert {one["short"]: one["days"] for one in groups if one["name"].startswith(f"{ha.name}/")} == KEPT


# -- metrics


def test_every_member_has_its_figures(ha: World, services: Services) -> None:
    def found() -> set[tuple[str, str]]:
        metrics = services.aws("cloudwatch", "list_metrics", Namespace="altis-local")["Metrics"]
        told = [(m["MetricName"], {d["Name"]: d["Value"] for d in m["Dimensions"]}) for m in metrics]
        return {(name, about.get("Member", about["Role"])) for name, about in told if about["Environment"] == ha.name}

    members = [m["member"] for m in ha.status()["members"]]
    wanted = {(name, member) for name in ("CPUUtilization", "MemoryUtilization") for member in members}
    wanted |= {("JobsDue", "cavalcade"), ("JobsRunning", "cavalcade"), ("CurrItems", "redis-1")}
    wanted |= {("HealthyHostCount", "web"), ("ActiveConnectionCount", "lb-a")}
    eventually(lambda: wanted <= found(), f"{wanted}", within=150, every=5)


# -- jobs that nobody runs any more


def test_status_counts_jobs_left_running(ha: World, services: Services) -> None:
    """CAV-13: they stay so until somebody sets them right."""
    before = ha.status()["jobs"]["running"]
    job = services.schedule("nothing.hears.of.it", due=3600)
    writer = ha.duty("writer")
    ha.sql(writer, f"UPDATE wordpress.wp_cavalcade_jobs SET status = 'running' WHERE id = {job}")
    try:
        eventually(lambda: ha.status()["jobs"]["running"] == before + 1, "it is counted", within=10)
        assert f"{before + 1} running" in ha.do("status").stdout
    finally:
        ha.sql(writer, f"UPDATE wordpress.wp_cavalcade_jobs SET status = 'failed' WHERE id = {job}")
    eventually(lambda: ha.status()["jobs"]["running"] == before, "it is not counted any more", within=10)


# -- instance metadata


def test_members_learn_their_own_zone(ha: World) -> None:
    """WEB-19."""
    has_metadata(ha)
    for member in ha.status()["members"]:
        if member["role"] in ("web", "sandbox", "cavalcade"):
            document = metadata(ha, member["member"])
            assert document["availabilityZone"] == f"{document['region']}{member['zone']}"
            assert document["privateIp"] == ha.address(member["member"], "platform")
            assert member["zone"] in ZONES


@pytest.mark.parametrize(
    "way",
    [
        lambda world: docker("restart", "--time", "5", world.containers()["web-a1"].id),
        lambda world: docker("kill", world.containers()["web-a1"].id),
        lambda world: docker("kill", world.containers()["standins"].id),
    ],
    ids=["restarted", "replaced", "stand-ins replaced"],
)
def test_the_way_to_the_metadata_survives(ha: World, way: Callable[[World], object]) -> None:
    has_metadata(ha)
    way(ha)
    ha.converged()
    has_metadata(ha)


def test_members_have_no_capability_for_it(ha: World) -> None:
    for member in SITE:
        said = ha.exec(member, "grep", "Cap", "/proc/self/status", user="0").output
        assert {line.split()[1] for line in said.splitlines()} == {"0000000000000000"}, (member, said)


@pytest.mark.slow
def test_the_helper_goes_by_itself_and_holds_nothing(ha: World, folder: Path) -> None:
    docker("kill", ha.containers()["web-a1"].id)
    ha.converged()
    has_metadata(ha, ("web-a1",))

    def helpers() -> list[str]:
        return [c.id for c in ha.engine.containers(ha.name) if c.kind == "helper"]

    eventually(lambda: not helpers(), "its end", within=90, every=1)
    assert metadata(ha, "web-a1")
