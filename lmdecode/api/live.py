"""A live machine, for asyncio."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from lmdecode.api.arguments import AnyKey, PathLike, in_python_words, target_of
from lmdecode.api.memory import MemoryImage
from lmdecode.api.status import Status
from lmdecode.app.inquiry import check_generation
from lmdecode.app.live import driver_for, read_bytes
from lmdecode.app.reading import read_value
from lmdecode.app.send import LastWrite, NotTakenError, consent_missing, hazards_of, raw_write, write_raw
from lmdecode.app.targets import memory_target, settled
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.requester import PROBE
from lmdecode.codec.v1.windows import STATUS
from lmdecode.config.targets import BluetoothTarget, Target
from lmdecode.device.changing import Outcome, making, previewing
from lmdecode.device.driver import Word
from lmdecode.device.errors import UnsupportedError
from lmdecode.device.session import Session, take_snapshot
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.device.v1.driver import MemoryDriver
from lmdecode.device.v1.session import MemorySession

_SILENCE: Final = 5.0  # s without a message after which the machine is probed; it reports about once a second
_LOOK: Final = 1.0  # s after which it is seen whether the connection of a newer generation still stands


class AsyncMachine:
    """A live machine of any generation. It connects with `async with` or with the first request.

    The machine takes one connection at a time: close the app first, and close this connection when you are done.

    A read that fails is repeated on a new connection. A write is sent once, even if its answer is lost. What a
    generation cannot do raises `UnsupportedError`: gateway v3 takes no settings, only v1 has a memory.

    Args:
        host: The machine's address. Default: the one in the configuration.
        port: Its TCP port. Default: the one in the configuration, otherwise 1774 for v1 and 8081 for v3.
        key: Its key, as for `decode`; over Bluetooth its token. Default: LMDECODE_KEY, or for the token
            LMDECODE_BLE_TOKEN, else the one in the configuration.
        config: The path of `config.json`. Default: the one in the current folder, else in the user's config folder.
        machine: The machine to choose if the configuration has several: its name, serial number or address.
        model: Its name, such as "Linea Mini". Default: the one in the configuration; without one, the machine is asked
            where the model matters.
        bluetooth: Its name, serial number or address, to talk to it over Bluetooth; True: the one in the configuration,
            or the only one that is near. Default: over Bluetooth only if the configuration says so.
        radio: The Bluetooth radio as bumble names it, such as "usb:0". Default: LMDECODE_RADIO, else this computer's.
        generation: "v1" or "v3". Default: what the port or the configuration says; otherwise both are tried.
        timeout: Seconds to wait for an answer.
        show_secrets: Whether the machine's cloud account stays readable.

    Raises:
        KeyFormatError, MissingKeyError, ConfigError: As for `decode`.
        TargetError: There is no address, or several machines fit.
        RegisterError: There is no such model.

    Example: on a simulated machine.

    >>> import asyncio, lmdecode
    >>> async def main():
    ...     async with lmdecode.simulate("GS3 AV") as simulated, simulated.connect_async() as machine:
    ...         await machine.set("coffee_set_temp", 92.5, yes=True)
    ...         return await machine.get("coffee_set_temp")
    >>> asyncio.run(main())
    92.5

    With gateway v3, a machine tells by itself what happens.

    >>> async def brewed():
    ...     async with lmdecode.simulate(generation="v3", speed=10) as simulated, simulated.connect_async() as machine:
    ...         async for record in machine.records(seconds=10):
    ...             if record.subject and record.subject.startswith("101"):
    ...                 simulated.do("shot 1 5")
    ...             if "brew_stopped_seconds" in record.fields:
    ...                 return record.fields["brew_stopped_seconds"]
    >>> asyncio.run(brewed())
    5.0
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
        self._target = target_of(
            host, port, key, config, machine, model, bluetooth=bluetooth, radio=radio, generation=generation
        )
        self._timeout = timeout
        self._show_secrets = show_secrets
        self._listeners: list[asyncio.Queue[Record]] = []
        self._setting = asyncio.Lock()  # what one change has read must not be changed by another before it is written
        self.last_write = LastWrite()
        """The last write that was sent, for a program that is interrupted before its answer comes."""
        self._driver = driver_for(self._target, timeout=timeout, show_secrets=show_secrets)
        self._session = self._new_session()

    @property
    def host(self) -> str:
        """The machine's address; "" over Bluetooth."""
        return "" if isinstance(self._target, BluetoothTarget) else self._target.host

    @property
    def port(self) -> int:
        """The machine's TCP port; 0 over Bluetooth."""
        return 0 if isinstance(self._target, BluetoothTarget) else self._target.port

    @property
    def generation(self) -> str:
        """What the machine speaks: "v1", "v3" or "bluetooth". If nobody has said it, it is known once connected."""
        return self._driver.generation

    @property
    def name(self) -> str:
        """What messages call the machine: its host:port, or what was asked for over Bluetooth."""
        return self._driver.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect. A wrong key is noticed at the first answer, not here.

        Raises:
            NoConnectionError: Nothing listens there.
        """
        await (await self._settled()).__aenter__()

    async def close(self) -> None:
        """Disconnect. The next request would connect again."""
        await self._session.close()

    async def status(self) -> Status:
        """Reads everything the machine reveals about itself: state, temperatures, settings, schedule, counters.

        It takes about a second, over Bluetooth some seconds.

        Raises:
            MachineError: The machine cannot be read at all.
        """
        session = await self._settled()
        return Status(await take_snapshot(session, self._driver.snapshot()))

    async def get(self, name: str) -> Value:
        """Reads one value, in its unit.

        Args:
            name: As in `Record.fields` and `lmdecode registers`: "coffee_temp", "mon_on_time", "power".

        Raises:
            FieldNameError: There is no such name.
            RegisterError: The register can only be written.
            UnsupportedError: The machine's generation does not tell it; the message says which does.
            BadAnswerError: The machine's bytes are not a valid value.
            MachineError: The machine cannot be read.
        """
        with in_python_words():
            return await read_value(await self._settled(), self._driver, name)

    async def read(self, address: int, length: int) -> bytes:
        """Reads bytes of the machine's memory.

        Args:
            address: The address of the first byte, 0 to 0xFFFF.
            length: The number of bytes. Machines answer reads of up to 48 bytes, so more are read in pieces.

        Raises:
            UnsupportedError: The machine is not of v1.
            MessageError: The bytes are not all inside the memory.
            BadAnswerError: Some of them are secret, and secrets are not shown.
            MachineError: The machine cannot be read.
        """
        return await read_bytes(await self._memory("read() reads a machine's memory"), address, length)

    async def set(self, name: str, *words: Word, yes: bool = False, **options: Word | None) -> Outcome:
        """Changes a setting, like `lmdecode send`: the value is checked, written once and read back.

        Args:
            name: The name as in `lmdecode send`: "coffee_set_temp", "dose", "schedule"; or a writable register, one of
                its bits or a time of day: "dose_k2", "tue_auto", "tue_on_time".
            words: The words after it: `set("coffee_set_temp", 93.5)` in °C, `set("dose", 2, 121)` button and pulses,
                `set("power", True)`, `set("schedule", "tue", "06:30", "17:00")`, `set("clock", "now")`.
            yes: Confirms a setting that heats or moves water; without it such a setting is refused.
            options: The options of `lmdecode send`: `set("prebrew", 1, on=2.5, off=3.1)` in seconds.

        Returns:
            The old and the new values, and the messages that were sent; no messages if the machine held the values.

        Raises:
            RegisterError: There is no such setting, or it does not take this value; `lmdecode send NAME` shows which.
            UnsupportedError: The machine's generation cannot set it; the message says which way can.
            HazardError: The setting heats or moves water, and `yes=True` is missing.
            ModelUnknownError: Not all models have the setting, and the machine's model cannot be found.
            NotTakenError: The setting was sent, but the machine does not hold it or cannot be read; see `outcome`.
            MachineError: The machine cannot be read; nothing was sent.
        """
        with in_python_words():
            session = await self._settled()
            check_generation(self.generation, name)
            plan = self._driver.plan(name, words, options)
            if (hazards := hazards_of(plan.changes)) and not yes:
                raise consent_missing(hazards)
            async with self._setting:
                outcome = await session.run(making(await session.run(previewing(plan))))
        if not outcome.done:
            failure = NotTakenError(outcome.complaint or f"{name} was not taken")
            failure.outcome = outcome
            raise failure
        return outcome

    async def write(self, address: int, data: bytes, *, yes: bool = False) -> None:
        """Writes bytes into the machine's memory once, and reads them back.

        Args:
            address: The address of the first byte, 0 to 0xFFFF.
            data: The bytes. Known registers take only values in their range.
            yes: Confirms the write; without it every raw write is refused.

        Raises:
            RegisterError: The write sets a register to a value that it does not take, sets only a part of a register,
                or touches the cloud account.
            HazardError: `yes=True` is missing.
            NotTakenError: The machine does not hold the bytes afterwards, or cannot be read.
            UnsupportedError: The machine is not of v1.
            MachineError: The machine cannot be read; nothing was sent.
        """
        session = await self._memory("write() writes into a machine's memory")
        write = raw_write(Message(Kind.WRITE, address, len(data), bytes(data)), model=self._target.model)
        if not yes:
            with in_python_words():
                raise consent_missing([write.reason])
        outcome = await write_raw(session, write)
        if outcome.complaint:
            raise NotTakenError(outcome.complaint)

    async def memory(self) -> MemoryImage:
        """Reads all of the memory that the memory map knows, into an image to save or compare.

        Raises:
            UnsupportedError: The machine is not of v1.
            MachineError: The machine cannot be read at all.
        """
        await self._memory("memory() reads a machine's memory")
        image = MemoryImage.from_records((await self.status()).records, source=f"{self.host}:{self.port}")
        image.made = f"{datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"
        return image

    async def records(self, *, seconds: float | None = None, every: float | None = None) -> AsyncIterator[Record]:
        """Yields every message as it comes: what the machine tells by itself, and all requests and answers.

        A machine of v1 reports about once a second; the others tell what happens, a shot about once a second. Gateway
        v3 has one stream, which nobody else gets meanwhile.

        Args:
            seconds: How long; None: until you stop.
            every: Seconds between reads of the state (of v1: heaters, valves, buttons); None: only listen.

        Raises:
            MachineError: The connection is lost and cannot be restored.
        """
        received: asyncio.Queue[Record] = asyncio.Queue()
        self._listeners.append(received)
        asking: asyncio.Task[None] | None = None
        try:
            if len(self._listeners) == 1 and await self._settled() and self._memory_session is None:
                await self._session.close()  # a connection that does not listen
            await self.connect()
            asking = asyncio.create_task(self._ask_again_and_again(every))
            end = time.monotonic() + (math.inf if seconds is None else seconds)
            while (left := end - time.monotonic()) > 0:
                if asking.done():
                    asking.result()  # it failed
                record = await _next(received, min(left, self._patience))
                if record is not None:
                    yield record
                elif left > self._patience:
                    await self._look_after()
        finally:
            self._listeners.remove(received)
            if asking is not None:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            if not self._listeners and self._memory_session is None:
                await self._session.close()  # nobody listens any more, so the stream is for others

    @property
    def _patience(self) -> float:
        """Seconds of silence after which the connection is looked after."""
        return _LOOK if self._memory_session is None else _SILENCE

    async def _look_after(self) -> None:
        """Sees whether the machine is still there. Connections of newer generations notice it themselves."""
        if self._memory_session is not None:
            await self._memory_session.read(PROBE.address, PROBE.length)
        else:
            await self.connect()

    async def _ask_again_and_again(self, every: float | None) -> None:
        session = await self._settled()
        while every is not None:
            if self._memory_session is not None:  # the status that every firmware answers
                await self._memory_session.read(STATUS[-1].address, STATUS[-1].length)
            else:
                await session.ask(self._driver.polls()[0].request)
            await asyncio.sleep(every)
        await asyncio.Event().wait()  # until it is cancelled

    def _new_session(self) -> Session[Any]:
        """Returns a session for the driver. Of v1 it reads memory; the others listen while somebody wants Records."""
        driver = self._driver
        if isinstance(driver, MemoryDriver):
            self._memory_session: MemorySession | None = MemorySession(
                lambda number: driver.connection(number, self._hand_on)
            )
            return self._memory_session
        self._memory_session = None
        return Session(lambda number: driver.connection(number, self._hand_on, listens=bool(self._listeners)))

    async def _settled(self) -> Session[Any]:
        """Returns the session, once it is known which generation the machine speaks."""
        if isinstance(self._target, Target) and self._target.is_guess:
            self._target = await settled(self._target)
            self._driver = driver_for(self._target, timeout=self._timeout, show_secrets=self._show_secrets)
            self._session = self._new_session()
        return self._session

    async def _memory(self, what: str) -> MemorySession:
        """Returns the session with a machine that has a memory.

        Args:
            what: What is to be done with it, with a verb.
        """
        await self._settled()
        if self._memory_session is None:
            memory_target(self._target, what)  # says what is missing
            raise UnsupportedError(what)
        return self._memory_session

    def _hand_on(self, record: Record) -> None:
        self.last_write.note(record)
        for received in self._listeners:
            received.put_nowait(record)


async def _next(received: asyncio.Queue[Record], seconds: float) -> Record | None:
    """Returns the next Record; None if none comes in this many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await received.get()
    except TimeoutError:
        return None
