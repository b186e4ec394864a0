"""Records survive, are private, and a broken one is never taken for an absent one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from altis_local.clients.record import FileRecords
from altis_local.errors import AltisError, Conflict
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


# -- other versions


OLDEST = Path(__file__).with_name("spec-0.1.0.json")
"""As the first version wrote it (secrets and services shortened). It stays as it is for ever."""


def test_what_the_first_version_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(OLDEST.read_text())
    spec = FileRecords(tmp_path).load_spec()
    assert spec is not None
    assert (spec.plan, spec.site_url, spec.counts) == ("production-ha", "https://localhost:8443", {"web": 3})
    assert [m.name for m in spec.members("db")] == ["db-1", "db-2"]
    FileRecords(tmp_path).save_spec(spec)
    assert FileRecords(tmp_path).load_spec() == spec


def test_what_a_newer_version_wrote_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    FileRecords(tmp_path).save_spec(SPEC)
    data = json.loads((tmp_path / "spec.json").read_text())
    data |= {"later": {"new": True}, "secrets": {**data["secrets"], "another": "x"}}
    (tmp_path / "spec.json").write_text(json.dumps(data))
    assert FileRecords(tmp_path).load_spec() == SPEC


@pytest.mark.parametrize(("field", "value"), [("plan", "galactic"), ("timing", "lunar")])
def test_what_this_version_could_not_run_is_refused(tmp_path: Path, field: str, value: str) -> None:
    FileRecords(tmp_path).save_spec(SPEC)
    data = json.loads((tmp_path / "spec.json").read_text()) | {field: value}
    (tmp_path / "spec.json").write_text(json.dumps(data))
    with pytest.raises(Conflict, match=f"{field} {value}, which this version does not know") as refused:
        FileRecords(tmp_path).load_spec()
    assert "newer altis-local" in str(refused.value.hint)
