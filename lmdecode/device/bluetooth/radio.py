"""The seam to the radio: what lmdecode needs of this computer's Bluetooth, or of one that bumble drives.

Behind it are bleak, and in tests a machine in memory. Characteristics have their short names here, such as `0a0b`; see
`codec.bluetooth.characteristics`. A characteristic is found by its UUID, in whatever service the machine has it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from lmdecode.codec.bluetooth.characteristics import SUFFIX, is_machines_name, serial_in

_MOST_DEVICES: Final = 2000  # at a fair, several hundred are near; more is somebody who makes up addresses


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device that was heard advertising. Anybody near may have sent any of these texts."""

    address: str
    """Its Bluetooth address; on macOS a UUID by which this computer alone knows it."""
    name: str = ""
    """The name that it advertises; "" if it sent none."""
    rssi: int | None = None
    """How strong its signal is, in dBm: -40 is near, -90 is hardly there. None if it is not known."""
    services: tuple[str, ...] = ()
    """The UUIDs of the services that it advertises, in lower case."""
    device: object = field(default=None, repr=False, compare=False)
    """What the radio knows it by."""

    @property
    def is_machine(self) -> bool:
        """Whether it is a machine, by its name or by its service."""
        return is_machines_name(self.name) or any(each.endswith(SUFFIX) for each in self.services)

    @property
    def serial(self) -> str | None:
        """The serial number that its name has; None if it has none."""
        return serial_in(self.name)

    @property
    def label(self) -> str:
        """What messages call it: its name, or its address."""
        return self.name or self.address


def never(_sighting: Sighting) -> bool:
    """Return False: go on listening."""
    return False


class Peer(Protocol):
    """The GATT client of one device. One call at a time: whoever uses it sees to that."""

    @property
    def characteristics(self) -> Collection[str]:
        """The short names of its characteristics, once it is connected."""

    async def connect(self) -> None:
        """Connect, and find the characteristics.

        Raises:
            TimeoutError: The device does not answer.
            MachineError: There is no connection.
        """

    async def disconnect(self) -> None:
        """Disconnect. Never raises, also where there was no connection; nothing calls `on_lost` for it."""

    async def read(self, characteristic: str) -> bytes:
        """Read a value, whole, however many PDUs that takes.

        Raises:
            AttError: The device answered with an error.
            ConnectionLostError: The link is lost.
        """

    async def write(self, characteristic: str, value: bytes) -> None:
        """Write a value, once, and wait for the device's response to that.

        Raises:
            AttError: The device answered with an error: it did not take the value.
            ConnectionLostError: The link is lost; whether the device took the value is not known.
        """

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        """Have each notification handed on, as it comes.

        Raises:
            AttError: The device answered with an error.
            ConnectionLostError: The link is lost.
        """


class Radio(Protocol):
    """A Bluetooth radio."""

    async def find(
        self, seconds: float, is_enough: Callable[[Sighting], bool] = never, *, after: float = 0.0
    ) -> list[Sighting]:
        """Listen for devices that advertise.

        Args:
            seconds: How long at most.
            is_enough: Returns whether a device is the one that was looked for.
            after: How many seconds to go on listening after that, for others.

        Returns:
            All devices that were heard, the strongest signal first.

        Raises:
            RadioError: There is no radio, or it cannot be used.
        """

    def peer(self, sighting: Sighting, on_lost: Callable[[], None]) -> Peer:
        """Return the client of a device that this radio has found, not connected yet.

        Args:
            sighting: The device.
            on_lost: Called once if the link is lost; not if this side disconnects.
        """

    async def close(self) -> None:
        """Give the radio back. Never raises."""


class Sweep:
    """Gathers what is heard during one search.

    Args:
        is_enough: As for `Radio.find`.
    """

    def __init__(self, is_enough: Callable[[Sighting], bool] = never) -> None:
        self._is_enough = is_enough
        self._heard: dict[str, Sighting] = {}
        self._enough = asyncio.Event()

    def hear(self, sighting: Sighting) -> None:
        """Take one advertisement. A name or a service that an earlier one had, and this one has not, is kept."""
        before = self._heard.get(sighting.address)
        if before is None and len(self._heard) >= _MOST_DEVICES:
            return
        if before is not None:
            sighting = Sighting(
                sighting.address,
                sighting.name or before.name,
                before.rssi if sighting.rssi is None else sighting.rssi,
                sighting.services or before.services,
                sighting.device,
            )
        self._heard[sighting.address] = sighting
        if self._is_enough(sighting):
            self._enough.set()

    async def wait(self, seconds: float, after: float) -> None:
        """Wait until a device was the one, and for so many seconds more; at most so long in all."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._enough.wait()
                await asyncio.sleep(after)

    @property
    def sightings(self) -> list[Sighting]:
        """All devices that were heard, the strongest signal first."""
        return sorted(self._heard.values(), key=lambda each: -999 if each.rssi is None else each.rssi, reverse=True)
