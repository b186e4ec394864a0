"""The façade that every surface uses: the command line, drills, tests. `Environment` is imported at first use.

Fast commands import single modules of this package; that must not cost them the whole of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altis_local.environment.facade import Environment

__all__ = ["Environment"]


def __getattr__(name: str) -> Any:
    if name != "Environment":
        raise AttributeError(name)
    from altis_local.environment.facade import Environment  # noqa: PLC0415 - see above

    return Environment
