"""The edge of the command line: runs a command and turns whatever it raises into text and an exit code.

Called by main alone. It is the one place that catches everything; a traceback shows only with ALTIS_DEBUG set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from altis_local.errors import AltisError, UsageError

INTERRUPTED = 130
GO_ON = "run the same again to go on, or `altis-local status` to look"


def guarded(work: Callable[[], int], *, json: bool) -> int:
    """Run and give the exit code."""
    try:
        return work()
    except AltisError as error:
        if os.environ.get("ALTIS_DEBUG"):
            raise
        return tell(error, json=json)
    except KeyboardInterrupt:
        print(f"\ninterrupted; {GO_ON}", file=sys.stderr)
        if json:
            _print(AltisError("interrupted", hint=GO_ON), INTERRUPTED)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more at exit without this.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("ALTIS_DEBUG"):
            raise
        hint = "this is a defect of altis-local; ALTIS_DEBUG=1 shows where"
        return tell(AltisError(f"{type(error).__name__}: {error}", hint=hint), json=json)


def tell_usage(text: str) -> None:
    """The document of a command line that the framework refused. It has told it on stderr in its own way."""
    _print(UsageError(text), UsageError.exit_code)


def tell(error: AltisError, *, json: bool) -> int:
    """Say on stderr what, where, the last log lines and what to do; with --json also as a document on stdout."""
    print(f"error: {error}", file=sys.stderr)
    for line in error.log:
        print(f"  {line}", file=sys.stderr)
    if error.hint:
        print(f"  → {error.hint}", file=sys.stderr)
    if json:
        _print(error, error.exit_code)
    return error.exit_code


def _print(error: AltisError, code: int) -> None:
    import json as encoder  # noqa: PLC0415 - only failures pay for it

    document = {
        "schema": 1,
        "error": error.message,
        "member": error.member,
        "log": list(error.log),
        "hint": error.hint,
        "exit_code": code,
    }
    print(encoder.dumps(document))
