"""A live machine, for asyncio."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lmdecode.analysis.columns import current_name
from lmdecode.api.arguments import AnyKey, PathLike, Word, as_key, as_keyword, changes_for, window_of
from lmdecode.api.memory import MemoryImage
from lmdecode.codec.errors import LmdecodeError, RegisterError
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.setting_change import check_raw_write
from lmdecode.codec.v1.window import decode_window
from lmdecode.codec.v1.windows import ALIVE, LARGEST_READ, STATUS
from lmdecode.config.targets import Target, find_target
from lmdecode.device.client import ANSWER_TIMEOUT, DEFAULT_PORT, Client
from lmdecode.device.errors import BadAnswerError, MachineError, ModelUnknownError
from lmdecode.device.session import Session
from lmdecode.device.settings import Outcome, fitted, look, make, write_raw
from lmdecode.device.snapshot import Snapshot, take_snapshot


class Status(Mapping[str, Value]):
    """All that a machine says of itself, read once: values by name, in the units of the memory map.

    What it did not answer is not there, but in `silent`.

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
        """By the name of a window that could not be read: why."""
        self._fields = snapshot.fields

    @property
    def problems(self) -> list[str]:
        """What is wrong with the answers, one line each."""
        return [problem for record in self.records for problem in record.problems]

    def unit(self, name: str) -> str | None:
        """The unit of a value; None if it has none."""
        return UNITS.get(name)

    def __getitem__(self, name: str) -> Value:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Status({self._fields!r})"


_SILENCE: Final = (
    5.0  # s after which the machine is asked for something, to see whether it is there; it reports each second
)


class HazardError(MachineError):
    """What is asked for heats, moves water or writes raw bytes, and `yes=True` was not given. Nothing was sent."""


class NotTakenError(MachineError):
    """The machine does not hold what was asked for, or it is not known whether it does."""

    outcome: Outcome | None = None
    """What became of each change."""


