"""A live machine, for asyncio."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lmdecode.analysis.columns import current_name
from lmdecode.api.arguments import AnyKey, PathLike, as_key, in_python_words
from lmdecode.api.memory import MemoryImage
from lmdecode.app.live import memory_driver, read_bytes, session_for
from lmdecode.app.reading import read_value
from lmdecode.app.send import LastWrite, NotTakenError, consent_missing, hazards_of, raw_write, write_raw
from lmdecode.app.targets import memory_target
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.register import model_named
from lmdecode.codec.v1.requester import PROBE
from lmdecode.codec.v1.windows import STATUS
from lmdecode.config.targets import Target, find_target
from lmdecode.device.core import Outcome, making, previewing
from lmdecode.device.driver import Word
from lmdecode.device.session import Snapshot, take_snapshot
from lmdecode.device.timing import ANSWER_TIMEOUT


class Status(Mapping[str, Value]):
    """Everything a machine reveals about itself, read once: values by name, in the units of the memory map.

    Windows that the machine did not answer are listed in `silent`, and their values are missing.

    >>> import lmdecode
    >>> with lmdecode.simulate("GS3 AV") as simulated, simulated.connect() as machine:
    ...     status = machine.status()
    >>> status["coffee_set_temp"], status.unit("coffee_set_temp"), status["machine_ser_num"]
    (96.2, '°C', 'GS000000')
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.records: list[Record] = snapshot.records
        """The machine's answers, in the order of addresses."""
        self.silent: dict[str, str] = snapshot.silent
        """The reason for each window that could not be read, by its name."""
        self._fields = snapshot.fields

    @property
    def problems(self) -> list[str]:
        """The problems of the answers, one line each."""
        return [problem for record in self.records for problem in record.problems]

    def unit(self, name: str) -> str | None:
        """Returns the unit of a value; None if it has no unit."""
        return UNITS.get(current_name(name))

    def __getitem__(self, name: str) -> Value:
        return self._fields[current_name(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Status({self._fields!r})"


_SILENCE: Final = 5.0  # s without a message after which the machine is probed; it reports about once a second


class AsyncMachine:
    """A live machine. It connects with `async with` or with the first request.

    The machine takes one connection at a time: close the app first, and close this connection when you are done.

    A read that fails is repeated on a new connection. A write is sent once, even if its answer is lost.

    Args:
        host: The machine's address. Default: the one in the configuration.
        port: Its TCP port. Default: the one in the configuration, otherwise 1774.
        key: Its key, as for `decode`. Default: LMDECODE_KEY, else the one in the configuration.
        config: The path of `config.json`. Default: the one in the current folder, else in the user's config folder.
        machine: The machine to choose if the configuration has several: its name, serial number or address.
        model: Its name, such as "Linea Mini". Default: the one in the configuration; without one, the machine is asked
            where the model matters.
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
        timeout: float = ANSWER_TIMEOUT,
        show_secrets: bool = False,
    ) -> None:
        self._target = _target(host, port, key, config, machine, model)
        self._listeners: list[asyncio.Queue[Record]] = []
        self.last_write = LastWrite()
        """The last write that was sent, for a program that is interrupted before its answer comes."""
        self._driver = memory_driver(self._target, timeout=timeout, show_secrets=show_secrets)
        self._session = session_for(self._target, timeout=timeout, show_secrets=show_secrets, on_record=self._hand_on)

    @property
    def host(self) -> str:
        """The machine's address."""
        return self._target.host

    @property
    def port(self) -> int:
        """The machine's TCP port."""
        return self._target.port

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port}>"

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
        await self._session.__aenter__()

    async def close(self) -> None:
        """Disconnect. The next request would connect again."""
        await self._session.close()

    async def status(self) -> Status:
        """Reads everything the machine reveals about itself: state, temperatures, settings, schedule, counters.

        It takes about a second.

        Raises:
            MachineError: The machine cannot be read at all.
        """
        return Status(await take_snapshot(self._session, self._driver.snapshot()))

    async def get(self, name: str) -> Value:
        """Reads one value, in the unit of the memory map.

        Args:
            name: As in `Record.fields` and `lmdecode registers`: "coffee_temp", "mon_on_time", "power".

        Raises:
            FieldNameError: There is no such name.
            RegisterError: The register can only be written.
            BadAnswerError: The machine's bytes are not a valid value.
            MachineError: The machine cannot be read.
        """
        with in_python_words():
            return await read_value(self._session, self._driver, name)

    async def read(self, address: int, length: int) -> bytes:
        """Reads bytes of the machine's memory.

        Args:
            address: The address of the first byte, 0 to 0xFFFF.
            length: The number of bytes. Machines answer reads of up to 48 bytes, so more are read in pieces.

        Raises:
            MessageError: The bytes are not all inside the memory.
            BadAnswerError: Some of them are secret, and secrets are not shown.
            MachineError: The machine cannot be read.
        """
        return await read_bytes(self._session, address, length)

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
            RegisterError: There is no such setting, or it does not take this value; the memory map has the ranges.
            HazardError: The setting heats or moves water, and `yes=True` is missing.
            ModelUnknownError: Not all models have the setting, and the machine's model cannot be found.
            NotTakenError: The setting was sent, but the machine does not hold it or cannot be read; see `outcome`.
            MachineError: The machine cannot be read; nothing was sent.
        """
        with in_python_words():
            plan = self._driver.plan(name, words, options)
            if (hazards := hazards_of(plan.changes)) and not yes:
                raise consent_missing(hazards)
            outcome = await self._session.run(making(await self._session.run(previewing(plan))))
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
            MachineError: The machine cannot be read; nothing was sent.
        """
        write = raw_write(Message(Kind.WRITE, address, len(data), bytes(data)), model=self._target.model)
        if not yes:
            with in_python_words():
                raise consent_missing([write.reason])
        outcome = await write_raw(self._session, write)
        if outcome.complaint:
            raise NotTakenError(outcome.complaint)

    async def memory(self) -> MemoryImage:
        """Reads all of the memory that the memory map knows, into an image to save or compare.

        Raises:
            MachineError: The machine cannot be read at all.
        """
        image = MemoryImage.from_records((await self.status()).records, source=f"{self.host}:{self.port}")
        image.made = f"{datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"
        return image

    async def records(self, *, seconds: float | None = None, every: float | None = None) -> AsyncIterator[Record]:
        """Yields every message as it comes: the machine's reports, about one a second, and all requests and answers.

        Args:
            seconds: How long; None: until you stop.
            every: Seconds between reads of the status (heaters, valves, buttons); None: only listen.

        Raises:
            MachineError: The connection is lost and cannot be restored.
        """
        await self.connect()
        received: asyncio.Queue[Record] = asyncio.Queue()
        self._listeners.append(received)
        asking = asyncio.create_task(self._ask_again_and_again(every))
        end = time.monotonic() + (math.inf if seconds is None else seconds)
        try:
            while (left := end - time.monotonic()) > 0:
                if asking.done():
                    asking.result()  # it failed
                record = await _next(received, min(left, _SILENCE))
                if record is not None:
                    yield record
                elif left > _SILENCE:  # is the machine still there?
                    await self._session.read(PROBE.address, PROBE.length)
        finally:
            self._listeners.remove(received)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask_again_and_again(self, every: float | None) -> None:
        while every is not None:
            await self._session.read(STATUS[-1].address, STATUS[-1].length)  # which every firmware answers
            await asyncio.sleep(every)
        await asyncio.Event().wait()  # until it is cancelled

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


def _target(  # noqa: PLR0917 -- in the order of AsyncMachine
    host: str | None,
    port: int | None,
    key: AnyKey | None,
    config: PathLike | None,
    machine: str | None,
    model: str | None,
) -> Target:
    given = None if key is None else as_key(key)
    if host is not None and given is not None and config is None and machine is None:
        known = None if model is None else model_named(model)
        return Target(host, PORT if port is None else port, given, known)
    with in_python_words():
        found = find_target(
            host=host,
            port=port,
            key=None if given is None else f"hex:{given.secret.hex()}",
            config=None if config is None else Path(config),
            machine=machine,
            model=model,
        )
        return memory_target(found, "this reads a machine's memory")
