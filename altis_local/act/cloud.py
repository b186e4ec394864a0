"""Makes at AWS what was decided. Called by the executor."""

from __future__ import annotations

from altis_local.act.context import Context
from altis_local.model import actions as do


def prepare_aws(context: Context, action: do.PrepareAws) -> None:
    """Identities and log groups; what is there stays."""
    context.sessions.aws(context.member(action.member)).prepare(action.identities, action.groups)
