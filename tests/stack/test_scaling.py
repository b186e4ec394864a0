"""More and fewer web containers under traffic, without a failed request; what the plan does not include is refused."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator

import pytest

from tests.stack.traffic import Traffic
from tests.stack.world import World, eventually

pytestmark = [pytest.mark.engine, pytest.mark.stack]


@pytest.fixture
def two_webs(ha: World) -> Iterator[World]:
    yield ha
    ha.do("scale", "web", "2")
    ha.do("scale", "web", "auto")


def webs(world: World) -> set[str]:
    return {m["member"] for m in world.status()["members"] if m["role"] == "web"}


def visits(world: World, web: str) -> int:
    lines = world.engine.logs(world.containers()[web].id, 100_000)
    return sum('"GET /?visit=' in line for line in lines)


def test_scaling_out_and_in_fails_no_request(two_webs: World) -> None:
    ha = two_webs
    moment = ha.moment()
    with Traffic(ha) as traffic:
        eventually(lambda: traffic.served > 5, "visitors are at work")
        assert ha.json("scale", "web", "3")["before"] == 2
        assert webs(ha) == {"web-a1", "web-b1", "web-c1"}
        eventually(lambda: visits(ha, "web-c1") > 2, "the third takes its share")
        ha.do("scale", "web", "2")
        assert webs(ha) == {"web-a1", "web-b1"}
        assert "web-c1" not in ha.containers()
        before = traffic.served
        eventually(lambda: traffic.served > before + 5, "visitors go on")
    assert traffic.failed == []
    assert any(e["text"] == "web-c1 is surplus and drained" for e in ha.journal(moment))


def test_a_slow_request_is_ended_before_its_container_goes(two_webs: World) -> None:
    """Draining: the request was taken before, and is answered after the container was called surplus."""
    ha = two_webs
    ha.do("scale", "web", "3")
    # The surplus container's processes are held while it serves, so that the request is slow for certain.
    target = [c for c in ha.environment.standing().containers if c.member == "web-c1"]
    ha.faults.pause(target, 1.5)
    answers: list[int] = []
    asked = [threading.Thread(target=_ask, args=(ha, answers)) for _ in range(6)]
    for thread in asked:
        thread.start()
    ha.do("scale", "web", "2")
    for thread in asked:
        thread.join()
    assert answers == [200] * len(asked)


def _ask(world: World, answers: list[int]) -> None:
    with world.client() as visitor:
        answers.append(visitor.get(f"/?slow={secrets.token_hex(6)}").status_code)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("web", "99"), "plan production-ha allows 2 to 6 web, not 99"),
        (("web", "1"), "plan production-ha allows 2 to 6 web, not 1"),
        (("db", "2"), "scale takes one of"),
        (("cheese", "2"), "scale takes one of"),
    ],
)
def test_what_the_plan_does_not_have_is_refused(ha: World, words: tuple[str, str], reason: str) -> None:
    refused = ha.run("scale", *words)
    assert refused.returncode == 2
    assert reason in refused.stderr
