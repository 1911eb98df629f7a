"""Packet, one packet of a capture file, and Segment, the TCP part of a packet."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10


class Packet(NamedTuple):
    """One packet of a capture file, from its link-layer header on."""

    time_ns: int
    """Nanoseconds since 1970, UTC."""
    link_type: int
    """A LINKTYPE_ number of the pcap world: 1 is Ethernet."""
    data: bytes
    original_length: int
    """Bytes on the wire; `data` is shorter if the snap length cut the packet."""


class Endpoint(NamedTuple):
    """One end of a connection."""

    host: str
    """An IP address, without brackets."""
    port: int

    def __str__(self) -> str:
        """As host:port, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Segment(NamedTuple):
    """One TCP segment."""

    time_ns: int
    source: Endpoint
    destination: Endpoint
    flags: int
    """The low byte of TCP's flags: FIN, SYN, RST, PSH, ACK and others."""
    seq: int
    """Sequence number of the first byte (or of the SYN), 32 bits."""
    ack: int
    payload: bytes
    missing: int = 0
    """Bytes at the end of the payload that were on the wire and that the snap length cut off."""


Found = Packet | Segment
"""What readers of formats find: packets, and the segments of such as they could read on the way; see `Ends`."""

Ends = Mapping[bytes, tuple[Endpoint, Endpoint]]
"""The source and the destination of packets, by the twelve bytes with both addresses and both ports. Readers of formats
that are given those of known connections make the segments of plain packets themselves, where the packets lie."""

PLAIN: Final = struct.Struct("!12x3sxH2xHxB2x12sIIBB")
"""Of a plain packet, from the Ethernet type, with IP's version and header length behind it (the kind), to TCP's flags.

It gives the kind, IP's total length, the fragment's place, the protocol, the twelve bytes of both ends, TCP's sequence
and acknowledgement numbers, the byte with its header's length, and its flags. Plain is a packet of which

    kind == PLAIN_KIND and protocol == TCP and not place & 0x3FFF and 54 <= payload <= end <= captured

where the payload begins at `34 + (header >> 4) * 4` and ends at `14 + total`. `place & 0x3FFF` is not 0 for a fragment:
the offset, or the flag that more fragments follow."""
PLAIN_KIND: Final = b"\x08\x00\x45"
ETHERNET: Final = 1
"""The link type of plain packets."""

HEADER_OFFSETS: Final = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
"""Where Ethernet and the Linux cooked headers (versions 1 and 2) have the network protocol, and where IP begins."""
PLAIN_IPV4: Final = 0x45
"""IP's first byte: version 4, and a header of five words, so without options."""
_PORTS_IN_IP: Final = 20  # bytes, after a header without options


PLAIN_PROTOCOLS: Final = frozenset((1, 2, 6, 17))
"""The IP protocols in which nothing is looked for but at the ports: ICMP, IGMP, TCP, UDP."""
TUNNEL_PORTS: Final = frozenset((1701, 2152, 3544, 4754, 4789, 4790, 5247, 6081, 6635, 8472, 37008))
"""The UDP ports of what carries packets and is looked through (`encapsulation` has their names)."""


class Prefilter(NamedTuple):
    """What to look at in packets of one link type.

    `look.unpack_from(packet)` gives five numbers in the file's byte order: the network protocol, IP's first byte, the
    fragment's place with the time to live and the IP protocol, and the two ports. The packet is of other ports if

        protocol == ipv4 and first == PLAIN_IPV4 and place & judged in plain and source not in ports
        and destination not in ports

    and at least `reach` bytes of it were captured. With fewer, the look went into what stands behind it in the file.
    """

    look: struct.Struct
    reach: int
    """Bytes."""
    ipv4: int
    judged: int
    """Of the place: the offset, the flag that more fragments follow, and the IP protocol."""
    plain: frozenset[int]
    """What that is in a whole packet of a protocol that carries no packets, but for UDP on the ports of tunnels."""
    ports: frozenset[int]
    """Those that are wanted, and those of tunnels, as `look` reads them."""


