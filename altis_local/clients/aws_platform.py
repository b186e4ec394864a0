"""What the AWS services of an environment have, asked once after their start, and made on order.

Kept by control's sessions for one life of aws's container. The first question loads two services of LocalStack, which
takes longer than a probe may: it is asked in the background, and nothing is known until its answer is there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from altis_local.clients import aws_logs
from altis_local.clients.aws import Aws
from altis_local.errors import AltisError
from altis_local.model.cloud import LogGroup
from altis_local.model.state import AwsNode

log = logging.getLogger(__name__)


class AwsPlatform:
    """Safe for many threads."""

    def __init__(self, member: str, aws: Aws) -> None:
        self._member = member
        self._aws = aws
        self._lock = threading.Lock()
        self._known: AwsNode | None = None
        self._asking = False

    def observe(self) -> AwsNode | None:
        """What they have, at once; None while that is not known, which has it asked."""
        with self._lock:
            if self._known is None and not self._asking:
                self._asking = True
                threading.Thread(target=self._ask, name="aws", daemon=True).start()
            return self._known

    def forget(self) -> None:
        """Ask again: they were restarted, or something was found missing."""
        with self._lock:
            self._known = None

    def prepare(self, identities: Iterable[str], groups: Iterable[LogGroup]) -> None:
        """Verify and make; what is there already is fine. Raises AwsError and Unreachable."""
        try:
            for identity in identities:
                verify(self._aws, identity)
            for group in groups:
                aws_logs.create(self._aws, group)
        finally:
            self.forget()

    def close(self) -> None:
        """Nothing is kept open."""

    def _ask(self) -> None:
        try:
            groups = frozenset(LogGroup(one.name, one.days) for one in aws_logs.groups(self._aws))
            found = AwsNode(self._member, verified(self._aws), groups)
        except AltisError as error:
            log.info("aws: %s", error)
            found = None
        with self._lock:
            self._asking = False
            self._known = found


def verified(aws: Aws) -> frozenset[str]:
    """Identities that mail may come from. LocalStack verifies whatever is asked for at once."""
    return frozenset(node.text or "" for node in aws.form("email", "ListIdentities").iterfind(".//member"))


def verify(aws: Aws, identity: str) -> None:
    """A domain, or an address."""
    if "@" in identity:
        aws.form("email", "VerifyEmailIdentity", EmailAddress=identity)
    else:
        aws.form("email", "VerifyDomainIdentity", Domain=identity)
