"""A run of `watch`: the machine's messages into the model, the log and the display, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from lmdecode.analysis.state import LiveMachine
from lmdecode.app.live import client_for
from lmdecode.cli._common.keyboard import Keyboard
from lmdecode.device.watch import Link, Watcher
from lmdecode.render.watch.screen import address_of, scene_of

if TYPE_CHECKING:
    from lmdecode.app.jsonl_log import JsonlLog
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.client import Client
    from lmdecode.render.watch.display import Display

_KEEP_ALIVE: Final = 5.0  # s of silence, where a machine says something each second
_SECOND: Final = 1.0  # at least so often the screen is drawn: times go on
_LEAST: Final = 0.25  # s between two drawings
_SPANS: Final = (300.0, 900.0, 3600.0, 4 * 3600.0)  # s that the charts can show


class WatchSession:
    """Watches one machine.

    Args:
        target: Which.
        timeout: Seconds to wait for an answer.
        interval: Seconds between two reads of the status.
        wait: Whether a machine that is not there yet is waited for.
        log: Where each message is written, if that was asked for.
        display: Where it is shown.
    """

    def __init__(
        self, target: Target, *, timeout: float, interval: float, wait: bool, log: JsonlLog | None, display: Display
    ) -> None:
        self._target = target
        self._timeout = timeout
        self._log = log
        self._display = display
        self._model = LiveMachine()
        self._watcher = Watcher(
            self._connect, interval=interval, wait=wait, on_record=self._take, on_link=self._take_link
        )
        self._keyboard = Keyboard(self._press)
        self._span = _SPANS[0]
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._failure: Exception | None = None
        self._gone = False

    async def run(self, duration: float | None) -> None:
        """Watch until Ctrl-C, SIGTERM or `q`, or for so many seconds.

        Raises:
            MachineError: As `Watcher.run`.
            CommandError: A message could not be written.
            OSError: As well.
        """
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._watcher.run()),
            asyncio.create_task(self._stop.wait()),
        ]
        if self._display.draws:
            tasks.append(asyncio.create_task(self._draw_again()))
        with self._signals(asyncio.get_running_loop()):
            try:
                with self._shown():
                    await asyncio.wait(tasks, timeout=duration, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in [self._failure, *results]:
            if isinstance(result, Exception):  # not that it was cancelled
                raise result
        if not self._watcher.connections and not self._stop.is_set():  # it was waited for in vain
            from lmdecode.device.errors import NoConnectionError

            raise NoConnectionError(self._why_not)
        self._sum_up()

    @property
    def _why_not(self) -> str:
        return self._watcher.link.why or f"{address_of(self._target)} has not said anything yet"

    def _connect(self, number: int, on_record: Callable[[Record], None]) -> Client:
        return client_for(
            self._target, timeout=self._timeout, stream=number, keep_alive=_KEEP_ALIVE, on_record=on_record
        )

    def _take(self, record: Record) -> None:
        """Take a message. What goes wrong must not look like an error of the connection that it came over."""
        try:
            self._model.feed(record)
            if self._log is not None:
                self._log.write(record)
            self._display.write(record)
        except Exception as error:  # noqa: BLE001 -- raised again where the session ends
            self._failure = self._failure or error
            self._stop.set()
        self._changed.set()

    def _take_link(self, link: Link) -> None:
        self._changed.set()
        if link.connected:
            if self._gone and not self._display.draws:
                self._display.note("connected again" if self._watcher.connections > 1 else "connected")
            self._gone = False
        elif link.why and not self._gone:
            self._gone = True
            self._model.shots.disconnect()
            if not self._display.draws:
                self._display.note(f"{link.why}; trying again")

    def _press(self, key: str) -> None:
        index = _SPANS.index(self._span)
        match key:
            case "q" | "Q" | "\x03":
                self._stop.set()
            case "+" | "=":
                self._span = _SPANS[min(index + 1, len(_SPANS) - 1)]
            case "-":
                self._span = _SPANS[max(index - 1, 0)]
        self._changed.set()

    async def _draw_again(self) -> None:
        """Draw whenever something has changed, but not all the time."""
        while True:
            self._changed.clear()
            self._display.draw(
                scene_of(
                    self._model,
                    self._watcher,
                    self._target,
                    span=self._span,
                    keys=self._keyboard.there,
                    now_ns=time.time_ns(),
                )
            )
            await asyncio.sleep(_LEAST)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SECOND - _LEAST):
                    await self._changed.wait()

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        if not self._display.draws:
            yield
            return
        self._display.start()
        try:
            with self._keyboard:
                yield
        finally:
            self._display.stop()

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """End on Ctrl-C and SIGTERM; with a second one also where the output takes nothing any more."""

        def end(number: int, _frame: FrameType | None) -> None:
            if self._stop.is_set():
                raise KeyboardInterrupt(number)
            loop.call_soon_threadsafe(self._stop.set)

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        if self._display.draws and hasattr(signal, "SIGTSTP"):
            loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
            loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _suspend(self) -> None:
        """Ctrl-Z: give the terminal back first, and take it again afterwards."""
        self._keyboard.pause()
        self._display.stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._display.start()
        self._keyboard.resume()
        self._changed.set()

    def _sum_up(self) -> None:
        model, link = self._model, self._watcher.link
        parts = [
            f"{model.count} messages",
            f"{model.damaged} damaged" if model.damaged else "",
            f"{model.shots.count} shot{'' if model.shots.count == 1 else 's'}" if model.shots.count else "",
            f"{self._watcher.connections} connections" if self._watcher.connections > 1 else "",
            "" if link.connected else f"not connected at the end: {self._why_not}",
        ]
        self._display.note(", ".join(filter(None, parts)))
