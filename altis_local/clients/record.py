"""The two values that control keeps, as JSON files in its volume: the Spec and the protection record.

Saving is atomic and durable: a temporary file, fsynced, renamed, the folder fsynced. A file that cannot be read is an
error and never taken for an absent one: absent means "not protected". Files of other versions are read: fields that
are new get their defaults, unknown ones are left out; what this version could not run is refused.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypeVar

from altis_local import wire
from altis_local.errors import AltisError, Conflict, UsageError
from altis_local.model.plans import PLANS
from altis_local.model.spec import Spec
from altis_local.model.state import Protection
from altis_local.model.timing import SCALING

T = TypeVar("T")

NEWER = "if a newer altis-local wrote it, start the environment with that one; remove nothing"


class FileRecords:
    """Files `spec.json` and `protection.json` in a folder that exists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_spec(self) -> Spec | None:
        spec = self._load("spec.json", Spec)
        if spec is not None and (strange := unknown(spec)):
            raise Conflict(f"the environment has {strange}", hint=NEWER)
        return spec

    def save_spec(self, spec: Spec) -> None:
        self._save("spec.json", spec)

    def load_record(self) -> Protection | None:
        return self._load("protection.json", Protection)

    def save_record(self, record: Protection) -> None:
        self._save("protection.json", record)

    def _load(self, name: str, kind: type[T]) -> T | None:
        path = self._folder / name
        try:
            return wire.load(kind, json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, UsageError) as error:
            raise AltisError(f"{path} cannot be read: {error}", hint=NEWER) from error

    def _save(self, name: str, value: object) -> None:
        path, fresh = self._folder / name, self._folder / f".{name}.new"
        try:
            # Holds secrets: nobody else may read it.
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(wire.dump(value), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise AltisError(f"{path} cannot be written: {error.strerror}", hint="is the disk full?") from error


def unknown(spec: Spec) -> str:
    """What of a Spec this version does not know and could not run; "" for one that it can."""
    if spec.plan not in PLANS:
        return f"plan {spec.plan}, which this version does not know"
    if spec.timing not in SCALING:
        return f"timing {spec.timing}, which this version does not know"
    return ""
