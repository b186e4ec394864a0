"""The engine's rows as values: containers, short names, times, and who holds a published port.

Called by Engine alone; asks nothing itself. Details remembers what only an inspection tells, so that listing
containers costs one question however many there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from altis_local.clients.engine_values import LABEL, qualified
from altis_local.model.state import Container, Phase

_PHASES = {"created": Phase.CREATED, "running": Phase.RUNNING, "paused": Phase.PAUSED, "removing": Phase.REMOVING}
_TELLING = ("running", "paused", "exited", "dead", "restarting")
"""States in which an inspection adds something: when it started, how it ended."""
_JUST_ENDED = re.compile(r"Exited \((\d+)\) (?:Less than a|1) second")
_GUESSED = "guessed"


class Details:
    """Container -> what the last inspection said, as long as the container's state is the same."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, Any]] = {}
        self._ended: dict[str, int] = {}

    def corrected(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row as its container is: the list says `running` of one whose end was told, until its networks are
        gone as well; with many that end at once, that takes more than a second."""
        code = self._ended.get(row["Id"])
        if row["State"] != "running" or code is None:
            return row
        return {**row, "State": "exited", "Status": f"Exited ({code}) Less than a second ago"}

    def of(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What is known of the container of this row; None when it has to be inspected."""
        known = self._known.get(row["Id"], {})
        if row["State"] not in _TELLING or (known.get("Status") == row["State"] and not known.get(_GUESSED)):
            return known
        ended = _JUST_ENDED.match(row.get("Status", ""))
        if not known or not ended:
            return None
        # Inspecting one that is just being killed waits until the engine has done with it: 0.3 s of a failover. It is
        # remembered as ended, so that it is inspected later, and when it runs again.
        guess = {**known, "Status": row["State"], "ExitCode": int(ended[1]), _GUESSED: True}
        self._known[row["Id"]] = guess
        return guess

    def learn(self, container: str, state: Mapping[str, Any]) -> None:
        self._known[container] = state

    def happened(self, container: str, action: str, exit_code: int | None) -> None:
        """An event: after a start it may be in the same state, but in another life."""
        if action == "start":
            self._known.pop(container, None)
            self.started(container)
        elif action == "die":
            self._ended[container] = exit_code or 0
        elif action == "oom" and container in self._known:
            self._known[container] = {**self._known[container], "OOMKilled": True}

    def started(self, container: str) -> None:
        """The engine says so itself, which may be before its event is read."""
        self._ended.pop(container, None)

    def unheard(self) -> None:
        """Events may have been missed: what ended may have started again."""
        self._ended.clear()

    def forget_but(self, ids: Iterable[str]) -> None:
        there = set(ids)
        for gone in (set(self._known) | set(self._ended)) - there:
            self._known.pop(gone, None)
            self._ended.pop(gone, None)


def container(row: Mapping[str, Any], state: Mapping[str, Any]) -> Container:
    """A row of the list of containers, with the `State` of its inspection."""
    tag = row["Labels"].get
    phase = _PHASES.get(row["State"], Phase.EXITED)
    return Container(
        id=row["Id"],
        name=row["Names"][0].lstrip("/") if row["Names"] else "",
        kind=tag(f"{LABEL}kind", ""),
        role=tag(f"{LABEL}role", ""),
        member=tag(f"{LABEL}member", ""),
        zone=tag(f"{LABEL}zone", ""),
        hash=tag(f"{LABEL}hash", ""),
        image=row["Image"],
        phase=phase,
        started_at=_seconds(state.get("StartedAt", "")),
        exit_code=state.get("ExitCode") if phase is Phase.EXITED else None,
        oom_killed=bool(state.get("OOMKilled")),
    )


def short_names(environment: str, names: Iterable[str]) -> frozenset[str]:
    prefix = qualified(environment, "")
    return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def taken_port(text: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The engine's complaint about a port, with the container that publishes it when it is one of `rows`."""
    found = re.search(r"\b\d+\.\d+\.\d+\.\d+:(\d+)", text)
    if not found:
        return text
    port = int(found[1])
    for row in rows:
        if any(entry.get("PublicPort") == port for entry in row.get("Ports") or ()):
            return f"port {port} is taken by the container {row['Names'][0].lstrip('/')}"
    return f"port {port} is taken by another program of this machine"


def _seconds(text: str) -> float:
    """Seconds since the epoch for the engine's time; 0 for its "never"."""
    return 0.0 if not text or text.startswith("0001-") else datetime.fromisoformat(text).timestamp()
