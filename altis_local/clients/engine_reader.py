"""Questions to the container engine that fast commands ask: what is there, by label. It never changes anything.

Called by `environment` and the fast path of the command line, which cannot afford the SDK's import (0.17 s); what
changes the world goes through `engine`. Speaks the engine's own API over its local socket.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from altis_local.clients.plain_http import Answer, Request, exchange
from altis_local.errors import ActionFailed, EngineUnavailable

PREFIX = "altis-local."
"""Of every label of ours."""

DEFAULT_ENDPOINT = "unix:///var/run/docker.sock"


class Found(NamedTuple):
    """A container with our labels. `ports`: container port -> published port on loopback."""

    id: str
    name: str
    environment: str
    kind: str
    role: str
    member: str
    zone: str
    state: str
    image: str
    labels: Mapping[str, str]
    ports: Mapping[int, int]

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    def label(self, name: str) -> str:
        return self.labels.get(PREFIX + name, "")


class FoundNetwork(NamedTuple):
    """A network of the engine, ours or not (`environment` is "" then)."""

    name: str
    environment: str
    subnets: tuple[str, ...]


def context_name(environ: Mapping[str, str] = os.environ) -> str:
    """The name of the engine's client context in use; it is also the name of the builder that sees its images."""
    if environ.get("DOCKER_HOST"):
        return "default"
    if chosen := environ.get("DOCKER_CONTEXT"):
        return chosen
    try:
        settings = json.loads((_client_folder(environ) / "config.json").read_text())
    except (OSError, ValueError):
        return "default"
    return str(settings.get("currentContext") or "default")


def endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """Where the engine listens, as its own client would find it: DOCKER_HOST, the chosen context, the default."""
    if host := environ.get("DOCKER_HOST"):
        return host
    name = context_name(environ)
    if name == "default":
        return DEFAULT_ENDPOINT
    import hashlib  # noqa: PLC0415 - only users of contexts pay for it

    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = _client_folder(environ) / "contexts" / "meta" / digest / "meta.json"
    try:
        return str(json.loads(meta.read_text())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError):
        return DEFAULT_ENDPOINT


def _client_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


class EngineReader:
    """Read-only view of one engine."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address or endpoint()

    def version(self) -> str:
        return str(self._get("/version")["Version"])

    def info(self) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], self._get("/info"))

    def containers(self, environment: str | None = None) -> tuple[Found, ...]:
        """Every container of one environment, or of all, ordered by name."""
        label = f"{PREFIX}environment" + (f"={environment}" if environment else "")
        rows = self._get(f"/containers/json?all=1&filters={_filters(label=[label])}")
        return tuple(sorted((_found(row) for row in rows), key=lambda found: found.name))

    def port_holders(self) -> Mapping[int, str]:
        """Host port -> name of the running container that publishes it, ours or not."""
        rows = self._get("/containers/json")
        return {
            port["PublicPort"]: row["Names"][0].lstrip("/")
            for row in rows
            for port in row.get("Ports") or ()
            if port.get("PublicPort")
        }

    def networks(self) -> tuple[FoundNetwork, ...]:
        """Every network of the engine with its subnets."""
        return tuple(
            FoundNetwork(
                row["Name"],
                (row.get("Labels") or {}).get(f"{PREFIX}environment", ""),
                tuple(c["Subnet"] for c in (row.get("IPAM") or {}).get("Config") or () if c.get("Subnet")),
            )
            for row in self._get("/networks")
        )

    def volumes(self) -> Mapping[str, str]:
        """Name of each volume of ours -> its environment."""
        rows = self._get(f"/volumes?filters={_filters(label=[f'{PREFIX}environment'])}").get("Volumes") or ()
        return {row["Name"]: row["Labels"][f"{PREFIX}environment"] for row in rows}

    def image_tags(self) -> frozenset[str]:
        """Every tag of every image."""
        return frozenset(tag for row in self._get("/images/json") for tag in row.get("RepoTags") or ())

    def image_sizes(self) -> Mapping[str, int]:
        """Tag -> bytes on disk, layers that images share counted for each."""
        return {tag: int(row["Size"]) for row in self._get("/images/json") for tag in row.get("RepoTags") or ()}

    def has_image(self, name: str) -> bool:
        return self._ask(f"/images/{quote(name, safe='/:@')}/json").status == 200

    def inspect(self, container: str) -> Mapping[str, Any]:
        """Everything that the engine says of a container."""
        return cast(Mapping[str, Any], self._get(f"/containers/{container}/json"))

    def environment_of(self, container: str) -> Mapping[str, str]:
        """The environment variables a container was created with."""
        pairs = self.inspect(container)["Config"]["Env"] or ()
        return dict(pair.partition("=")[::2] for pair in pairs)

    def read_file(self, container: str, path: str) -> bytes | None:
        """A small file of a container, also of a stopped one and from its volumes; None when it is not there."""
        import io  # noqa: PLC0415 - rarely needed, never on the fast path
        import tarfile  # noqa: PLC0415

        answer = self._ask(f"/containers/{container}/archive?path={quote(path)}")
        if answer.status != 200:
            return None
        with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
            for entry in archive:
                if entry.isfile() and (held := archive.extractfile(entry)):
                    return held.read()
        return None

    def _get(self, path: str) -> Any:
        answer = self._ask(path)
        if answer.status != 200:
            raise ActionFailed(f"the engine answered {answer.status} to {path}: {answer.text.strip()}")
        return json.loads(answer.body)

    def _ask(self, path: str) -> Answer:
        try:
            return exchange(self.address, Request("GET", path, timeout=30.0))
        except ValueError:
            raise EngineUnavailable(
                f"the engine at {self.address} is not on this machine",
                hint="published ports are on loopback, so use a local engine: unset DOCKER_HOST, "
                "docker context use default",
            ) from None
        except OSError as error:
            raise EngineUnavailable(
                f"no container engine answers at {self.address} ({error.strerror or error})",
                hint="start it (`make up` does on a bare machine), or see `altis-local doctor`",
            ) from error


def _filters(**terms: list[str]) -> str:
    return quote(json.dumps(terms))


def _found(row: Mapping[str, Any]) -> Found:
    labels: dict[str, str] = row.get("Labels") or {}

    def ours(name: str) -> str:
        return labels.get(PREFIX + name, "")

    ports = {p["PrivatePort"]: p["PublicPort"] for p in row.get("Ports") or () if p.get("PublicPort")}
    return Found(
        row["Id"],
        row["Names"][0].lstrip("/"),
        ours("environment"),
        ours("kind"),
        ours("role"),
        ours("member"),
        ours("zone"),
        row["State"],
        row["Image"],
        labels,
        ports,
    )
