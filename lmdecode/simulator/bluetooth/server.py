"""The simulated machine over Bluetooth: one app at a time, on a radio in memory or on one that bumble drives."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from lmdecode.codec.bluetooth.characteristics import NOTIFIED
from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.record import Record
from lmdecode.extras import install_command
from lmdecode.simulator import RADIO_PORT
from lmdecode.simulator.bluetooth.faults import FAULTS
from lmdecode.simulator.bluetooth.gatt import Gatt
from lmdecode.simulator.faults import Faults
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.listening import ServerError, why_not

if TYPE_CHECKING:
    from lmdecode.simulator.bluetooth.air import Air
    from lmdecode.simulator.bluetooth.peripheral import Peripheral

PORT: Final = RADIO_PORT
"""The usual port of the radio in memory; what bumble's own examples use."""
_TICK: Final = 0.1  # s of real time
_SLEPT: Final = 5.0  # s; if more passed between two ticks, the computer slept, and so did the machine
_PATIENCE: Final = 10.0  # s that a radio may take to be reset

_MAGIC: Final = b"btsnoop\0"

Ticker = Callable[[float], list[dict[str, Any]]]
"""Lets some seconds pass; returns what the machine says meanwhile."""


class BluetoothServer:
    """Serves a machine over Bluetooth.

    Args:
        machine: The machine; writes of apps and time change it.
        token: What an app has to write first.
        host: The address on which the radio in memory is offered to programs of this computer.
        port: The port; 0 for any free one, which `port` has once it listens.
        radio: A real radio, as bumble names it, such as `usb:0`; "": one in memory.
        btsnoop: The file to which all packets of the machine's radio are written; None for none. They have the token.
        faults: The faults to simulate.
        speed: Simulated seconds per real second.
        tick: Lets time pass for the machine; None: the machine's own `advance`.
        on_record: Takes the Record of each message.
        on_note: Takes everything else that happens, in words.
    """

    def __init__(
        self,
        machine: JsonMachine,
        token: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        radio: str = "",
        btsnoop: Path | None = None,
        faults: Faults | None = None,
        speed: float = 1.0,
        tick: Ticker | None = None,
        on_record: Callable[[Record], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        self.machine = machine
        self.host = host
        self.port = port
        self.radio = radio
        self.faults = Faults(table=FAULTS) if faults is None else faults
        self.gatt = Gatt(machine, token, self.faults)
        """The characteristics, with `pairing` to switch."""
        self.air: Air | None = None
        """The air in which the radio in memory is; None with a real one."""
        self._speed = speed
        self._tick = machine.advance if tick is None else tick
        self._on_note = on_note
        self._log = _Log(self.gatt, on_record, self._note, self._tell_notes)
        self._btsnoop = btsnoop
        self._peripheral: Peripheral | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._radio_gone: asyncio.Future[None] | None = None
        self._closing = contextlib.AsyncExitStack()

    @property
    def place(self) -> str:
        """Where apps find it: the address of the radio in memory, or the real radio."""
        return self.radio or f"{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts to advertise, and lets time pass.

        Raises:
            ServerError: bumble is missing, or the address, the port, the radio or the file cannot be used.
        """
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def _start(self) -> None:
        logging.getLogger("bumble").setLevel(logging.CRITICAL + 1)  # what goes wrong becomes a line of ours
        try:
            from bumble.core import BaseBumbleError  # noqa: PLC0415 -- optional
            from bumble.snoop import BtSnooper  # noqa: PLC0415 -- as above

            from lmdecode.simulator.bluetooth.peripheral import Peripheral  # noqa: PLC0415 -- it imports bumble
        except ImportError:
            raise ServerError(f"a machine over Bluetooth needs bumble: {install_command('bumble')}") from None
        snooper = None if self._btsnoop is None else BtSnooper(self._opened(self._btsnoop))
        source, sink = await (self._real_radio() if self.radio else self._radio_in_memory())
        self._peripheral = Peripheral(self.gatt, source, sink, self._log, snooper)
        self._closing.push_async_callback(self._peripheral.stop)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._peripheral.start()
        except TimeoutError:
            raise ServerError(f"the radio {self.radio} does not answer") from None
        except BaseBumbleError as error:
            raise ServerError(f"the radio {self.radio} cannot advertise: {error}") from None
        self._note(f"it advertises as {self.gatt.name}")
        self._ticking = asyncio.create_task(self._pass_time())

    async def run(self) -> None:
        """Waits until something in the machine fails.

        Raises:
            ServerError: The radio is gone.
        """
        if self._ticking is None:
            return
        waited: set[asyncio.Future[None]] = {self._ticking}
        if self._radio_gone is not None:
            waited.add(self._radio_gone)
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not self._ticking.done():
            raise ServerError(f"the radio {self.radio[:60]} is gone")
        self._ticking.result()

    async def close(self) -> None:
        """Ends the link, and takes the radio off the air."""
        if self._ticking is not None:
            while not self._ticking.done():  # before Python 3.12, asyncio.wait_for, which bumble uses, may swallow one
                self._ticking.cancel()
                await asyncio.wait({self._ticking}, timeout=_TICK)
            await asyncio.gather(self._ticking, return_exceptions=True)
        await self._closing.aclose()

    def _opened(self, path: Path) -> BinaryIO:
        """Returns a file that has each packet as soon as it is written, so that Ctrl-C leaves a whole one."""
        try:
            if not _may_be_replaced(path):
                raise ServerError(f"{path} is another file, not one of btsnoop: give another name")
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
            raise ServerError(f"{path} cannot be written: {getattr(error, 'strerror', error)}") from None
        file = open(handle, "wb", buffering=0)  # noqa: SIM115, PTH123 -- closed with the server; it is open already
        self._closing.callback(file.close)
        self._note(f"{path} gets what goes over the air, with the token: `lmdecode redact` makes a copy to give away")
        return file

    async def _radio_in_memory(self) -> tuple[Any, Any]:
        from lmdecode.simulator.bluetooth.air import Air, Radio, Radios  # noqa: PLC0415 -- it imports bumble
        from lmdecode.simulator.bluetooth.peripheral import address_of  # noqa: PLC0415 -- as above

        self.air = Air()  # type: ignore[no-untyped-call]
        radio = Radio(self.air, "machine", address_of(self.gatt))
        self._closing.callback(radio.leave)
        radios = Radios(self.air, self._note)
        self._closing.callback(radios.close)
        try:
            self.port = await radios.listen(self.host, self.port)
        except UnicodeError:
            raise ServerError(f"{self.host[:40]!r} is not an address: give one of this computer with --host") from None
        except OSError as error:
            raise ServerError(why_not(self.host, self.port, error)) from None
        if not _is_loopback(self.host):
            self._note("whoever can reach this address can use the radio: it is meant for a network of your own")
        return radio, radio

    async def _real_radio(self) -> tuple[Any, Any]:
        from bumble.transport import open_transport  # noqa: PLC0415 -- optional

        try:
            async with asyncio.timeout(_PATIENCE):
                transport = await open_transport(self.radio)
        except TimeoutError:
            raise ServerError(f"the radio {self.radio} does not answer") from None
        except Exception as error:  # noqa: BLE001 -- each kind of radio has a library with errors of its own
            raise ServerError(_no_radio(self.radio, error)) from None
        self._closing.push_async_callback(transport.close)
        self._radio_gone = transport.source.terminated
        return transport.source, transport.sink

    async def _pass_time(self) -> None:
        from bumble.core import BaseBumbleError  # noqa: PLC0415 -- optional

        clock = asyncio.get_running_loop().time
        then, complained = clock(), False
        while True:
            await asyncio.sleep(_TICK)
            now = clock()
            passed, then = min(now - then, _SLEPT), now
            said = self._tick(passed * self._speed)
            values = self.gatt.advance(passed, said)
            self._tell_notes()
            if self._peripheral is None:
                continue
            for value in values:
                await self._peripheral.notify(value)
            try:
                await self._peripheral.keep_advertising()
            except (BaseBumbleError, TimeoutError) as error:
                if not complained:
                    self._note(f"the radio cannot advertise now: {error}")
                complained = True

    def _tell_notes(self) -> None:
        notes = [*self.machine.take_notes(), *self.gatt.notes]
        self.gatt.notes.clear()
        for note in notes:
            self._note(note)

    def _note(self, text: str) -> None:
        if self._on_note is not None:
            self._on_note(text)


class _Log:
    """Makes the Records of what passes, as a recording has them."""

    def __init__(
        self,
        gatt: Gatt,
        on_record: Callable[[Record], None] | None,
        on_note: Callable[[str], None],
        tell_notes: Callable[[], None],
    ) -> None:
        self._gatt = gatt
        self._observe = on_record
        self._note = on_note
        self._tell_notes = tell_notes
        self._links = -1
        self._messages = Messages(Place(), Tally())
        self._app = ""

    def connected(self, address: str) -> None:
        """An app is connected."""
        self._links += 1
        self._app = address
        self._messages = Messages(Place(self._links, address, "machine", name=self._gatt.name), Tally())
        self._note(f"{address} connected")

    def disconnected(self) -> None:
        """The app is gone."""
        self._tell_notes()
        self._note(f"{self._app} disconnected")

    def wrote(self, name: str, value: bytes) -> None:
        """The app writes a value."""
        self._tell(self._messages.wrote(time.time_ns(), name, value))

    def accepted(self, name: str) -> None:
        """The machine has taken the value."""
        self._tell(self._messages.accepted(time.time_ns(), name))

    def asked(self, name: str) -> None:
        """The app reads a value."""
        self._tell(self._messages.asked(time.time_ns(), name))

    def answered(self, name: str, value: bytes) -> None:
        """The machine answers with the value."""
        self._tell(self._messages.answered(time.time_ns(), name, value))

    def refused(self, name: str, code: int, *, wrote: bool) -> None:
        """The machine answers with an error."""
        self._tell(self._messages.refused(time.time_ns(), name, f"error 0x{code:02x}", wrote=wrote))

    def subscribed(self, *, on: bool) -> None:
        """The app subscribes, or does not want more."""
        self._tell(self._messages.subscribed(time.time_ns(), NOTIFIED, b"\1\0" if on else b"\0\0"))

    def notified(self, value: bytes) -> None:
        """The machine notifies."""
        self._tell(self._messages.notified(time.time_ns(), NOTIFIED, value))

    def _tell(self, record: Record | None) -> None:
        self._tell_notes()
        if self._observe is not None and record is not None:
            self._observe(record)


def _may_be_replaced(path: Path) -> bool:
    """Returns whether a file is not there, empty, or a recording of before. Else somebody has mistyped."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) in {b"", _MAGIC}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_radio(radio: str, error: Exception) -> str:
    why = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"the radio {radio[:60]} cannot be used ({why}): name it as bumble does, such as usb:0, and see --radio"
