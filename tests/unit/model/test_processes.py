"""What processes tell: rows as `ps` in containers of runners gave them."""

from __future__ import annotations

import pytest

from altis_local.model.processes import Process, are_held, jobs, workers

RUNNER = ("tini -- cavalcade", "php /usr/local/lib/cavalcade/main.php /usr/src/app/wordpress")


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        (RUNNER, set()),
        ((*RUNNER, "sh -c wp cavalcade run 12 --url='https://localhost:8443/'"), {12}),
        ((*RUNNER, "php /usr/local/bin/wp cavalcade run 12 --url=https://localhost:8443/"), {12}),
        ((*RUNNER, "php /usr/src/app/vendor/bin/../wp-cli/wp-cli/php/boot-fs.php cavalcade run 8"), {8}),
        ((*RUNNER, "wp cavalcade run 12", "wp --quiet cavalcade run 7 --url=https://x/"), {7, 12}),
        ((*RUNNER, "/usr/bin/php /opt/wp-cli.phar cavalcade run 5"), {5}),
        ((*RUNNER, "wp cavalcade jobs --status=running", "sh -c cavalcade runs 9"), set()),
    ],
)
def test_jobs(commands: tuple[str, ...], found: set[int]) -> None:
    assert jobs(Process("S", command) for command in commands) == found


@pytest.mark.parametrize(
    ("states", "held"),
    [("SSl", False), ("STl", False), ("STT", True), ("TT", True), ("S", False), ("", False)],
)
def test_held(states: str, held: bool) -> None:
    assert are_held(Process(state, "x") for state in states) == held


@pytest.mark.parametrize(
    ("commands", "found"), [((), 0), (RUNNER, 0), ((*RUNNER, "sh -c ./own-way-to-run 5", "php job.php"), 2)]
)
def test_workers(commands: tuple[str, ...], found: int) -> None:
    """However a project runs its jobs."""
    assert workers(Process("S", command) for command in commands) == found
