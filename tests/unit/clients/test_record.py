"""Records survive, are private, and a broken one is never taken for an absent one."""

from __future__ import annotations

from pathlib import Path

import pytest

from altis_local.clients.record import FileRecords
from altis_local.errors import AltisError
from altis_local.model.spec import Secrets, Spec
from altis_local.model.state import Protection

RECORD = Protection(term=4, writer="db-2", voters=frozenset({"db-1", "db-3"}), k=2)
SPEC = Spec("t", "local", "10.208.0.0/20", 8443, {}, Secrets("d", "c", "r", "p", "s", "t", "k"))


def test_nothing_kept_is_none(tmp_path: Path) -> None:
    records = FileRecords(tmp_path)
    assert (records.load_spec(), records.load_record()) == (None, None)


def test_what_was_saved_is_loaded_by_the_next_process(tmp_path: Path) -> None:
    FileRecords(tmp_path).save_record(Protection(1, "db-1"))
    FileRecords(tmp_path).save_record(RECORD)
    FileRecords(tmp_path).save_spec(SPEC)
    assert (FileRecords(tmp_path).load_record(), FileRecords(tmp_path).load_spec()) == (RECORD, SPEC)
    assert {path.name for path in tmp_path.iterdir()} == {"protection.json", "spec.json"}


def test_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    FileRecords(tmp_path).save_spec(SPEC)
    assert (tmp_path / "spec.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"term": "one", "writer": "db-1"}'])
def test_a_broken_record_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "protection.json").write_text(text)
    with pytest.raises(AltisError, match="cannot be read"):
        FileRecords(tmp_path).load_record()


def test_a_save_cut_half_way_leaves_the_old_record(tmp_path: Path) -> None:
    FileRecords(tmp_path).save_record(RECORD)
    (tmp_path / ".protection.json.new").write_text('{"term": 5, "wri')
    assert FileRecords(tmp_path).load_record() == RECORD


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AltisError, match="cannot be written"):
        FileRecords(tmp_path / "gone").save_record(RECORD)
