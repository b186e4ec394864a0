"""Signals without handlers: a handler runs in the main thread between any two of its steps, also while it holds the
very lock that `Event.set` needs, and then both wait for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping


def on_signals(doing: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Do this when a signal comes, in a thread of its own.

    Call it in the main thread before others are started: they inherit that they are not meant.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, doing)

    def follow() -> None:
        while True:
            doing[signal.Signals(signal.sigwait(doing))]()

    threading.Thread(target=follow, name="signals", daemon=True).start()
