"""The simulated machine on a radio: bumble's GATT server around the pure one, and what it advertises.

What to know of bumble's GATT server, as of 0.0.236:

- A value is read anew for each piece of a long read, so the pure machine is told when an app reads on.
- It answers an exception in a handler with an error, and raises it again, which ends as a traceback of the loop. So
  what comes from the radio is guarded here.
- A subscription is told of before its write is answered. What is notified at once would come before the answer, and
  some clients lose it then: it is sent after.
- A notification is cut to the MTU without a word, as radios do.
- It lets anybody write anything, also the serial number: what may be read and written is checked here.
- Handlers are tasks of their own, in the order of the requests. One that never answers waits until its link is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from contextvars import ContextVar
from typing import Final, Protocol

from bumble import att, gatt, gatt_server, hci
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.profiles.gap import GenericAccessService
from bumble.snoop import BtSnooper
from bumble.transport.common import TransportSink, TransportSource

from lmdecode.codec.bluetooth.characteristics import SUFFIX
from lmdecode.simulator.bluetooth.gatt import Gatt, Property, Reply, Then

_SERVICE: Final = UUID(f"d30a{SUFFIX}")
_INTERVAL: Final = 100.0  # ms between two advertisements
_PROPERTIES: Final = {
    Property.READ: gatt.Characteristic.Properties.READ,
    Property.WRITE: gatt.Characteristic.Properties.WRITE,
    Property.NOTIFY: gatt.Characteristic.Properties.NOTIFY,
}
_PERMISSIONS: Final = {
    Property.READ: gatt.Characteristic.Permissions.READABLE,
    Property.WRITE: gatt.Characteristic.Permissions.WRITEABLE,
}
_STANDARD: Final = "-0000-1000-8000-00805f9b34fb"
_HEAD: Final = 3  # bytes of a notification before its value
_PATIENCE: Final = 2.0  # s, at the end
_goes_on: ContextVar[bool] = ContextVar("_goes_on", default=False)


class Watcher(Protocol):
    """Takes what passes between machine and app."""

    def connected(self, address: str) -> None:
        """An app is connected."""

    def disconnected(self) -> None:
        """The app is gone."""

    def wrote(self, name: str, value: bytes) -> None:
        """The app writes a value."""

    def accepted(self, name: str) -> None:
        """The machine says that it has taken the value."""

    def asked(self, name: str) -> None:
        """The app reads a value."""

    def answered(self, name: str, value: bytes) -> None:
        """The machine answers with the value."""

    def refused(self, name: str, code: int, *, wrote: bool) -> None:
        """The machine answers with an error."""

    def subscribed(self, *, on: bool) -> None:
        """The app subscribes, or does not want more."""

    def notified(self, value: bytes) -> None:
        """The machine notifies."""


class _Server(gatt_server.Server):
    """bumble's GATT server, with what it lacks."""

    def lay_out(self, services: Iterable[gatt.Service]) -> None:
        """Replace all attributes."""
        self.attributes.clear()
        self.attributes_by_handle.clear()
        self.services.clear()
        self.add_services(services)

    def on_gatt_pdu(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        """Take a PDU; what fails is answered with an error, and raises nothing."""
        with contextlib.suppress(Exception):
            super().on_gatt_pdu(bearer, att_pdu)

    def on_att_read_request(self, bearer: att.Bearer, request: att.ATT_Read_Request) -> None:
        """Read a value."""
        self._check(request.attribute_handle, Property.READ)
        super().on_att_read_request(bearer, request)

    def on_att_read_blob_request(self, bearer: att.Bearer, request: att.ATT_Read_Blob_Request) -> None:
        """Read on in a value. What runs in a task has the context of the moment in which the task was made."""
        self._check(request.attribute_handle, Property.READ)
        token = _goes_on.set(True)
        try:
            super().on_att_read_blob_request(bearer, request)
        finally:
            _goes_on.reset(token)

    def on_att_write_request(self, bearer: att.Bearer, request: att.ATT_Write_Request) -> None:
        """Write a value."""
        self._check(request.attribute_handle, Property.WRITE)
        super().on_att_write_request(bearer, request)

    def on_att_write_command(self, bearer: att.Bearer, request: att.ATT_Write_Command) -> None:
        """Write a value, without an answer."""
        with contextlib.suppress(att.ATT_Error):
            self._check(request.attribute_handle, Property.WRITE)
            super().on_att_write_command(bearer, request)

    def on_att_prepare_write_request(self, bearer: att.Bearer, request: att.ATT_Prepare_Write_Request) -> None:
        """Take a piece of a long value."""
        self._check(request.attribute_handle, Property.WRITE)
        super().on_att_prepare_write_request(bearer, request)

    def _check(self, handle: int, wanted: Property) -> None:
        attribute = self.get_attribute(handle)
        if attribute is None:
            raise att.ATT_Error(att.ATT_INVALID_HANDLE_ERROR, handle)
        if not attribute.permissions & _PERMISSIONS[wanted]:
            reading = wanted is Property.READ
            raise att.ATT_Error(
                att.ATT_READ_NOT_PERMITTED_ERROR if reading else att.ATT_WRITE_NOT_PERMITTED_ERROR, handle
            )


class _Guarded:
    """Takes the radio's packets for a host. One that makes no sense is ignored, and raises nothing."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def on_packet(self, packet: bytes) -> None:
        with contextlib.suppress(Exception):
            self._host.on_packet(packet)

    def on_transport_lost(self) -> None:
        self._host.on_transport_lost()  # type: ignore[no-untyped-call]


class Peripheral:
    """The machine on a radio.

    Args:
        machine: Its characteristics.
        source: Where the radio's packets come from.
        sink: Where they go.
        watcher: Takes what passes.
        snooper: Takes all packets of the radio; None if nobody wants them.
    """

    def __init__(
        self,
        machine: Gatt,
        source: TransportSource,
        sink: TransportSink,
        watcher: Watcher,
        snooper: BtSnooper | None = None,
    ) -> None:
        self._machine = machine
        self._watcher = watcher
        self._link: Connection | None = None
        self._gone = asyncio.Event()
        self._events: gatt.Characteristic[bytes] | None = None
        self._advertising = asyncio.Lock()  # bumble removes a set twice where two tasks stop at once
        self._is_stopped = False
        self._tasks: set[asyncio.Task[None]] = set()
        host = Host()
        host.set_packet_sink(sink)
        host.hci_metadata = getattr(source, "metadata", {})  # bumble chooses a USB radio's driver by it
        source.set_packet_sink(_Guarded(host))
        host.snooper = snooper
        self._device = Device(
            config=DeviceConfiguration(
                name=machine.name,
                address=hci.Address(address_of(machine)),
                advertising_interval_min=_INTERVAL,
                advertising_interval_max=_INTERVAL,
                gap_service_enabled=False,
                gatt_service_enabled=False,
            ),
            host=host,
        )
        self._server = self._device.gatt_server = _Server(self._device)
        self._device.on("connection", self._connected)

    async def start(self) -> None:
        """Reset the radio, and advertise.

        Raises:
            BaseBumbleError: The radio cannot do this.
        """
        await self._device.power_on()
        await self.keep_advertising()

    async def keep_advertising(self) -> None:
        """Advertise if the machine does, and do not otherwise.

        Raises:
            BaseBumbleError: The radio cannot do this.
        """
        async with self._advertising:
            wanted = self._machine.advertises and not self._is_stopped
            if wanted is self._device.is_advertising:
                return
            if not wanted:
                await self._device.stop_advertising()
                return
            name, flags = self._machine.name.encode(), AdvertisingData.Flags
            await self._device.start_advertising(
                advertising_data=bytes(
                    AdvertisingData(
                        [
                            (
                                AdvertisingData.FLAGS,
                                bytes([flags.LE_GENERAL_DISCOVERABLE_MODE | flags.BR_EDR_NOT_SUPPORTED]),
                            ),
                            (AdvertisingData.COMPLETE_LOCAL_NAME, name),
                        ]
                    )
                ),
                # Flags, name and a UUID of 16 bytes are more than the 31 bytes that an advertisement has.
                scan_response_data=bytes(
                    AdvertisingData(
                        [(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, _SERVICE.to_bytes())]
                    )
                ),
            )

    async def notify(self, value: bytes) -> None:
        """Notify the app, if it is still there and listens."""
        if self._link is None or self._events is None:
            return
        self._watcher.notified(value[: self._link.att_mtu - _HEAD])
        with contextlib.suppress(BaseBumbleError):  # the link is lost
            await self._server.notify_subscriber(self._link, self._events, value)

    async def stop(self) -> None:
        """End the link, and do not advertise any more."""
        self._is_stopped = True
        with contextlib.suppress(BaseBumbleError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                if self._link is not None:
                    await self._link.disconnect()
                await self.keep_advertising()
                await self._device.power_off()
        for task in [*self._tasks]:
            task.cancel()

    def _connected(self, link: Connection) -> None:
        if self._link is not None:  # a radio that takes two at once; a machine has one
            self._spawn(link.disconnect())
            return
        self._server.lay_out(self._services())
        self._gone = asyncio.Event()
        self._link = link
        link.on("disconnection", self._disconnected)
        self._watcher.connected(str(link.peer_address).partition("/")[0])
        if not self._machine.connect():
            self._spawn(link.disconnect())

    def _disconnected(self, _reason: int) -> None:
        self._link = self._events = None
        self._gone.set()
        self._machine.disconnect()
        self._watcher.disconnected()
        self._spawn(self.keep_advertising())

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(BaseBumbleError, TimeoutError):
                await work

        task = asyncio.create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _services(self) -> list[gatt.Service]:
        information = [
            self._characteristic(f"0000{name}{_STANDARD}", name, Property.READ, text.encode())
            for name, text in self._machine.information.items()
        ]
        own = [
            self._characteristic(f"{name}{SUFFIX}", name, each) for name, each in self._machine.characteristics.items()
        ]
        self._events = next((each for each in own if each.properties & _PROPERTIES[Property.NOTIFY]), None)
        if self._events is not None:
            self._events.on("subscription", self._subscribed)
        return [
            GenericAccessService(self._machine.name),
            gatt.Service(gatt.GATT_GENERIC_ATTRIBUTE_SERVICE, []),
            gatt.Service(gatt.GATT_DEVICE_INFORMATION_SERVICE, information),
            gatt.Service(_SERVICE, own),
        ]

    def _characteristic(
        self, uuid: str, name: str, allowed: Property, value: bytes | None = None
    ) -> gatt.Characteristic[bytes]:
        properties, permissions = gatt.Characteristic.Properties(0), gatt.Characteristic.Permissions(0)
        for each in allowed:
            properties |= _PROPERTIES[each]
            permissions |= _PERMISSIONS.get(each, permissions)
        functions: att.AttributeValue[bytes] = att.AttributeValue(
            read=lambda _: self._read(name, value), write=lambda _, written: self._write(name, written)
        )
        return gatt.Characteristic(UUID(uuid), properties, permissions, functions)

    async def _read(self, name: str, fixed: bytes | None) -> bytes:
        goes_on = _goes_on.get()
        if not goes_on:
            self._watcher.asked(name)
        reply = Reply(fixed) if fixed is not None else self._machine.read(name, goes_on=goes_on)
        await self._carry_out(reply, name, wrote=False)
        if not goes_on:
            self._watcher.answered(name, reply.value)
        return reply.value

    async def _write(self, name: str, value: bytes) -> None:
        self._watcher.wrote(name, value)
        await self._carry_out(self._machine.write(name, value), name, wrote=True)
        self._watcher.accepted(name)

    async def _carry_out(self, reply: Reply, name: str, *, wrote: bool) -> None:
        gone, link = self._gone, self._link
        if reply.delay:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), reply.delay)
        if reply.then is Then.END and link is not None:
            self._spawn(link.disconnect())
        if reply.then is not Then.GO_ON or gone.is_set():
            await gone.wait()
            raise asyncio.CancelledError  # nobody waits for this task, and nothing is answered
        if reply.error:
            self._watcher.refused(name, reply.error, wrote=wrote)
            raise att.ATT_Error(reply.error)

    def _subscribed(self, _bearer: object, on: bool, _indicate: bool) -> None:  # noqa: FBT001 -- bumble's
        self._watcher.subscribed(on=on)
        for value in self._machine.subscribe(on=on):
            self._spawn(self.notify(value))


def address_of(machine: Gatt) -> str:
    """Returns the random address of a machine: of the letters and the digits of its serial number."""
    serial = machine.information["2a25"]
    letters, number = serial[:2].encode("ascii", "replace"), serial[2:]
    digits = int(number) % (1 << 24) if number.isascii() and number.isdigit() else 0
    return ":".join(f"{byte:02X}" for byte in bytes([0xD8, *letters.ljust(2, b"?")]) + digits.to_bytes(3, "big"))
