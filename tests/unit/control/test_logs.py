"""Shipping logs: which lines go where, how much is kept while nobody takes them, and that each arrives once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from altis_local.clients.log_stream import Said, Wanted
from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.control.logs.marks import Mark, Marks
from altis_local.control.logs.sender import LARGEST_GROUP, LONGEST_STREAM, Place, Sender
from altis_local.control.logs.shipping import Outside, Shipping
from altis_local.control.logs.sources import group, sources
from altis_local.control.logs.tail import BATCH_BYTES, BATCH_EVENTS, Tail
from altis_local.model.spec import Secrets, Service, Spec
from altis_local.model.state import AwsNode, Phase, Snapshot
from tests.fakes.aws_server import AwsServer
from tests.unit.decide.states import container, snapshot

CLOCK = SystemClock()
SPEC = Spec(
    "t",
    "local",
    "10.208.0.0/20",
    8443,
    {"aws": Service("aws", "altis-local/aws:1", memory=1)},
    Secrets("database-secret", "c", "r", "p", "s", "t", "k"),
)
PLACE = Place("t/php", "web-a1/0123456789ab")
T0 = 1_793_461_385_000


@pytest.fixture
def aws() -> Iterator[AwsServer]:
    with AwsServer() as server:
        server.groups.update(dict.fromkeys(("t/php", "t/nginx", "t/cavalcade", "t/access", "t/lb"), 0))
        yield server


@pytest.mark.parametrize(
    ("role", "is_error", "text", "expected"),
    [
        ("web", True, "2026/11/23 15:40:00 [error] 12#12: *1 open() failed", "nginx"),
        ("web", True, "PHP Warning:  foo in /usr/src/app/x.php on line 3", "php"),
        ("web", True, "[23-Nov-2026 15:40:00] WARNING: [pool www] server reached pm.max_children", "php"),
        ("cavalcade", False, "[12] Running wp cavalcade run 12", "cavalcade"),
        ("cdn", False, "2026-11-23T15:40:00 200 Hit GET /", "access"),
        ("cdn", True, "2026/11/23 15:40:00 [warn] 1#1: upstream", "nginx"),
        ("lb", False, "Server web/web-a1 is DOWN", "lb"),
        ("sandbox", True, "PHP Notice: x", "php"),
    ],
)
def test_which_group(role: str, is_error: bool, text: str, expected: str) -> None:
    assert group(role, text, is_error=is_error) == expected


def test_whose_logs() -> None:
    seen = snapshot(container("web-a1", "web"), container("db-1", "db"), container("web-b1", "web", Phase.EXITED))
    assert [source.member for source in sources(seen)] == ["web-a1"]


# -- the tail


def test_batches_keep_to_the_limits() -> None:
    tail = Tail(lines=20_000, size=10**9)
    for number in range(12_000):
        tail.add(T0 + number, "x" * 40)
    first = tail.batch()
    assert 0 < len(first.events) <= BATCH_EVENTS
    assert sum(line.size for line in first.events) <= BATCH_BYTES
    tail.sent(first)
    assert tail.batch().lines[0].at == T0 + len(first.lines)


def test_a_batch_spans_less_than_a_day() -> None:
    tail = Tail()
    for at in (T0, T0 + 86_399_000, T0 + 86_400_000):
        tail.add(at, "x")
    assert len(tail.batch().lines) == 2


def test_what_does_not_fit_is_counted_where_it_lacks() -> None:
    tail = Tail(lines=3)
    for number in range(10):
        tail.add(T0 + number, f"line {number}")
    batch = tail.batch()
    assert [line.text for line in batch.events] == [
        "altis-local: 7 lines are missing here",
        "line 7",
        "line 8",
        "line 9",
    ]
    tail.add(T0 + 10, "line 10")  # drops line 7, which is on its way
    tail.sent(batch)
    assert [line.text for line in tail.batch().events] == ["line 10"]


def test_a_clock_that_is_set_back_keeps_the_order() -> None:
    tail = Tail()
    tail.add(T0, "a")
    tail.add(T0 - 5000, "b")
    tail.add(T0 + 1, "")
    assert [(line.at, line.text) for line in tail.batch().lines] == [(T0, "a"), (T0, "b"), (T0 + 1, " ")]


# -- marks

Log = list[tuple[str, int]]


@given(
    some.lists(some.tuples(some.sampled_from(["php", "nginx"]), some.integers(0, 3)), max_size=30),
    some.integers(0, 30),
)
def test_a_log_read_again_gives_every_line_once(steps: Log, cut: int) -> None:
    """Whatever shares a millisecond with what, and wherever the reading ended."""
    at, log = T0, []
    for name, step in steps:
        at += step
        log.append((name, at))
    first = Marks({"php": Mark(), "nginx": Mark()})
    first.rewind()
    taken = [line for line in log[:cut] if first.is_new(*line)]
    since = first.rewind()
    taken += [line for line in log if line[1] / 1000 >= since and first.is_new(*line)]
    assert sorted(taken) == sorted(log)


def test_after_the_mark_everything_is_new() -> None:
    marks = Marks({"php": Mark(T0, 1)})
    assert marks.rewind() == T0 / 1000
    assert [marks.is_new("php", at) for at in (T0 - 1, T0, T0, T0 + 1, T0 - 9)] == [False, False, True, True, True]


# -- the sender


def test_lines_arrive_in_order_and_streams_are_made(aws: AwsServer) -> None:
    sender = Sender(lambda: aws.client, lambda: None)
    for number in range(5):
        sender.add(PLACE, T0 + number, f"line {number}")
    assert sender.send()
    assert aws.texts(PLACE.group, PLACE.stream) == [f"line {number}" for number in range(5)]
    assert sender.send()
    assert len(aws.texts(PLACE.group, PLACE.stream)) == 5


def test_what_cannot_be_sent_waits(aws: AwsServer) -> None:
    sender = Sender(lambda: aws.client, lambda: None)
    aws.away = True
    sender.add(PLACE, T0, "one")
    assert not sender.send()
    sender.add(PLACE, T0, "two")
    aws.away = False
    assert sender.send()
    assert aws.texts(PLACE.group, PLACE.stream) == ["one", "two"]


def test_a_missing_group_is_told_and_waited_for(aws: AwsServer) -> None:
    told: list[bool] = []
    sender = Sender(lambda: aws.client, lambda: told.append(True))
    aws.forget()
    sender.add(PLACE, T0, "one")
    assert not sender.send()
    assert told
    aws.groups["t/php"] = 14
    assert sender.send()
    assert aws.texts(PLACE.group, PLACE.stream) == ["one"]


def test_a_long_log_goes_on_in_another_stream_and_the_oldest_go(aws: AwsServer) -> None:
    sender = Sender(lambda: aws.client, lambda: None)
    aws.streams["t/php", "Failed"] = [{"timestamp": 1, "message": "the site's own"}]
    text, rounds = "x" * 800, 3 * LARGEST_GROUP // (LONGEST_STREAM * 800)
    for number in range(rounds * LONGEST_STREAM):
        sender.add(PLACE, T0 + number, text)
        if number % 500 == 499:
            assert sender.send()
    names = [name for _, name in aws.streams]
    held = sum(len(event["message"]) for events in aws.streams.values() for event in events)
    assert "Failed" in names
    assert PLACE.part(rounds) in names
    assert PLACE.stream not in names
    assert held < 2 * LARGEST_GROUP + LONGEST_STREAM * 800


# -- all together


class Engine:
    """Logs of containers: what is there, then what `say` adds, until `hang_up`."""

    def __init__(self) -> None:
        self.lines: dict[str, list[Said]] = {}
        self._changed = threading.Condition()
        self.reads = 0
        self._hung_up = 0

    def say(self, name: str, text: str, *, at: int, is_error: bool = True) -> None:
        with self._changed:
            self.lines.setdefault(name, []).append(Said(at * 10**6, is_error, text))
            self._changed.notify_all()

    def hang_up(self) -> None:
        """End every reading of now."""
        with self._changed:
            self._hung_up += 1
            self._changed.notify_all()

    def follow(self, name: str, wanted: Wanted) -> Iterator[Said]:
        self.reads += 1
        life, number = self._hung_up, 0
        while line := self._next(name, number, life):
            number += 1
            if line.at / 10**9 >= wanted.since:
                yield line

    def _next(self, name: str, number: int, life: int) -> Said | None:
        with self._changed:
            self._changed.wait_for(lambda: self._hung_up > life or len(self.lines.get(name, [])) > number)
            return self.lines[name][number] if len(self.lines.get(name, [])) > number else None


WEB = container("web-a1", "web", id="0123456789abcdef")


def shipping(aws: AwsServer, engine: Engine, began: float = 0.0) -> Shipping:
    made = Shipping(Outside(engine.follow, lambda spec: aws.client, began), lambda: SPEC, lambda: None)
    made.start()
    return made


def look() -> Snapshot:
    return replace(snapshot(WEB), aws=AwsNode("aws", frozenset(), frozenset()))


def arrived(aws: AwsServer, count: int, group: str = "t/php") -> list[str]:
    wait_until(lambda: len(aws.texts(group, PLACE.stream)) >= count, Deadline.after(8, CLOCK))
    return aws.texts(group, PLACE.stream)


def test_nothing_comes_twice_after_control_was_replaced(aws: AwsServer) -> None:
    engine = Engine()
    for number in range(3):
        engine.say(WEB.id, f"line {number}", at=T0)
    engine.say(WEB.id, "2026/11/23 15:40:00 [error] 1#1: nginx", at=T0 + 1)
    first = shipping(aws, engine)
    first.look(look())
    assert arrived(aws, 3) == ["line 0", "line 1", "line 2"]
    first.close()
    engine.hang_up()
    engine.say(WEB.id, "line 3", at=T0)
    # It began after the container's start, so it asks the streams how far they are.
    second = shipping(aws, engine, began=WEB.started_at + 1)
    second.look(look())
    assert arrived(aws, 4) == ["line 0", "line 1", "line 2", "line 3"]
    assert arrived(aws, 1, "t/nginx") == ["2026/11/23 15:40:00 [error] 1#1: nginx"]
    second.close()


def test_a_log_whose_reading_broke_is_taken_up_again(aws: AwsServer) -> None:
    engine = Engine()
    shipped = shipping(aws, engine)
    engine.say(WEB.id, "one", at=T0)
    shipped.look(look())
    assert arrived(aws, 1) == ["one"]
    engine.hang_up()
    engine.say(WEB.id, "two", at=T0)

    def is_read_again() -> bool:
        shipped.look(look())
        return engine.reads > 1

    assert wait_until(is_read_again, Deadline.after(5, CLOCK))
    assert arrived(aws, 2) == ["one", "two"]
    shipped.close()


def test_secrets_are_not_shipped(aws: AwsServer) -> None:
    engine = Engine()
    shipped = shipping(aws, engine)
    engine.say(WEB.id, "PHP Warning: mysqli(db-writer, wordpress, database-secret)", at=T0)
    shipped.look(look())
    assert arrived(aws, 1) == ["PHP Warning: mysqli(db-writer, wordpress, (secret))"]
    shipped.close()
