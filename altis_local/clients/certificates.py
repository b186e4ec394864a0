"""The local certificate authority and the site certificates it signs.

Called by `environment` at an environment's first start. The authority is made once per user and its key never leaves
its folder (mode 0600); `altis-local` itself installs it nowhere. RSA 2048, as the cloud's certificates are.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from altis_local.errors import ActionFailed

ALWAYS = ("localhost", "*.localhost", "127.0.0.1", "::1")
"""Names that every site certificate holds."""

_AUTHORITY_DAYS = 3650
_SITE_DAYS = 397
"""The longest life that browsers accept."""
_BACKDATE = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A certificate and its key as PEM text; `repr` shows neither."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Issued(…)"


class Authority:
    """The local authority in one folder, made at its first use."""

    def __init__(self, folder: Path, now: datetime.datetime) -> None:
        self.certificate_file = folder / "ca.pem"
        self._key_file = folder / "ca-key.pem"
        self._now = now

    def issue(self, names: Iterable[str]) -> Issued:
        """A site certificate for the usual names and these."""
        certificate, key = self._load()
        own = _new_key()
        wanted = tuple(dict.fromkeys((*ALWAYS, *names)))
        builder = (
            _builder(wanted[0], certificate.subject, own, self._now, _SITE_DAYS)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in wanted]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        )
        return Issued(_pem(builder.sign(key, hashes.SHA256())), _key_pem(own))

    def _load(self) -> tuple[x509.Certificate, RSAPrivateKey]:
        if not (self.certificate_file.exists() and self._key_file.exists()):
            self._make()
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
            key = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise ActionFailed(
                f"the local certificate authority in {self.certificate_file.parent} cannot be read ({error})",
                hint="remove that folder; the next start makes a new one",
            ) from error
        if not isinstance(key, RSAPrivateKey):
            raise ActionFailed(f"{self._key_file} holds no RSA key", hint="remove its folder")
        return certificate, key

    def _make(self) -> None:
        key = _new_key()
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "altis-local"),
                x509.NameAttribute(NameOID.COMMON_NAME, "altis-local development authority"),
            ]
        )
        builder = (
            _builder("", name, key, self._now, _AUTHORITY_DAYS)
            .subject_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_authority_usage(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        self._key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(self._key_file, _key_pem(key), 0o600)
        _write(self.certificate_file, _pem(builder.sign(key, hashes.SHA256())), 0o644)


def _new_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _builder(
    common_name: str, issuer: x509.Name, key: RSAPrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now - _BACKDATE + datetime.timedelta(days=days))
    )
    if not common_name:
        return builder
    return builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))


def _authority_usage() -> x509.KeyUsage:
    signing = {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(**signing, **dict.fromkeys(others, False), encipher_only=False, decipher_only=False)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _write(file: Path, text: str, mode: int) -> None:
    """Written beside and renamed, so that an interrupted first start leaves no half a key."""
    partial = file.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
        out.write(text)
    partial.replace(file)
