"""Removes an environment by its labels, with control running, gone or half there.

Called by the façade. Every step finds anew what is left, so a destroy that was killed is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from altis_local.clients.engine import Engine
from altis_local.clients.engine_values import qualified
from altis_local.environment.progress import Progress
from altis_local.errors import ActionFailed, UndoIncomplete

ROUNDS = 3
"""Control may be in the middle of making a member when it is ended: what it left is found in the next round."""


def destroy(engine: Engine, name: str, progress: Progress) -> None:
    """Leave no container, network or volume. Control ends first, so that it heals nothing; its labels go last.

    Raises UndoIncomplete when nothing is left but networks that the engine does not let go.
    """
    progress.phase("containers")
    with ThreadPoolExecutor(8) as pool:
        for _ in range(ROUNDS):
            _end_control(engine, name)
            others = [c.id for c in engine.containers(name) if c.kind != "control"]
            _all(pool, others, lambda found: engine.remove(found, force=True))
        progress.phase("volumes")
        _all(pool, [c.id for c in engine.containers(name)], lambda found: engine.remove(found, force=True))
        _all(pool, engine.volumes(name), lambda volume: engine.remove_volume(name, volume))
        progress.phase("networks")
        _all(pool, engine.networks(name), lambda network: _remove_network(engine, name, network))
    progress.end()
    if kept := engine.networks(name):
        raise _incomplete(name, {network: engine.attached(name, network) for network in kept})


def _end_control(engine: Engine, name: str) -> None:
    for control in [c for c in engine.containers(name) if c.kind == "control" and c.phase != "exited"]:
        # Without this the engine would restart it after the kill.
        engine.update_restart(control.id, "no")
        engine.kill(control.id)


def _remove_network(engine: Engine, name: str, network: str) -> None:
    try:
        engine.remove_network(name, network)
    except ActionFailed as error:
        if "active endpoints" not in error.message:
            raise


def _incomplete(name: str, kept: Mapping[str, tuple[str, ...]]) -> UndoIncomplete:
    """The engine keeps the number of a network's endpoints apart from them, and may miscount (moby issue 42119)."""
    holders = sorted({holder for found in kept.values() for holder in found})
    networks = ", ".join(qualified(name, network) for network in sorted(kept))
    if holders:
        return UndoIncomplete(
            f"all of {name} is removed but {networks}: in use by {', '.join(holders)}, which altis-local did not make",
            hint=f"`docker network disconnect {qualified(name, min(kept))} {holders[0]}`, and destroy again",
        )
    return UndoIncomplete(
        f"all of {name} is removed but {networks}: the engine has miscounted who is there, and keeps them",
        hint="nothing holds or needs them; once the engine was restarted `altis-local prune` removes them",
        unheld=True,
    )


def _all(pool: ThreadPoolExecutor, items: Iterable[str], work: Callable[[str], None]) -> None:
    list(pool.map(work, items))
