"""The rows: all of them, each once, each with a probe that there is, or a reason, or nothing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import Counter

import pytest

from altis_local.errors import UsageError
from altis_local.fidelity import catalogue, probes
from altis_local.fidelity.catalogue import NEEDS, Row

GROUPS = catalogue.load()
ROWS = [row for group in GROUPS for row in group.rows]
COUNTS = {
    "GEN": 5, "CDN": 36, "PAGE": 11, "LB": 11, "WEB": 21, "SBX": 9, "CAV": 27, "DB": 17, "CACHE": 15, "SEARCH": 9,
    "S3": 13, "TACH": 23, "MAIL": 7, "SEC": 13, "APM": 14, "HC": 10, "DEPLOY": 11, "SCALE": 9, "HA": 11, "DASH": 12,
    "LOCAL": 18,
}  # fmt: skip
NOT_PROBES = {"images", "jobs", "moving"}
"""Modules that probes have in common."""


def test_every_row_is_there_once() -> None:
    assert {group.name: len(group.rows) for group in GROUPS} == COUNTS
    assert sum(COUNTS.values()) == len({row.id for row in ROWS}) == 302
    for group in GROUPS:
        numbers = [int(row.id.removeprefix(f"{group.name}-")) for row in group.rows]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_whole(row: Row) -> None:
    assert row.does
    assert row.source
    assert len(row.does) <= 100
    assert not (row.probe and row.differs)
    assert set(row.needs) <= set(NEEDS)
    if row.probe:
        assert callable(catalogue.probe(row))


def test_every_probe_has_a_row() -> None:
    named = Counter(row.probe for row in ROWS if row.probe)
    modules = [m.name for m in pkgutil.iter_modules(probes.__path__) if m.name not in NOT_PROBES]
    found = {
        f"{name}.{function}"
        for name in modules
        for function, value in vars(importlib.import_module(f"{probes.__name__}.{name}")).items()
        if inspect.isfunction(value) and value.__module__.endswith(f".{name}") and not function.startswith("_")
    }
    assert found == set(named)


def test_rows_and_groups_are_chosen_by_name() -> None:
    chosen = catalogue.select(GROUPS, ["page", "CDN-02"])
    assert [(group.name, len(group.rows)) for group in chosen] == [("CDN", 1), ("PAGE", 11)]
    assert catalogue.select(GROUPS, []) == GROUPS
    with pytest.raises(UsageError, match="CDN-99"):
        catalogue.select(GROUPS, ["CDN-99"])


def test_a_probe_that_is_not_there_is_told() -> None:
    with pytest.raises(LookupError, match="nothing"):
        catalogue.probe(Row("X-01", "X", "", "", probe="cdn.nothing"))
