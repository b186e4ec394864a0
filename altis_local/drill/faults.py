"""The faults: each can be applied, and healed as often as one likes. Used by `fault` and by drills.

kill    SIGKILL of everything in the member; healing brings it back, so there is nothing to heal here.
pause   SIGSTOP of everything in the member, by a labelled helper in its process namespace. The helper holds the
        lease: it lets go when the time is up, on SIGTERM, and when nobody is left to ask it to.
hold-receivers  the readers of a member receive no more; only for the broken twins of drills.

A helper sits in the target's own namespace, so it ends with the target: a replaced member counts as healed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from altis_local.clients.engine_reader import Found
from altis_local.clients.engine_values import ContainerRequest, ExecResult, labels, qualified
from altis_local.clock import Clock, Deadline, wait_until
from altis_local.errors import ActionFailed, Conflict, UsageError
from altis_local.model.faults import Fault, from_labels

KINDS = ("kill", "pause")
"""What `fault add` offers."""
LONGEST = 3600.0

# Getting into a container takes 0.1 s, ten times that on a busy machine: so the shell waits inside for the moment, but
# not for hours where the clock was set back meanwhile: nobody would be left to know of it.
_AT = """
left=$((AT - $(date +%s%N)))
[ $left -lt 60000000000 ] || { echo 'the clock was set back'; exit 1; }
[ $left -le 0 ] || sleep $(printf '%d.%09d' $((left / 1000000000)) $((left % 1000000000)))
date +%s.%N
"""
# The shell may not live to say more. -1 is everybody but the init and the shell itself.
_KILL = _AT + "kill -KILL -1"
# A receiver that was merely stopped would be started by control at once, and catch up in milliseconds. One that is
# refused goes on trying. Not in the binary log, and undone by the member's next start.
_LOCK = "SET sql_log_bin = 0; ALTER USER altis_replica@'%' ACCOUNT {}"
_DUMPS = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
_HOLD = (
    _AT
    + f"""set -e
mysql -uroot -e "{_LOCK.format("LOCK")}"
mysql -uroot -Ne "{_DUMPS}" | mysql -uroot --force
"""
)
_PAUSE = """
trap 'exit 0' TERM INT HUP
trap 'kill -CONT -1; kill $! 2>/dev/null' EXIT
kill -STOP -1 && echo held
sleep "$LEASE" & wait $!
"""
_HELD_WITHIN = 10.0
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
        # The shell often dies with its container, so its exit code says little; a refusal it prints says all.
        return self._shell(target, _KILL, at, refusal="not permitted")

    def _shell(self, target: Found, script: str, at: float, *, refusal: str) -> float:
        """Run a script of ours in a member at a moment (epoch); the moment at which it did."""
        limit = 10.0 + max(0.0, at - self._clock.now())
        moment = {"AT": str(int(at * 1e9))}
        output = self._hands.exec(target.id, ("sh", "-c", script), env=moment, timeout=limit).output
        told = re.match(r"\d+\.\d+", output)
        if not told or refusal in output:
            raise ActionFailed(f"the fault could not be applied: {output.strip()[:200]}", member=target.member)
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

    def hold_receivers(self, sources: Sequence[Found], *, at: float) -> float:
        """The readers of these members receive no more. What is acknowledged from here on, only the source has."""
        return min(_side_by_side(lambda source: self._shell(source, _HOLD, at, refusal="ERROR"), sources))

    def release_receivers(self, sources: Iterable[Found]) -> None:
        """Readers are let in again. A source that was killed meanwhile lets them in by its next start."""
        for source in sources:
            with suppress(ActionFailed):
                self._hands.exec(source.id, ("mysql", "-uroot", "-e", _LOCK.format("UNLOCK")), timeout=10.0)

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
