"""Reads compose/ (design.md decision 2): resolved once by Compose itself, then taken in by a closed list of keys.

Called by `environment` at start and by `config`. A key or a service that is not on the lists is an error that names
it: what Compose would do with it, control would silently leave out. It never starts or builds anything.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from altis_local.clients.quantities import duration, size
from altis_local.errors import EngineUnavailable, UsageError
from altis_local.model.spec import Service, Volume
from altis_local.model.topology import ROLES

IMAGE_PREFIX = "altis-local/"
CA_SECRET = "ca"  # noqa: S105 - the name of a build secret, not one

_SERVICE_KEYS = {
    "build", "cap_add", "cap_drop", "command", "cpu_shares", "cpus", "entrypoint", "environment", "image",
    "mem_limit", "networks", "pids_limit", "read_only", "security_opt", "shm_size", "stop_grace_period",
    "stop_signal", "sysctls", "tmpfs", "ulimits", "user", "volumes", "x-altis",
}  # fmt: skip
_BUILD_KEYS = {"additional_contexts", "args", "context", "dockerfile", "secrets", "target"}
_VOLUME_KEYS = {"type", "source", "target", "read_only", "volume", "bind"}
_ALTIS_KEYS = {"publish"}


@dataclass(frozen=True, slots=True)
class Build:
    """How one image is built. `contexts`: further named folders (`project` is the site's own)."""

    role: str
    context: Path
    dockerfile: Path
    args: Mapping[str, str]
    contexts: Mapping[str, str]
    target: str = ""


@dataclass(frozen=True, slots=True)
class ComposeModel:
    """Every role as compose/ defines it, and how its image is built."""

    services: Mapping[str, Service]
    builds: Mapping[str, Build]

    def maker(self, role: str) -> str:
        """The role whose build makes this role's image: itself, or the one that builds an image of that name."""
        if role in self.builds:
            return role
        image = self.services[role].image
        return next((other for other in self.builds if self.services[other].image == image), role)

    def builds_for(self, roles: Sequence[str]) -> Mapping[str, Build]:
        """Every build that these roles need."""
        makers = {self.maker(role) for role in roles if role in self.services}
        return {role: build for role, build in self.builds.items() if role in makers}

    def with_images(self, tags: Mapping[str, str]) -> Mapping[str, Service]:
        """The services with the images they are to run: their own override, else what their maker's build gives."""
        return {
            role: replace(service, image=tags.get(role) or tags.get(self.maker(role)) or service.image)
            for role, service in self.services.items()
        }


def load(files: Sequence[Path], cache: Path) -> ComposeModel:
    """Read these compose files, the later over the earlier."""
    return parse(resolve(files, cache))


def resolve(files: Sequence[Path], cache: Path) -> Mapping[str, Any]:
    """What `docker compose config --no-interpolate` makes of the files, kept in `cache` by their content."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    kept = cache / f"compose-{digest.hexdigest()[:24]}.json"
    try:
        return _mapping(json.loads(kept.read_text()))
    except (OSError, ValueError):
        text = _run_compose(files)
    document = _mapping(json.loads(text))
    cache.mkdir(parents=True, exist_ok=True)
    # Renamed into place, so that a second start never reads half a file.
    partial = kept.with_suffix(f".{digest.hexdigest()[24:32]}.part")
    partial.write_text(text)
    partial.replace(kept)
    return document


def _run_compose(files: Sequence[Path]) -> str:
    chosen = [part for file in files for part in ("-f", str(file))]
    command = ["docker", "compose", *chosen, "--project-directory", str(files[0].parent), "--project-name", "altis"]
    command += ["config", "--no-interpolate", "--format", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError as error:
        raise EngineUnavailable("the docker client is not installed", hint="see `altis-local doctor`") from error
    if done.returncode:
        lines = tuple(done.stderr.strip().splitlines()[-20:])
        if any("is not a docker command" in line or ("unknown" in line and "compose" in line) for line in lines):
            raise EngineUnavailable("the compose plugin is missing", log=lines, hint="see `altis-local doctor`")
        named = ", ".join(str(file) for file in files)
        raise UsageError("the compose files do not resolve", log=lines, hint=f"correct {named}")
    return done.stdout


def parse(document: Mapping[str, Any]) -> ComposeModel:
    """Take in a resolved document. Every problem is reported at once."""
    problems: list[str] = []
    services: dict[str, Service] = {}
    builds: dict[str, Build] = {}
    for name, raw in sorted((document.get("services") or {}).items()):
        if name not in ROLES:
            problems.append(f"service {name}: not a role of altis-local ({', '.join(ROLES)}); sidecars come later")
            continue
        problems += _unknown(f"service {name}", raw, _SERVICE_KEYS)
        problems += _unknown(f"service {name}: x-altis", raw.get("x-altis") or {}, _ALTIS_KEYS)
        try:
            services[name] = _service(name, raw)
            if raw.get("build"):
                problems += _unknown(f"service {name}: build", raw["build"], _BUILD_KEYS)
                builds[name] = _build(name, raw["build"])
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f"service {name}: {error}")
    if problems:
        raise UsageError("the compose files hold what altis-local does not read", log=tuple(problems))
    return ComposeModel(services, builds)


def _unknown(where: str, raw: Mapping[str, Any], known: set[str]) -> list[str]:
    return [f"{where}: unknown key {key}" for key in sorted(set(raw) - known)]


def _service(name: str, raw: Mapping[str, Any]) -> Service:
    _check_networks(name, raw)
    if not (memory := size(raw.get("mem_limit") or 0)):
        raise ValueError("mem_limit is missing: every container has a limit")
    return Service(
        role=name,
        image=str(raw.get("image") or IMAGE_PREFIX + name),
        environment={key: "" if value is None else str(value) for key, value in _pairs(raw.get("environment")).items()},
        command=_words(raw.get("command")),
        entrypoint=_words(raw.get("entrypoint")),
        volumes=tuple(_volume(volume) for volume in raw.get("volumes") or ()),
        tmpfs=tuple(_list(raw.get("tmpfs"))),
        memory=memory,
        cpus=float(raw.get("cpus") or 0),
        cpu_shares=int(raw.get("cpu_shares") or 0),
        pids=int(raw.get("pids_limit") or 0),
        read_only=bool(raw.get("read_only")),
        user=str(raw.get("user") or ""),
        cap_add=tuple(_list(raw.get("cap_add"))),
        cap_drop=tuple(_list(raw.get("cap_drop"))),
        security_opt=tuple(_list(raw.get("security_opt"))),
        sysctls={key: str(value) for key, value in _pairs(raw.get("sysctls")).items()},
        ulimits={key: _limit(value) for key, value in (raw.get("ulimits") or {}).items()},
        shm_size=size(raw.get("shm_size") or 0),
        stop_signal=str(raw.get("stop_signal") or ""),
        stop_grace=duration(raw.get("stop_grace_period") or "10s"),
        publish={int(port): str(what) for port, what in ((raw.get("x-altis") or {}).get("publish") or {}).items()},
    )


def _check_networks(name: str, raw: Mapping[str, Any]) -> None:
    """Networks follow from the role; the file says them for its readers, and must say the truth."""
    listed, expected = set(raw.get("networks") or ()), set(ROLES[name].networks)
    if listed and listed != expected:
        raise ValueError(f"networks are {', '.join(sorted(listed))}, but the role joins {', '.join(sorted(expected))}")


def _build(role: str, raw: Mapping[str, Any]) -> Build:
    context = Path(raw["context"])
    for secret in raw.get("secrets") or ():
        if (source := secret.get("source") if isinstance(secret, dict) else secret) != CA_SECRET:
            raise ValueError(f"build: unknown secret {source}; only {CA_SECRET} is given to builds")
    return Build(
        role,
        context,
        context / str(raw.get("dockerfile") or "Dockerfile"),
        {key: "" if value is None else str(value) for key, value in _pairs(raw.get("args")).items()},
        {key: str(value) for key, value in _pairs(raw.get("additional_contexts")).items()},
        str(raw.get("target") or ""),
    )


def _volume(raw: Any) -> Volume:
    if isinstance(raw, str):
        source, _, rest = raw.partition(":")
        target, _, mode = rest.partition(":")
        return Volume(source, target, mode == "ro")
    if unknown := sorted(set(raw) - _VOLUME_KEYS):
        raise ValueError(f"volume {raw.get('target')}: unknown key {', '.join(unknown)}")
    if raw["type"] not in ("volume", "bind"):
        raise ValueError(f"volume {raw.get('target')}: type {raw['type']} is not read; use tmpfs: for memory")
    if not raw.get("source"):
        raise ValueError(f"volume {raw.get('target')}: it has no name, and would not survive its container")
    return Volume(raw["source"], raw["target"], bool(raw.get("read_only")))


def _limit(raw: Any) -> tuple[int, int]:
    return (int(raw["soft"]), int(raw["hard"])) if isinstance(raw, dict) else (int(raw), int(raw))


def _words(raw: Any) -> tuple[str, ...] | None:
    if raw is None:
        return None
    return tuple(shlex.split(raw)) if isinstance(raw, str) else tuple(str(word) for word in raw)


def _list(raw: Any) -> list[str]:
    return [raw] if isinstance(raw, str) else [str(item) for item in raw or ()]


def _pairs(raw: Any) -> Mapping[str, Any]:
    """Compose takes mappings also as lists of `key=value`."""
    if isinstance(raw, list):
        return {key: value for key, _, value in (str(item).partition("=") for item in raw)}
    return _mapping(raw or {})


def _mapping(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError(f"a mapping is expected, not {type(raw).__name__}")
    return raw
