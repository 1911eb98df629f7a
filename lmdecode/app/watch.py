"""A watch of a machine: feeds its messages into a model of it until somebody stops it or the time is over."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from lmdecode.allowance import Allowance
from lmdecode.analysis.columns import Selection
from lmdecode.analysis.state import LiveMachine
from lmdecode.app.errors import CommandError
from lmdecode.app.live import driver_for
from lmdecode.codec.record import Record
from lmdecode.device.watch import Link, Watcher
from lmdecode.render.records.jsonl import json_bytes
from lmdecode.render.watch.scene import About

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import AnyTarget

_LONGEST: Final = 1 << 20  # bytes of a line
_AS_BYTES: Final[int] = getattr(os, "O_BINARY", 0)  # or Windows makes two bytes of the end of a line


class JsonlLog:
    """Adds Records to a file, each as one line that is handed to the system at once.

    So what was written survives the end of this process, however that ends. If the last line of a file is not whole, a
    computer stopped while it was written; that line is cut off, because every reader would fail on it.

    Args:
        path: The file; created if it does not exist.

    Raises:
        CommandError: The file cannot be written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = 0
        """How many bytes of an incomplete line were cut off."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _AS_BYTES, 0o666)
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
            raise CommandError(f"--jsonl {path} cannot be written: {getattr(error, 'strerror', error)}") from None
        try:
            self._mend()
        except OSError as error:
            self.close()
            raise CommandError(f"--jsonl {path} cannot be read: {error.strerror}") from None
        except CommandError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, record: Record) -> None:
        """Adds a line.

        Raises:
            CommandError: The line cannot be written whole; then nothing of it is left in the file.
        """
        line = json_bytes(record)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            if written and self._is_file():
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise CommandError(f"--jsonl {self.path} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Closes the file."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _mend(self) -> None:
        if not self._is_file() or not (size := os.fstat(self._file).st_size):
            return
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            self._check(file.readline(_LONGEST), whole=size)
            start = max(size - _LONGEST, 0)
            file.seek(start)
            end = file.read()
        if end.endswith(b"\n"):
            return
        last = end[end.rfind(b"\n") + 1 :]
        if _is_ours(last):  # only its newline is missing
            os.write(self._file, b"\n")
            return
        self.cut = len(last)
        os.ftruncate(self._file, size - self.cut)

    def _check(self, first: bytes, *, whole: int) -> None:
        """Checks that the file holds our lines; the only line may be the beginning of one."""
        half = len(first) == whole and not first.endswith(b"\n")
        if not (_is_ours(first) or (half and b'{"time":"'.startswith(first[:9]) and len(first) < _LONGEST)):
            raise CommandError(f"--jsonl {self.path} holds something other than messages: name another file")

    def _is_file(self) -> bool:
        import stat

        return stat.S_ISREG(os.fstat(self._file).st_mode)


def _is_ours(line: bytes) -> bool:
    try:
        entries = json.loads(line)
    except ValueError:
        return False
    return isinstance(entries, dict) and {"time", "plaintext"} <= entries.keys()


# What a peer says by itself is written, as far as a machine could have said it: a report a second, in a storm some
# hundred. The rest is counted. So whoever floods fills no disk and no terminal.
_UNASKED_AT_ONCE: Final = 1000  # messages
_UNASKED_A_SECOND: Final = 20
_JUNK_AT_ONCE: Final = 1 << 16  # bytes that are no message
_JUNK_A_SECOND: Final = 1 << 8
_TELLING: Final = 1.0  # s between two lines about what was left out


class Flood:
    """Decides which messages are written, and says how many were left out.

    Args:
        tell: Takes a line about what was left out, each second at most.
        clock: Returns the time in seconds.
    """

    def __init__(self, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._messages = Allowance(_UNASKED_AT_ONCE, _UNASKED_A_SECOND, clock=clock)
        self._junk = Allowance(_JUNK_AT_ONCE, _JUNK_A_SECOND, clock=clock)
        self._told = clock()
        self._count = self._bytes = 0

    def passes(self, record: Record) -> bool:
        """Whether a message is written."""
        if record.role in {"request", "response"} and record.raw is None:  # ours, or asked for
            return True
        size = len(record.raw or b"")
        if self._messages.takes(1) and (not size or self._junk.takes(size)):
            return True
        self._count += 1
        self._bytes += size
        if self._clock() - self._told >= _TELLING:
            self.finish()
        return False

    def finish(self) -> None:
        """Says what was left out since it was said last."""
        self._told = self._clock()
        if self._count:
            junk = f", with {self._bytes:,} bytes that are no message" if self._bytes else ""
            self._tell(f"left out {self._count:,} messages{junk}: no machine says so much")
        self._count = self._bytes = 0


_LONG_AFTER_NS: Final = 3600 * 1_000_000_000  # when nothing runs any more of what runs at the end of a watch


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """What was seen."""

    messages: int
    damaged: int
    shots: int
    """Those that have ended; of v1 all of them."""
    connections: int
    """The connections on which the machine said something."""
    flushes: int
    """Those that the machine itself called so; v1's are among the shots."""
    unended: int
    """The shots or flushes whose end was lost."""
    gone: str
    """Why there is no connection at the end; "" if there is one."""


