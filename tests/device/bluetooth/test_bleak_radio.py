"""The radio as bleak has it, where a test stands in for the operating system."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bleak
import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
    BleakGATTProtocolError,
)

from lmdecode.codec.bluetooth.characteristics import uuid_of
from lmdecode.codec.bluetooth.requester import AttError
from lmdecode.device.bluetooth.bleak_radio import BleakPeer, OwnRadio, radio_named
from lmdecode.device.bluetooth.radio import Sighting
from lmdecode.device.errors import ConnectionLostError, RadioError

Heard = Callable[[Any, Any], None]


class Scanner:
    """Stands in for `BleakScanner`."""

    error: Exception | None = None
    stop_error: Exception | None = None
    running = 0
    most = 0

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def start(self) -> None:
        if self.error is not None:
            raise self.error
        Scanner.running += 1
        Scanner.most = max(Scanner.most, Scanner.running)
        self._heard(
            SimpleNamespace(address="F0:12:34:56:78:9A", name="MICRA_MR012345"),
            SimpleNamespace(local_name=None, rssi=-61, service_uuids=["D30A7847-E12B-09A8-B04B-8E0922A9ABAB"]),
        )

    async def stop(self) -> None:
        Scanner.running -= 1
        if self.stop_error is not None:
            raise self.stop_error


class Adapter:
    """Stands in for `BleakAdapter`."""

    connected: tuple[tuple[str, str], ...] = ()

    @classmethod
    async def get(cls) -> Adapter:
        return cls()

    async def get_connected_devices(self) -> list[Any]:
        if not self.connected:
            raise NotImplementedError("on this system")
        return [SimpleNamespace(address=address, name=name) for address, name in self.connected]


class Client:
    """Stands in for `BleakClient`."""

    error: Exception | None = None

    def __init__(self, device: object, **options: Any) -> None:
        self.device = device
        self.lost = options["disconnected_callback"]
        both = [SimpleNamespace(uuid=uuid_of(each)) for each in ("0a0b", "2a25")]
        self.services = [SimpleNamespace(characteristics=both[:1]), SimpleNamespace(characteristics=both)]

    async def connect(self) -> None:
        self.fail()

    async def disconnect(self) -> None:
        self.lost(self)
        raise OSError("the backend is ill")

    async def read_gatt_char(self, characteristic: Any) -> bytearray:
        self.fail()
        return bytearray(characteristic.uuid.encode())

    async def write_gatt_char(self, _characteristic: Any, _value: bytes, *, response: bool) -> None:
        assert response
        self.fail()

    async def start_notify(self, characteristic: Any, notified: Heard) -> None:
        self.fail()
        notified(characteristic, bytearray(b"{}"))

    def fail(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bleak, "BleakScanner", Scanner)
    monkeypatch.setattr(bleak, "BleakClient", Client)
    monkeypatch.setattr(bleak, "BleakAdapter", Adapter, raising=False)  # since bleak 3.1
    monkeypatch.setattr(Scanner, "error", None)
    monkeypatch.setattr(Scanner, "most", 0)


def test_what_is_heard() -> None:
    [found] = asyncio.run(OwnRadio().find(0.01))
    assert (found.name, found.rssi, found.is_machine, found.serial) == ("MICRA_MR012345", -61, True, "MR012345")


def test_a_machine_that_a_killed_program_still_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Adapter, "connected", (("F0:12:34:56:78:9B", "MINI_LM012345"),))
    names = [each.name for each in asyncio.run(OwnRadio().find(0.01))]
    assert names == ["MICRA_MR012345", "MINI_LM012345"]
    names = [each.name for each in asyncio.run(OwnRadio().find(0.01, lambda each: each.is_machine))]
    assert names == ["MICRA_MR012345"]


def test_one_search_at_a_time() -> None:
    async def both() -> None:
        await asyncio.gather(OwnRadio().find(0.02), OwnRadio().find(0.02))

    asyncio.run(both())
    assert Scanner.most == 1
    assert Scanner.running == 0


def test_a_search_that_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    off = BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF)
    monkeypatch.setattr(Scanner, "error", off)
    with pytest.raises(RadioError, match="Bluetooth is off"):
        asyncio.run(OwnRadio().find(0.01))


def test_a_search_that_does_not_end_well_has_found_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scanner, "stop_error", BleakError("no discovery started"))
    assert len(asyncio.run(OwnRadio().find(0.01))) == 1


@pytest.mark.parametrize(
    ("module", "transport", "said"),
    [
        ("bleak.exc", "", "Bluetooth needs bleak 3 or newer, which is not installed: "),
        ("bleak.exc", "tcp-client:127.0.0.1:1", "--radio needs bleak 3 or newer, and bumble: "),
        (
            "lmdecode.device.bluetooth.bumble_backend",
            "tcp-client:127.0.0.1:1",
            "--radio needs bumble, which is not installed: ",
        ),
    ],
)
def test_a_package_that_is_not_installed(
    module: str, transport: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RadioError, match=said):
        radio_named(transport)


def test_a_peer_reads_writes_and_listens() -> None:
    lost: list[bool] = []
    heard: list[bytes] = []

    async def use() -> bytes:
        peer = OwnRadio().peer(Sighting("F0:12:34:56:78:9A"), lambda: lost.append(True))
        await peer.connect()
        assert set(peer.characteristics) == {"0a0b", "2a25"}
        await peer.write("0a0b", b"boilers\0")
        await peer.subscribe("0a0b", heard.append)
        with pytest.raises(AttError, match="no such attribute"):
            await peer.read("0e0b")
        value = await peer.read("2a25")
        await peer.disconnect()  # whatever the backend raises, and nobody is told of it
        return value

    assert asyncio.run(use()) == uuid_of("2a25").encode()
    assert heard == [b"{}"]
    assert not lost


def test_a_link_that_is_lost_is_told_once() -> None:
    lost: list[bool] = []

    async def use() -> None:
        peer = BleakPeer(Sighting("F0:12:34:56:78:9A"), lambda: lost.append(True), backend=None)
        peer._client.lost(peer._client)
        await peer.disconnect()

    asyncio.run(use())
    assert lost == [True]


def test_a_device_that_does_not_answer_is_not_one_whose_link_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        peer = OwnRadio().peer(Sighting("F0:12:34:56:78:9A"), lambda: None)
        monkeypatch.setattr(Client, "connect", failing)
        with pytest.raises(TimeoutError):
            await peer.connect()

    async def failing(_client: object) -> None:
        raise TimeoutError

    asyncio.run(use())


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (BleakGATTProtocolError(0x08), AttError, "not authorised"),
        (BleakError("Not connected"), ConnectionLostError, "the link to F0:12:34:56:78:9A is lost: Not connected"),
        (OSError(5, "Input/output error"), ConnectionLostError, "Input/output error"),
        (EOFError(), ConnectionLostError, "EOFError"),
        (KeyError("handle"), ConnectionLostError, "handle"),
    ],
)
def test_errors_of_the_backends(
    error: Exception, expected: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> None:
        peer = OwnRadio().peer(Sighting("F0:12:34:56:78:9A"), lambda: None)
        await peer.connect()
        monkeypatch.setattr(Client, "error", error)
        for request in (
            lambda: peer.read("0a0b"),
            lambda: peer.write("0a0b", b""),
            lambda: peer.subscribe("0a0b", print),
        ):
            with pytest.raises(expected, match=words):
                await request()

    asyncio.run(use())
