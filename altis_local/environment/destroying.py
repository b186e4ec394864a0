"""Removes an environment by its labels, with control running, gone or half there.

Called by the façade. Every step finds anew what is left, so a destroy that was killed is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from altis_local.clients.engine import Engine
from altis_local.environment.progress import Progress
from altis_local.errors import ActionFailed

ROUNDS = 3
"""Control may be in the middle of making a member when it is ended: what it left is found in the next round."""


def destroy(engine: Engine, name: str, progress: Progress) -> None:
    """Leave no container, network or volume. Control ends first, so that it heals nothing; its labels go last."""
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
        raise ActionFailed(
            f"network altis-{name}-{network} is in use by a container that is not of this environment",
            hint=f"`docker network inspect altis-{name}-{network}` names it: disconnect it and destroy again; "
            "where it names nobody, the engine holds a ghost: restart the engine",
        ) from error


def _all(pool: ThreadPoolExecutor, items: Iterable[str], work: Callable[[str], None]) -> None:
    list(pool.map(work, items))
