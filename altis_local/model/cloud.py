"""What every environment has at AWS: identities that mail may come from, log groups with their retention.

Values and constants; control makes them whenever the AWS services start, for LocalStack forgets them.
"""

from __future__ import annotations

from dataclasses import dataclass

from altis_local.model.spec import Spec

OWN_DOMAIN = "altis.cloud"
"""Its sub-domains are verified in every environment (fidelity MAIL-02)."""

KEPT_DAYS = {"php": 14, "nginx": 14, "lb": 14, "ses": 30, "cavalcade": 0, "access": 0}
"""Log group: days that its events are kept, 0 for ever. Source: fidelity DASH-01 and MAIL-04 (PHP and nginx errors two
weeks, mail one month, Cavalcade and access indefinitely). `lb` is ours: the original shows none of its own."""


@dataclass(frozen=True, slots=True, order=True)
class LogGroup:
    """A log group as it is or should be. `days` 0: events are kept for ever."""

    name: str
    days: int


def group(spec: Spec, short: str) -> str:
    """The full name of one of the environment's log groups."""
    return f"{spec.environment}/{short}"


def log_groups(spec: Spec) -> frozenset[LogGroup]:
    """The groups that should be there. Who writes into a group finds it: no writer makes one (fidelity DASH-11)."""
    return frozenset(LogGroup(group(spec, short), days) for short, days in KEPT_DAYS.items())


def identities(spec: Spec) -> frozenset[str]:
    """Domains that mail may come from: the environment's own, and the site's where its name is a domain's."""
    host = spec.site_host.removeprefix("www.")
    site = {host} if "." in host else set()
    return frozenset({OWN_DOMAIN, f"{spec.environment}.{OWN_DOMAIN}"} | site)
