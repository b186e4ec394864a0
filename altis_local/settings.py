"""Configuration: `altis-local.yml`, `altis-local.local.yml`, ALTIS_LOCAL_* and flags, the later over the earlier.

The command line and the tests call `load`. It reports every problem at once, each with where it was written, and
answers with plain values; it knows nothing of engines and never asks one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from altis_local.errors import UsageError
from altis_local.model.plans import PLANS, Plan, refusal
from altis_local.model.topology import MEMBER_ROLES
from altis_local.naming import DEFAULT_NAME, FILES, NAME_RULE, PREFIX, find_folder, is_name, sanitised
from altis_local.yaml_marks import Where, YamlError, read

DEFAULT_PLAN = "local"
TIMINGS = ("fast",)
"""`aws` comes with the model of its times (design.md decision 9)."""

HostName = Annotated[str, StringConstraints(max_length=253, pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?)+$")]
Role = Literal[
    "db", "redis", "search", "endpoints", "web", "lb", "cdn",
    "aws", "tachyon", "standins", "cavalcade", "sandbox", "control",
]  # fmt: skip


class Settings(BaseModel):
    """What can be configured. None: not said; a running environment keeps what it has."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="altis-local.yml")

    name: str | None = Field(None, description=f"name of the environment: {NAME_RULE}")
    plan: Literal["local", "staging", "production", "production-ha", "enterprise"] | None = Field(
        None, description=f"shape of the environment (first start: {DEFAULT_PLAN})"
    )
    timing: Literal["fast"] | None = Field(None, description="model of time (first start: fast)")
    port: int | None = Field(None, ge=1, le=65535, description="site's port on loopback (first start: from 8443 up)")
    domains: tuple[HostName, ...] = Field((), description="further host names of the site, for its certificate")
    web: int | None = Field(None, ge=1, description="web containers, within the plan's bounds")
    readers: int | None = Field(None, ge=0, description="database readers, within the plan's bounds")
    images: dict[Role, Annotated[str, StringConstraints(min_length=1)]] = Field(
        default_factory=dict, description="an image of your own for a role"
    )
    project: Path | None = Field(None, description="folder of the site's code (default: the fixture site)")

    @field_validator("name")
    @classmethod
    def _named_well(cls, name: str | None) -> str | None:
        if name is not None and not is_name(name):
            raise ValueError(f"a name is {NAME_RULE}")
        return name

    def counts(self) -> Mapping[str, int]:
        """Wished numbers of members by role, as the Spec takes them."""
        counts = {"web": self.web, "db": None if self.readers is None else self.readers + 1}
        return {role: count for role, count in counts.items() if count is not None}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, where each value came from, and the folder they belong to."""

    settings: Settings
    origins: Mapping[str, str]
    folder: Path
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The environment's name: as configured, else of a folder with a configuration, else the default."""
        return self.settings.name or (sanitised(self.folder.name) if self.files else "") or DEFAULT_NAME


def readers_refusal(plan: Plan, count: int) -> str | None:
    """Why the plan does not have that many readers; None when it has."""
    least, most = plan.readers.least, plan.readers.most
    if least <= count <= most:
        return None
    return f"plan {plan.name} has no readers" if most == 0 else f"plan {plan.name} allows {least} to {most} readers"


def load(folder: Path, flags: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read everything. Raises UsageError that lists every problem."""
    home = find_folder(folder.resolve())
    reading = _Reading()
    files = tuple(home / name for name in FILES if (home / name).is_file())
    for file in files:
        reading.take_file(file)
    reading.take_environment(environ)
    for key, value in (flags or {}).items():
        if value is not None:
            reading.take(key, value, f"--{key}")
    return Loaded(reading.settings(home), reading.origins(), home, files)


class _Reading:
    """Values by key, where each was written, and the problems met so far."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._places: dict[Where, str] = {}
        self._problems: list[str] = []

    def take(self, key: str, value: object, place: str) -> None:
        self._values[key] = value
        self._places[(key,)] = place

    def take_file(self, file: Path) -> None:
        try:
            data, lines = read(file)
        except YamlError as problem:
            self._problems.append(f"{file.name}:{problem.line}: {problem.message}")
            return
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(f"{file.name}: cannot be read ({error})")
            return
        for key, value in data.items():
            both_map = isinstance(value, dict) and isinstance(self._values.get(key), dict)
            self._values[key] = {**self._values[key], **value} if both_map else value
        for where, line in lines.items():
            if where:
                self._places[where] = f"{file.name}:{line}"
        if isinstance(project := data.get("project"), str):
            self._values["project"] = file.parent / Path(project).expanduser()

    def take_environment(self, environ: Mapping[str, str]) -> None:
        for variable, text in sorted(environ.items()):
            if not variable.startswith(PREFIX) or not text:
                continue
            key = variable.removeprefix(PREFIX).lower()
            value: object = text
            match key:
                case "domains":
                    value = text.replace(",", " ").split()
                case "images":
                    value = dict(pair.partition("=")[::2] for pair in text.replace(",", " ").split())
            self.take(key, value, f"${variable}")

    def origins(self) -> Mapping[str, str]:
        return {str(where[0]): place for where, place in self._places.items() if len(where) == 1}

    def settings(self, folder: Path) -> Settings:
        try:
            made = Settings.model_validate(self._values)
        except ValidationError as error:
            self._problems += [self._told(e["loc"], e["type"], e["msg"], e.get("input")) for e in error.errors()]
        else:
            self._problems += self._beyond_types(made)
            if not self._problems:
                return made
        count = len(self._problems)
        raise UsageError(
            f"the configuration has {'a problem' if count == 1 else f'{count} problems'}",
            log=tuple(self._problems),
            hint=f"`altis-local config schema` says what is known; files are looked for in {folder}",
        )

    def _beyond_types(self, made: Settings) -> list[str]:
        problems = []
        plan = PLANS[made.plan] if made.plan else None
        if plan and made.web is not None and (reason := refusal(plan, "web", made.web)):
            problems.append(f"{self._place(('web',))}: {reason}")
        if plan and made.readers is not None and (reason := readers_refusal(plan, made.readers)):
            problems.append(f"{self._place(('readers',))}: {reason}")
        if made.project and not made.project.is_dir():
            problems.append(f"{self._place(('project',))}: no such folder: {made.project}")
        return problems

    def _told(self, loc: Where, kind: str, message: str, given: object) -> str:
        where = ".".join(str(part) for part in loc if part != "[key]")
        if kind == "extra_forbidden":
            return f"{self._place(loc)}: unknown key `{where}`{_meant(str(loc[-1]), Settings.model_fields)}"
        if kind == "literal_error" and loc[-1] == "[key]":
            return (
                f"{self._place(loc[:-1])}: unknown role `{loc[-2]}`{_meant(str(loc[-2]), (*MEMBER_ROLES, 'control'))}"
            )
        if kind == "literal_error":
            message = message.replace("Input should be", "should be")
            return f"{self._place(loc)}: `{where}` {message}, not {given!r}{_meant(str(given), PLANS)}"
        plain = message.removeprefix("Value error, ").replace("Input should be", "should be")
        return f"{self._place(loc)}: `{where}` {plain}, not {given!r}"

    def _place(self, loc: Where) -> str:
        """Where the nearest known part of this place was written."""
        for length in range(len(loc), 0, -1):
            if found := self._places.get(tuple(loc[:length])):
                return found
        return "configuration"


def _meant(given: str, known: Any) -> str:
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