class Watch:
    """Watches one machine. It reads, and writes nothing.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        interval: Seconds between two reads of the status.
        wait: Whether to wait for a machine that is not there yet.
        on_record: Takes each message, but what floods; see `Flood`. What it raises ends the watch.
        on_link: Takes each change of the connection, in words; not while nothing has changed but the attempts.
        on_change: Called when there is something new to show.
        on_flood: Takes a line about what a flooding peer said and was not written.
        names: The only values that are wanted: only what holds them is read, and `on_record` takes only messages that
            have some of them, without others; none: all.

    Raises:
        UnsupportedError: This generation never tells one of the values.
    """

    def __init__(
        self,
        target: AnyTarget,
        *,
        timeout: float,
        interval: float,
        wait: bool,
        on_record: Callable[[Record], None],
        on_link: Callable[[str], None] = lambda _: None,
        on_change: Callable[[], None] = lambda: None,
        on_flood: Callable[[str], None] = lambda _: None,
        names: Sequence[str] = (),
    ) -> None:
        self.chosen: dict[str, int | None] = dict.fromkeys(names)
        """Since when each of the wanted values is what it is, in nanoseconds since 1970; None if it is not known."""
        self._selection = Selection(names) if names else None
        self.machine = LiveMachine()
        """What is known of the machine."""
        driver = self._driver = driver_for(target, timeout=timeout)
        told = driver.readable
        for name in names:
            if name not in told:
                driver.queries_of([name])  # which says why it never comes
        named = target.name if target.name and target.name != getattr(target, "host", None) else ""
        self.about = About(named, driver.name, driver.generation, driver.model)
        """What is known of it before it says a word."""
        self.watcher = Watcher(
            lambda number, on_record: driver.connection(number, on_record, listens=True),
            interval=interval,
            wait=wait,
            on_record=self._take,
            on_link=self._take_link,
            queries=driver.polls(names),
        )
        self._on_record = on_record
        self._on_link = on_link
        self._on_change = on_change
        self._flood = Flood(on_flood)
        self._stop = asyncio.Event()
        self._failure: Exception | None = None
        self._gone = False
        self._remark = ""

    @property
    def remark(self) -> str:
        """What to say of this machine as long as it is connected, one line; "" if nothing."""
        return str(getattr(self._driver, "remark", ""))

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
            self._flood.finish()
        for result in [self._failure, *results]:
            if isinstance(result, Exception):  # a cancellation is none
                raise result
        link, model = self.watcher.link, self.machine
        gone = link.why
        if not link.connected and not gone and not self.stopped:  # who stops it so early does not complain of silence
            gone = f"{self.about.place} has not said anything yet"
        totals = model.shots.totals(time.time_ns() + _LONG_AFTER_NS)
        is_v1 = self.about.generation == "v1"
        return WatchSummary(
            model.count,
            model.damaged,
            model.shots.count if is_v1 else totals.shots,
            self.watcher.connections,
            totals.flushes,
            0 if is_v1 else totals.unended,
            gone,
        )

    def _take(self, record: Record) -> None:
        """Takes a message. An error here must not look like an error of the connection that the message came over."""
        try:
            before = {name: self.machine.fields.get(name) for name in self.chosen}
            self.machine.feed(record)
            for name, value in before.items():
                if self.machine.fields.get(name) != value:
                    self.chosen[name] = record.time_ns
            wanted = record if self._selection is None else self._selection.apply(record)
            if wanted is not None and self._flood.passes(record):
                self._on_record(wanted)
        except Exception as error:  # noqa: BLE001 -- raised again where the watch ends
            self._failure = self._failure or error
            self._stop.set()
        self._on_change()

    def _take_link(self, link: Link) -> None:
        if link.connected:
            if self._gone:
                self._on_link("connected again" if self.watcher.connections > 1 else "connected")
            self._gone = False
            if self.remark != self._remark:
                self._remark = self.remark
                self._on_link(self._remark)
        elif link.why and not self._gone:
            self._gone = True
            self.machine.disconnect(time.time_ns())
            self._on_link(f"{link.why}; trying again")
        self._on_change()
