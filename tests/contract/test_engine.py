"""The engine, simulated and real: containers, networks, volumes and events, and what is no error."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import pytest

from altis_local.clients.engine import Engine
from altis_local.clients.engine_values import (
    Attachment,
    ContainerRequest,
    EngineEvent,
    NetworkRequest,
    labels,
    qualified,
)
from altis_local.errors import ActionFailed, AltisError, Conflict, EngineUnavailable
from altis_local.model.state import Container, Phase
from tests.contract.members import Lab, eventually
from tests.fakes.engine import FakeEngine

BASE = "altis-local/base:trixie"
NOBODY = "0" * 64


@dataclasses.dataclass(frozen=True)
class Place:
    """An engine with one network, and a container to make on it."""

    engine: Engine | FakeEngine
    environment: str
    prefix: str

    @property
    def network(self) -> str:
        return qualified(self.environment, "lab")

    def request(self, member: str, host: int, *command: str) -> ContainerRequest:
        return ContainerRequest(
            name=qualified(self.environment, member),
            image=BASE,
            labels=labels(self.environment, "member", role="web", member=member, zone="a", hash="abc"),
            networks=(Attachment(self.network, f"{self.prefix}.{host}", ("web",)),),
            command=command or ("sleep", "600"),
            memory=32 << 20,
            cap_drop=("ALL",),
        )

    def run(self, member: str, host: int, *command: str) -> str:
        made = self.engine.create(self.request(member, host, *command))
        self.engine.start(made)
        return made

    def seen(self, member: str) -> Container | None:
        return next((c for c in self.engine.containers(self.environment) if c.member == member), None)

    def phase(self, member: str) -> Phase | None:
        found = self.seen(member)
        return found.phase if found else None


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "fake":
        fake = FakeEngine()
        fake.images.add(BASE)
        fake.create_network(NetworkRequest("t", "lab", "10.9.9.0/24", "10.9.9.1", "10.9.9.224/27"))
        yield Place(fake, "t", "10.9.9")
        return
    lab: Lab = request.getfixturevalue("lab")
    yield Place(lab.engine, lab.environment, lab.prefix)
    for container in lab.engine.containers(lab.environment):
        lab.engine.remove(container.id, force=True)


def test_an_engine_answers(place: Place) -> None:
    place.engine.ping()
    assert place.engine.image_exists(BASE)
    assert not place.engine.image_exists("altis-local/nothing:1")


def test_a_life_of_a_container(place: Place) -> None:
    made = place.engine.create(place.request("web-a1", 11))
    created = place.seen("web-a1")
    assert created is not None
    assert (created.id, created.phase, created.started_at, created.exit_code) == (made, Phase.CREATED, 0.0, None)
    assert (created.kind, created.role, created.zone, created.hash) == ("member", "web", "a", "abc")
    assert (created.name, created.image) == (qualified(place.environment, "web-a1"), BASE)
    place.engine.start(made)
    place.engine.start(made)
    first = place.seen("web-a1")
    assert first is not None
    assert first.is_running
    assert first.started_at > 0
    place.engine.kill(made)
    assert eventually(lambda: place.phase("web-a1") is Phase.EXITED)
    dead = place.seen("web-a1")
    assert dead is not None
    assert (dead.exit_code, dead.oom_killed) == (137, False)
    place.engine.start(made)
    again = place.seen("web-a1")
    assert again is not None
    assert again.is_running
    assert again.started_at > first.started_at
    assert again.exit_code is None
    place.engine.remove(made, force=True)
    assert place.seen("web-a1") is None


def test_what_is_so_already_is_no_error(place: Place) -> None:
    made = place.run("web-a1", 11)
    place.engine.pause(made)
    place.engine.pause(made)
    assert place.phase("web-a1") is Phase.PAUSED
    place.engine.unpause(made)
    place.engine.unpause(made)
    assert place.phase("web-a1") is Phase.RUNNING
    place.engine.kill(made)
    place.engine.kill(made)
    assert eventually(lambda: place.phase("web-a1") is Phase.EXITED)
    place.engine.stop(made)
    place.engine.unpause(made)
    for _ in range(2):
        place.engine.remove(made)


def test_what_is_gone_is_no_error_to_those_who_end_it(place: Place) -> None:
    place.engine.kill(NOBODY)
    place.engine.stop(NOBODY)
    place.engine.remove(NOBODY)
    place.engine.unpause(NOBODY)
    place.engine.update_restart(NOBODY, "no")
    place.engine.disconnect(place.network, NOBODY)
    place.engine.remove_network(place.environment, "nothing")
    place.engine.remove_volume(place.environment, "nothing")
    assert place.engine.logs(NOBODY) == ()
    assert place.engine.joined(NOBODY) == frozenset()


def test_what_is_gone_is_an_error_to_those_who_need_it(place: Place) -> None:
    with pytest.raises(ActionFailed):
        place.engine.start(NOBODY)
    with pytest.raises(ActionFailed):
        place.engine.create(dataclasses.replace(place.request("web-a1", 11), image="altis-local/nothing:1"))


def test_a_name_that_is_taken_is_a_conflict(place: Place) -> None:
    place.engine.create(place.request("web-a1", 11))
    with pytest.raises(Conflict):
        place.engine.create(place.request("web-a1", 12))


def test_an_address_that_is_taken_fails_and_is_free_after_the_holder_ended(place: Place) -> None:
    first = place.run("web-a1", 11)
    second = place.engine.create(place.request("web-a2", 11))
    with pytest.raises(ActionFailed):
        place.engine.start(second)
    place.engine.kill(first)

    def starts() -> bool:
        place.engine.start(second)
        return True

    assert eventually(starts)


def test_a_port_that_is_taken_is_a_conflict_that_names_the_holder(place: Place) -> None:
    def publishing(member: str, host: int) -> str:
        return place.engine.create(dataclasses.replace(place.request(member, host), publish={80: 28471}))

    place.engine.start(publishing("web-a1", 11))
    with pytest.raises(Conflict, match=f"28471 is taken by the container {qualified(place.environment, 'web-a1')}"):
        place.engine.start(publishing("web-a2", 12))


def test_networks_are_made_once_and_never_overlap(place: Place) -> None:
    again = NetworkRequest(place.environment, "lab", f"{place.prefix}.0/24", f"{place.prefix}.1", "")
    place.engine.create_network(again)
    assert place.engine.networks(place.environment) == {"lab"}
    with pytest.raises(Conflict):
        place.engine.create_network(dataclasses.replace(again, name="other", ip_range=f"{place.prefix}.224/27"))
    assert place.engine.networks("nobody") == frozenset()


def test_containers_join_and_leave_networks(place: Place) -> None:
    made = place.run("web-a1", 11)
    assert place.engine.joined(made) == {place.network}
    place.engine.connect(place.network, made)
    place.engine.disconnect(place.network, made)
    place.engine.disconnect(place.network, made)
    assert place.engine.joined(made) == frozenset()
    place.engine.connect(place.network, made, address=f"{place.prefix}.12", aliases=("web",))
    assert place.engine.joined(made) == {place.network}


def test_volumes_are_kept_until_removed(place: Place) -> None:
    assert place.engine.create_volume(place.environment, "db-1") == qualified(place.environment, "db-1")
    place.engine.create_volume(place.environment, "db-1")
    assert place.engine.volumes(place.environment) == {"db-1"}
    place.engine.remove_volume(place.environment, "db-1")
    assert place.engine.volumes(place.environment) == frozenset()


def test_others_are_not_seen(place: Place) -> None:
    place.engine.create(place.request("web-a1", 11))
    assert place.engine.containers("nobody") == ()


def test_events_tell_of_starts_and_deaths_until_closed(place: Place) -> None:
    stream = place.engine.events(place.environment)
    seen: list[EngineEvent] = []
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    made = place.run("web-a1", 11)
    place.engine.kill(made)
    place.engine.remove(made, force=True)
    assert eventually(lambda: any(e.action == "destroy" for e in seen) or _are(seen, "die"))
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    told = [e for e in seen if e.action in ("create", "start", "die")]
    assert [e.action for e in told] == ["create", "start", "die"]
    assert {(e.member, e.id, e.type) for e in told} == {("web-a1", made, "container")}
    assert told[-1].exit_code == 137


def _are(seen: list[EngineEvent], action: str) -> bool:
    return any(e.action == action for e in seen)


def test_a_container_that_ended_and_started_between_two_looks_has_a_new_start(place: Place) -> None:
    stream = place.engine.events(place.environment)
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    made = place.run("web-a1", 11)
    first = place.seen("web-a1")
    place.engine.kill(made)

    def is_renewed() -> bool:
        place.engine.start(made)
        now = place.seen("web-a1")
        return now is not None and first is not None and now.started_at > first.started_at

    assert eventually(is_renewed)
    stream.close()
    reader.join(5)


def test_an_engine_that_is_not_there() -> None:
    fake = FakeEngine()
    fake.is_down = True
    for engine in (Engine("unix:///nowhere/docker.sock"), fake):
        with pytest.raises(EngineUnavailable):
            engine.ping()
        with pytest.raises(AltisError):
            engine.containers("x")
