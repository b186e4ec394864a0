"""Follows control's events until what was asked for is so, and says who lags when it is not in time.

Called by the lifecycle after a Spec was handed over. Control may be killed meanwhile: the stream is taken up again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from altis_local.clients.control_api import ControlApi, Document
from altis_local.clock import Deadline
from altis_local.environment.progress import Progress
from altis_local.errors import ActionFailed, NotReady, Unreachable

SILENCE = 1.0
"""Seconds without an event after which control is asked directly."""

LAST_LINES = 5
"""Lines of its log that tell why a member is not well."""

_SHOWN = {"action", "outcome", "phase", "observation"}


Check = Callable[[Document], bool]
"""Whether a status is what is waited for."""


def is_up(status: Document) -> bool:
    return bool(status.get("converged"))


def is_down(status: Document) -> bool:
    """A status of just before the Spec was handed over says `running`, and does not count."""
    return status.get("state") == "stopped" and bool(status.get("settled"))


@dataclass(frozen=True, slots=True)
class Wait:
    """What is waited for, from which event on, and until when.

    `revive`: how to get control back when it is gone. `log`: the last lines that a member has written.
    """

    after: int
    check: Check
    deadline: Deadline
    revive: Callable[[], ControlApi]
    log: Callable[[str], Sequence[str]] = lambda _: ()


def await_settled(api: ControlApi, wait: Wait, progress: Progress) -> Document:
    """Wait until control says that the environment is as it should be; its status then."""
    after, deadline = wait.after, wait.deadline
    while not deadline.passed():
        try:
            for event in api.events(after, timeout=SILENCE):
                after = max(after, int(event.get("sequence") or after))
                _show(event, progress)
                if event.get("kind") == "converged" and (found := _found(api, wait.check)):
                    return found
                if deadline.passed():
                    break
        except Unreachable:
            # A second of silence, or control was killed: it is asked again, and started anew if it is gone.
            if api.health() is None:
                api = wait.revive()
            elif found := _found(api, wait.check):
                return found
    raise _late(api, wait.log)


def _found(api: ControlApi, check: Check) -> Document | None:
    try:
        status = api.status()
    except (Unreachable, ActionFailed):
        return None
    return status if check(status) else None


def _show(event: Document, progress: Progress) -> None:
    text = str(event.get("text") or "")
    if text and event.get("kind") in _SHOWN and event.get("outcome") != "ok":
        progress.detail(text)


def _late(api: ControlApi, log: Callable[[str], Sequence[str]]) -> NotReady:
    """Name the members that lag, with the last lines of those that are not well (journaled ones, where it is gone)."""
    try:
        status = api.status()
        missing = status.get("missing") or ()
    except (Unreachable, ActionFailed) as error:
        return NotReady("the environment is not ready in time", log=(str(error),), hint="`altis-local doctor`")
    ill = {m["member"] for m in status.get("members") or () if m["state"] not in ("healthy", "draining")}
    lines = []
    for row in missing:
        lines.append(f"{row['member']}: {row['why']}")
        if row["member"] in ill:
            lines += [f"    {line}" for line in [*(log(row["member"]) or row.get("log") or ())][-LAST_LINES:]]
    names = ", ".join(row["member"] for row in missing) or "the control plane"
    return NotReady(
        f"not ready in time: {names}",
        log=tuple(lines),
        hint="it is still being worked on: `altis-local status` shows how far it is, `altis-local logs MEMBER` why",
    )
