"""A visitor of the site: HTTPS on loopback with the local authority's certificate, exactly as told and no more.

Called by the fidelity probes. It follows no redirect, keeps no cookie and adds no header of its own.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from altis_local.errors import Unreachable

_VERSIONS = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Visited(NamedTuple):
    """An answer; names of headers in lower case, the body decoded, time until its end in seconds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float


class Visitor:
    """Safe to share between threads."""

    def __init__(self, site: str, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
        # One probe's log-in must not make another's request one that no cache may answer.
        forgetful = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self._client = httpx.Client(base_url=site, verify=context, limits=limits, trust_env=False, cookies=forgetful)
        self._client.headers.clear()

    def ask(
        self, method: str, path: str, headers: Iterable[tuple[str, str]], *, body: bytes = b"", timeout: float = 20.0
    ) -> Visited:
        """Send one request. Raises Unreachable."""
        began = time.monotonic()
        sent = self._client.build_request(method, path, headers=list(headers), content=body or None, timeout=timeout)
        try:
            answer = self._client.send(sent)
        except httpx.HTTPError as error:
            raise Unreachable(f"{method} {path[:80]}: {type(error).__name__} {error}", member="cdn") from error
        pairs = tuple((name.lower(), value) for name, value in answer.headers.multi_items())
        return Visited(answer.status_code, pairs, answer.content, time.monotonic() - began)

    def close(self) -> None:
        self._client.close()


def shake_hands(site: str, version: str, name: str, timeout: float = 5.0) -> str:
    """Offer just one version of TLS: what was agreed on, the certificate's key and whose it is, or the error's text."""
    url = urlsplit(site)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # The library must not refuse before the other side does.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = _VERSIONS[version]
    try:
        with (
            socket.create_connection((url.hostname or "localhost", url.port or 443), timeout) as raw,
            context.wrap_socket(raw, server_hostname=name or None) as tls,
        ):
            return f"{tls.version()} {_key(tls.getpeercert(binary_form=True) or b'')}"
    except (ssl.SSLError, OSError) as error:
        return str(error)


def _key(certificate: bytes) -> str:
    shown = x509.load_der_x509_certificate(certificate)
    key = shown.public_key()
    kind = f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__
    return f"{kind} {shown.subject.rfc4514_string()}"


def first_line(address: str, port: int, timeout: float = 1.0) -> str:
    """What is said there to a client that begins with an HTTP request; "" where nobody answers."""
    try:
        with socket.create_connection((address, port), timeout) as link:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n")
            link.settimeout(timeout)
            return link.recv(200).partition(b"\r\n")[0].decode("latin-1")
    except OSError:
        return ""
