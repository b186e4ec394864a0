"""What counts as left over: a folder that is gone, or nothing but networks; never what may still be wanted."""

from __future__ import annotations

import pytest

from altis_local.clients.engine_reader import Found
from altis_local.environment.pruning import judged


def found(environment: str, kind: str, folder: str = "") -> Found:
    labels = {"altis-local.folder": folder}
    return Found(f"{environment}-{kind}", "", environment, kind, kind, kind, "", "exited", "", labels, {})


@pytest.mark.parametrize(
    ("containers", "networks", "volumes", "reasons"),
    [
        pytest.param([found("x", "control", "/gone")], ["x"], {"v": "x"}, {"x": "its folder /gone is gone"}, id="gone"),
        pytest.param([found("x", "control", "/there")], ["x"], {"v": "x"}, {}, id="there"),
        pytest.param([found("x", "control", "")], ["x"], {"v": "x"}, {}, id="no-folder"),
        pytest.param([found("x", "member")], ["x"], {}, {}, id="no-control"),
        pytest.param([], ["x"], {"v": "x"}, {}, id="data-without-containers"),
        pytest.param([], [], {"v": "x"}, {}, id="data-alone"),
        pytest.param([], ["x", "x"], {}, {"x": "only networks are left of it"}, id="networks-alone"),
        pytest.param([], [], {}, {}, id="nothing"),
        pytest.param(
            [found("x", "control", "/gone"), found("y", "control", "/there")],
            ["x", "y"],
            {},
            {"x": "its folder /gone is gone"},
            id="one-of-two",
        ),
    ],
)
def test_leftovers(
    containers: list[Found], networks: list[str], volumes: dict[str, str], reasons: dict[str, str]
) -> None:
    rows = judged(containers, networks, volumes, is_there=lambda folder: folder == "/there")
    assert {row.environment: row.reason for row in rows} == reasons


def test_what_will_go_is_counted() -> None:
    containers = [found("x", "control", "/gone"), found("x", "member")]
    (row,) = judged(containers, ["x"], {"a": "x", "b": "x", "c": "y"}, is_there=lambda _: False)
    assert (row.containers, row.networks, row.volumes) == (2, 1, 2)
