"""Drinks that nobody saw: a counter is higher than before, and no water that flowed accounts for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from lmdecode.analysis.shot import Evidence, Shot, What
from lmdecode.codec.v1.memory_map import SHORTEST_COFFEE
from lmdecode.codec.v1.values import Value

__all__ = ["ShotCounters"]

_COUNTERS: Final[Mapping[str, tuple[What, int | None]]] = {
    **{f"drinks_k{key}": (What.COFFEE, key) for key in range(1, 5)},
    "continuous": (What.COFFEE, 5),
    "drinks_hot_water": (What.HOT_WATER, None),
}
_NAMES: Final = frozenset(_COUNTERS)
_LATE_NS: Final = 3_000_000_000  # by which the counter and the end of the water may be apart
_LONGEST_NS: Final = 180_000_000_000  # that water flows on after it was last seen


class _Rise(NamedTuple):
    """A counter went up between two readings."""

    name: str
    after_ns: int
    before_ns: int
    by: int

    @property
    def possible(self) -> bool:
        """Whether there was time for so many; else it is another machine at the address, or another counter."""
        return self.by * SHORTEST_COFFEE * 1e9 <= self.before_ns - self.after_ns + _LONGEST_NS


class ShotCounters:
    """Reads one machine's counters."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._last: dict[str, tuple[int, int]] = {}  # time and count
        self._rises: list[_Rise] = []

    def add(self, time_ns: int, fields: Mapping[str, Value]) -> None:
        """Take what the machine says."""
        if _NAMES.isdisjoint(fields):
            return
        for name in _COUNTERS:
            count = fields.get(name)
            if not isinstance(count, int):
                continue
            before = self._last.get(name)
            if before is not None and count > before[1]:
                rise = _Rise(name, before[0], time_ns, count - before[1])
                if rise.possible:
                    self._rises.append(rise)
            self._last[name] = (time_ns, count)

    def unseen(self, shots: Iterable[Shot]) -> list[Shot]:
        """What the counters have, and `shots` have not."""
        left = [shot for shot in shots if shot.end_ns is not None]
        found: list[Shot] = []
        for rise in sorted(self._rises, key=lambda rise: rise.before_ns):
            what, key = _COUNTERS[rise.name]
            accounted = [shot for shot in left if _counts(shot, what, key) and _fits(shot, rise)][: rise.by]
            left = [shot for shot in left if shot not in accounted]
            if rise.by > len(accounted):
                found.append(
                    Shot(
                        machine=self._machine,
                        streams=(),
                        what=what,
                        evidence=Evidence.COUNTER,
                        key=key,
                        count=rise.by - len(accounted),
                        after_ns=rise.after_ns,
                        before_ns=rise.before_ns,
                        notes=(f"known by {rise.name} alone",),
                    )
                )
        return found


def _counts(shot: Shot, what: What, key: int | None) -> bool:
    """Whether a counter may have counted it; one too short for a coffee may have been none for the machine either."""
    if what is What.COFFEE:
        return shot.what in {What.COFFEE, What.FLUSH} and shot.key == key
    return shot.what is what


def _fits(shot: Shot, rise: _Rise) -> bool:
    """Whether it can have ended between the two readings."""
    end = shot.end_ns or 0
    return end - _LATE_NS < rise.before_ns and rise.after_ns < end + (_LONGEST_NS if shot.cut else _LATE_NS)
