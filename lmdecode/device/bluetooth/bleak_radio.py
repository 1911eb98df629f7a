"""The radio as bleak has it: this computer's own, or one that bumble drives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

from lmdecode.codec.bluetooth.characteristics import short_name_of
from lmdecode.codec.bluetooth.requester import AttError
from lmdecode.device.bluetooth.radio import Peer, Radio, Sighting, Sweep, never
from lmdecode.device.bluetooth.trouble import (
    missing_bleak,
    missing_bumble,
    one_line,
    why_no_radio,
    why_no_transport,
)
from lmdecode.device.errors import ConnectionLostError

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

    from lmdecode.device.bluetooth.bumble_backend import BumbleRadio, Heard

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 15.0
"""Seconds that one attempt to connect, and to find the characteristics, may take."""
_START_TIMEOUT: Final = 5.0  # s until a radio answers
_OWN_START_TIMEOUT: Final = 20.0  # s until the system has begun to search: macOS asks its user first, once
_CLOSE_TIMEOUT: Final = 5.0  # s
_NOT_FOUND: Final = 0x0A  # of ATT: no such attribute

_searching: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def _one_search() -> asyncio.Lock:
    """The lock of searches: BlueZ refuses a second one, and two on one controller would disturb each other."""
    return _searching.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def radio_named(transport: str) -> Radio:
    """Returns a radio.

    Args:
        transport: The radio as bumble names it; "" for this computer's own.

    Raises:
        RadioError: A package that it needs is not installed.
    """
    try:
        from bleak.exc import BleakGATTProtocolError  # noqa: F401, PLC0415 -- optional; since bleak 3
    except ImportError:
        raise missing_bleak(with_bumble=bool(transport)) from None
    for each in ("bleak", "bumble"):  # they log what they read and write, which may be secret; errors are raised
        logging.getLogger(each).setLevel(logging.CRITICAL + 1)
    if not transport:
        return OwnRadio()
    try:
        from lmdecode.device.bluetooth.bumble_backend import BumbleRadio  # noqa: PLC0415 -- optional
    except ImportError:
        raise missing_bumble() from None
    return DrivenRadio(transport, BumbleRadio(transport))


class OwnRadio:
    """This computer's own radio, as its operating system offers it; a `Radio`."""

    async def find(
        self, seconds: float, is_enough: Callable[[Sighting], bool] = never, *, after: float = 0.0
    ) -> list[Sighting]:
        """Listen for devices that advertise."""
        from bleak import BleakScanner  # noqa: PLC0415 -- optional
        from bleak.exc import BleakError  # noqa: PLC0415 -- optional

        sweep = Sweep(is_enough)

        def heard(device: BLEDevice, said: AdvertisementData) -> None:
            name = said.local_name or device.name or ""
            services = tuple(each.lower() for each in said.service_uuids)
            sweep.hear(Sighting(device.address, name, said.rssi, services, device))

        async with _one_search():
            try:
                scanner = BleakScanner(heard)
                async with asyncio.timeout(_OWN_START_TIMEOUT):
                    await scanner.start()
                try:
                    await sweep.wait(seconds, after)
                finally:
                    async with asyncio.timeout(_START_TIMEOUT):
                        await scanner.stop()
            except (BleakError, OSError, TimeoutError, EOFError) as error:
                if not sweep.sightings:
                    raise why_no_radio(error) from None
            if not any(is_enough(each) for each in sweep.sightings):
                for each in await _connected_devices():
                    sweep.hear(each)
        return sweep.sightings

    def peer(self, sighting: Sighting, on_lost: Callable[[], None]) -> Peer:
        """Return the client of a device."""
        return BleakPeer(sighting, on_lost, backend=None)

    async def close(self) -> None:
        """Do nothing: the operating system keeps its radio."""


async def _connected_devices() -> list[Sighting]:
    """The devices that the system is connected to already, which do not advertise.

    BlueZ keeps the connections of a program that was killed, and a machine that is held so would be near and never be
    heard.
    """
    try:
        from bleak import BleakAdapter  # noqa: PLC0415 -- optional; since bleak 3.1

        async with asyncio.timeout(_START_TIMEOUT):
            found = await (await BleakAdapter.get()).get_connected_devices()
    except Exception:  # noqa: BLE001 -- not all systems can say it, and each says so in its own way
        return []
    return [Sighting(each.address, each.name or "", None, (), each) for each in found]


