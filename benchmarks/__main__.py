"""`python -m benchmarks [NAME…]`: measure, save, render. Exit codes as the product's: 0, 1 failed, 2 usage, 130 …"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from altis_local.clients.engine_reader import EngineReader
from altis_local.clock import SystemClock
from altis_local.environment.locking import exclusive
from altis_local.environment.paths import user_paths
from altis_local.environment.progress import Recorded
from altis_local.errors import AltisError
from benchmarks import machine, page
from benchmarks.catalogue import FIGURES, chosen
from benchmarks.runner import Runner
from benchmarks.stage import Stage
from benchmarks.store import Store
from benchmarks.values import Figure

HOME = Path(__file__).parent
KEEP = machine.ROOT / ".altis-local" / "benchmarks"
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _bench(options)
    except AltisError as exc:
        _tell("\n  ".join([str(exc), *exc.log, *([exc.hint] if exc.hint else [])]))
        return exc.exit_code
    except KeyboardInterrupt:
        _tell("interrupted; what was measured is kept, and the next bench goes on from there")
        return INTERRUPTED


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure the figures of RESULTS.md.")
    parser.add_argument("names", nargs="*", help="figures, or beginnings of their names, also with commas")
    parser.add_argument("--again", action="store_true", help="start over instead of going on")
    parser.add_argument("--runs", type=int, metavar="N", help="at most N runs of each, for a first look")
    parser.add_argument("--list", action="store_true", help="only list the figures")
    parser.add_argument("--render", action="store_true", help="only render RESULTS.md")
    parser.add_argument(
        "--into", type=Path, default=HOME, metavar="FOLDER", help="where results/ and RESULTS.md are, for a trial"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON in the end")
    return parser.parse_args(argv)


def _bench(options: argparse.Namespace) -> int:
    figures = chosen(options.names)
    if options.list:
        print("\n".join(map(_listed, FIGURES if not options.names else figures)))
        return 0
    store = Store(machine.host(EngineReader()), machine.versions(), options.into / "results")
    failed: tuple[str, ...] = ()
    if not options.render:
        try:
            failed = _measure(figures, store, again=options.again, limit=options.runs)
        finally:
            _render(store, options.into)
    _render(store, options.into)
    if options.json:
        documents = {figure.name: store.read(figure.name) for figure in figures}
        print(json.dumps({"schema": 1, "figures": {n: d for n, d in documents.items() if d}}))
    if failed:
        _tell(f"not measured to the end: {', '.join(failed)}")
    return 1 if failed else 0


def _listed(figure: Figure) -> str:
    when = "  (only when it is named)" if figure.on_request else ""
    return f"{figure.name:<24} {figure.runs:>3} {'runs' if figure.runs > 1 else 'run '}  {figure.title}{when}"


def _measure(figures: tuple[Figure, ...], store: Store, *, again: bool, limit: int | None) -> tuple[str, ...]:
    """All of them on one stage, of which nothing stays."""
    clock = SystemClock()
    alone = exclusive(user_paths().lock("_bench"), "make bench", Recorded(clock), clock, patience=0.0)
    with alone, tempfile.TemporaryDirectory(prefix="altis-bench-") as folder:
        stage = Stage(Path(folder), KEEP)
        try:
            return Runner(stage, store, _tell, limit=limit).measure(figures, again=again)
        finally:
            stage.close()


def _render(store: Store, folder: Path) -> None:
    documents = {figure.name: document for figure in FIGURES if (document := store.read(figure.name))}
    if documents:
        (folder / "RESULTS.md").write_text(page.render(FIGURES, documents), encoding="utf-8")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
