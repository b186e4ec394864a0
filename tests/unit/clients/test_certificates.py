"""The local authority and what it signs."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from altis_local.clients.certificates import Authority
from altis_local.errors import ActionFailed

NOW = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)


def test_site_certificate_is_signed_by_the_kept_authority(tmp_path: Path) -> None:
    issued = Authority(tmp_path / "ca", NOW).issue(["shop.test"])
    again = Authority(tmp_path / "ca", NOW).issue([])
    authority = x509.load_pem_x509_certificate((tmp_path / "ca" / "ca.pem").read_bytes())
    for each in (issued, again):
        site = x509.load_pem_x509_certificate(each.certificate.encode())
        authority.public_key().verify(  # type: ignore[union-attr, call-arg]
            site.signature, site.tbs_certificate_bytes, PKCS1v15(), site.signature_hash_algorithm
        )
    site = x509.load_pem_x509_certificate(issued.certificate.encode())
    names = site.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "*.localhost", "shop.test"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert site.not_valid_after_utc - site.not_valid_before_utc == datetime.timedelta(days=397)


def test_keys_are_private(tmp_path: Path) -> None:
    issued = Authority(tmp_path / "ca", NOW).issue([])
    assert stat.S_IMODE((tmp_path / "ca" / "ca-key.pem").stat().st_mode) == 0o600
    assert repr(issued) == "Issued(…)"


def test_broken_authority_says_what_to_do(tmp_path: Path) -> None:
    Authority(tmp_path, NOW).issue([])
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ActionFailed) as caught:
        Authority(tmp_path, NOW).issue([])
    assert "remove that folder" in (caught.value.hint or "")
