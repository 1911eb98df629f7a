"""What to read from a machine that is watched, and when: gently, since it says much by itself. No clock, no socket."""

from __future__ import annotations

from typing import Final

from lmdecode.codec.v1.memory_map import SNAPSHOT
from lmdecode.codec.v1.register import Window
from lmdecode.device.snapshot import shorter

__all__ = ["Polling"]

_OFTEN: Final = ("status",)
_NOW_AND_THEN: Final = ("configuration", "schedule")
_SELDOM: Final = ("drink counters", "serial number")  # they also tell the model
_NOW_AND_THEN_SECONDS: Final = 60.0
_SELDOM_SECONDS: Final = 600.0
_LONGEST_SECONDS: Final = 3600.0  # what a machine does not answer is asked so seldom in the end


class Polling:
    """The reads of one connection.

    Args:
        interval: Seconds between two reads of the status.

    >>> polling = Polling(5.0)
    >>> polling.next[0].name, polling.next[1]
    ('status', 0.0)
    >>> polling.answered(polling.next[0], 7.0)
    >>> polling.next[0].name
    'configuration'
    """

    def __init__(self, interval: float) -> None:
        named = {window.name: window for window in SNAPSHOT}
        self._every: dict[Window, float] = {}
        for names, seconds in (
            (_OFTEN, interval),
            (_NOW_AND_THEN, max(interval, _NOW_AND_THEN_SECONDS)),
            (_SELDOM, max(interval, _SELDOM_SECONDS)),
        ):
            self._every |= {named[name]: seconds for name in names}
        self._due = dict.fromkeys(self._every, 0.0)

    @property
    def next(self) -> tuple[Window, float]:
        """The window to be read next, and when, in the seconds of whoever asks; 0 for at once."""
        return min(self._due.items(), key=lambda each: each[1])

    def answered(self, window: Window, now: float) -> None:
        """A read has been answered."""
        self._due[window] = now + self._every[window]

    def silent(self, window: Window, now: float) -> Window | None:
        """A read has not been answered; what older firmware answers instead, if there is any such thing.

        Else it is asked for again, but later and later.
        """
        every = self._every[window]
        older = shorter(window)
        if older is not None:
            del self._every[window], self._due[window]
            self._every[older], self._due[older] = every, now
            return older
        self._every[window] = min(2 * every, _LONGEST_SECONDS)
        self._due[window] = now + self._every[window]
        return None
