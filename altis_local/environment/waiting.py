"""Follows control's events until what was asked for is so, and says who lags when it is not in time.

Called by the lifecycle after a Spec was handed over. Control may be killed meanwhile: the stream is taken up again.
"""

from __future__ import annotations

from collections.abc import Callable

from altis_local.clients.control_api import ControlApi, Document
from altis_local.clock import Deadline
from altis_local.environment.progress import Progress
from altis_local.errors import ActionFailed, NotReady, Unreachable

SILENCE = 1.0
"""Seconds without an event after which control is asked directly."""

_SHOWN = {"action", "outcome", "phase", "observation"}


def await_settled(
    api: ControlApi, after: int, deadline: Deadline, progress: Progress, revive: Callable[[], ControlApi]
) -> Document:
    """Wait until control says that the environment is as its Spec wants it; its status then."""
    while not deadline.passed():
        try:
            for event in api.events(after, timeout=SILENCE):
                after = max(after, int(event.get("sequence") or after))
                _show(event, progress)
                if event.get("kind") == "converged" and (found := _settled(api)):
                    return found
                if deadline.passed():
                    break
        except Unreachable:
            # A second of silence, or control was killed: it is asked again, and started anew if it is gone.
            if api.health() is None:
                api = revive()
            elif found := _settled(api):
                return found
    raise _late(api)


def _settled(api: ControlApi) -> Document | None:
    try:
        status = api.status()
    except (Unreachable, ActionFailed):
        return None
    return status if status.get("settled", status.get("converged")) else None


def _show(event: Document, progress: Progress) -> None:
    text = str(event.get("text") or "")
    if text and event.get("kind") in _SHOWN and event.get("outcome") != "ok":
        progress.detail(text)


def _late(api: ControlApi) -> NotReady:
    """Name the members that lag, with their last log lines."""
    try:
        missing = api.status().get("missing") or ()
    except (Unreachable, ActionFailed) as error:
        return NotReady("the environment is not ready in time", log=(str(error),), hint="`altis-local doctor`")
    lines = []
    for row in missing:
        lines.append(f"{row.get('member')}: {row.get('why')}")
        lines += [f"    {line}" for line in (row.get("log") or ())[-5:]]
    names = ", ".join(str(row.get("member")) for row in missing) or "the control plane"
    return NotReady(
        f"not ready in time: {names}",
        log=tuple(lines),
        hint="it is still being worked on: `altis-local status` shows how far it is, `altis-local logs MEMBER` why",
    )
