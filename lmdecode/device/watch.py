"""A watch of a machine for as long as anybody likes: it may go away and come back.

A machine pushes its temperatures and what happens by itself. Everything else must be read, each as often as its driver
says, so that the connection stays nearly as quiet as with the maker's app.

A connection counts from when it is made, and not while it is: a gateway may tell its configuration and then refuse to
stream, because the app listens already. A connection over TCP is made before anybody has said a word on it, so there
it counts from the machine's first valid message.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NoReturn, TypeVar

from lmdecode.codec.record import Record
from lmdecode.device.core import pauses
from lmdecode.device.driver import Connection, OnRecord, Query
from lmdecode.device.errors import (
    BadAnswerError,
    ConnectionLostError,
    MachineError,
    NoAnswerError,
    UnsupportedError,
    WrongKeyError,
)

R = TypeVar("R")

_LONGEST_SECONDS: Final = 3600.0  # the longest pause between two reads of what the machine does not answer


class Polling(Generic[R]):
    """The schedule of reads on one connection.

    Args:
        interval: Seconds between two reads of what is to be read as often as the user says.
        queries: The questions, each with its `every`.

    >>> polling = Polling(5.0, [Query("status", "R4000", 0.0), Query("schedule", "R0310", 60.0)])
    >>> polling.next[0].name, polling.next[1]
    ('status', 0.0)
    >>> polling.answered(polling.next[0], 7.0)
    >>> polling.next[0].name
    'schedule'
    """

    def __init__(self, interval: float, queries: Sequence[Query[R]]) -> None:
        self._every = {query: max(interval, query.every or 0.0) for query in queries}
        self._due = dict.fromkeys(self._every, 0.0)

    @property
    def next(self) -> tuple[Query[R] | None, float]:
        """The next question and its time, on the caller's clock; 0 means at once. No question: None, and never."""
        return min(self._due.items(), key=lambda each: each[1], default=(None, math.inf))

    def answered(self, query: Query[R], now: float) -> None:
        """Notes that a question was answered."""
        self._due[query] = now + self._every[query]

    def silent(self, query: Query[R], now: float) -> Query[R] | None:
        """Notes that a question was not answered.

        Returns:
            What older firmware answers instead, which comes next; None if there is none. Then the same question comes
            again, later and later.
        """
        every = self._every[query]
        older = query.older
        if older is not None:
            del self._every[query], self._due[query]
            self._every[older], self._due[older] = every, now
            return older
        self._every[query] = min(2 * every, _LONGEST_SECONDS)
        self._due[query] = now + self._every[query]
        return None


_UNHEARD: Final = 2  # reads without an answer, and not a valid message meanwhile, after which a connection is given up
_SILENT: Final = 3  # the same, once the machine has spoken,
_QUIET: Final = 3.0  # s; and has not for so long
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


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a connection, after one that worked."""

    since_ns: int
    until_ns: int


class Watcher(Generic[R]):
    """Keeps a connection to a machine, hands on each message, and reads what the machine does not report by itself.

    It never writes.

    Args:
        connector: Makes a connection by its number, not connected yet, and gives it what to call with each Record.
        interval: Seconds between two reads of the status.
        wait: Whether to go on if the very first connection fails.
        on_record: Takes the Record of each message, of both sides.
        on_link: Takes each new state of the connection.
        queries: As for `Polling`.
    """

    def __init__(
        self,
        connector: Callable[[int, OnRecord], Connection[R]],
        *,
        interval: float,
        wait: bool = False,
        on_record: Callable[[Record], None],
        on_link: Callable[[Link], None] = lambda _: None,
        queries: Sequence[Query[R]] = (),
    ) -> None:
        self._connector = connector
        self._interval = interval
        self._queries = tuple(queries)
        self._wait = wait
        self._on_record = on_record
        self._on_link = on_link
        self.link = Link(connected=False, since_ns=time.time_ns())
        """The state of the connection."""
        self.connections = 0
        """The number of connections on which the machine has sent a valid message."""
        self.last_outage: Outage | None = None
        """The last time without a connection; None if it was never lost."""
        self.connection: Connection[R] | None = None
        """The connection, while there is one or one is being made."""
        self.place = ""
        """What the machine was called on the last connection that worked; "" before the first."""
        self.signal: int | None = None
        """How strongly it was received by radio then, in dBm, where the connection knows that."""
        self._heard_count = 0  # valid messages of the machine
        self._heard_at = 0.0  # when the last of them came, on the monotonic clock
        self._is_made = False

    @property
    def losses(self) -> int:
        """How many times the connection was lost and is there again."""
        return max(self.connections - 1, 0)

    async def run(self) -> NoReturn:
        """Watches until cancelled.

        Raises:
            WrongKeyError: The machine does not take the key, or none of its frames decrypt, and no connection has
                worked yet. Once one has, the key is right: another machine may have the address for a while.
            UnsupportedError: It cannot work on this computer, or with this machine.
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
        connection = self.connection = self._connector(number, self._heard)
        self._is_made, self._heard_count = False, 0
        try:
            await connection.connect()
            self._is_made = True
            if self._heard_count:
                self._connected(time.time_ns())
            await self._poll(connection)
        except UnsupportedError:
            raise
        except WrongKeyError as error:
            if not self.connections:
                raise
            return error
        except MachineError as error:
            return connection.lost or error
        finally:
            await connection.close()
            self.connection = None

    async def _poll(self, connection: Connection[R]) -> NoReturn:
        polling = Polling(self._interval, self._queries)
        unheard = heard = 0
        while True:
            query, due = polling.next
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if query is None else max(due - time.monotonic(), 0.0)):
                    raise await connection.wait_lost()
            if query is None:
                continue
            if self._heard_count != heard:
                unheard, heard = 0, self._heard_count
            try:
                await connection.ask(query.request)
            except (NoAnswerError, BadAnswerError) as error:
                unheard += self._heard_count == heard
                if not self.link.connected and unheard >= _UNHEARD:  # what talks there is no machine, or it is ill
                    raise
                if unheard >= _SILENT and time.monotonic() - self._heard_at >= _QUIET:
                    raise ConnectionLostError(f"{connection.name} went silent: {error}") from None
                polling.silent(query, time.monotonic())
            else:
                polling.answered(query, time.monotonic())

    def _heard(self, record: Record) -> None:
        if record.sender == "machine" and record.kind is not None:
            self._heard_count += 1
            self._heard_at = time.monotonic()
            if self._is_made and not self.link.connected:
                self._connected(record.time_ns)
        self._on_record(record)

    def _connected(self, now_ns: int) -> None:
        if self.connections:
            self.last_outage = Outage(self.link.since_ns, now_ns)
        self.connections += 1
        if self.connection is not None:
            self.place = self.connection.name
            signal = getattr(self.connection, "signal", None)  # only what is heard by radio has one
            self.signal = signal if isinstance(signal, int) else None
        self._set(Link(True, now_ns))

    def _set(self, link: Link) -> None:
        self.link = link
        self._on_link(link)
