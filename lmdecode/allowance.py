"""How much of something may come: so much at once, and so much a second from then on."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """A bucket that is full at first, is emptied by what comes, and is filled again by time.

    Args:
        burst: How much may come at once.
        rate: How much may come each second from then on.
        clock: Returns the time in seconds.

    >>> now = 0.0
    >>> bytes_ = Allowance(100, 10, clock=lambda: now)
    >>> bytes_.takes(90), bytes_.takes(20)
    (True, False)
    >>> now = 1.0
    >>> bytes_.takes(20), bytes_.takes(1)
    (True, False)
    """

    def __init__(self, burst: float, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._left = burst
        self._then = clock()

    def takes(self, amount: float) -> bool:
        """Takes an amount, if there is so much left; returns whether there was."""
        now = self._clock()
        self._left = min(self._left + (now - self._then) * self._rate, self._burst)
        self._then = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
