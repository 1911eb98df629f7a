"""The words in which a machine says how it is, over time: ready, heating up, without water."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from lmdecode.codec.record import Value

STATUS_WORDS: Final = ("machine_status", "coffee_boiler_status", "steam_boiler_status", "steam_level")
"""The fields that hold such a word, or a level."""
_MOST: Final = 20_000  # stretches that are kept of each


class WordInterval(NamedTuple):
    """A time in which a word held, in nanoseconds since 1970."""

    start_ns: int
    end_ns: int
    word: str


class StatusWords:
    """Which word of each field held when.

    >>> words = StatusWords()
    >>> for second, status in ((0, "HeatingUp"), (30, "HeatingUp"), (60, "Ready")):
    ...     words.add(second, {"coffee_boiler_status": status})
    >>> words.end(90)
    >>> words.intervals["coffee_boiler_status"]
    [WordInterval(start_ns=0, end_ns=60, word='HeatingUp'), WordInterval(start_ns=60, end_ns=90, word='Ready')]
    """

    def __init__(self) -> None:
        self.intervals: dict[str, list[WordInterval]] = {}
        """Those that have ended, by field."""
        self._now: dict[str, tuple[int, str]] = {}

    @property
    def now(self) -> dict[str, Value]:
        """The words that hold."""
        return {name: word for name, (_, word) in self._now.items()}

    def add(self, time_ns: int, values: Mapping[str, Value]) -> None:
        """Take the values of a message."""
        for name in STATUS_WORDS:
            value = values.get(name)
            if value is None or isinstance(value, list):
                continue
            word = str(value)
            before = self._now.get(name)
            if before is None or before[1] != word:
                self._close(name, time_ns)
                self._now[name] = time_ns, word

    def end(self, time_ns: int) -> None:
        """End what holds: nobody knows whether it still does."""
        for name in list(self._now):
            self._close(name, time_ns)

    def _close(self, name: str, time_ns: int) -> None:
        now = self._now.pop(name, None)
        if now is not None:
            intervals = self.intervals.setdefault(name, [])
            if len(intervals) < _MOST:
                intervals.append(WordInterval(now[0], max(time_ns, now[0]), now[1]))
