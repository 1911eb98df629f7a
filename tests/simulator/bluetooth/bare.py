"""A bare app for tests: bumble's GATT client on a radio of the simulator's, over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bumble.device import Advertisement, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address
from bumble.transport import open_transport
from bumble.transport.common import Transport

from lmdecode.codec.bluetooth.characteristics import short_name
from lmdecode.codec.record import Record
from lmdecode.simulator.bluetooth.faults import FAULTS
from lmdecode.simulator.bluetooth.server import BluetoothServer
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.faults import Faults, parse_fault
from lmdecode.simulator.json_machine import JsonMachine

T = TypeVar("T")
TOKEN = "0123456789abcdef" * 4
PHONE = "F0:F1:F2:F3:F4:F5"


class Served:
    """A machine that is served, and what it has said of itself."""

    def __init__(self, model: str, faults: Sequence[str], btsnoop: Path | None, speed: float) -> None:
        self.notes: list[str] = []
        self.records: list[Record] = []
        self.machine = JsonMachine(FAMILIES[model], "bluetooth")
        self.server = BluetoothServer(
            self.machine,
            TOKEN,
            faults=Faults([parse_fault(each, FAULTS) for each in faults], table=FAULTS),
            btsnoop=btsnoop,
            speed=speed,
            on_note=self.notes.append,
            on_record=self.records.append,
        )

    @property
    def port(self) -> int:
        """The port of the radio."""
        return self.server.port


@asynccontextmanager
async def served(
    *faults: str, model: str = "Linea Micra", btsnoop: Path | None = None, speed: float = 1
) -> AsyncIterator[Served]:
    """Serve a machine."""
    found = Served(model, faults, btsnoop, speed)
    async with found.server:
        yield found


class App:
    """A program with a radio, and a link to the machine once it has found one."""

    def __init__(self, transport: Transport, address: str = PHONE) -> None:
        self.transport = transport
        self.device = Device.with_hci("app", Address(address), transport.source, transport.sink)
        self.characteristics: dict[str, CharacteristicProxy[bytes]] = {}
        self.notified: list[bytes] = []
        self.lost = asyncio.Event()
        self.peer: Peer | None = None

    async def find(self, seconds: float = 1.0) -> Advertisement | None:
        """Listen for a device."""
        heard: asyncio.Queue[Advertisement] = asyncio.Queue()
        self.device.on("advertisement", heard.put_nowait)
        await self.device.start_scanning()
        try:
            return await asyncio.wait_for(heard.get(), seconds)
        except TimeoutError:
            return None
        finally:
            await self.device.stop_scanning()

    async def connect(self, address: Address, mtu: int = 517) -> None:
        """Connect, and find the characteristics."""
        link = await self.device.connect(address, timeout=2)
        link.on("disconnection", lambda _: self.lost.set())
        if link.handle not in self.device.connections:  # a request on a link that is lost already waits for 30 s
            raise ConnectionResetError("the link was lost at once")
        self.peer = Peer(link)
        if mtu > 23:
            await self.peer.request_mtu(mtu)
        for service in await self.peer.discover_services():
            for each in await service.discover_characteristics():
                self.characteristics[short_name(each.uuid.to_bytes())] = each

    async def write(self, name: str, value: bytes) -> None:
        """Write a value, with a response."""
        await self.characteristics[name].write_value(value, with_response=True)

    async def read(self, name: str) -> bytes:
        """Read a value, whole."""
        return bytes(await self.characteristics[name].read_value())

    async def log_in(self, token: str = TOKEN) -> None:
        """Give the token."""
        await self.write("0d0b", token.encode())

    async def ask(self, name: str) -> bytes:
        """Ask for a value."""
        await self.write("0a0b", name.encode() + b"\0")
        return await self.read("0a0b")

    async def listen(self) -> None:
        """Subscribe."""
        await self.characteristics["0e0b"].subscribe(lambda value: self.notified.append(bytes(value)))


@asynccontextmanager
async def app(port: int, *, connected: bool = True, mtu: int = 517, address: str = PHONE) -> AsyncIterator[App]:
    """Give a program a radio, and connect it."""
    transport = await open_transport(f"tcp-client:127.0.0.1:{port}")
    try:
        found = App(transport, address)
        await found.device.power_on()
        if connected:
            heard = await found.find()
            assert heard is not None
            await found.connect(heard.address, mtu)
        yield found
    finally:
        await transport.close()


async def until(condition: Callable[[], bool], seconds: float = 2.0) -> bool:
    """Wait until something is so; return whether it came to be."""
    for _ in range(int(seconds * 100)):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


def run(work: Callable[[], Awaitable[T]], seconds: float = 30) -> T:
    """Run a test, and see that nothing was said behind the simulator's back."""
    said: list[object] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        return await asyncio.wait_for(work(), seconds)

    found = asyncio.run(watched())
    assert said == []
    return found
