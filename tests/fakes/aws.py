"""AWS services that forget everything with their container, and what control keeps of them, as AwsPlatform."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from altis_local.model.cloud import LogGroup
from altis_local.model.state import AwsNode


class Services:
    """One life of aws's container."""

    def __init__(self) -> None:
        self.identities: set[str] = set()
        self.groups: set[LogGroup] = set()


class FakeAwsPlatform:
    """Asks at once."""

    def __init__(self, reach: Callable[[], Services], member: str) -> None:
        self._reach = reach
        self._member = member

    def observe(self) -> AwsNode | None:
        services = self._reach()
        return AwsNode(self._member, frozenset(services.identities), frozenset(services.groups))

    def forget(self) -> None:
        """It never remembers."""

    def prepare(self, identities: Iterable[str], groups: Iterable[LogGroup]) -> None:
        services = self._reach()
        services.identities.update(identities)
        made = set(groups)
        services.groups = {one for one in services.groups if one.name not in {g.name for g in made}} | made
