"""The journal: numbered, followed, resumed after a kill with a torn last line."""

from __future__ import annotations

import threading
from pathlib import Path

from altis_local.control.journal import Journal
from altis_local.model.history import Event


def event(text: str) -> Event:
    return Event(at=1.0, kind="note", text=text)


def test_numbers_go_on_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = Journal(path)
    first.add(event("one"))
    first.add(event("two"))
    with path.open("a") as file:
        file.write('{"at": 1.0, "kind": "no')  # killed while writing
    again = Journal(path)
    again.add(event("three"))
    assert [(e.sequence, e.text) for e in again.after(1)] == [(2, "two"), (3, "three")]


def test_followers_get_events_as_they_come() -> None:
    journal = Journal()
    got: list[str] = []

    def follow() -> None:
        got.extend(e.text for e in journal.follow(0, idle=0.05) if e)

    reader = threading.Thread(target=follow)
    reader.start()
    for text in ("a", "b", "c"):
        journal.add(event(text))
    while len(got) < 3:
        reader.join(0.01)
    journal.close()
    reader.join(5)
    assert got == ["a", "b", "c"]
    assert not reader.is_alive()