class AsyncMachine:
    """A live machine. Made, it is not connected yet; `async with`, or the first request, connects.

    The machine takes one connection at a time: close the app, and this when you are done.

    A read that fails is made again, on a new connection. A write is sent once, whatever becomes of it.

    Args:
        host: The machine's address. Without it, that in the configuration.
        port: Its TCP port, 1774 if nothing else is known.
        key: Its key, as of `decode`; without it, LMDECODE_KEY or that in the configuration.
        config: The `config.json`; without it, that in the current folder, or the user's.
        machine: Which of several in the configuration: its name, serial number or address.
        model: Its name, such as "Linea Mini", if it is known; else the machine is asked where it matters.
        timeout: Seconds to wait for an answer.
        show_secrets: Whether the machine's cloud account is left readable.

    Raises:
        KeyFormatError, MissingKeyError, ConfigError: As `decode`.
        TargetError: No address, or more than one machine that it may be.

    Example: on a simulated machine.

    >>> import asyncio, lmdecode
    >>> async def main():
    ...     async with lmdecode.simulate("GS3 AV") as simulated, simulated.connect_async() as machine:
    ...         await machine.set("coffee-temp", 92.5, yes=True)
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
        self._timeout = timeout
        self._show_secrets = show_secrets
        self._listeners: list[asyncio.Queue[Record]] = []
        self.last_write: str | None = None
        """The plaintext of the write that was sent last, if any was: for who is interrupted while it is made."""
        self._session = Session(self._client)

    @property
    def host(self) -> str:
        """Its address."""
        return self._target.host

    @property
    def port(self) -> int:
        """Its TCP port."""
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
        """Connect. Whether the key is right shows with the first answer.

        Raises:
            NoConnectionError: There is nothing to connect to.
        """
        await self._session.__aenter__()

    async def close(self) -> None:
        """Disconnect. The next request would connect again."""
        await self._session.close()

    async def status(self) -> Status:
        """All that the machine says of itself: state, temperatures, settings, schedule, counters. Takes a second or so.

        Raises:
            MachineError: It cannot be read.
        """
        return Status(await take_snapshot(self._session))

    async def get(self, name: str) -> Value:
        """One value, read now, in the unit that the memory map gives.

        Args:
            name: As in `Record.fields` and `lmdecode registers`: "coffee_temp", "mon_on_time", "power".

        Raises:
            FieldNameError: No such name.
            BadAnswerError: What the machine holds there is no value of its kind.
            MachineError: It cannot be read.
        """
        name = current_name(name)
        address, length = window_of(name)
        record = await self._session.read(address, length)
        fields = record.fields or decode_window(address, bytes.fromhex(record.data or ""))[0]
        if name not in fields:
            raise BadAnswerError(f"the machine has no value for {name}: {'; '.join(record.problems) or 'too short'}")
        return fields[name]

    async def read(self, address: int, length: int) -> bytes:
        """Some bytes of the machine's memory.

        Args:
            address: Of the first byte, 0 to 0xFFFF.
            length: Bytes. Machines answer reads of 48 bytes at most, so more are read in pieces.

        Raises:
            MessageError: There is no such window.
            BadAnswerError: A part of it is secret, and secrets are not shown.
            MachineError: It cannot be read.
        """
        pieces = [
            await self._session.data(start, min(LARGEST_READ, address + length - start))
            for start in range(address, address + max(length, 1), LARGEST_READ)
        ]
        return b"".join(pieces)

    async def set(self, name: str, *words: Word, yes: bool = False, **options: Word | None) -> Outcome:
        """Change a setting: checked as `lmdecode send` does, written once, read back.

        Args:
            name: As in `lmdecode send`: "coffee-temp", "dose", "schedule"; or a writable register, a bit of one or a
                time of day: "dose_k2", "tue_auto", "tue_on_time".
            words: What follows it: `set("coffee-temp", 93.5)` in °C, `set("dose", 2, 121)` key and pulses,
                `set("power", True)`, `set("schedule", "tue", "06:30", "17:00")`, `set("clock", "now")`.
            yes: What heats or moves water is done only with `yes=True`.
            options: What `lmdecode send` takes as options: `set("prebrew", 1, on=2.5, off=3.1)` in seconds.

        Returns:
            What became of it: old and new values, and the messages that were sent: none if it was so already.

        Raises:
            RegisterError: There is no such setting, or it does not take that: the ranges are those of the memory map.
            HazardError: It heats or moves water, and `yes=True` was not given.
            ModelUnknownError: Not all models have it, and the machine does not tell its own.
            NotTakenError: It was sent, and the machine does not hold it, or that is not known; see its `outcome`.
            MachineError: The machine cannot be read; nothing was sent.
        """
        now = datetime.now()  # noqa: DTZ005 -- the machine's clock is local and has no zone
        try:
            changes = changes_for(name, words, options, model=self._target.model, now=now)
        except RegisterError as error:
            raise RegisterError(as_keyword(str(error))) from None
        hazards = list(dict.fromkeys(each.hazard for each in changes if each.hazard))
        if hazards and not yes:
            raise HazardError(f"{name}: this {' and '.join(hazards)}; give yes=True if that is meant")
        try:
            changes = await fitted(self._session, changes, self._target.model)
        except ModelUnknownError as error:
            raise ModelUnknownError(as_keyword(str(error))) from None
        outcome = await make(self._session, changes, await look(self._session, changes))
        if not outcome.done:
            failure = NotTakenError(outcome.complaint or f"{name} was not taken")
            failure.outcome = outcome
            raise failure
        return outcome

    async def write(self, address: int, data: bytes, *, yes: bool = False) -> None:
        """Write bytes into the machine's memory, once, and read them back.

        Args:
            address: Of the first byte, 0 to 0xFFFF.
            data: What to write. Registers that are known take only what is in their range.
            yes: Without it nothing is written: nobody has tried what raw writes do.

        Raises:
            RegisterError: It sets a register to what it does not take, or a part of one, or the cloud account.
            HazardError: `yes=True` was not given.
            NotTakenError: The machine does not hold it afterwards, or that is not known.
            MachineError: The machine cannot be read; nothing was sent.
        """
        request = Message(Kind.WRITE, address, len(data), bytes(data))
        warnings = check_raw_write(request, model=self._target.model)
        if not yes:
            raise HazardError(f"{'; '.join([*warnings, 'it is a raw write'])}; give yes=True if that is meant")
        await look(self._session, [])  # that the key is right
        _, complaint, _ = await write_raw(self._session, request)
        if complaint:
            raise NotTakenError(complaint)

    async def memory(self) -> MemoryImage:
        """All of the machine's memory that the memory map knows, as an image to be kept or compared.

        Raises:
            MachineError: It cannot be read.
        """
        image = MemoryImage.from_records((await self.status()).records, source=f"{self.host}:{self.port}")
        image.made = datetime.now().astimezone().isoformat(timespec="seconds")
        return image

    async def records(self, *, seconds: float | None = None, every: float | None = None) -> AsyncIterator[Record]:
        """Every message as it comes: what the machine reports unasked about once a second, and what else is said.

        Args:
            seconds: For how long; None: until you stop.
            every: Read the status too, all so many seconds: heaters, valves, buttons; None: only listen.

        Raises:
            MachineError: The connection is lost, and there is no new one.
        """
        await self.connect()
        heard: asyncio.Queue[Record] = asyncio.Queue()
        self._listeners.append(heard)
        asking = asyncio.create_task(self._ask_again_and_again(every))
        end = time.monotonic() + (math.inf if seconds is None else seconds)
        try:
            while (left := end - time.monotonic()) > 0:
                if asking.done():
                    asking.result()  # it failed
                record = await _next(heard, min(left, _SILENCE))
                if record is not None:
                    yield record
                elif left > _SILENCE:  # nothing was heard: is the machine still there?
                    await self._session.read(ALIVE.address, ALIVE.length)
        finally:
            self._listeners.remove(heard)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask_again_and_again(self, every: float | None) -> None:
        while every is not None:
            await self._session.read(STATUS[-1].address, STATUS[-1].length)  # which every firmware answers
            await asyncio.sleep(every)
        await asyncio.Event().wait()  # until it is cancelled

    def _client(self, number: int) -> Client:
        return Client(
            self._target.host,
            self._target.port,
            self._target.key,
            timeout=self._timeout,
            stream=number,
            show_secrets=self._show_secrets,
            on_record=self._tell,
        )

    def _tell(self, record: Record) -> None:
        if record.sender == "app" and record.kind is Kind.WRITE:
            self.last_write = record.plaintext
        for heard in self._listeners:
            heard.put_nowait(record)


async def _next(heard: asyncio.Queue[Record], seconds: float) -> Record | None:
    """What is heard next; None if nothing is for so long."""
    try:
        async with asyncio.timeout(seconds):
            return await heard.get()
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
        return Target(host, DEFAULT_PORT if port is None else port, given, model)
    text = None if given is None else f"hex:{given.secret.hex()}"
    try:
        return find_target(
            host=host,
            port=port,
            key=text,
            config=None if config is None else Path(config),
            machine=machine,
            model=model,
        )
    except LmdecodeError as error:
        raise type(error)(as_keyword(str(error))) from None