class DrivenRadio:
    """A radio that bumble drives; a `Radio`.

    Args:
        transport: Its name, for messages.
        radio: The radio.
    """

    def __init__(self, transport: str, radio: BumbleRadio) -> None:
        self._transport = transport
        self._radio = radio

    async def find(
        self, seconds: float, is_enough: Callable[[Sighting], bool] = never, *, after: float = 0.0
    ) -> list[Sighting]:
        """Listen for devices that advertise."""
        sweep = Sweep(is_enough)

        def heard(said: Heard) -> None:
            sweep.hear(Sighting(said.device.address, said.device.name or "", said.rssi, said.services, said.device))

        async with _one_search():
            try:
                await self._radio.scan(heard, sweep.wait(seconds, after), seconds=_START_TIMEOUT)
            except Exception as error:  # noqa: BLE001 -- each transport of bumble raises errors of its own
                raise why_no_transport(self._transport, error) from None
        return sweep.sightings

    def peer(self, sighting: Sighting, on_lost: Callable[[], None]) -> Peer:
        """Return the client of a device."""
        from lmdecode.device.bluetooth.bumble_backend import BumbleClient  # noqa: PLC0415 -- optional

        return BleakPeer(sighting, on_lost, backend=BumbleClient)

    async def close(self) -> None:
        """Give the radio back."""
        await self._radio.close()


class BleakPeer:
    """A device as bleak's client has it; a `Peer`.

    Args:
        sighting: The device.
        on_lost: Called once if the link is lost.
        backend: The class of the backend; None: the system's.
    """

    def __init__(self, sighting: Sighting, on_lost: Callable[[], None], *, backend: Any) -> None:  # noqa: ANN401 -- a class of bleak, which is not loaded here
        from bleak import BleakClient  # noqa: PLC0415 -- optional

        self._label = sighting.label
        self._on_lost = on_lost
        self._closing = False
        self._client: BleakClient = BleakClient(
            sighting.device if sighting.device is not None else sighting.address,  # type: ignore[arg-type]
            disconnected_callback=self._lost,
            timeout=CONNECT_TIMEOUT,
            backend=backend,
        )
        self._handles: dict[str, BleakGATTCharacteristic] = {}

    @property
    def characteristics(self) -> Collection[str]:
        """The short names of its characteristics."""
        return self._handles.keys()

    async def connect(self) -> None:
        """Connect, and find the characteristics."""
        try:
            await self._done(self._client.connect())
        except ConnectionLostError as error:
            if isinstance(error.__context__, TimeoutError):  # the backend's own, which comes before that of who waits
                raise TimeoutError from None
            raise
        self._handles = {}
        for service in self._client.services:
            for each in service.characteristics:
                self._handles.setdefault(short_name_of(each.uuid), each)

    async def disconnect(self) -> None:
        """Disconnect."""
        self._closing = True
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._client.disconnect()
        except Exception:  # noqa: BLE001, S110 -- the backends raise errors of their systems; it is over anyway
            pass

    async def read(self, characteristic: str) -> bytes:
        """Read a value, whole."""
        return bytes(await self._done(self._client.read_gatt_char(self._handle(characteristic))))

    async def write(self, characteristic: str, value: bytes) -> None:
        """Write a value, once, and wait for the response."""
        await self._done(self._client.write_gatt_char(self._handle(characteristic), value, response=True))

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        """Have each notification handed on."""

        def notified(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            on_value(bytes(value))

        await self._done(self._client.start_notify(self._handle(characteristic), notified))

    def _handle(self, characteristic: str) -> BleakGATTCharacteristic:
        found = self._handles.get(characteristic)
        if found is None:
            raise AttError(_NOT_FOUND)
        return found

    def _lost(self, _client: BleakClient) -> None:
        if not self._closing:
            self._on_lost()

    async def _done(self, request: Awaitable[T]) -> T:
        """Wait for what the client is asked for, with our errors for those of the backends."""
        from bleak.exc import BleakGATTProtocolError  # noqa: PLC0415 -- optional

        try:
            return await request
        except BleakGATTProtocolError as error:
            raise AttError(int(error.code)) from None
        except Exception as error:  # noqa: BLE001 -- each system's backend raises its own; a command must not end as a crash
            raise ConnectionLostError(f"the link to {self._label} is lost: {one_line(error)}") from None
