"""The faults: each can be applied, and healed as often as one likes. Used by `fault` and by drills.

kill    SIGKILL of everything in the member; healing brings it back, so there is nothing to heal here.
pause   SIGSTOP of everything in the member, by a labelled helper in its process namespace. The helper holds the
        lease: it lets go when the time is up, on SIGTERM, and when nobody is left to ask it to.
hold-receiver  a reader stops receiving from its source; only for the broken twins of drills.

A helper sits in the target's own namespace, so it ends with the target: a replaced member counts as healed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from altis_local.clients.engine_reader import Found
from altis_local.clients.engine_values import ContainerRequest, ExecResult, labels, qualified
from altis_local.clock import Clock, Deadline, wait_until
from altis_local.errors import ActionFailed, Conflict, UsageError
from altis_local.model.faults import Fault, from_labels

KINDS = ("kill", "pause")
"""What `fault add` offers."""
LONGEST = 3600.0

# Getting into a container takes 0.1 s, ten times that on a busy machine: so the shell waits inside for the moment.
# The time is told first: the shell may not live to say more. -1 is everybody but the init and the shell itself.
_KILL = """
left=$((AT - $(date +%s%N)))
[ $left -le 0 ] || sleep $(printf '%d.%09d' $((left / 1000000000)) $((left % 1000000000)))
date +%s.%N
kill -KILL -1
"""
_PAUSE = """
trap 'exit 0' TERM INT HUP
trap 'kill -CONT -1; kill $! 2>/dev/null' EXIT
kill -STOP -1 && echo held
sleep "$LEASE" & wait $!
"""
_HELD_WITHIN = 10.0
_AGAIN = 0.02
"""Seconds after which a receiver is stopped once more: control starts it again as soon as it sees it stopped."""
_HELPER_MEMORY = 16 << 20
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}


Given = TypeVar("Given")
Made = TypeVar("Made")


class Hands(Protocol):
    """What faults need of the engine."""

    def create(self, request: ContainerRequest) -> str: ...
    def start(self, container: str) -> None: ...
    def kill(self, container: str, signal: str = "KILL") -> None: ...
    def remove(self, container: str, *, force: bool = False) -> None: ...
    def logs(self, container: str, tail: int = 20) -> tuple[str, ...]: ...
    def exec(
        self,
        container: str,
        argv: tuple[str, ...],
        *,
        user: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> ExecResult: ...


class Eyes(Protocol):
    """What tells which containers there are, with their labels."""

    def containers(self, environment: str | None = None) -> tuple[Found, ...]: ...


def seconds(text: str) -> float:
    """A duration such as 500ms, 10s, 2m or 10. Raises UsageError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|)", text.strip())
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < value <= LONGEST:
        raise UsageError(f"{text!r} is no duration", hint=f"such as 500ms, 10s or 2m, at most {LONGEST:.0f}s")
    return value


