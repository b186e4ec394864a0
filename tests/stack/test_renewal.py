"""Another image of the site comes in as a deploy does: no request fails, no job is cut, a broken one stays outside."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.holding import CANARY, Held
from tests.stack.services import Services
from tests.stack.traffic import Traffic
from tests.stack.world import World, docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]

OF_THE_SITE = ("web-a1", "web-b1", "cavalcade-a1", "sandbox")
"""Members that run the site's image."""
RUNNER = "cavalcade-a1"
BROKEN = """
FROM {image}
ENTRYPOINT ["sh", "-c", "echo it does not even begin >&2; exec sleep 600"]
"""


class Images:
    """Images of the site made from the one that runs, and a project that asks for one of them."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self.now = world.containers()["web-a1"].image
        self.made: list[str] = []

    def make(self, text: str = "FROM {image}\nLABEL another=yes\n") -> str:
        tag = f"altis-local/web:t-{secrets.token_hex(4)}"
        dockerfile = self._folder / "Dockerfile"
        dockerfile.write_text(text.format(image=self.now))
        docker("build", "--quiet", "--tag", tag, "--file", str(dockerfile), str(self._folder))
        self.made.append(tag)
        return tag

    def project(self, image: str) -> Path:
        (self._folder / "altis-local.yml").write_text(f"plan: production-ha\nimages:\n  web: {image}\n")
        return self._folder


@pytest.fixture(scope="module")
def images(shared: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """The environment has its own image again when all of these tests have ended."""
    shared.converged()
    found = Images(shared, tmp_path_factory.mktemp("images"))
    yield found
    shared.do("start", cwd=found.project(found.now))
    assert running(shared) == dict.fromkeys(OF_THE_SITE, found.now)
    for tag in found.made:
        docker("image", "rm", "--force", tag)


@pytest.fixture(autouse=True)
def _nobody_surplus(ha: World) -> None:
    """What stood in for others before is gone."""
    eventually(lambda: not {"web-c1", "cavalcade-b1"} & ha.containers().keys(), "nobody surplus", within=60)


@pytest.fixture
def held(ha: World) -> Iterator[Held]:
    held = Held(ha, 120)
    yield held
    held.let_go()


def running(world: World) -> dict[str, str]:
    found = world.containers()
    return {name: found[name].image for name in OF_THE_SITE if name in found}


def test_another_image_comes_in_without_a_failed_request_or_a_cut_job(ha: World, images: Images, held: Held) -> None:
    """DEPLOY-05, CAV-14, CAV-27: a runner with a job goes on with it, while another one takes new jobs."""
    services, moment, other = Services(ha), ha.moment(), images.make()
    others = {name for name in ha.containers() if name not in (*OF_THE_SITE, "control")}
    kept = {name: c.id for name, c in ha.containers().items() if name in others}
    runner = ha.containers()[RUNNER].id
    job = services.schedule(CANARY, secrets.token_hex(4))
    services.becomes(job, "running")
    with Traffic(ha) as traffic:
        started = ha.json("start", cwd=images.project(other))
    assert started["converged"], "an hour-long job is not waited for"
    assert traffic.failed == []
    assert traffic.served > 10
    at_work = running(ha)
    assert {name: at_work[name] for name in OF_THE_SITE if name != RUNNER} == dict.fromkeys(
        (name for name in OF_THE_SITE if name != RUNNER), other
    )
    assert ha.containers()[RUNNER].id == runner, "its job goes on"
    assert {m["member"]: m["state"] for m in started["members"]}[RUNNER] == "draining"
    eventually(lambda: "cavalcade-b1" in ha.containers(), "one more stands in for it", within=10)
    assert ha.containers()["cavalcade-b1"].image == other
    assert services.job(job) == "running"
    held.let_go()
    services.becomes(job, "completed")
    eventually(lambda: running(ha).get(RUNNER) == other, "a new one in its place", within=30)
    eventually(lambda: "cavalcade-b1" not in ha.containers(), "the other is not needed any more", within=60)
    assert services.runs(job) == ["completed"]
    story = [event for event in ha.journal(moment) if event["kind"] == "action"]
    web = [event["action"].split(",")[0] for event in story if "Member(web-" in event["action"]]
    assert web[0] == "StartMember(web-c1)", "first one more, then the old ones, one after another"
    assert sorted(web[1:]) == sorted(
        [*(f"StopMember(web-{n}1" for n in "abc"), *(f"StartMember(web-{n}1)" for n in "ab")]
    )
    assert {name: c.id for name, c in ha.containers().items() if name in others} == kept


def test_a_broken_image_never_takes_traffic(ha: World, images: Images) -> None:
    """DEPLOY-06: the old containers go on; `start` says who lags."""
    broken, before = images.make(BROKEN), ha.containers()
    with Traffic(ha) as traffic:
        refused = ha.run("start", "--timeout", "8", cwd=images.project(broken))
    assert refused.returncode == 5, refused.stderr
    assert "web-c1" in refused.stderr
    assert "it does not even begin" in refused.stderr, "its last words"
    assert traffic.failed == []
    assert traffic.served > 10
    after = ha.containers()
    assert {n: after[n].id for n in ("web-a1", "web-b1")} == {n: before[n].id for n in ("web-a1", "web-b1")}
    ha.do("start", cwd=images.project(before["web-a1"].image))
    assert ha.containers()["web-a1"].id == before["web-a1"].id, "taken back, nothing has happened"
