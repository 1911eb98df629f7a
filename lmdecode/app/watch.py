"""A watch of a machine: its messages into a model of it, until somebody stops it or the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lmdecode.analysis.state import LiveMachine
from lmdecode.app.live import client_for
from lmdecode.device.errors import joined
from lmdecode.device.watch import Link, Watcher

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.client import Client

_KEEP_ALIVE: Final = 5.0  # s of silence, where a machine says something each second


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """What was seen."""

    messages: int
    damaged: int
    shots: int
    connections: int
    """The connections on which the machine said something."""
    gone: str
    """Why there is no connection at the end; "" if there is one."""


class Watch:
    """Watches one machine. It reads, and writes nothing.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        interval: Seconds between two reads of the status.
        wait: Whether to wait for a machine that is not there yet.
        on_record: Takes each message. What it raises ends the watch.
        on_link: Takes each change of the connection, in words; not while nothing has changed but the attempts.
        on_change: Called when there is something new to show.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeout: float,
        interval: float,
        wait: bool,
        on_record: Callable[[Record], None],
        on_link: Callable[[str], None] = lambda _: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.target = target
        self.machine = LiveMachine()
        """What is known of the machine."""
        self.watcher = Watcher(
            self._connect, interval=interval, wait=wait, on_record=self._take, on_link=self._take_link
        )
        self._timeout = timeout
        self._on_record = on_record
        self._on_link = on_link
        self._on_change = on_change
        self._stop = asyncio.Event()
        self._failure: Exception | None = None
        self._gone = False

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()

    async def run(
        self, seconds: float | None, *, beside: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> WatchSummary:
        """Watches until it is stopped, or for a time.

        Args:
            seconds: How long; None: until it is stopped.
            beside: A coroutine to run meanwhile; if it fails, the watch ends.

        Raises:
            MachineError: As `Watcher.run`.
            Exception: What `on_record` or `beside` raised.
        """
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self.watcher.run()),
            asyncio.create_task(self._stop.wait()),
        ]
        if beside is not None:
            tasks.append(asyncio.create_task(beside()))
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in [self._failure, *results]:
            if isinstance(result, Exception):  # a cancellation is none
                raise result
        link, model = self.watcher.link, self.machine
        gone = link.why
        if not link.connected and not gone and not self.stopped:  # who stops it so early does not complain of silence
            gone = f"{joined(self.target.host, self.target.port)} has not said anything yet"
        return WatchSummary(model.count, model.damaged, model.shots.count, self.watcher.connections, gone)

    def _connect(self, number: int, on_record: Callable[[Record], None]) -> Client:
        return client_for(
            self.target, timeout=self._timeout, stream=number, keep_alive=_KEEP_ALIVE, on_record=on_record
        )

    def _take(self, record: Record) -> None:
        """Takes a message. An error here must not look like an error of the connection that the message came over."""
        try:
            self.machine.feed(record)
            self._on_record(record)
        except Exception as error:  # noqa: BLE001 -- raised again where the watch ends
            self._failure = self._failure or error
            self._stop.set()
        self._on_change()

    def _take_link(self, link: Link) -> None:
        if link.connected:
            if self._gone:
                self._on_link("connected again" if self.watcher.connections > 1 else "connected")
            self._gone = False
        elif link.why and not self._gone:
            self._gone = True
            self.machine.shots.disconnect()
            self._on_link(f"{link.why}; trying again")
        self._on_change()