class Faults:
    """Applies and heals the faults of one environment."""

    def __init__(self, environment: str, hands: Hands, eyes: Eyes, clock: Clock) -> None:
        self._environment = environment
        self._hands = hands
        self._eyes = eyes
        self._clock = clock

    def kill(self, targets: Sequence[Found], *, at: float = 0.0) -> float:
        """SIGKILL everything in these members, all at once, now or `at` a moment; when the first was (both epoch)."""
        return min(_side_by_side(lambda target: self._kill(target, at), targets))

    def _kill(self, target: Found, at: float) -> float:
        limit = 10.0 + max(0.0, at - self._clock.now())
        moment = {"AT": str(int(at * 1e9))}
        result = self._hands.exec(target.id, ("sh", "-c", _KILL), env=moment, timeout=limit)
        told = re.match(r"\d+\.\d+", result.output)
        # The shell often dies with its container, so its exit code says little; a refusal it prints says all.
        if not told or "not permitted" in result.output:
            raise ActionFailed(f"its processes could not be killed: {result.output.strip()}", member=target.member)
        return float(told[0])

    def pause(self, targets: Sequence[Found], lease: float) -> tuple[Fault, ...]:
        """SIGSTOP everything in these members for `lease` seconds."""
        image = self._helper_image()
        taken = {held.target for held in self.active()}
        if already := sorted(taken & {t.member for t in targets}):
            raise Conflict(f"{', '.join(already)} is paused already", hint="`altis-local fault clear` first")
        return tuple(_side_by_side(lambda target: self._pause(target, lease, image), targets))

    def _pause(self, target: Found, lease: float, image: str) -> Fault:
        fault = Fault(f"pause-{target.member}", "pause", target.member, round(self._clock.now() + lease, 3))
        helper = self._hands.create(_helper(self._environment, target, fault, lease=lease, image=image))
        self._hands.start(helper)
        deadline = Deadline.after(_HELD_WITHIN, self._clock)
        if not wait_until(lambda: "held" in self._hands.logs(helper), deadline, every=0.02):
            self._hands.remove(helper, force=True)
            raise ActionFailed("its processes could not be stopped", member=target.member)
        return fault

    def hold_receivers(self, targets: Sequence[Found], *, at: float, lasting: float) -> None:
        """Readers stop receiving at a moment (epoch). What the writer acknowledges meanwhile, only the writer has."""
        wait = f"DO SLEEP(GREATEST(0, {at:.3f} - UNIX_TIMESTAMP(NOW(6))))"
        stops = f"; DO SLEEP({_AGAIN}); ".join(["STOP REPLICA IO_THREAD"] * max(1, round(lasting / _AGAIN)))
        limit = 10.0 + lasting + max(0.0, at - self._clock.now())
        _side_by_side(lambda target: self._mysql(target, f"{wait}; {stops}", limit=limit), targets)

    def release_receivers(self, targets: Iterable[Found]) -> None:
        """Readers receive again; one that is a reader no more, or gone, needs nothing."""
        for target in targets:
            try:
                self._mysql(target, "START REPLICA IO_THREAD", limit=10.0)
            except ActionFailed:
                continue  # it was promoted, replaced or pointed elsewhere: healed by other means

    def _mysql(self, target: Found, sql: str, *, limit: float) -> None:
        # --force: a reader that is promoted meanwhile has no receiver any more, which is no failure.
        result = self._hands.exec(target.id, ("mysql", "-uroot", "--force", "-e", sql), timeout=limit)
        if result.exit_code and "ERROR 2" in result.output:
            raise ActionFailed(f"its receiver could not be held: {result.output.strip()[:200]}", member=target.member)

    def active(self) -> tuple[Fault, ...]:
        """The faults that are on now."""
        return tuple(fault for fault, _ in self._helpers())

    def clear(self, fault_id: str | None = None) -> tuple[Fault, ...]:
        """Heal one fault, or all; those that were on. A fault that is over already is no error."""
        meant = [(fault, helper) for fault, helper in self._helpers() if fault_id in (None, fault.id)]
        for _, helper in meant:
            self._hands.kill(helper.id, "TERM")
        gone = {helper.id for _, helper in meant}
        deadline = Deadline.after(_HELD_WITHIN, self._clock)
        wait_until(lambda: not gone & {helper.id for _, helper in self._helpers()}, deadline)
        return tuple(fault for fault, _ in meant)

    def _helpers(self) -> list[tuple[Fault, Found]]:
        found = ((from_labels(c.labels), c) for c in self._eyes.containers(self._environment) if c.is_running)
        return [(fault, container) for fault, container in found if fault is not None]

    def _helper_image(self) -> str:
        """Control's: it is there wherever an environment is."""
        images = [c.image for c in self._eyes.containers(self._environment) if c.kind == "control"]
        if not images:
            raise ActionFailed("there is no control container", hint=f"altis-local -p {self._environment} start")
        return images[0]


def _helper(environment: str, target: Found, fault: Fault, *, lease: float, image: str) -> ContainerRequest:
    return ContainerRequest(
        name=qualified(environment, f"fault-{fault.id}"),
        image=image,
        labels={**labels(environment, "fault"), **fault.labels()},
        environment={"LEASE": f"{lease:.3f}"},
        entrypoint=("sh", "-c", _PAUSE),
        command=(),
        pid_mode=f"container:{target.id}",
        network_mode="none",
        user="0",
        cap_drop=("ALL",),
        cap_add=("KILL",),
        memory=_HELPER_MEMORY,
        read_only=True,
        auto_remove=True,
    )


def _side_by_side(work: Callable[[Given], Made], items: Sequence[Given]) -> list[Made]:
    with ThreadPoolExecutor(max(1, len(items))) as pool:
        return list(pool.map(work, items))
