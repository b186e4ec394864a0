from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from altis_s3.records import Records


class Thing:
    def __init__(self, name: str = "") -> None:
        self.name = name
        self.new_field = "default"


class Colour(StrEnum):
    RED = "red"


RECORDS = Records({"Thing": Thing})


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "text", "ünï\udc80", b"\x00\xff", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        [1, [2]], {"a": {"b": [None]}}, {"$time": "a user's", "$$model": "Thing", "$": 1},
    ],
    ids=repr,
)  # fmt: skip
def test_back_and_forth(value: Any) -> None:
    assert RECORDS.decode(RECORDS.encode(value)) == value


def test_models_and_what_has_changed_since() -> None:
    thing = Thing("x")
    thing.when, thing.colour, thing.inner = datetime(2026, 1, 1, tzinfo=UTC), Colour.RED, Thing("y")  # type: ignore[attr-defined]
    data = json.loads(RECORDS.encode([thing]))
    del data[0]["new_field"]
    data[0]["dropped_field"] = 1
    back = RECORDS.decode(json.dumps(data).encode())[0]
    assert isinstance(back, Thing)
    assert (back.name, back.colour, back.inner.name) == ("x", "red", "y")  # type: ignore[attr-defined]
    assert back.new_field == "default"
    assert back.dropped_field == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [{1: "a"}, object(), {"a": {1, 2}}])
def test_what_cannot_be_kept_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="no record"):
        RECORDS.encode(value)
