"""A watch of a machine for as long as anybody likes: it may go away and come back.

The machine reports temperatures and its state by itself, about one message a second. Everything else must be read: the
status every few seconds, the settings every minute, counters every ten minutes, so that the connection stays nearly as
quiet as with the maker's app.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.windows import SNAPSHOT, Window
from lmdecode.device.client import Client
from lmdecode.device.errors import BadAnswerError, MachineError, NoAnswerError, WrongKeyError
from lmdecode.device.session import pauses, shorter

_OFTEN: Final = ("status",)
_NOW_AND_THEN: Final = ("configuration", "schedule")
_SELDOM: Final = ("drink counters", "serial number")  # which also show the model
_NOW_AND_THEN_SECONDS: Final = 60.0
_SELDOM_SECONDS: Final = 600.0
_LONGEST_SECONDS: Final = 3600.0  # the longest pause between reads of a window that the machine does not answer


class Polling:
    """The schedule of reads on one connection.

    Args:
        interval: Seconds between two reads of the status.
        windows: The only windows to read, each at this interval; none: those with the machine's state.

    >>> polling = Polling(5.0)
    >>> polling.next[0].name, polling.next[1]
    ('status', 0.0)
    >>> polling.answered(polling.next[0], 7.0)
    >>> polling.next[0].name
    'configuration'
    """

    def __init__(self, interval: float, windows: Sequence[Window] = ()) -> None:
        named = {window.name: window for window in SNAPSHOT}
        self._every: dict[Window, float] = dict.fromkeys(windows, interval)
        for names, seconds in (
            (_OFTEN, interval),
            (_NOW_AND_THEN, max(interval, _NOW_AND_THEN_SECONDS)),
            (_SELDOM, max(interval, _SELDOM_SECONDS)),
        ):
            if windows:
                break
            self._every |= {named[name]: seconds for name in names}
        self._due = dict.fromkeys(self._every, 0.0)

    @property
    def next(self) -> tuple[Window, float]:
        """The next window to read and its time, on the caller's clock; 0 means at once."""
        return min(self._due.items(), key=lambda each: each[1])

    def answered(self, window: Window, now: float) -> None:
        """Notes that a read was answered."""
        self._due[window] = now + self._every[window]

    def silent(self, window: Window, now: float) -> Window | None:
        """Notes that a read was not answered.

        Returns:
            The shorter window that older firmware answers instead; None if there is none. Then the same window comes
            again, later and later.
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


_UNHEARD: Final = 2  # reads without an answer, and not a valid message meanwhile, after which a connection is given up
_FIRST_PAUSE: Final = 1.0  # s before the first attempt to connect again; then it doubles
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Link:
    """The state of the connection."""

    connected: bool
    """Whether the machine has sent a valid message on this connection, and is still there."""
    since_ns: int
    """The time of the last change, in nanoseconds since 1970."""
    why: str = ""
    """Why there is no connection; "" during the first attempt."""
    next_try_ns: int | None = None
    """The time of the next attempt; None while one is under way."""


class Watcher:
    """Keeps a connection to a machine, hands on each message, and reads what the machine does not report by itself.

    It never writes.

    Args:
        connector: Makes the client of a connection by its number, not connected yet, and gives it what to call with
            each Record.
        interval: Seconds between two reads of the status.
        wait: Whether to go on if the very first connection fails.
        on_record: Takes the Record of each message, of both sides.
        on_link: Takes each new state of the connection.
        windows: As for `Polling`.
    """

    def __init__(
        self,
        connector: Callable[[int, Callable[[Record], None]], Client],
        *,
        interval: float,
        wait: bool = False,
        on_record: Callable[[Record], None],
        on_link: Callable[[Link], None] = lambda _: None,
        windows: Sequence[Window] = (),
    ) -> None:
        self._connector = connector
        self._interval = interval
        self._windows = tuple(windows)
        self._wait = wait
        self._on_record = on_record
        self._on_link = on_link
        self.link = Link(connected=False, since_ns=time.time_ns())
        """The state of the connection."""
        self.connections = 0
        """The number of connections on which the machine has sent a valid message."""

    async def run(self) -> NoReturn:
        """Watches until cancelled.

        Raises:
            WrongKeyError: The machine talks, but none of its frames decrypt.
            MachineError: The first connection failed, and `wait` is off.
        """
        waits = pauses(_FIRST_PAUSE)
        number = failures = 0
        while True:
            begun = time.monotonic()
            why = await self._watch_once(number)
            number += 1
            if not self.connections and not self._wait:
                raise why
            pause = waits[min(failures, len(waits) - 1)]
            lasted = self.link.connected and time.monotonic() - begun > pause
            if lasted:
                failures, pause = 0, waits[0]
            failures += 1
            now = time.time_ns()
            since = now if self.link.connected else self.link.since_ns
            self._set(Link(False, since, str(why), now + int(pause * _NS)))
            await asyncio.sleep(pause)
            self._set(Link(False, since, str(why)))

    async def _watch_once(self, number: int) -> MachineError:
        """Watches over one connection until it ends; returns why it did."""
        client = self._connector(number, self._heard)
        try:
            await client.connect()
            await self._poll(client)
        except WrongKeyError:
            raise
        except MachineError as error:
            return client.lost or error
        finally:
            await client.close()

    async def _poll(self, client: Client) -> NoReturn:
        polling = Polling(self._interval, self._windows)
        unheard = 0
        while True:
            window, due = polling.next
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(due - time.monotonic(), 0.0)):
                    raise await client.wait_lost()
            try:
                await client.ask(Message(Kind.READ, window.address, window.length))
            except (NoAnswerError, BadAnswerError):
                unheard += not self.link.connected
                if unheard >= _UNHEARD:  # a machine reports each second: what talks there is none, or is ill
                    raise
                polling.silent(window, time.monotonic())
            else:
                polling.answered(window, time.monotonic())

    def _heard(self, record: Record) -> None:
        if not self.link.connected and record.sender == "machine" and record.kind is not None:
            self.connections += 1
            self._set(Link(True, record.time_ns))
        self._on_record(record)

    def _set(self, link: Link) -> None:
        self.link = link
        self._on_link(link)
