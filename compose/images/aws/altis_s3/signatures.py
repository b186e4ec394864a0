"""Signatures that LocalStack leaves unchecked: those of forms posted by browsers (POST policy, version 4). Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping


def is_form_signed(form: Mapping[str, str], access_key: str, secret_key: str) -> bool:
    """Did the owner of the key sign the form's policy? What the policy says is LocalStack's to check."""
    fields = {name.lower(): value for name, value in form.items()}
    scope = fields.get("x-amz-credential", "").split("/")
    if len(scope) != 5 or scope[0] != access_key or not fields.get("policy"):
        return False
    key = f"AWS4{secret_key}".encode()
    for step in scope[1:]:
        key = _hmac(key, step)
    return hmac.compare_digest(_hmac(key, fields["policy"]).hex(), fields.get("x-amz-signature", ""))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
