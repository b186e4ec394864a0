"""What the world may read: access control lists, the public access block and simple bucket policies.

LocalStack enforces none of it. Called for requests without a signature only; those with one are the owner's.
Everything but reads is refused. Pure: takes and returns plain values, in the shapes of S3's own API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
LISTS = frozenset({"ListObjects", "ListObjectsV2", "ListObjectVersions", "HeadBucket"})
READS = frozenset({"GetObject", "HeadObject"})

Acl = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class BucketRules:
    """What a bucket says about strangers."""

    name: str
    acl: Acl
    ownership: str | None
    block: Mapping[str, bool]
    policy: str | None


def may_strangers(operation: str, rules: BucketRules, key: str, acl: Acl, *, exists: bool) -> bool:
    """`acl`: of the object that the request is about, which `exists` or does not.

    That a key does not exist is told only to those who may list the bucket: everybody else is refused (S3-07).
    """
    if operation in LISTS:
        return _is_public(rules, rules.acl)
    if operation not in READS:
        return False
    if not exists:
        return _is_public(rules, rules.acl)
    return not _policy_says(rules, key, "Deny") and (_is_public(rules, acl) or _policy_allows(rules, key))


def _is_public(rules: BucketRules, acl: Acl) -> bool:
    if rules.block.get("IgnorePublicAcls") or rules.ownership == "BucketOwnerEnforced":
        return False
    return any(
        grant.get("Grantee", {}).get("URI") == ALL_USERS and grant.get("Permission") in {"READ", "FULL_CONTROL"}
        for grant in (acl or {}).get("Grants") or ()
    )


def _policy_allows(rules: BucketRules, key: str) -> bool:
    return not rules.block.get("RestrictPublicBuckets") and _policy_says(rules, key, "Allow")


def _policy_says(rules: BucketRules, key: str, effect: str) -> bool:
    """Conditions are not evaluated: a statement that has some never allows, but does deny."""
    if not rules.policy:
        return False
    resource = f"arn:aws:s3:::{rules.name}/{key}"
    return any(
        statement.get("Effect") == effect
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and (effect == "Deny" or not statement.get("Condition"))
        and any(fnmatchcase("s3:GetObject", action) for action in _several(statement.get("Action")))
        and any(fnmatchcase(resource, pattern) for pattern in _several(statement.get("Resource")))
        for statement in _several(json.loads(rules.policy).get("Statement"))
    )


def _several(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]
