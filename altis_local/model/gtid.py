"""MySQL GTID sets as values: which transactions a member has.

Text form as MySQL prints it: `uuid:1-5:7,uuid2:1-3` (MySQL reference manual, "GTID Sets"); tags (`uuid:tag:1-3`,
MySQL 8.3) are kept as part of the source's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Interval = tuple[int, int]


def _merged(intervals: list[Interval]) -> tuple[Interval, ...]:
    out: list[Interval] = []
    for first, last in sorted(intervals):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def _without(have: tuple[Interval, ...], gone: tuple[Interval, ...]) -> tuple[Interval, ...]:
    out: list[Interval] = []
    for first, last in have:
        start = first
        for cut_first, cut_last in gone:
            if cut_last < start or cut_first > last:
                continue
            if cut_first > start:
                out.append((start, cut_first - 1))
            start = cut_last + 1
        if start <= last:
            out.append((start, last))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class GtidSet:
    """An immutable set of transactions: source -> merged, ordered intervals (both ends included)."""

    sources: Mapping[str, tuple[Interval, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """Read MySQL's text form. Raises ValueError on anything else."""
        found: dict[str, list[Interval]] = {}
        for part in text.replace("\n", "").split(","):
            if not (part := part.strip()):
                continue
            source, *rest = part.split(":")
            if not rest:
                raise ValueError(f"not a GTID set: {text!r}")
            name = source.lower()
            for piece in rest:
                if not piece[:1].isdigit():
                    name = f"{source.lower()}:{piece.strip()}"
                    continue
                first, _, last = piece.partition("-")
                found.setdefault(name, []).append((int(first), int(last or first)))
        return cls(MappingProxyType({name: _merged(items) for name, items in sorted(found.items())}))

    def __str__(self) -> str:
        return ",".join(
            name + "".join(f":{first}" if first == last else f":{first}-{last}" for first, last in items)
            for name, items in self.sources.items()
        )

    def __bool__(self) -> bool:
        return bool(self.sources)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GtidSet) and dict(self.sources) == dict(other.sources)

    def __hash__(self) -> int:
        return hash(tuple(self.sources.items()))

    def union(self, other: GtidSet) -> GtidSet:
        names = sorted({*self.sources, *other.sources})
        return GtidSet(
            MappingProxyType({n: _merged([*self.sources.get(n, ()), *other.sources.get(n, ())]) for n in names})
        )

    def minus(self, other: GtidSet) -> GtidSet:
        left = {n: _without(items, other.sources.get(n, ())) for n, items in self.sources.items()}
        return GtidSet(MappingProxyType({n: items for n, items in left.items() if items}))

    def contains(self, other: GtidSet) -> bool:
        return not other.minus(self)

    def count(self) -> int:
        """How many transactions."""
        return sum(last - first + 1 for items in self.sources.values() for first, last in items)
