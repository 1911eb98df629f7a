"""From a packet's raw bytes to its TCP segment.

This runs for every packet that the prefilter lets through. A general dissector spends microseconds on each layer of
each packet; nearly all that is wanted here stands at fixed places. So packets take one of three ways, the cheapest
first:

1. TCP in IPv4 in Ethernet, without options or fragments, captured whole: one `unpack_from` in `read_all`. These are
   nearly all packets of a household.
2. The link layers that tcpdump and Wireshark write on ordinary computers (Ethernet with VLAN tags, Linux's cooked
   captures of `-i any`, loopback, raw IP of tunnels and phones), IPv6 with its extension headers, and fragments: read
   by hand, the ports as early as possible, since a packet of another port needs no more.
3. All else that scapy knows (Wi-Fi in monitor mode, PPPoE, MPLS, LLC): scapy finds the IP header, and the rest is read
   as in way 2. To import scapy's layers takes 0.7 s, and each dissection a hundred times as long as way 2, so scapy is
   only asked about packets that have a wanted port's two bytes somewhere.

Way 1 gives what way 2 would give; a test compares them.

What can go wrong, and what becomes of it:

- The snap length cut the packet: inside the payload, the segment says how many bytes are missing; inside the headers,
  it is counted for a warning.
- IP's total length is 0: the network card cuts large packets up (TCP segmentation offload) and fills in the length only
  after the capture has seen them. The packet then ends where its frame ends.
- IP's total length is less than the frame: Ethernet pads frames to 60 bytes, and the padding is not payload.
- The header contradicts itself: counted for a warning, if it is on one of the ports.
- IP fragments: only the first has the ports, so all fragments of TCP are kept for a while.

Nothing raises, whatever the bytes are. All that cannot be read is counted and ends up in `warnings`. Checksums are not
looked at: on the recording computer itself most packets have wrong ones, since its network card fills them in later.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

from lmdecode.capture.net.packet import HEADER_OFFSETS, Endpoint, FragmentKey, Fragments, Packet, Segment, ip_text

# LINKTYPE_ numbers of the pcap world. Raw IP is 101, but some programs write the number that the system has for it,
# 12, or 14 on OpenBSD; 228 and 229 are IPv4 and IPv6 alone.
_ETHERNET: Final = 1
_RAW_IP: Final = frozenset((12, 14, 101, 228, 229))
_LOOPBACK: Final = frozenset((0, 108))

_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
# 802.1Q, 802.1ad (a service provider's, around the first), and what was used for that before 802.1ad.
_VLAN_TAGS: Final = frozenset((b"\x81\x00", b"\x88\xa8", b"\x91\x00"))
_FOR_SCAPY: Final = frozenset((b"\x88\x64", b"\x88\x47", b"\x88\x48"))  # PPPoE, MPLS
_LLC_LENGTH: Final = 1500  # an Ethernet type up to this is a length (IEEE 802.3), and an LLC header follows

# A loopback header has the address family of the system that recorded: IPv4 is 2 anywhere, IPv6 is 10 on Linux, 24 on
# NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
_LOOPBACK_FAMILIES: Final = frozenset((2, 10, 24, 28, 30))

_TCP: Final = 6
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
# IPv6's extension headers (IANA's list): hop-by-hop options, routing, fragment, authentication, destination options,
# mobility, host identity, shim6. Behind an encrypting one (50) there is nothing to be read.
_EXTENSIONS: Final = frozenset((0, 43, _FRAGMENT, _AUTHENTICATION, 60, 135, 139, 140))

# From the Ethernet type, with IP's version and header length behind it (the kind), to TCP's flags.
_PLAIN: Final = struct.Struct("!12x3sxH2xHxB2x12sIIBB")
_MAX_ENDS: Final = 4096  # pairs of ends that are remembered, so that a scan of a network cannot fill the memory
_PLAIN_KIND: Final = b"\x08\x00\x45"
_TCP_START: Final = struct.Struct("!HHIIBB")

# What scapy's dissectors are known to raise on hostile or cut packets; they have no base class of their own.
_SCAPY_FAILURES: Final = (
    struct.error, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError,
)  # fmt: skip


@lru_cache(maxsize=1024)
def _endpoint(address: bytes, port: int) -> Endpoint:
    return Endpoint(ip_text(address), port)


class SegmentReader:
    """Picks the TCP segments of some ports out of packets.

    Args:
        ports: Only segments from or to one of these TCP ports are read; all if None.
    """

    def __init__(self, ports: frozenset[int] | None) -> None:
        self._numbers = ports
        self._ports = None if ports is None else frozenset(port.to_bytes(2, "big") for port in ports)
        self._plain_ends: dict[bytes, tuple[Endpoint, Endpoint]] = {}
        self._fragments = Fragments(self._ports)
        self._unknown_links: Counter[int] = Counter()
        self._cut_headers = 0
        self._malformed = 0

    def read_all(self, packets: Iterable[Packet]) -> list[Segment]:
        """The TCP segments of the ports in some packets, in order. Never raises."""
        segments: list[Segment] = []
        known, unpack, least, new = self._plain_ends, _PLAIN.unpack_from, _PLAIN.size, tuple.__new__
        for packet in packets:
            time_ns, link_type, data, _ = packet
            if link_type == _ETHERNET and len(data) >= least:
                # Way 1. `place & 0x3FFF` is not 0 for a fragment: the offset, or the flag that more fragments follow.
                kind, total, place, protocol, both_ends, seq, ack, header, flags = unpack(data)
                end, payload = 14 + total, 34 + (header >> 4) * 4
                if (
                    kind == _PLAIN_KIND
                    and protocol == _TCP
                    and not place & 0x3FFF
                    and 54 <= payload <= end <= len(data)
                    and (ends := known.get(both_ends) or self._wanted_ends(both_ends)) is not None
                ):
                    source, destination = ends
                    content = data[payload:end]
                    segments.append(new(Segment, (time_ns, source, destination, flags, seq, ack, content, 0)))
                    continue
            segment = self._read(packet)
            if segment is not None:
                segments.append(segment)
        return segments

    def _wanted_ends(self, both_ends: bytes) -> tuple[Endpoint, Endpoint] | None:
        """Source and destination, as two addresses and two ports in a row; None if neither is on one of the ports."""
        source_port, destination_port = int.from_bytes(both_ends[8:10], "big"), int.from_bytes(both_ends[10:], "big")
        if self._numbers is not None and self._numbers.isdisjoint((source_port, destination_port)):
            return None
        ends = _endpoint(both_ends[:4], source_port), _endpoint(both_ends[4:8], destination_port)
        if len(self._plain_ends) < _MAX_ENDS:
            self._plain_ends[both_ends] = ends
        return ends

    def read(self, packet: Packet) -> Segment | None:
        """The packet's TCP segment; None if it has none, or one of other ports. Never raises."""
        segments = self.read_all((packet,))
        return segments[0] if segments else None

    def _read(self, packet: Packet) -> Segment | None:
        """As `read`, by ways 2 and 3."""
        data = packet.data
        offset = self._locate(packet.link_type, data)
        if not 0 <= offset < len(data):
            return None
        version = data[offset] >> 4
        if version == 4:
            return self._ipv4(packet, offset)
        if version == 6:
            return self._ipv6(packet, offset)
        return None

    def warnings(self) -> list[str]:
        """What could not be read up to now, one line for each cause."""
        found = [
            f"{_count(number, 'packet')} of link type {link_type} could not be read; "
            "record on the interface itself, or as Ethernet"
            for link_type, number in sorted(self._unknown_links.items())
        ]
        if self._fragments.unassembled:
            found.append(f"{_count(self._fragments.unassembled, 'IP fragment')} could not be reassembled")
        if self._cut_headers:
            found.append(
                f"{_count(self._cut_headers, 'packet')} cut off inside the TCP header by the capture "
                "could not be read; capture with -s 0"
            )
        if self._malformed:
            found.append(f"{_count(self._malformed, 'packet')} on the port with a malformed header could not be read")
        return found

    def _locate(self, link_type: int, data: bytes) -> int:
        """Where the IP header begins, in bytes; -1 if there is none."""
        typed = HEADER_OFFSETS.get(link_type)
        if typed is not None:
            return self._network(data, *typed)
        if link_type in _RAW_IP:
            return 0
        if link_type in _LOOPBACK:
            # In the byte order of the computer that recorded, which may not be the file's; OpenBSD's is big-endian.
            family = data[:4]
            known = int.from_bytes(family, "big") in _LOOPBACK_FAMILIES
            return 4 if known or int.from_bytes(family, "little") in _LOOPBACK_FAMILIES else -1
        if self._may_be_ours(data):
            if is_known_to_scapy(link_type):
                return find_ip_with_scapy(link_type, data)
            self._unknown_links[link_type] += 1
        return -1

    def _network(self, data: bytes, type_offset: int, offset: int) -> int:
        """Where the IP header begins, after any VLAN tags; -1 if there is none."""
        kind = data[type_offset : type_offset + 2]
        while kind in _VLAN_TAGS:
            kind = data[offset + 2 : offset + 4]
            offset += 4
        if kind in (_IPV4, _IPV6):
            return offset
        if type_offset == 12 and self._may_be_ours(data):
            is_llc = len(kind) == 2 and int.from_bytes(kind, "big") <= _LLC_LENGTH
            if is_llc or kind in _FOR_SCAPY:
                return find_ip_with_scapy(_ETHERNET, data)
        return -1

    def _may_be_ours(self, data: bytes) -> bool:
        """False if no port's two bytes are anywhere in a packet: then scapy need not be asked."""
        return self._ports is None or any(port in data for port in self._ports)

    def _ipv4(self, packet: Packet, offset: int) -> Segment | None:
        data = packet.data
        if len(data) < offset + 20:
            self._cut_headers += 1
            return None
        if data[offset + 9] != _TCP:
            return None
        header_length = (data[offset] & 15) * 4
        start = offset + header_length
        fragment = data[offset + 6] << 8 | data[offset + 7]
        is_fragment = fragment & 0x3FFF
        if not is_fragment and not self._wanted(data, start):
            return None
        total_length = data[offset + 2] << 8 | data[offset + 3]
        # 0: the network card will cut this packet up, and fills in the lengths of the parts.
        end = offset + total_length if total_length else max(packet.original_length, len(data))
        if header_length < 20 or end < start:
            self._malformed += 1
            return None
        source, destination = data[offset + 12 : offset + 16], data[offset + 16 : offset + 20]
        if is_fragment:
            key = FragmentKey(source, destination, data[offset + 4] << 8 | data[offset + 5])
            place = (fragment & 0x1FFF) * 8  # in units of 8 bytes (RFC 791, section 3.1)
            return self._fragment(packet, key, place, start, end, more=bool(fragment & 0x2000))
        return self._tcp(packet.time_ns, (source, destination), data, start, end)

    def _ipv6(self, packet: Packet, offset: int) -> Segment | None:
        data = packet.data
        if len(data) < offset + 40:
            self._cut_headers += 1
            return None
        start = offset + 40
        payload_length = data[offset + 4] << 8 | data[offset + 5]
        end = start + payload_length if payload_length else max(packet.original_length, len(data))
        source, destination = data[offset + 8 : offset + 24], data[offset + 24 : start]
        following, start = _past_extensions(data, data[offset + 6], start)
        if following == _FRAGMENT and len(data) >= start + 8:
            if data[start] != _TCP:
                return None
            place = data[start + 2] << 8 | data[start + 3]
            key = FragmentKey(source, destination, int.from_bytes(data[start + 4 : start + 8], "big"))
            return self._fragment(packet, key, place & 0xFFF8, start + 8, end, more=bool(place & 1))
        if following != _TCP:
            self._cut_headers += following in _EXTENSIONS
            return None
        if not self._wanted(data, start):
            return None
        return self._tcp(packet.time_ns, (source, destination), data, start, end)

    def _wanted(self, data: bytes, start: int) -> bool:
        """True if one of the ports at the beginning of a TCP header is one that is read."""
        ports = data[start : start + 4]
        if len(ports) < 4:
            self._cut_headers += 1
            return False
        wanted = self._ports
        return wanted is None or ports[2:] in wanted or ports[:2] in wanted

    def _fragment(
        self, packet: Packet, key: FragmentKey, place: int, start: int, end: int, *, more: bool
    ) -> Segment | None:
        """The segment of an IP packet that this fragment completes.

        Args:
            packet: With the fragment.
            key: Which IP packet it belongs to.
            place: Where in that packet's payload it belongs, in bytes.
            start: Where the fragment's payload begins in `packet.data`.
            end: Where it ends.
            more: True if other fragments come after it.
        """
        whole = self._fragments.add(key, place, packet.data[start:end], more=more)
        if whole is None or not self._wanted(whole, 0):
            return None
        return self._tcp(packet.time_ns, (key.source, key.destination), whole, 0, len(whole))

    def _tcp(self, time_ns: int, addresses: tuple[bytes, bytes], data: bytes, start: int, end: int) -> Segment | None:
        """Read the TCP header.

        Args:
            time_ns: The packet's time.
            addresses: Source and destination, as IP has them.
            data: What was captured.
            start: Where the TCP header begins in it.
            end: Where the IP packet ends: beyond the data if the snap length cut it, before their end if there is
                padding.
        """
        captured = min(len(data), end)
        if captured < start + _TCP_START.size:
            if end < start + _TCP_START.size:
                self._malformed += 1
            else:
                self._cut_headers += 1
            return None
        source_port, destination_port, seq, ack, header, flags = _TCP_START.unpack_from(data, start)
        payload = start + (header >> 4) * 4
        if payload < start + 20 or payload > end:
            self._malformed += 1
            return None
        return Segment(
            time_ns,
            _endpoint(addresses[0], source_port),
            _endpoint(addresses[1], destination_port),
            flags,
            seq,
            ack,
            data[payload:captured],
            end - max(captured, payload),
        )


