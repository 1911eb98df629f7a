"""bumble's Bluetooth stack as a backend of bleak: for a radio that bumble drives, by USB, serial line or TCP.

`BleakClient(device, backend=BumbleClient)` takes a device that `BumbleRadio` has heard. This file needs bleak and
bumble alone, so that other programs that use bleak can be given it too.

bumble speaks HCI to a controller. Where the operating system has that controller, it must let it go first.
"""

# ruff: noqa: ANN401, ARG002, FBT001 -- the methods of bleak's backends are as bleak calls them

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble.att import ATT_Error
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt import Characteristic
from bumble.hci import Address
from bumble.transport import open_transport

if TYPE_CHECKING:
    from bleak.assigned_numbers import CharacteristicPropertyName
    from bumble.gatt_client import CharacteristicProxy
    from bumble.transport.common import Transport

T = TypeVar("T")

_OWN_ADDRESS: Final = "F2:4C:4D:44:45:43"  # a static random address; its two highest bits are ones, as they must be
_MTU: Final = 517
"""Bytes of a PDU that are asked for: the most that an attribute needs."""
_CONNECT_TIMEOUT: Final = 10.0  # s, if bleak's caller does not say
_CLOSE_TIMEOUT: Final = 2.0  # s
_CANCEL_EVERY: Final = 0.05  # s
_HEADER: Final = 3  # bytes of a write's PDU that are not the value
_PROPERTIES: Final[dict[int, str]] = {
    Characteristic.Properties.BROADCAST: "broadcast",
    Characteristic.Properties.READ: "read",
    Characteristic.Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Characteristic.Properties.WRITE: "write",
    Characteristic.Properties.NOTIFY: "notify",
    Characteristic.Properties.INDICATE: "indicate",
    Characteristic.Properties.AUTHENTICATED_SIGNED_WRITES: "authenticated-signed-writes",
    Characteristic.Properties.EXTENDED_PROPERTIES: "extended-properties",
}
_NAMES: Final = (AdvertisingData.Type.COMPLETE_LOCAL_NAME, AdvertisingData.Type.SHORTENED_LOCAL_NAME)
_SERVICES: Final = (
    AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An advertisement."""

    device: BLEDevice
    """For `BleakClient`; its details are bumble's device and the address."""
    rssi: int | None
    """The strength of the signal, in dBm."""
    services: tuple[str, ...]
    """The UUIDs of the services that it names, in lower case, with all their digits."""


class BumbleRadio:
    """A radio that bumble drives.

    Args:
        transport: Where its controller is, as bumble names it: `usb:0`, `serial:/dev/ttyACM0,1000000`,
            `tcp-client:127.0.0.1:6402`.
    """

    def __init__(self, transport: str) -> None:
        self._name = transport
        self._transport: Transport | None = None
        self._device: Device | None = None

    async def open(self, seconds: float) -> Device:
        """Open the radio, if it is not open yet.

        Args:
            seconds: How long the controller may take to answer.

        Raises:
            TimeoutError: It does not answer.
            Exception: Whatever bumble raises for its transport.
        """
        if self._device is None:
            logging.getLogger("bumble").setLevel(logging.CRITICAL + 1)  # it logs values that are secret, and all errors
            async with asyncio.timeout(seconds):
                self._transport = await open_transport(self._name)
                device = Device.with_hci(
                    "lmdecode", Address(_OWN_ADDRESS), self._transport.source, self._transport.sink
                )
                await device.power_on()
            self._device = device
        return self._device

    async def scan(self, on_heard: Callable[[Heard], None], until: Awaitable[object], *, seconds: float = 5.0) -> None:
        """Listen for advertisements.

        Args:
            on_heard: Takes each.
            until: What to wait for meanwhile.
            seconds: As for `open`.

        Raises:
            Exception: As for `open`.
        """
        try:
            device = await self.open(seconds)
        except BaseException:
            cast("Any", until).close()  # a coroutine that nobody awaits would warn
            raise

        def heard(advertisement: Advertisement) -> None:
            if advertisement.is_connectable or advertisement.is_scan_response:
                on_heard(_heard(device, advertisement))

        device.on(Device.EVENT_ADVERTISEMENT, heard)
        try:
            await device.start_scanning(active=True)
            await until
        finally:
            device.remove_listener(Device.EVENT_ADVERTISEMENT, heard)
            with contextlib.suppress(BaseBumbleError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await device.stop_scanning()

    async def close(self) -> None:
        """Give the radio back. Never raises."""
        device, transport = self._device, self._transport
        self._device = self._transport = None
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                if device is not None:
                    await device.power_off()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                if transport is not None:
                    await transport.close()


def _heard(device: Device, advertisement: Advertisement) -> Heard:
    data = advertisement.data
    name = next((found for each in _NAMES if isinstance(found := data.get(each), str)), None)
    services: list[str] = []
    for each in _SERVICES:
        listed = data.get(each)
        services += [_uuid(one) for one in listed if isinstance(one, UUID)] if isinstance(listed, list) else []
    rssi = None if advertisement.rssi == Advertisement.RSSI_NOT_AVAILABLE else advertisement.rssi
    address = advertisement.address
    device_of_bleak = BLEDevice(address.to_string(with_type_qualifier=False), name, (device, address))
    return Heard(device_of_bleak, rssi, tuple(services))


def _uuid(uuid: UUID) -> str:
    digits = uuid.to_bytes(force_128=True)[::-1].hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class BumbleClient(BaseBleakClient):
    """A GATT client of bleak over bumble; give its class to `BleakClient` as `backend`."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None = None,
        timeout: float = _CONNECT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout, **kwargs)
        if not isinstance(address_or_ble_device, BLEDevice):
            raise BleakError("bumble connects to a device that was heard, not to an address")
        self._name = address_or_ble_device.name
        self._device, self._peer_address = cast("tuple[Device, Address]", address_or_ble_device.details)
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._gone = asyncio.Event()

    @property
    def name(self) -> str:
        """The name that the device advertises, or its address."""
        return self._name or self.address

    @property
    def mtu_size(self) -> int:
        """Bytes of a PDU."""
        return 23 if self._peer is None else self._peer.gatt_client.mtu

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect, agree on the size of a PDU, and find all characteristics."""
        self._gone = asyncio.Event()
        try:
            async with asyncio.timeout(self._timeout):
                connecting = self._device.connect(self._peer_address, timeout=self._timeout)
                self._connection = connection = await self._answered(connecting)
                connection.once(connection.EVENT_DISCONNECTION, self._on_disconnected)
                if connection.handle not in self._device.connections:  # it was lost before that
                    self._on_disconnected()
                self._peer = peer = Peer(connection)
                await self._answered(peer.request_mtu(_MTU))  # else what is notified is cut off at 20 bytes
                await self._answered(cast("Any", peer).discover_all())
                self.services = self._services_of(peer)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Disconnect. Never raises for what bumble raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(BaseBumbleError, asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await connection.disconnect()
        self._forget()

    def _on_disconnected(self, *_reason: object) -> None:
        if self._connection is None:  # this side has done it
            return
        self._connection = None
        self._gone.set()
        self._forget()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _forget(self) -> None:
        self._peer = None
        self.services = None

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Machines do not pair."""
        raise NotImplementedError("machines do not pair")

    async def unpair(self) -> None:
        """Machines do not pair."""
        raise NotImplementedError("machines do not pair")

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a value, whole."""
        return bytearray(await self._answered(self._there().read_value(characteristic.handle)))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read the value of a descriptor."""
        return bytearray(await self._answered(self._there().read_value(descriptor.handle)))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:
        """Write a value, once."""
        await self._answered(self._there().write_value(characteristic.handle, bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """Write the value of a descriptor, once."""
        await self._answered(self._there().write_value(descriptor.handle, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Callable[[bytearray], None], **kwargs: Any
    ) -> None:
        """Have what is notified handed on."""

        def notified(value: bytes) -> None:
            callback(bytearray(value))

        await self._answered(self._there().subscribe(characteristic.obj, notified))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Have it notified no more."""
        await self._answered(self._there().unsubscribe(characteristic.obj))

    def _there(self) -> Peer:
        if self._peer is None:
            raise BleakError("Not connected")
        return self._peer

    async def _answered(self, request: Awaitable[T]) -> T:
        """Wait for what bumble is asked for while the link lasts, with bleak's errors for bumble's.

        A request that bumble sends on a lost link waits for half a minute, and one that waits when the link is lost is
        cancelled, as if this task had been.

        Raises:
            BleakGATTProtocolError: The peer answered with an error of ATT.
            BleakError: The link was lost, or something else went wrong.
        """
        asked, gone = asyncio.ensure_future(request), asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() or asked.cancelled():
                raise BleakError("disconnected")
            return asked.result()
        except ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from None
        except (BaseBumbleError, AssertionError) as error:
            raise BleakError(f"bumble: {error}") from None
        except struct.error:  # it reads on in a value until the offset does not fit into the request
            raise BleakError("a value of the device has no end") from None
        finally:
            gone.cancel()
            while (
                not asked.done()
            ):  # before Python 3.12, asyncio.wait_for, which bumble uses, may swallow a cancellation
                asked.cancel()
                await asyncio.wait({asked}, timeout=_CANCEL_EVERY)
            await asyncio.wait({asked, gone})

    def _services_of(self, peer: Peer) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for service in peer.services:
            of_bleak = BleakGATTService(service, service.handle, _uuid(service.uuid))
            found.add_service(of_bleak)
            for each in service.characteristics:
                characteristic = BleakGATTCharacteristic(
                    each, each.handle, _uuid(each.uuid), _properties(each), lambda: self.mtu_size - _HEADER, of_bleak
                )
                found.add_characteristic(characteristic)
                for descriptor in each.descriptors:
                    found.add_descriptor(
                        BleakGATTDescriptor(descriptor, descriptor.handle, _uuid(descriptor.type), characteristic)
                    )
        return found


def _properties(characteristic: CharacteristicProxy[bytes]) -> list[CharacteristicPropertyName]:
    found = [name for bit, name in _PROPERTIES.items() if characteristic.properties & bit]
    return cast("list[CharacteristicPropertyName]", found)
