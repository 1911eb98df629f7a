"""What is in Bluetooth packets: connections, ATT PDUs in them, and names that devices advertise.

Two kinds of recordings have them. A host's log (Android, iOS, Linux; `bluetooth_hci`) has what passed between the host
and its radio, in whole fragments of L2CAP, with a handle for each connection. A sniffer's capture (`bluetooth_air`)
has what was in the air, with retransmissions, losses, and encrypted packets. Both are put together here into the same
few events.

The headers are read by hand. scapy's layers read all of them too, and take 100 to 300 µs for a packet, most of which
are a headphone's: a day of a telephone's log has a million. Of ATT, L2CAP and HCI, a dozen fixed structures are wanted,
which `struct` reads in a microsecond. tshark, in a test, reads the same values.

Packets go to where connections are told apart as segments of no connection: `as_segment` wraps one, so that what
carries segments of TCP - the screening of large files, say - carries Bluetooth packets just so, in their place among
the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from lmdecode.capture.net.packet import Endpoint, Packet, Segment
from lmdecode.codec.record import Sender

HCI_H4: Final = 187
HCI_H4_WITH_PHDR: Final = 201
LE_LL: Final = 251
LINUX_MONITOR: Final = 254
LE_LL_WITH_PHDR: Final = 256
NORDIC_BLE: Final = 272
LINK_TYPES: Final = frozenset((HCI_H4, HCI_H4_WITH_PHDR, LE_LL, LINUX_MONITOR, LE_LL_WITH_PHDR, NORDIC_BLE))
"""The LINKTYPE_ numbers of Bluetooth whose packets are read here."""

FIRST_NO_PORT: Final = 1 << 16
"""TCP has no ports from here on: segments that have one are Bluetooth packets."""
_ENDS: Final = {each: Endpoint("bluetooth", FIRST_NO_PORT + each) for each in LINK_TYPES}


class Began(NamedTuple):
    """A connection was made."""

    link: object
    """Stands for the connection from here on."""
    central: str
    """The address of the side that made it; "" if it is not known."""
    peripheral: str


class Pdu(NamedTuple):
    """An ATT PDU, whole."""

    link: object
    sender: Sender
    """"app" for the central, "machine" for the peripheral."""
    data: bytes


class Lost(NamedTuple):
    """A part of what one side sent is not in the capture, or cannot be read."""

    link: object
    sender: Sender
    size: int
    """Bytes, as far as it is known."""
    reason: str


class Ended(NamedTuple):
    """A connection ended."""

    link: object


class Heard(NamedTuple):
    """A device advertised itself."""

    address: str
    name: str
    """"" if it did not say."""
    is_machines: bool
    """Whether it named a service that only machines have."""


RadioEvent: TypeAlias = Began | Pdu | Lost | Ended | Heard


def as_segment(packet: Packet) -> Segment:
    """Return a Bluetooth packet in the place of a segment of TCP."""
    end = _ENDS[packet.link_type]
    missing = max(0, packet.original_length - len(packet.data))
    return Segment(packet.time_ns, end, end, 0, 0, 0, packet.data, missing)


class Radio:
    """Reads Bluetooth packets, of all link types, one after another. It never raises."""

    def __init__(self) -> None:
        self._readers: dict[int, Callable[[int, bytes, int], Sequence[RadioEvent]]] = {}
        self.counts: Counter[str] = Counter()
        """Packets that could not be read, by the reason."""

    def read(self, segment: Segment) -> Sequence[RadioEvent]:
        """Return what a packet tells."""
        link_type = segment.source.port - FIRST_NO_PORT
        reader = self._readers.get(link_type)
        if reader is None:
            reader = self._readers[link_type] = self._new_reader(link_type)
        try:
            return reader(segment.time_ns, segment.payload, segment.missing)
        except IndexError:
            self.counts["cut off or damaged in their headers"] += 1
            return ()

    def _new_reader(self, link_type: int) -> Callable[[int, bytes, int], Sequence[RadioEvent]]:
        if link_type in {HCI_H4, HCI_H4_WITH_PHDR, LINUX_MONITOR}:
            from lmdecode.capture.net.bluetooth_hci import HostLog  # noqa: PLC0415 -- for few captures

            return HostLog(link_type, self.counts).read
        from lmdecode.capture.net.bluetooth_air import Air  # noqa: PLC0415 -- as above

        return Air(link_type, self.counts).read


def address_text(data: bytes) -> str:
    """Return a device's address as people write it.

    Args:
        data: Its six bytes, the last one first, as in packets.

    >>> address_text(bytes.fromhex("563412962bc8"))
    'C8:2B:96:12:34:56'
    """
    return data[::-1].hex(":").upper()
