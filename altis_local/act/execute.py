"""Runs Steps: one handler for each kind of action, every one journaled with its outcome, in this one place.

Called by the control loop, in a thread for each Steps. The first action that fails ends its Steps; nothing is rolled
back, since the next turn plans again from what it sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from altis_local.act import cloud, containers, database, metadata, traffic
from altis_local.act.context import Context
from altis_local.errors import AltisError
from altis_local.model import actions as do
from altis_local.model.actions import Action, Steps
from altis_local.model.history import Event
from altis_local.model.state import Protection

Journal = Callable[[Event], None]

_HANDLERS: Mapping[type, Callable[[Context, Any], None]] = {
    do.CreateNetworks: containers.create_networks,
    do.StartMember: containers.start_member,
    do.KillMember: containers.kill_member,
    do.StopMember: containers.stop_member,
    do.SignalMember: containers.signal_member,
    do.RemoveHelper: containers.remove_helper,
    do.Hold: traffic.hold,
    do.Fence: database.fence,
    do.StopReceivers: database.stop_receivers,
    do.Demote: database.demote,
    do.WaitApplied: database.wait_applied,
    do.WriteRecord: database.write_record,
    do.Promote: database.promote,
    do.Repoint: database.repoint,
    do.SetAcknowledge: database.set_acknowledge,
    do.SetSemiSync: database.set_semi_sync,
    do.AwaitConnected: database.await_connected,
    do.AwaitReceived: database.await_received,
    do.SetAside: database.set_aside,
    do.Seed: database.seed,
    do.PromoteCache: traffic.promote_cache,
    do.FollowCache: traffic.follow_cache,
    do.Route: traffic.route,
    do.Cut: traffic.cut,
    do.InstallSite: traffic.install_site,
    do.PrepareAws: cloud.prepare_aws,
    do.LinkMetadata: metadata.link_metadata,
}


def execute(context: Context, steps: Steps, journal: Journal) -> bool:
    """Run the actions in order; False when one failed. Only errors of this package are expected here."""
    for action in steps.actions:
        began = context.clock.monotonic()
        try:
            _HANDLERS[type(action)](context, action)
        except AltisError as error:
            _record(context, journal, steps, action, began, error)
            return False
        _record(context, journal, steps, action, began, None)
    return True


def _record(
    context: Context, journal: Journal, steps: Steps, action: Action, began: float, error: AltisError | None
) -> None:
    journal(
        Event(
            at=context.clock.now(),
            kind="action",
            text=f"{error}" if error else steps.reason,
            key=steps.key,
            member=getattr(action, "member", ""),
            action=describe(action),
            outcome="failed" if error else "ok",
            seconds=round(context.clock.monotonic() - began, 4),
            log=error.log if error else (),
        )
    )


def describe(action: Action) -> str:
    """An action in one line, for people."""
    values = [getattr(action, name) for name in action.__slots__]
    return f"{type(action).__name__}({', '.join(_short(v) for v in values)})"


def _short(value: object) -> str:
    if isinstance(value, frozenset | tuple):
        return "{" + ",".join(sorted(map(str, value))) + "}"
    if isinstance(value, Protection):
        return f"term {value.term}, {value.writer}, k={value.k} of {{{','.join(sorted(value.voters))}}}"
    return str(value)
