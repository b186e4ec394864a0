"""Entry point of the control container: puts loop, journal, resolver and API together and runs until told to end."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from altis_local.clients.engine import Engine
from altis_local.clients.record import FileRecords
from altis_local.clients.watch import SessionWatcher
from altis_local.clock import SystemClock
from altis_local.control import telling
from altis_local.control.journal import Journal
from altis_local.control.loop import Loop, Parts, Seen
from altis_local.control.resolver import Resolver
from altis_local.control.server import Api
from altis_local.control.sessions import LiveSessions
from altis_local.control.store import Store
from altis_local.control.waking import Waking
from altis_local.errors import AltisError, UsageError
from altis_local.model.spec import Spec
from altis_local.model.topology import CONTROL, address
from altis_local.observe.observer import Observer

FOLDER = Path("/var/lib/altis")
CGROUPS = Path("/host/cgroup")
API_PORT = 8080
REQUIRED = ("ALTIS_ENVIRONMENT", "ALTIS_API_TOKEN", "ALTIS_BLOCK")

log = logging.getLogger(__name__)


def build(folder: Path, engine: Engine, *, own_container: str) -> tuple[Loop, Waking]:
    """The loop and what wakes it. Also used in-process by tests."""
    clock = SystemClock()
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(FileRecords(folder), folder / "aside")
    sessions = LiveSessions(lambda: _required(store))
    observer = Observer(engine, sessions, clock, ThreadPoolExecutor(32, thread_name_prefix="probe"))
    waking = Waking(engine, sessions, SessionWatcher(), lambda: loop.wake())
    journal = Journal(folder / "journal.jsonl")
    loop = Loop(
        Parts(store, journal, engine, sessions, observer, clock, own_container), after_snapshot=waking.after_snapshot
    )
    return loop, waking


def _required(store: Store) -> Spec:
    if store.spec is None:
        raise UsageError("no Spec was given yet")
    return store.spec


def main() -> int:
    """Run in the container. Environment: ALTIS_ENVIRONMENT, ALTIS_API_TOKEN, ALTIS_BLOCK, ALTIS_HASH."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing:
        log.error("not set: %s", ", ".join(missing))
        return 64
    environment, token = os.environ["ALTIS_ENVIRONMENT"], os.environ["ALTIS_API_TOKEN"]
    engine = Engine(cgroup_root=CGROUPS)
    try:
        loop, waking = build(FOLDER, engine, own_container=socket.gethostname())
    except AltisError as error:
        # What another version wrote, or a disk that fails. `start` shows these lines.
        log.error("%s; %s", error, error.hint)
        return 78
    Resolver().start()
    waking.start(environment)
    told = telling.start(loop, engine, waking.sessions)
    worker = threading.Thread(target=loop.run, name="loop")
    worker.start()
    log.info("control of %s", environment)
    signal.signal(signal.SIGTERM, lambda *_: None)
    _server(loop, engine, token).run()
    loop.journal.close()
    loop.close()
    told.close()
    waking.close()
    worker.join(timeout=5)
    # Probes of frozen members may still wait for their time limit; nothing is lost by leaving them.
    os._exit(0)


def _server(loop: Loop, engine: Engine, token: str) -> uvicorn.Server:
    def memory(seen: Seen) -> dict[str, int]:
        return engine.memory([c.id for c in seen.snapshot.containers])

    api = Api(loop, token=token, memory=memory, content_hash=os.environ.get("ALTIS_HASH", ""))
    return uvicorn.Server(
        uvicorn.Config(
            api.app(),
            host=address(os.environ["ALTIS_BLOCK"], "api", CONTROL),
            port=API_PORT,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
