from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from altis_s3.journal import Content, ForeignState, Journal, Row

PACKAGE = Path(__file__).parents[3] / "compose" / "images" / "aws"

Memory = dict[Row, Content]


def never(problem: BaseException) -> None:
    raise AssertionError(problem)


def opened(path: Path, memory: Memory, on_failure: Callable[[BaseException], None] = never) -> Journal:
    journal = Journal(path, memory.get, on_failure)
    journal.start()
    return journal


def stored(path: Path, kind: str = "object") -> list[tuple[str, bytes]]:
    journal = Journal(path, lambda row: None, never)
    try:
        return [(row.name, data) for row, data in journal.rows(kind)]
    finally:
        journal.close()


def item(number: int) -> tuple[Row, Content]:
    return Row("object", "b", f"key-{number}", "null"), Content(str(number).encode() * 50, number)


def test_rows_come_back_in_the_order_of_positions_not_of_commits(tmp_path: Path) -> None:
    memory = dict([item(3), item(1), item(2)])
    journal = opened(tmp_path / "j", memory)
    for row in memory:
        journal.commit([row])
    journal.close()
    assert [name for name, _ in stored(tmp_path / "j")] == ["key-1", "key-2", "key-3"]


def test_what_is_written_is_what_memory_says_at_that_moment(tmp_path: Path) -> None:
    row, content = item(1)
    memory = {row: content}
    journal = opened(tmp_path / "j", memory)
    journal.commit([row])
    memory[row] = Content(b"new")
    journal.commit([row])
    del memory[row]
    journal.commit([Row("object", "b", "other", "null")])
    journal.close()
    assert stored(tmp_path / "j") == [("key-1", b"new")]


def test_nothing_outlives_what_it_belongs_to(tmp_path: Path) -> None:
    bucket, other = Row("bucket", "b"), Row("object", "c", "k", "null")
    rows = [bucket, Row("object", "b", "k", "null"), Row("upload", "b", "u"), Row("part", "b", "u", "1")]
    rows += [Row("upload", "b", "v"), Row("part", "b", "v", "1"), other]
    memory = dict.fromkeys(rows, Content(b"x"))
    journal = opened(tmp_path / "j", memory)
    journal.commit(rows)
    del memory[Row("upload", "b", "u")]
    journal.commit([Row("upload", "b", "u")])
    journal.close()
    assert stored(tmp_path / "j", "part") == [("v", b"x")]
    journal = opened(tmp_path / "j", {})
    journal.commit([bucket])
    journal.close()
    assert [stored(tmp_path / "j", kind) for kind in ("bucket", "upload", "part", "object")] == [
        [], [], [], [("k", b"x")]
    ]  # fmt: skip


def test_concurrent_commits_all_hold(tmp_path: Path) -> None:
    memory: Memory = {}
    journal = opened(tmp_path / "j", memory)

    def work(start: int) -> None:
        for number in range(start, start + 50):
            row, content = item(number)
            memory[row] = content
            journal.commit([row])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert [name for name, _ in stored(tmp_path / "j")] == [f"key-{number}" for number in range(400)]


KILLED = """
import os, signal, sys
from pathlib import Path
from altis_s3.journal import Content, Journal, Row
journal = Journal(Path(sys.argv[1]), lambda row: Content(b"x"), lambda problem: None)
journal.start()
for number in range(20):
    journal.commit([Row("object", "b", f"key-{number:02}", "null")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_commit_that_returned_survives_a_kill_in_the_next_instant(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"{number}"
        done = subprocess.run([sys.executable, "-c", KILLED, path], env={"PYTHONPATH": str(PACKAGE)}, check=False)
        assert done.returncode == -9
        assert len(stored(path)) == 20


def test_a_torn_tail_costs_the_last_commits_only(tmp_path: Path) -> None:
    memory = dict(item(number) for number in range(30))
    path = tmp_path / "j"
    journal = opened(path, memory)
    for row in memory:
        journal.commit([row])
    log = (tmp_path / "j-wal").read_bytes()
    counts = []
    for part in range(0, 21):
        torn = tmp_path / f"torn-{part}"
        torn.mkdir()
        shutil.copy(path, torn / "j")
        (torn / "j-wal").write_bytes(log[: len(log) * part // 20] + b"\x5a" * (part % 3) * 1000)
        names = [name for name, _ in stored(torn / "j")]
        assert names == [f"key-{number}" for number in range(len(names))], "a prefix of what was committed"
        counts.append(len(names))
    journal.close()
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 30)


def test_space_of_deleted_rows_is_given_back(tmp_path: Path) -> None:
    memory: Memory = {Row("object", "b", str(number), "null"): Content(b"x" * 2000) for number in range(5000)}
    journal = opened(tmp_path / "j", memory)
    journal.commit(memory)
    rows = list(memory)[:4900]
    for row in rows:
        del memory[row]
    journal.commit(rows)
    assert (tmp_path / "j-wal").stat().st_size < 30_000_000
    journal.close()
    before = (tmp_path / "j").stat().st_size
    assert len(stored(tmp_path / "j")) == 100
    assert (tmp_path / "j").stat().st_size < before / 5


def test_the_log_stays_small(tmp_path: Path) -> None:
    row = Row("object", "b", "k", "null")
    journal = opened(tmp_path / "j", {row: Content(b"x" * 100_000)})
    for _ in range(150):
        journal.commit([row])
    assert (tmp_path / "j-wal").stat().st_size < 6_000_000
    journal.close()


def test_a_failed_commit_is_told_to_all_who_wait_and_ends_the_process(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def broken(row: Row) -> Content:
        raise TypeError("cannot be written")

    journal = Journal(tmp_path / "j", broken, failures.append)
    journal.start()
    with pytest.raises(TypeError, match="cannot be written"):
        journal.commit([Row("bucket", "b")])
    journal.close()
    assert len(failures) == 1
    assert stored(tmp_path / "j", "bucket") == []


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", {})
    with pytest.raises(ForeignState, match="another container"):
        Journal(tmp_path / "j", lambda row: None, never)
    journal.close()


def test_state_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    memory = dict([item(1)])
    journal = opened(tmp_path / "j", memory)
    journal.commit(memory)
    journal.close()
    with sqlite3.connect(tmp_path / "j") as database:
        database.execute("UPDATE meta SET value = '99'")
    database.close()
    with pytest.raises(ForeignState, match="format is 99"):
        Journal(tmp_path / "j", lambda row: None, never)
    with sqlite3.connect(tmp_path / "j") as database:
        assert database.execute("SELECT value FROM meta").fetchall() == [("99",)]
        database.execute("UPDATE meta SET value = '1'")
    database.close()
    assert stored(tmp_path / "j") == [("key-1", b"1" * 50)]


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"\x80\x05pickle" * 1000)
    with pytest.raises(ForeignState, match="not the journal"):
        Journal(tmp_path / "j", lambda row: None, never)
