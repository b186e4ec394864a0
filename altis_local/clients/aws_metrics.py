"""CloudWatch metrics: puts data, in as many requests as AWS's limit asks for. Called by control once a minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from altis_local.clients.aws import Aws

MOST = 500
"""Data of one request; AWS takes 1,000 and 1 MB."""


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a metric. `unit` as AWS spells it: Percent, Bytes, Count, Seconds, None."""

    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


def put(aws: Aws, namespace: str, data: Sequence[Datum], at: float) -> None:
    """Put data of one time (seconds since the epoch)."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for start in range(0, len(data), MOST):
        values = {"Namespace": namespace}
        for number, datum in enumerate(data[start : start + MOST], 1):
            values |= _form(f"MetricData.member.{number}", datum, stamp)
        aws.form("monitoring", "PutMetricData", **values)


def _form(prefix: str, datum: Datum, stamp: str) -> dict[str, str]:
    values = {
        f"{prefix}.MetricName": datum.name,
        f"{prefix}.Value": repr(float(datum.value)),
        f"{prefix}.Unit": datum.unit,
        f"{prefix}.Timestamp": stamp,
    }
    for number, (name, value) in enumerate(datum.dimensions.items(), 1):
        values[f"{prefix}.Dimensions.member.{number}.Name"] = name
        values[f"{prefix}.Dimensions.member.{number}.Value"] = value
    return values
