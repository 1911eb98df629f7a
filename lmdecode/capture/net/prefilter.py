"""The prefilter: it rejects packets that are plainly of other ports by five numbers at fixed places.

A capture of a household has hundreds of packets for each of ours. To take one apart costs about 2 µs in Python, this
look a fifth of that: one `unpack_from` on the file's own bytes, with no slice, no object and no call. A function for
each packet would cost more than the look itself, so a `Prefilter` is data, and the loops of the pcap and pcapng readers
do the comparing. (The readers that the package had first were scapy's, with 10 µs for a packet.)

It must never reject a packet of ours, so it only judges what is certain: IPv4 in a link layer with a header of fixed
length, without IP options, not a fragment, and captured as far as the ports. VLAN tags, options, fragments, IPv6 and
tunnels all pass, and `link.py` takes them apart. UDP is treated like TCP: few packets of another protocol have the
port's number at that place, and one more comparison would cost all the others.

libpcap's filter in `libpcap.py` is the same rule in another language, and a test compares the two.
"""

from __future__ import annotations

import struct
from typing import Final, Literal, NamedTuple

HEADER_OFFSETS: Final = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
"""Where Ethernet and the Linux cooked headers (versions 1 and 2) have the network protocol, and where IP begins."""
PLAIN_IPV4: Final = 0x45
"""IP's first byte: version 4, and a header of five words, so without options."""
_PORTS_IN_IP: Final = 20  # bytes, after a header without options


class Prefilter(NamedTuple):
    """What to look at in packets of one link type.

    `look.unpack_from(packet)` gives five numbers in the file's byte order: the network protocol, IP's first byte, the
    fragment's place, and the two ports. The packet is of other ports if

        protocol == ipv4 and first == PLAIN_IPV4 and not place & fragment and source not in ports
        and destination not in ports

    and at least `reach` bytes of it were captured. With fewer, the look went into what stands behind it in the file.
    """

    look: struct.Struct
    reach: int
    """Bytes."""
    ipv4: int
    fragment: int
    """Of the place: the offset, and the flag that more fragments follow."""
    ports: frozenset[int]
    """As `look` reads them."""


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
    look = struct.Struct(f"{order}{header}{type_at}xH{gap}xB5xH{_PORTS_IN_IP - 8}xHH")
    byteorder: Literal["little", "big"] = "little" if order == "<" else "big"

    def as_read(big_endian: int) -> int:
        return int.from_bytes(big_endian.to_bytes(2, "big"), byteorder)

    return Prefilter(look, ip_at + _PORTS_IN_IP + 4, as_read(0x0800), as_read(0x3FFF), frozenset(map(as_read, ports)))
