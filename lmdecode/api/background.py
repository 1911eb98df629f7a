"""An event loop in a thread of its own, so that code without asyncio can use what needs it; in a notebook too."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["Background"]

T = TypeVar("T")


class Background:
    """Runs coroutines, and waits for each.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end. If the wait is interrupted, as by Ctrl-C, it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the loop's thread."""

        async def called() -> T:
            return function()

        return self.run(called())

    def iterate(self, things: AsyncIterator[T]) -> Iterator[T]:
        """What an asynchronous generator gives, which is closed in the end."""
        try:
            while True:
                try:
                    thing = self.run(_next(things))
                except StopAsyncIteration:
                    return
                yield thing
        finally:
            # What is dropped half used is cleaned up when and where Python likes: at its end, when the thread stands
            # still, or in the thread itself. To wait there would be to wait for ever.
            if not sys.is_finalizing() and threading.current_thread() is not self._thread:
                self.run(_closed(things))

    def stop(self) -> None:
        """End the thread, once; another `run` would begin a new one."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon: who forgets to close it can leave all the same.
            self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
            self._thread.start()
        return self._loop


async def _next(things: AsyncIterator[T]) -> T:
    return await anext(things)


async def _closed(things: AsyncIterator[Any]) -> None:
    close = getattr(things, "aclose", None)
    if close is not None:
        await close()
