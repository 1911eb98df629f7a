"""A radio in memory: one simulated machine is near, and a test says what becomes of each operation on its link.

It is a `Radio` as `device.bluetooth.radio` has it, and behind it the machine's characteristics as the simulator has
them, without bumble, a controller or packets. On the loop of `tests.device.virtual`, hours pass in no time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Literal, Self

from lmdecode.codec.bluetooth.characteristics import COMMAND
from lmdecode.codec.bluetooth.requester import AttError
from lmdecode.device.bluetooth.radio import Peer, Sighting, never
from lmdecode.device.errors import ConnectionLostError, NoConnectionError
from lmdecode.simulator.bluetooth.faults import FAULTS
from lmdecode.simulator.bluetooth.gatt import Gatt, Reply, Then
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.faults import Fault, Faults
from lmdecode.simulator.json_machine import JsonMachine

TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
ADDRESS = "D8:4D:52:00:00:00"
SERVICE = "d30a7847-e12b-09a8-b04b-8e0922a9abab"
_TICK = 0.5  # s; more often takes most of the time that a watch of minutes costs
_ON_ITS_WAY = 0.01  # s that an operation takes
_SLOW = 1.5  # s

Event = Literal["lost before", "lost after", "slow", "hangs"] | None
"""What becomes of an operation on the link; None: nothing goes wrong with it."""


class MemoryRadio:
    """A radio, and the machine that is near it.

    Args:
        model: The machine's model.
        seed: How what is garbled is garbled.
    """

    def __init__(self, model: str = "Linea Micra", seed: int = 0) -> None:
        self.machine = JsonMachine(FAMILIES[model], "bluetooth")
        self.faults = Faults(seed=seed, table=FAULTS)
        self.gatt = Gatt(self.machine, TOKEN, self.faults)
        self.commands: list[bytes] = []
        """What was written to the characteristic for commands, as far as it reached the machine or may have."""
        self.links = 0
        self._events: Iterator[Event] = iter(())
        self._peer: MemoryPeer | None = None
        self._time: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._time = asyncio.create_task(self._pass_time())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._time is not None:
            self._time.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._time

    async def find(
        self, seconds: float, is_enough: Callable[[Sighting], bool] = never, *, after: float = 0.0
    ) -> list[Sighting]:
        """Find the machine, unless an app holds it."""
        if not self.gatt.advertises:
            await asyncio.sleep(seconds)
            return []
        sighting = Sighting(ADDRESS, self.gatt.name, -60, (SERVICE,))
        await asyncio.sleep(min(_ON_ITS_WAY + after, seconds) if is_enough(sighting) else seconds)
        return [sighting]

    def peer(self, sighting: Sighting, on_lost: Callable[[], None]) -> Peer:
        """Return the machine's client."""
        assert sighting.address == ADDRESS
        return MemoryPeer(self, on_lost)

    async def close(self) -> None:
        """Give nothing back."""

    def trouble(self, faults: Collection[Fault], events: Collection[Event]) -> None:
        """Let these go wrong from now on."""
        for fault in faults:
            self.faults.add(fault)
        self._events = iter(events)

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.faults.clear()
        self._events = iter(())

    def event(self) -> Event:
        """What becomes of the next operation."""
        return next(self._events, None)

    def take(self, peer: MemoryPeer) -> bool:
        """Take a client, if there is none."""
        if self._peer is not None or not self.gatt.advertises:
            return False
        self.links += 1
        self._peer = peer
        return True

    def let_go(self, peer: MemoryPeer) -> None:
        """Forget a client."""
        if self._peer is peer:
            self._peer = None
            self.gatt.disconnect()

    def lose(self) -> None:
        """Have the link lost, as if somebody had walked away."""
        if self._peer is not None:
            self._peer.lose()

    async def _pass_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for value in self.gatt.advance(_TICK, self.machine.advance(_TICK)):
                if self._peer is not None:
                    self._peer.hear(value)


class MemoryPeer:
    """A client of the machine."""

    def __init__(self, radio: MemoryRadio, on_lost: Callable[[], None]) -> None:
        self._radio = radio
        self._on_lost = on_lost
        self._gone = asyncio.Event()
        self._is_connected = False
        self._on_value: Callable[[bytes], None] | None = None
        self._busy = False

    @property
    def characteristics(self) -> Collection[str]:
        gatt = self._radio.gatt
        return [*gatt.information, *gatt.characteristics]

    async def connect(self) -> None:
        event = self._radio.event()
        await asyncio.sleep(_SLOW if event == "slow" else _ON_ITS_WAY)
        if event == "hangs":
            await asyncio.sleep(20)  # what a radio's library allows
        if event not in (None, "slow", "lost after") or not self._radio.take(self):
            raise NoConnectionError(f"{self._radio.gatt.name} does not take the link")
        self._is_connected = True
        if not self._radio.gatt.connect() or event == "lost after":
            asyncio.get_running_loop().call_soon(self.lose)

    async def disconnect(self) -> None:
        self._is_connected = False
        self._on_value = None
        self._radio.let_go(self)
        self._gone.set()
        await asyncio.sleep(0)

    async def read(self, characteristic: str) -> bytes:
        gatt = self._radio.gatt
        if characteristic in gatt.information:
            return gatt.information[characteristic].encode()
        return (await self._operate(lambda: gatt.read(characteristic))).value

    async def write(self, characteristic: str, value: bytes) -> None:
        def write() -> Reply:
            if characteristic == COMMAND:
                self._radio.commands.append(value)
            return self._radio.gatt.write(characteristic, value)

        await self._operate(write)

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        assert characteristic == "0e0b"
        self._on_value = on_value

        def subscribe() -> Reply:
            for value in self._radio.gatt.subscribe(on=True):
                asyncio.get_running_loop().call_soon(self.hear, value)
            return Reply()

        await self._operate(subscribe)

    def hear(self, value: bytes) -> None:
        """Take a notification."""
        if self._on_value is not None and self._is_connected:
            self._on_value(value)

    def lose(self) -> None:
        """Lose the link."""
        if self._is_connected:
            self._is_connected = False
            self._radio.let_go(self)
            self._gone.set()
            self._on_lost()

    async def _operate(self, operation: Callable[[], Reply]) -> Reply:
        assert not self._busy, "two operations at once"
        if not self._is_connected:
            raise ConnectionLostError("the link is lost")
        self._busy = True
        try:
            event = self._radio.event()
            await self._wait(_SLOW if event == "slow" else _ON_ITS_WAY)
            if event == "lost before":
                self.lose()
                raise ConnectionLostError("the link is lost")
            reply = operation()
            if event == "lost after" or reply.then is Then.END:
                self.lose()
            elif event == "hangs" or reply.then is Then.SILENCE:
                await self._gone.wait()
            await self._wait(reply.delay)
            if reply.error:
                raise AttError(reply.error)
            return reply
        finally:
            self._busy = False

    async def _wait(self, seconds: float) -> None:
        if seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._gone.wait()
        if self._gone.is_set():
            raise ConnectionLostError("the link is lost")
