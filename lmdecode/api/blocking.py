"""A live machine, for code without asyncio."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from lmdecode.api.arguments import AnyKey, PathLike
from lmdecode.api.live import AsyncMachine
from lmdecode.api.memory import MemoryImage
from lmdecode.api.status import Status
from lmdecode.app.send import LastWrite
from lmdecode.codec.record import Record, Value
from lmdecode.device.changing import Outcome
from lmdecode.device.driver import Word
from lmdecode.device.timing import ANSWER_TIMEOUT

T = TypeVar("T")


class Background:
    """Runs coroutines in a thread of its own, and waits for each.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end. If the wait is interrupted, as by Ctrl-C, the coroutine is cancelled."""
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
        """Yields what an asynchronous generator yields, and closes it in the end."""
        try:
            while True:
                try:
                    thing = self.run(_next(things))
                except StopAsyncIteration:
                    return
                yield thing
        finally:
            # Python may clean up a generator that was dropped half used at its own end, when the thread stands still,
            # or in the thread itself. To wait there would be to wait for ever.
            if not sys.is_finalizing() and threading.current_thread() is not self._thread:
                self.run(_closed(things))

    def stop(self) -> None:
        """Ends the thread. Another `run` would start a new one."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon, so that a program that forgets to close it can end all the same.
            self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
            self._thread.start()
        return self._loop


async def _next(things: AsyncIterator[T]) -> T:
    return await anext(things)


async def _closed(things: AsyncIterator[Any]) -> None:
    close = getattr(things, "aclose", None)
    if close is not None:
        await close()


class Machine:
    """A live machine. It connects with `with` or with the first request.

    Arguments and errors are those of `AsyncMachine`; here each call waits until it is done. It works in notebooks too,
    and from one thread at a time.

    Example: on a simulated machine; yours is `lmdecode.Machine("192.168.1.215", config="config.json")`.

    >>> import lmdecode
    >>> with lmdecode.simulate("GS3 AV") as simulated, simulated.connect() as machine:
    ...     machine.set("dose", 2, 121)
    ...     machine.get("dose_k2")
    Outcome(dose_k2: 118 → 121, done)
    121

    Over Bluetooth yours is `lmdecode.Machine(bluetooth=True)`.

    >>> with lmdecode.simulate("Linea Micra", generation="bluetooth") as simulated, simulated.connect() as machine:
    ...     machine.set("steam_level", 2, yes=True)
    Outcome(steam_set_temp: 131.0 → 128.0, done)
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        key: AnyKey | None = None,
        config: PathLike | None = None,
        machine: str | None = None,
        model: str | None = None,
        bluetooth: str | bool | None = None,
        radio: str | None = None,
        generation: str | None = None,
        timeout: float = ANSWER_TIMEOUT,
        show_secrets: bool = False,
    ) -> None:
        self._machine = AsyncMachine(
            host,
            port,
            key=key,
            config=config,
            machine=machine,
            model=model,
            bluetooth=bluetooth,
            radio=radio,
            generation=generation,
            timeout=timeout,
            show_secrets=show_secrets,
        )
        self._background = Background(f"lmdecode {self._machine.name}")

    @property
    def host(self) -> str:
        """The machine's address; "" over Bluetooth."""
        return self._machine.host

    @property
    def port(self) -> int:
        """The machine's TCP port; 0 over Bluetooth."""
        return self._machine.port

    @property
    def generation(self) -> str:
        """What the machine speaks; see `AsyncMachine.generation`."""
        return self._machine.generation

    @property
    def name(self) -> str:
        """What messages call the machine; see `AsyncMachine.name`."""
        return self._machine.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __enter__(self) -> Self:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connect; see `AsyncMachine.connect`."""
        self._background.run(self._machine.connect())

    def close(self) -> None:
        """Disconnect. The next request would connect again."""
        self._background.run(self._machine.close())
        self._background.stop()

    def status(self) -> Status:
        """Reads everything the machine reveals about itself; see `AsyncMachine.status`."""
        return self._background.run(self._machine.status())

    def get(self, name: str) -> Value:
        """Reads one value; see `AsyncMachine.get`."""
        return self._background.run(self._machine.get(name))

    def read(self, address: int, length: int) -> bytes:
        """Reads bytes of the machine's memory; see `AsyncMachine.read`."""
        return self._background.run(self._machine.read(address, length))

    def set(self, name: str, *words: Word, yes: bool = False, **options: Word | None) -> Outcome:
        """Change a setting; see `AsyncMachine.set`."""
        with self._noting_writes():
            return self._background.run(self._machine.set(name, *words, yes=yes, **options))

    def write(self, address: int, data: bytes, *, yes: bool = False) -> None:
        """Write bytes into the machine's memory; see `AsyncMachine.write`."""
        with self._noting_writes():
            self._background.run(self._machine.write(address, data, yes=yes))

    def memory(self) -> MemoryImage:
        """Reads the machine's memory into an image; see `AsyncMachine.memory`."""
        return self._background.run(self._machine.memory())

    def records(self, *, seconds: float | None = None, every: float | None = None) -> Iterator[Record]:
        """Yields every message as it comes; see `AsyncMachine.records`."""
        return self._background.iterate(self._machine.records(seconds=seconds, every=every))

    @contextmanager
    def _noting_writes(self) -> Iterator[None]:
        """Adds to an interruption, such as Ctrl-C, a note of the write that was sent and has no answer yet."""
        self._machine.last_write = LastWrite()
        try:
            yield
        except KeyboardInterrupt as interruption:
            if self._machine.last_write.interruption:
                interruption.add_note(self._machine.last_write.interruption)
            raise
