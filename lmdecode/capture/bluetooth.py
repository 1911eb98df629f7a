"""The Bluetooth connections in a capture: those of machines are decoded, and nothing is told of any other.

A telephone's log has all that its owner does by Bluetooth: headphones, watches, keyboards. So a connection is nobody's
until it shows that its device is a machine: by the name or the service that it advertises, by the UUIDs of its
attributes, or by values that no other device has. Up to then its PDUs are kept, a limited number of them; then they are
decoded, or forgotten and counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from lmdecode.capture.net.bluetooth import Began, Heard, Lost, Pdu, Radio, RadioEvent
from lmdecode.capture.net.packet import Segment
from lmdecode.capture.source import CaptureStatistics
from lmdecode.codec.bluetooth.characteristics import has_machines_uuid, is_machines_name, is_machines_value
from lmdecode.codec.dialect import Conversation, Place
from lmdecode.codec.record import Sender

T = TypeVar("T")

_MOST_KEPT: Final = 2000  # PDUs of a connection that has not shown whose it is
_MOST_KEPT_BYTES: Final = 1 << 18
_MOST_NAMES: Final = 4096
_MOST_LINKS: Final = 1024
_KEPT: Final = 150  # bytes of memory for a PDU that is kept, beside its own
_VALUES: Final = {0x0B: 1, 0x0D: 1, 0x12: 3, 0x52: 3, 0x16: 5, 0x1B: 3, 0x1D: 3}
"""Where in the ATT PDUs that have a value it begins."""

Converse = Callable[[Place], Conversation[T]]


class _Device(Generic[T]):
    """A connection, and what is known of its device."""

    __slots__ = ("app", "conversation", "is_cut", "kept", "kept_bytes", "last_ns", "machine")

    def __init__(self, app: str = "", machine: str = "") -> None:
        self.app = app
        self.machine = machine
        self.conversation: Conversation[T] | None = None
        self.kept: list[tuple[int, Pdu | Lost]] = []
        self.kept_bytes = 0
        self.is_cut = False
        """Whether some of what came was not kept."""
        self.last_ns = 0


class Bluetooth(Generic[T]):
    """Tells Bluetooth connections apart and decodes those with machines.

    Args:
        converse: Makes the conversation of a connection.
        begin: Returns the number of a new connection.
        capture: The capture's name, for the Records.
        memory: Bytes that may be kept of connections which have not shown whose they are.
    """

    def __init__(
        self, converse: Converse[T], begin: Callable[[], int], capture: str | None = None, memory: int = 16 << 20
    ) -> None:
        self._converse = converse
        self._begin = begin
        self._capture = capture
        self._memory = memory
        self._kept = 0  # bytes of memory
        self._radio = Radio()
        self._devices: OrderedDict[object, _Device[T]] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()  # by address, of all that advertise
        self._machines: set[str] = set()  # addresses of machines
        self._others: set[str] = set()  # addresses of other devices that were connected
        self._nameless = 0  # connections with devices without an address
        self._packets = 0  # of all devices, since they were counted
        self._ours = 0  # of them, those that brought something of a machine

    def receive(self, segment: Segment) -> list[T]:
        """Take a packet; return what is made of the messages that it completes."""
        self._packets += 1
        made: list[T] = []
        is_ours = False
        for event in self._radio.read(segment):
            is_ours = self._take(segment.time_ns, event, made) or is_ours
        self._ours += is_ours
        return made

    def close(self) -> Iterator[T]:
        """The capture is over: return what is held back."""
        for device in self._devices.values():
            yield from self._end(device)
        self._devices.clear()

    @property
    def others(self) -> int:
        """How many other devices were connected, as far as they can be told apart."""
        waiting = [each.machine for each in self._devices.values() if each.conversation is None]
        return len((self._others | set(waiting)) - self._machines - {""}) + self._nameless + waiting.count("")

    def count(self, statistics: CaptureStatistics) -> None:
        """Count in the statistics the packets that came since the last call."""
        statistics.bluetooth += self._packets
        statistics.port_packets += self._ours
        self._packets = self._ours = 0
        statistics.other_devices = self.others

    def notes(self) -> list[str]:
        """Return what is good to know when the capture is over, one line each."""
        others = self.others
        if not others:
            return []
        what = "1 other Bluetooth device was" if others == 1 else f"{others:,} other Bluetooth devices were"
        return [f"{what} left alone"]

    def warnings(self) -> list[str]:
        """Return what could not be read, one line for each cause."""
        return [
            f"{'1 Bluetooth packet' if count == 1 else f'{count:,} Bluetooth packets'} {why} could not be read"
            for why, count in sorted(self._radio.counts.items())
        ]

    def _take(self, time_ns: int, event: RadioEvent, made: list[T]) -> bool:
        """Take an event. Returns whether it is about a machine."""
        if isinstance(event, Pdu | Lost):
            return self._take_data(time_ns, event, made)
        if isinstance(event, Heard):
            self._hear(event)
        elif isinstance(event, Began):
            device = self._devices[event.link] = _Device(event.central, event.peripheral)
            device.last_ns = time_ns
            if len(self._devices) > _MOST_LINKS:
                made += self._end(self._devices.popitem(last=False)[1])
        elif (ended := self._devices.pop(event.link, None)) is not None:
            ended.last_ns = time_ns
            made += self._end(ended)
        return False

    def _take_data(self, time_ns: int, event: Pdu | Lost, made: list[T]) -> bool:
        found = self._devices.get(event.link)
        if found is None:  # it began before the capture
            found = self._devices[event.link] = _Device()
        found.last_ns = time_ns
        if found.conversation is not None:
            made += _hand_on(found.conversation, time_ns, event)
            return True
        self._keep(found, time_ns, event)
        if not self._is_machine(found, event):
            return False
        made += self._open(found)
        return True

    def _hear(self, event: Heard) -> None:
        if event.is_machines or is_machines_name(event.name):
            self._machines.add(event.address)
        if event.name:
            self._names[event.address] = event.name
            if len(self._names) > _MOST_NAMES:
                self._names.popitem(last=False)

    def _keep(self, device: _Device[T], time_ns: int, event: Pdu | Lost) -> None:
        size = len(event.data) if isinstance(event, Pdu) else 0
        size += _KEPT
        if len(device.kept) >= _MOST_KEPT or device.kept_bytes + size > _MOST_KEPT_BYTES:
            self._forget(device)
        if self._kept + size > self._memory:
            for each in self._devices.values():
                self._forget(each)
        device.kept.append((time_ns, event))
        device.kept_bytes += size
        self._kept += size

    def _forget(self, device: _Device[T]) -> None:
        """Forget what was kept of a connection."""
        self._kept -= device.kept_bytes
        device.kept.clear()
        device.kept_bytes = 0
        device.is_cut = True

    def _is_machine(self, device: _Device[T], event: Pdu | Lost) -> bool:
        if device.machine in self._machines:
            return True
        if not isinstance(event, Pdu) or not event.data:
            return False
        if has_machines_uuid(event.data):
            return True
        at = _VALUES.get(event.data[0])
        if at is None:
            return False
        value = event.data[at:]
        return is_machines_value(value) or (
            event.data[0] == 0x0B and is_machines_name(value.decode("utf-8", "replace"))
        )

    def _open(self, device: _Device[T]) -> list[T]:
        """Begin to decode a connection with a machine, with what was kept of it."""
        if device.machine:
            self._machines.add(device.machine)
        name = self._names.get(device.machine, "")
        place = Place(self._begin(), device.app or "app", device.machine or "machine", self._capture, name)
        device.conversation = self._converse(place)
        made: list[T] = []
        if device.is_cut:
            what = "what came before on this connection was not kept: nothing had shown that this is a machine"
            made += device.conversation.gap(device.kept[0][0], "app", 0, what)
        for time_ns, event in device.kept:
            made += _hand_on(device.conversation, time_ns, event)
        self._ours += len(device.kept) - 1  # the last one is counted by whoever took it
        self._forget(device)
        return made

    def _end(self, device: _Device[T]) -> Sequence[T]:
        self._forget(device)
        if device.conversation is not None:
            return device.conversation.close(device.last_ns)
        if device.machine and len(self._others) < _MOST_NAMES:
            self._others.add(device.machine)
        elif not device.machine:
            self._nameless += 1
        return ()


def _hand_on(conversation: Conversation[T], time_ns: int, event: Pdu | Lost) -> Sequence[T]:
    sender: Sender = event.sender
    if isinstance(event, Pdu):
        return conversation.receive(time_ns, sender, event.data)
    return conversation.gap(time_ns, sender, event.size, event.reason)
