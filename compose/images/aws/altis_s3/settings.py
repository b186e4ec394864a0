"""What the container is told, read once from the environment when the plugin is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOME = "/var/lib/altis-aws"
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """`reserve`: bytes that uploads leave free on the volume, so that the journal can always be written."""

    folder: Path
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    reserve: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        return cls(
            folder=Path(HOME) / "s3",
            bucket=environment["ALTIS_BUCKET"],
            region=environment["ALTIS_REGION"],
            access_key=environment["ALTIS_AWS_KEY"],
            secret_key=environment["ALTIS_AWS_SECRET"],
            reserve=int(environment.get("ALTIS_S3_RESERVE_MB") or 32) * MEBIBYTE,
        )
