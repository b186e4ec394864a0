"""The error tree. Every error says what happened, to which member, and what to do next.

AltisError                    1  anything that failed
├── UsageError                2  wrong arguments or configuration (ConfigError lists every problem)
│   └── RefusedByPlan         2  the plan does not include what was asked for
├── EngineUnavailable         4  no container engine answers
├── NotReady                  5  not ready in time; names the members that lag
├── Conflict                  8  a port, name, subnet or version is taken
├── UndoIncomplete            7  something could not be removed; names what is left
├── BuildFailed               1  an image did not build; carries the failing step
├── Unreachable               1  a member did not answer (observation turns it into a value)
└── ActionFailed              1  an action on a member failed; the next turn plans again from the truth

The number is the exit code of the command line (design: 0 ok, 1 failed, 2 usage, 3 unknown, 4 no engine, 5 not
ready, 6 lever, 7 undo incomplete, 8 conflict, 130 interrupted).
"""

from __future__ import annotations


class AltisError(Exception):
    """Root of everything this package raises on purpose."""

    exit_code = 1

    def __init__(
        self, message: str, *, member: str | None = None, log: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.member = member
        self.log = log
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.member}: {self.message}" if self.member else self.message


class UsageError(AltisError):
    """Wrong arguments or configuration."""

    exit_code = 2


class RefusedByPlan(UsageError):
    """The environment's plan does not include what was asked for; the message gives the reason."""


class EngineUnavailable(AltisError):
    """No container engine answers."""

    exit_code = 4


class NotReady(AltisError):
    """The environment did not converge in time."""

    exit_code = 5


class Conflict(AltisError):
    """A port, name, subnet or version is already taken; the message names the holder."""

    exit_code = 8


class UndoIncomplete(AltisError):
    """Something could not be removed, and nothing that altis-local may do would remove it; the message names it.

    `unheld` is true where nobody holds what is left: the engine has miscounted.
    """

    exit_code = 7

    def __init__(self, message: str, *, hint: str, unheld: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.unheld = unheld


class BuildFailed(AltisError):
    """An image did not build; `log` holds the failing step's last lines."""


class Unreachable(AltisError):
    """A member did not answer. `refused` is true when nothing listens there, false when it timed out or broke."""

    def __init__(self, message: str, *, member: str | None = None, refused: bool = False) -> None:
        super().__init__(message, member=member)
        self.refused = refused


class ActionFailed(AltisError):
    """An action on a member failed."""
