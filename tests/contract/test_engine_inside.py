"""What only a real engine shows: what happens inside a container, and how it is confined."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest

from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.errors import ActionFailed
from altis_local.model.processes import are_held
from altis_local.model.state import Phase
from tests.contract.members import Lab, eventually

pytestmark = pytest.mark.engine


@pytest.fixture
def request_(lab: Lab) -> Iterator[ContainerRequest]:
    yield ContainerRequest(
        name=qualified(lab.environment, "web-a1"),
        image="altis-local/base:trixie",
        labels=labels(lab.environment, "member", member="web-a1"),
        environment={"GREETING": "hello"},
        networks=(Attachment(qualified(lab.environment, "lab"), f"{lab.prefix}.11"),),
        command=("sh", "-c", "echo first; echo second >&2; exec sleep 600"),
        memory=32 << 20,
        cpus=0.5,
        pids=20,
        tmpfs=("/run:size=1m,mode=755",),
        ulimits={"nofile": (100, 200)},
        cap_drop=("ALL",),
        cap_add=("NET_ADMIN",),
        security_opt=("no-new-privileges",),
        hostname="web-a1",
    )
    for container in lab.engine.containers(lab.environment):
        lab.engine.remove(container.id, force=True)


def run(lab: Lab, request: ContainerRequest) -> str:
    made = lab.engine.create(request)
    lab.engine.start(made)
    return made


def said(lab: Lab, container: str, script: str) -> str:
    done = lab.engine.exec(container, ("sh", "-c", script), timeout=10)
    assert done.exit_code == 0, done.output
    return done.output.strip()


def test_commands_answer_with_both_streams_and_their_code(lab: Lab, request_: ContainerRequest) -> None:
    made = run(lab, request_)
    done = lab.engine.exec(made, ("sh", "-c", "echo $GREETING $OWN; echo bad >&2; exit 3"), env={"OWN": "you"})
    assert done.exit_code == 3
    assert sorted(done.output.splitlines()) == ["bad", "hello you"]
    assert lab.engine.exec(made, ("id", "-un"), user="nobody").output == "nobody\n"
    large = lab.engine.exec(made, ("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x"))
    assert large.output == "x" * 300000


def test_a_late_command_is_given_up(lab: Lab, request_: ContainerRequest) -> None:
    made = run(lab, request_)
    begin = time.monotonic()
    with pytest.raises(ActionFailed, match="did not end"):
        lab.engine.exec(made, ("sleep", "20"), timeout=0.3)
    assert time.monotonic() - begin < 3


def test_logs_are_the_last_lines(lab: Lab, request_: ContainerRequest) -> None:
    made = run(lab, request_)
    assert eventually(lambda: set(lab.engine.logs(made)) == {"first", "second"})
    assert len(lab.engine.logs(made, 1)) == 1


def test_a_member_is_confined_as_asked(lab: Lab, request_: ContainerRequest) -> None:
    made = run(lab, dataclasses.replace(request_, read_only=True))
    # Of the container's own process: a command beside it now and then gets the hard limit (runc issue 4195).
    limits = "awk '/Max open files/ {print $4, $5}' /proc/1/limits"
    assert said(lab, made, f"hostname; {limits}") == "web-a1\n100 200"
    assert said(lab, made, "awk '/CapBnd|NoNewPrivs/ {print $2}' /proc/self/status") == "0000000000001000\n1"
    assert said(lab, made, "touch /run/x && ! touch /x 2>/dev/null && echo read-only") == "read-only"


def test_memory_is_seen_and_limited(lab: Lab, request_: ContainerRequest) -> None:
    calm = run(lab, request_)
    sizes = lab.engine.memory([calm, "0" * 64])
    assert set(sizes) == {calm}
    assert 0 < sizes[calm] < 32 << 20
    lab.engine.remove(calm, force=True)
    # It ends a moment after: where it ends with what was killed, the engine now and then misses the kernel's word.
    script = "dd if=/dev/zero of=/dev/null bs=64M count=1; code=$?; sleep 1; exit $code"
    run(lab, dataclasses.replace(request_, command=("sh", "-c", script)))

    def is_killed() -> bool:
        (seen,) = lab.engine.containers(lab.environment)
        return seen.phase is Phase.EXITED and seen.exit_code == 137 and seen.oom_killed

    assert eventually(is_killed)


def test_a_file_is_put_in(lab: Lab, request_: ContainerRequest) -> None:
    made = run(lab, request_)
    lab.engine.put_file(made, "/etc/altis.conf", b"content\n", 0o640)
    assert said(lab, made, "stat -c %a /etc/altis.conf; cat /etc/altis.conf") == "640\ncontent"


def test_a_container_is_held_when_all_but_its_init_is_stopped(lab: Lab, request_: ContainerRequest) -> None:
    made = run(lab, dataclasses.replace(request_, command=("sh", "-c", "sleep 600 & sleep 600 & wait")))
    assert not are_held(lab.engine.processes(made))
    said(lab, made, "kill -STOP $(cat /proc/1/task/1/children | cut -d' ' -f1)")
    assert not are_held(lab.engine.processes(made)), "one of them runs"
    said(lab, made, "kill -STOP $(cat /proc/1/task/1/children)")
    assert are_held(lab.engine.processes(made))
    said(lab, made, "kill -CONT $(cat /proc/1/task/1/children)")
    assert not are_held(lab.engine.processes(made))
    lab.engine.remove(made, force=True)
    assert not are_held(lab.engine.processes(made))
