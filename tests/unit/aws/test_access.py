from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from altis_s3.access import ALL_USERS, BucketRules, may_strangers
from altis_s3.signatures import is_form_signed
from botocore.config import Config

PRIVATE: dict[str, Any] = {"Grants": [{"Grantee": {"ID": "owner"}, "Permission": "FULL_CONTROL"}]}
PUBLIC: dict[str, Any] = {"Grants": [*PRIVATE["Grants"], {"Grantee": {"URI": ALL_USERS}, "Permission": "READ"}]}


def rules(**changes: Any) -> BucketRules:
    return BucketRules(
        **{"name": "b", "acl": PRIVATE, "ownership": "ObjectWriter", "block": {}, "policy": None} | changes
    )


def policy(effect: str = "Allow", **changes: Any) -> str:
    statement = {"Effect": effect, "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    return json.dumps({"Statement": statement | changes})


@pytest.mark.parametrize(
    ("operation", "bucket", "acl", "exists", "allowed"),
    [
        pytest.param("GetObject", rules(), PUBLIC, True, True, id="public-read"),
        pytest.param("HeadObject", rules(), PUBLIC, True, True, id="head"),
        pytest.param("GetObject", rules(), PRIVATE, True, False, id="private"),
        pytest.param("GetObject", rules(), None, False, False, id="missing"),
        pytest.param("GetObject", rules(acl=PUBLIC), None, False, True, id="missing-but-listable"),
        pytest.param("ListObjectsV2", rules(), None, False, False, id="list"),
        pytest.param("ListObjectsV2", rules(acl=PUBLIC), None, False, True, id="list-public"),
        pytest.param("PutObject", rules(acl=PUBLIC), PUBLIC, True, False, id="put"),
        pytest.param("GetObjectAcl", rules(acl=PUBLIC), PUBLIC, True, False, id="acl"),
        pytest.param("GetObject", rules(block={"IgnorePublicAcls": True}), PUBLIC, True, False, id="blocked"),
        pytest.param("GetObject", rules(ownership="BucketOwnerEnforced"), PUBLIC, True, False, id="no-acls"),
        pytest.param("GetObject", rules(policy=policy()), PRIVATE, True, True, id="policy"),
        pytest.param("GetObject", rules(policy=policy(Action="s3:*")), PRIVATE, True, True, id="policy-star"),
        pytest.param("GetObject", rules(policy=policy(Resource="arn:aws:s3:::b/x*")), PRIVATE, True, False, id="other"),
        pytest.param("GetObject", rules(policy=policy(Condition={"x": 1})), PRIVATE, True, False, id="condition"),
        pytest.param("GetObject", rules(policy=policy("Deny")), PUBLIC, True, False, id="deny"),
        pytest.param(
            "GetObject", rules(policy=policy(), block={"RestrictPublicBuckets": True}), PRIVATE, True, False,
            id="policy-blocked",
        ),
    ],
)  # fmt: skip
def test_strangers(operation: str, bucket: BucketRules, acl: Any, exists: bool, allowed: bool) -> None:
    assert may_strangers(operation, bucket, "key", acl, exists=exists) is allowed


def test_signed_forms() -> None:
    client = boto3.client(
        "s3", "eu-west-1", aws_access_key_id="key", aws_secret_access_key="secret",
        config=Config(signature_version="s3v4"),
    )  # fmt: skip
    form = client.generate_presigned_post("bucket", "name")["fields"]
    assert is_form_signed(form, "key", "secret")
    assert not is_form_signed(form, "key", "another")
    assert not is_form_signed(form, "another", "secret")
    assert not is_form_signed(form | {"policy": form["policy"][:-4]}, "key", "secret")
    assert not is_form_signed({"policy": form["policy"]}, "key", "secret")
