"""Decides what is to be made at AWS: identities and log groups that LocalStack forgot at its last start.

Pure: no side effects; called by turn.
"""

from __future__ import annotations

from altis_local.model import actions as do
from altis_local.model import cloud
from altis_local.model.actions import Steps
from altis_local.model.spec import Spec, Wish
from altis_local.model.state import Snapshot

KEY = "aws"


def decide(spec: Spec, snapshot: Snapshot) -> tuple[Steps, ...]:
    """Make what lacks, once the services have told what they have."""
    if spec.wish is not Wish.RUNNING or snapshot.aws is None or not snapshot.is_healthy(snapshot.aws.member):
        return ()
    action = _lacking(spec, snapshot)
    if action is None:
        return ()
    return (Steps(KEY, f"AWS has not {_told(action)}", (action,)),)


def is_prepared(spec: Spec, snapshot: Snapshot) -> bool:
    """Whether AWS has all that the environment needs; true for an environment without AWS."""
    return "aws" not in spec.services or (snapshot.aws is not None and _lacking(spec, snapshot) is None)


def _lacking(spec: Spec, snapshot: Snapshot) -> do.PrepareAws | None:
    assert snapshot.aws is not None
    identities = cloud.identities(spec) - snapshot.aws.identities
    groups = cloud.log_groups(spec) - snapshot.aws.groups
    if not identities and not groups:
        return None
    return do.PrepareAws(snapshot.aws.member, tuple(sorted(identities)), tuple(sorted(groups)))


def _told(action: do.PrepareAws) -> str:
    parts = []
    if action.identities:
        parts.append(f"verified {', '.join(action.identities)}")
    if action.groups:
        parts.append(f"the log groups {', '.join(group.name for group in action.groups)}")
    return " nor ".join(parts)