def _past_extensions(data: bytes, following: int, start: int) -> tuple[int, int]:
    """Skip IPv6's extension headers (RFC 8200, section 4).

    Returns:
        The number of the next header, and where it begins. This is an extension in two cases: a fragment header of a
        packet with several fragments, or a header that is not whole in the data.
    """
    while following in _EXTENSIONS and len(data) >= start + 8:
        if following == _FRAGMENT:
            if data[start + 2] or data[start + 3] & 0xF9:
                break
            length = 8  # an atomic fragment, which is a whole packet (RFC 6946)
        elif following == _AUTHENTICATION:
            length = (data[start + 1] + 2) * 4  # this one counts words of 4 bytes (RFC 4302, section 2.2)
        else:
            length = (data[start + 1] + 1) * 8
        following = data[start]
        start += length
    return following, start


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


@cache
def is_known_to_scapy(link_type: int) -> bool:
    """Return True if scapy has a dissector for a link type. The first call imports scapy's layers."""
    import scapy.layers.all  # noqa: F401, PLC0415 -- registers the link types
    from scapy.config import conf  # noqa: PLC0415 -- as above

    return link_type in conf.l2types.num2layer


def find_ip_with_scapy(link_type: int, data: bytes) -> int:
    """Where in a packet the innermost IP header begins, in bytes; -1 if there is none."""
    if not is_known_to_scapy(link_type):
        return -1
    from scapy.config import conf  # noqa: PLC0415 -- as above

    try:
        packet = conf.l2types.num2layer[link_type](data)
    except _SCAPY_FAILURES:
        return -1
    found = -1
    while packet:
        if packet.name in ("IP", "IPv6"):
            found = data.rfind(bytes(packet.original))
        packet = packet.payload
    return found
