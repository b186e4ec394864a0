"""Decides when the site is installed into the database. Pure: no side effects; called by turn."""

from __future__ import annotations

from altis_local.decide import database
from altis_local.decide.diagnosis import Finding, diagnose
from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec, Wish
from altis_local.model.state import Snapshot

KEY = "site"


def is_installed(spec: Spec, snapshot: Snapshot, recent: Recent) -> bool:
    """Whether the writer's data say that the site was installed."""
    found = diagnose(spec, snapshot, recent)
    return found.finding is Finding.OK and bool(snapshot.db[found.writer].site_url)


def decide(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[Steps, ...]:
    """Install once the writer is routed and a web container runs."""
    found = diagnose(spec, snapshot, recent)
    if spec.wish is not Wish.RUNNING or found.finding is not Finding.OK or "web" not in spec.services:
        return ()
    if is_installed(spec, snapshot, recent):
        return ()
    proxies = [p for p in snapshot.proxies.values() if database.WRITER_BACKEND in p.backends()]
    routed = bool(proxies) and all(p.ready(database.WRITER_BACKEND) == {found.writer} for p in proxies)
    web = next((m.name for m in spec.members("web") if snapshot.is_healthy(m.name)), None)
    if not routed or web is None:
        return ()
    return (Steps(KEY, "the database is empty: installing the site", (do.InstallSite(web),)),)
