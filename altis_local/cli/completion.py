"""completion: the script with which a shell completes commands and options of altis-local."""

from __future__ import annotations

from typing import Annotated

import typer

from altis_local.errors import UsageError

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "altis-local"
VARIABLE = "_ALTIS_LOCAL_COMPLETE"
"""By its value the command line knows that a shell asks, and for what."""


def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="Which shell it is for.")],
) -> None:
    """Print the completion script of a shell, for its start-up file: eval "$(altis-local completion bash)"."""
    if shell not in SHELLS:
        raise UsageError(f"no completion for {shell!r}", hint=f"there is: {', '.join(SHELLS)}")
    from typer._completion_shared import get_completion_script  # noqa: PLC0415 - nobody else needs it

    print(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell))
