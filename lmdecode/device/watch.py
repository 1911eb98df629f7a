"""A machine that is watched for as long as anybody likes: it may go away, and come back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.windows import SNAPSHOT, Window
from lmdecode.device.client import Client
from lmdecode.device.errors import BadAnswerError, MachineError, NoAnswerError, WrongKeyError
from lmdecode.device.session import pauses
from lmdecode.device.snapshot import shorter

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


_FIRST_PAUSE: Final = 1.0  # s before the first attempt to connect again; then it doubles
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Link:
    """How the connection is."""

    connected: bool
    """Whether the machine has said something that the key decrypts, and is still there."""
    since_ns: int
    """Since when it is so: nanoseconds since 1970."""
    why: str = ""
    """Why it is not connected; "" while the first attempt is made."""
    next_try_ns: int | None = None
    """When the next attempt is made; None while one is."""


class Watcher:
    """Keeps a connection to a machine, hands on what is said, and reads what the machine does not say by itself.

    Nothing is ever written.

    Args:
        connector: Makes the connection of a number, not connected yet, which is to call what it is given with each
            message.
        interval: Seconds between two reads of the status.
        wait: Whether to go on where the machine cannot even be connected to the first time.
        on_record: Called with each message, of both sides.
        on_link: Called whenever it stands differently with the connection.
    """

    def __init__(
        self,
        connector: Callable[[int, Callable[[Record], None]], Client],
        *,
        interval: float,
        wait: bool = False,
        on_record: Callable[[Record], None],
        on_link: Callable[[Link], None] = lambda _: None,
    ) -> None:
        self._connector = connector
        self._interval = interval
        self._wait = wait
        self._on_record = on_record
        self._on_link = on_link
        self.link = Link(connected=False, since_ns=time.time_ns())
        """How the connection is."""
        self.connections = 0
        """How many there were on which the machine said something."""

    async def run(self) -> NoReturn:
        """Watch until cancelled.

        Raises:
            WrongKeyError: The machine talks, but nothing that it says decrypts.
            MachineError: It could not be connected to even once, and is not waited for.
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
        """Watch over one connection until it ends; why it did."""
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
        polling = Polling(self._interval)
        while True:
            window, due = polling.next
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(due - time.monotonic(), 0.0)):
                    raise await client.wait_lost()
            try:
                await client.ask(Message(Kind.READ, window.address, window.length))
            except (NoAnswerError, BadAnswerError):
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
