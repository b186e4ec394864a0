"""A signal that comes at the worst of moments."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import os, signal, threading
from altis_local.signals import on_signals

stop, heard, others = threading.Event(), threading.Event(), []
on_signals({signal.SIGTERM: stop.set, signal.SIGUSR1: lambda: others.append(1) or heard.set()})
with stop._cond:  # as `wait` holds it, for moments
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGTERM)
    heard.wait(5)
print(stop.wait(5), len(others))
"""


def test_it_is_heard_while_the_main_thread_holds_the_events_lock() -> None:
    """With a handler in the main thread this never ends."""
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=20)
    assert ended.stdout.split() == ["True", "1"]