@lru_cache(maxsize=64)  # a damaged pcapng may have 100,000 interfaces of a kind, and each has its prefilter
def make_prefilter(
    link_type: int, order: Literal["<", ">"], ports: frozenset[int] | None, header: str
) -> Prefilter | None:
    """The prefilter for a link type; None if every packet of it must be taken apart.

    The numbers of a packet are big-endian, but `struct` has one byte order for all that it unpacks, and the record's
    header before the packet has the file's. So the constants are turned round once, and not the numbers each time.

    Args:
        link_type: The interface's.
        order: The file's byte order, as in `struct`.
        ports: The TCP ports that are wanted. None lets everything through.
        header: What stands before the packet in the file, as in `struct`. Numbers in it come before the five.
    """
    offsets = HEADER_OFFSETS.get(link_type)
    if offsets is None or ports is None:
        return None
    type_at, ip_at = offsets
    gap = ip_at - type_at - 2
    look = struct.Struct(f"{order}{header}{type_at}xH{gap}xB5xI{_PORTS_IN_IP - 10}xHH")
    byteorder: Literal["little", "big"] = "little" if order == "<" else "big"

    def as_read(big_endian: int, size: int = 2) -> int:
        return int.from_bytes(big_endian.to_bytes(size, "big"), byteorder)

    return Prefilter(
        look,
        ip_at + _PORTS_IN_IP + 4,
        as_read(0x0800),
        as_read(0x3FFF00FF, 4),
        frozenset(as_read(protocol, 4) for protocol in PLAIN_PROTOCOLS),
        frozenset(map(as_read, ports | TUNNEL_PORTS)),
    )


_IPV4_SIZE = 4


def ip_text(packed: bytes) -> str:
    """An IP address as text.

    Args:
        packed: The 4 or 16 bytes of the address, as in a packet.

    Raises:
        ValueError: Another number of bytes.

    >>> ip_text(bytes([192, 168, 1, 7])), ip_text(bytes(16))
    ('192.168.1.7', '::')
    """
    if len(packed) == _IPV4_SIZE:
        return ".".join(map(str, packed))
    from socket import AF_INET6, inet_ntop  # noqa: PLC0415 -- slow to load, and most captures have no IPv6

    return inet_ntop(AF_INET6, packed)


_MAX_PACKETS: Final = 64  # in pieces at a time; a sender's fragments follow each other closely
_MAX_PIECES: Final = 1024  # of one packet: 64 KiB, the longest packet, in pieces of 64 bytes
_MAX_BYTES: Final = 1 << 17  # of one packet: twice the longest, so overlaps have room; 8 MiB in all packets


class FragmentKey(NamedTuple):
    """What the fragments of one IP packet have in common (RFC 791, section 3.2; the protocol is always TCP here)."""

    source: bytes
    destination: bytes
    identification: int


class Fragments:
    """Collects fragments of TCP packets until the packets are whole.

    Args:
        ports: Two bytes each, as in TCP headers. Fragments of packets of other ports do not count as unassembled. None:
            all count.
    """

    def __init__(self, ports: frozenset[bytes] | None) -> None:
        self._ports = ports
        self._incomplete: dict[FragmentKey, _Pieces] = {}  # the oldest first
        self._lost = 0

    def add(self, key: FragmentKey, offset: int, payload: bytes, *, more: bool) -> bytes | None:
        """Take a fragment.

        Args:
            key: Which packet it belongs to.
            offset: Where in the packet's payload it belongs, in bytes.
            payload: The fragment's own payload.
            more: True if other fragments come after it.

        Returns:
            The IP packet's payload, if the fragment completes it.
        """
        pieces = self._incomplete.setdefault(key, _Pieces())
        whole = pieces.add(offset, payload, more=more)
        if whole is not None:
            del self._incomplete[key]
        elif len(self._incomplete) > _MAX_PACKETS:
            oldest = next(iter(self._incomplete))
            self._lost += self._count(self._incomplete.pop(oldest))
        return whole

    @property
    def unassembled(self) -> int:
        """How many fragments are of packets that are not whole up to now."""
        return self._lost + sum(map(self._count, self._incomplete.values()))

    def _count(self, pieces: _Pieces) -> int:
        first = pieces.at.get(0, b"")  # the only one with the ports; without it, it may be ours
        is_foreign = len(first) >= 4 and self._ports is not None and self._ports.isdisjoint((first[:2], first[2:4]))
        return 0 if is_foreign else pieces.count


class _Pieces:
    """The fragments of one packet."""

    __slots__ = ("_end", "_size", "at", "count")

    def __init__(self) -> None:
        self.at: dict[int, bytes] = {}
        """What was captured, by its place in the packet; the first of several at one place."""
        self.count = 0
        """The fragments, with those that were not kept."""
        self._end: int | None = None  # of the packet, once its last fragment was seen
        self._size = 0

    def add(self, offset: int, payload: bytes, *, more: bool) -> bytes | None:
        """Take a fragment. Returns the whole payload, if there is no gap any more."""
        self.count += 1
        if offset not in self.at:
            if len(self.at) >= _MAX_PIECES or self._size + len(payload) > _MAX_BYTES:
                return None
            self.at[offset] = payload
            self._size += len(payload)
            if not more and self._end is None:
                self._end = offset + len(payload)
        # All that came is too little while it is less than the packet: only then is there something to put together.
        if self._end is None or self._size < self._end:
            return None
        whole = bytearray()
        for position in sorted(self.at):
            if position > len(whole):
                return None
            whole += self.at[position][len(whole) - position :]
            if len(whole) >= self._end:
                return bytes(whole[: self._end])
        return None
