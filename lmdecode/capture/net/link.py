"""From a packet's raw bytes to its TCP segment.

This runs for every packet that the prefilter lets through. A general dissector spends microseconds on each layer of
each packet; nearly all that is wanted here stands at fixed places. So packets take one of three ways, the cheapest
first:

1. TCP in IPv4 in Ethernet, without options or fragments, captured whole: one `unpack_from` in `read_all`. These are
   nearly all packets of a household. Those of connections whose ends are known are read in the same way by the reader
   of pcap files, which need not make a packet of each first.
2. The link layers that tcpdump and Wireshark write on ordinary computers (Ethernet with VLAN tags, Linux's cooked
   captures of `-i any`, loopback, raw IP of tunnels and phones), IPv6 with its extension headers, and fragments: read
   by hand, the ports as early as possible, since a packet of another port needs no more.
3. All else, from where way 2 does not get on: what taps, tunnels, providers, switches and Wi-Fi put around packets. The
   table of `encapsulation` leads to the IP headers with TCP behind them, and these are read as in way 2. A packet that
   has none of the wanted ports' two bytes anywhere is given up early.

Way 1 gives what way 2 would give; a test compares them.

What can go wrong, and what becomes of it:

- The snap length cut the packet: inside the payload, the segment says how many bytes are missing; inside the headers,
  it is counted for a warning.
- IP's total length is 0: the network card cuts large packets up (TCP segmentation offload) and fills in the length only
  after the capture has seen them. The packet then ends where its frame ends.
- IP's total length is less than the frame: Ethernet pads frames to 60 bytes, and the padding is not payload.
- The header contradicts itself: counted for a warning, if it is on one of the ports.
- IP fragments: only the first has the ports, so all fragments of TCP are kept for a while. So are those of what may be
  a tunnel: a packet of full size does not fit into another one, and the outer one is cut up.
- A layer that cannot be looked into, as an encrypted one, or that nobody knows: counted in `unread` by its name.

Nothing raises, whatever the bytes are. All that cannot be read is counted and ends up in `warnings`. Checksums are not
looked at: on the recording computer itself most packets have wrong ones, since its network card fills them in later.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, cast

from lmdecode.capture.net.bluetooth import LINK_TYPES as BLUETOOTH
from lmdecode.capture.net.bluetooth import as_segment
from lmdecode.capture.net.ip_header import EXTENSIONS, FRAGMENT, TCP, UDP, find_ip, past_extensions
from lmdecode.capture.net.packet import (
    ETHERNET,
    HEADER_OFFSETS,
    PLAIN,
    PLAIN_KIND,
    PLAIN_PROTOCOLS,
    TUNNEL_PORTS,
    Endpoint,
    Ends,
    Found,
    FragmentKey,
    Fragments,
    Packet,
    Segment,
    ip_text,
)  # fmt: skip
from lmdecode.capture.net.step import IP_PROTOCOL, LINK, RAW_IP, Step
from lmdecode.capture.source import CaptureStatistics

# LINKTYPE_ numbers of the pcap world; `encapsulation` has all.
_RAW_IP: Final = frozenset((12, 14, 101, 228, 229))

_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
_ARP: Final = b"\x08\x06"
# 802.1Q, 802.1ad (a service provider's, around the first), and what was used for that before 802.1ad.
_VLAN_TAGS: Final = frozenset((b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00"))
_MAY_CARRY: Final = frozenset(range(256)) - PLAIN_PROTOCOLS | {UDP}
_TUNNEL_PROTOCOLS: Final = frozenset((4, UDP, 41, 47))  # the common ones, which are given up at once if not ours
_CUT_UP: Final = frozenset((4, 41, 47, 94, 97, 115, 137))  # carriers other than UDP whose fragments are put together
_TUNNELS: Final = frozenset(port.to_bytes(2, "big") for port in TUNNEL_PORTS)
_MOST_LINKS: Final = 5  # link types that a warning is given for
_ENOUGH: Final = 1000  # packets that are not ours are looked through, to know what is there
_REASSEMBLED: Final = -1  # in place of the link type of what was put together from fragments

_MAX_ENDS: Final = 4096  # pairs of ends that are remembered, so that a scan of a network cannot fill the memory
_TCP_START: Final = struct.Struct("!HHIIBB")


@lru_cache(maxsize=1024)
def _endpoint(address: bytes, port: int) -> Endpoint:
    return Endpoint(ip_text(address), port)


class SegmentReader:
    """Picks the TCP segments of some ports out of packets.

    Args:
        ports: Only segments from or to one of these TCP ports are read; all if None.
        radio: Whether Bluetooth packets are handed on as well, each in the place of a segment; see `net.bluetooth`.
    """

    def __init__(self, ports: frozenset[int] | None, *, radio: bool = False) -> None:
        self._radio = radio
        self._numbers = ports
        self._ports = None if ports is None else frozenset(port.to_bytes(2, "big") for port in ports)
        self._plain_ends: dict[bytes, tuple[Endpoint, Endpoint]] = {}
        self._fragments = Fragments(self._ports)
        self._udp_fragments = Fragments(_TUNNELS)
        self._outer_fragments = Fragments(None)
        self._unknown_links: Counter[int] = Counter()
        self.unread: Counter[str] = Counter()
        """Packets whose content could not be looked into, by the name of the layer. All if all ports are read; else
        those that may be ours, and the first few of the others."""
        self._foreign = 0  # packets of way 3 without the bytes of a port
        self._cut_headers = 0
        self._malformed = 0

    @property
    def ends(self) -> Ends:
        """The ends of the connections that were found, for readers of formats. It grows as packets are read."""
        return self._plain_ends

    def read_all(self, packets: Sequence[Found]) -> list[Segment]:
        """The TCP segments of the ports in some packets, in order, and those that were read already. Never raises."""
        if Packet not in set(map(type, packets)):
            return cast("list[Segment]", packets)
        segments: list[Segment] = []
        known, unpack, least, new = self._plain_ends, PLAIN.unpack_from, PLAIN.size, tuple.__new__
        for packet in packets:
            if isinstance(packet, Segment):
                segments.append(packet)
                continue
            time_ns, link_type, data, _ = packet
            if link_type == ETHERNET and len(data) >= least:  # way 1
                kind, total, place, protocol, both_ends, seq, ack, header, flags = unpack(data)
                end, payload = 14 + total, 34 + (header >> 4) * 4
                if (
                    kind == PLAIN_KIND
                    and protocol == TCP
                    and not place & 0x3FFF
                    and 54 <= payload <= end <= len(data)
                    and (ends := known.get(both_ends) or self._wanted_ends(both_ends)) is not None
                ):
                    source, destination = ends
                    content = data[payload:end]
                    segments.append(new(Segment, (time_ns, source, destination, flags, seq, ack, content, 0)))
                    continue
            segments += self._read(packet)
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

    def read(self, packet: Packet) -> list[Segment]:
        """The packet's TCP segments on the ports: nearly always one or none. Never raises."""
        return self.read_all((packet,))

    def _read(self, packet: Packet) -> Sequence[Segment]:
        """As `read`, by ways 2 and 3."""
        _, link_type, data, _ = packet
        if link_type in BLUETOOTH:
            return (as_segment(packet),) if self._radio else ()
        offset = 0
        typed = HEADER_OFFSETS.get(link_type)
        if typed is not None:
            type_at, offset = typed
            kind = data[type_at : type_at + 2]
            while kind in _VLAN_TAGS:
                kind = data[offset + 2 : offset + 4]
                offset += 4
            if kind not in (_IPV4, _IPV6):
                if kind == _ARP or len(kind) < 2:
                    return ()
                return self._look_through(packet, Step(LINK, link_type, 0))
        elif link_type not in _RAW_IP or data[12:14] in (_IPV4, _IPV6):
            return self._look_through(packet, Step(LINK, link_type, 0))
        return self._ip(packet, offset)

    def _ip(self, packet: Packet, offset: int) -> Sequence[Segment]:
        data = packet.data
        if offset < len(data):
            version = data[offset] >> 4
            if version == 4:
                return self._ipv4(packet, offset)
            if version == 6:
                return self._ipv6(packet, offset)
            if not offset:
                return self._look_through(packet, Step(LINK, ETHERNET, 0))  # a frame that says that it is raw IP
        return ()

    def report(self, statistics: CaptureStatistics) -> None:
        """Add what could not be read up to now to what is counted of a capture."""
        statistics.unread += self.unread
        statistics.warnings += self.warnings()

    def warnings(self) -> list[str]:
        """What could not be read up to now, one line for each cause."""
        found = self._link_warnings() if self._unknown_links else []
        fragments = self._fragments, self._udp_fragments, self._outer_fragments
        unassembled = sum(each.unassembled for each in fragments)
        if unassembled:
            found.append(f"{_count(unassembled, 'IP fragment')} could not be reassembled")
        if self._cut_headers:
            found.append(
                f"{_count(self._cut_headers, 'packet')} cut off inside the TCP header by the capture "
                "could not be read; capture with -s 0"
            )
        if self._malformed:
            found.append(f"{_count(self._malformed, 'packet')} on the port with a malformed header could not be read")
        return found

    def _link_warnings(self) -> list[str]:
        """What link types could not be read. Damage may make thousands of them, so those with the most packets."""
        from lmdecode.capture.net.encapsulation import link_name  # noqa: PLC0415 -- for few captures

        advice = "could not be read; record on the interface itself, or as Ethernet"
        found = [
            f"{_count(number, 'packet')} of {link_name(link_type)} {advice}"
            for link_type, number in sorted(self._unknown_links.most_common(_MOST_LINKS))
        ]
        rest = self._unknown_links.total() - sum(number for _, number in self._unknown_links.most_common(_MOST_LINKS))
        return [*found, f"{_count(rest, 'packet')} of other link types {advice}"] if rest else found

    def _look_through(self, packet: Packet, start: Step) -> list[Segment]:
        """The segments behind whatever is around them, from a header of the packet on."""
        from lmdecode.capture.net.encapsulation import count_unread, is_closed, is_known, look_through  # noqa: PLC0415 -- for few captures

        data, size = packet.data, max(packet.original_length, len(packet.data))
        if self._ports is not None and not self._may_be_ours(data):
            self._foreign += 1
            if self._foreign > _ENOUGH and len(data) == size:
                return []
            places, is_cut = look_through(data, size, start, self.unread)
        else:
            unread: Counter[str] = Counter()
            places, is_cut = look_through(data, size, start, unread)
            is_lost = not places and start.space == LINK and not is_closed(unread)
            # The file has another link type than it says, or there is a header that nobody knows.
            for found in find_ip(data, start.at, size) if is_lost else ():
                places, is_cut = look_through(data, size, Step(*RAW_IP, found), unread := Counter())
                is_lost = False
                if places or data[found] >> 4 == 4:
                    break
            if is_lost and self._ports is not None and not is_known(start.number):
                self._unknown_links[start.number] += 1
            for name in unread:
                count_unread(self.unread, name)
        self._cut_headers += is_cut
        segments: list[Segment] = []
        for place in places:
            segments += self._ip(packet, place)
        return segments

    def _may_be_ours(self, data: bytes) -> bool:
        """False if no port's two bytes are anywhere in a packet: then it need not be looked through."""
        if self._ports is None:
            return True
        for port in self._ports:  # noqa: SIM110 -- any() takes twice as long, for each packet of a tunnel
            if port in data:
                return True
        return False

    def _ipv4(self, packet: Packet, offset: int) -> Sequence[Segment]:  # noqa: PLR0911 -- no more than is needed is read
        data = packet.data
        if len(data) < offset + 20:
            self._cut_headers += 1
            return ()
        protocol = data[offset + 9]
        if protocol != TCP and protocol not in _MAY_CARRY:
            return ()
        header_length = (data[offset] & 15) * 4
        start = offset + header_length
        fragment = data[offset + 6] << 8 | data[offset + 7]
        is_fragment = fragment & 0x3FFF
        if not is_fragment:
            if protocol != TCP:
                return self._carried(packet, protocol, offset, start)
            if not self._wanted(data, start):
                return ()
        total_length = data[offset + 2] << 8 | data[offset + 3]
        # 0: the network card will cut this packet up, and fills in the lengths of the parts.
        end = offset + total_length if total_length else max(packet.original_length, len(data))
        if header_length < 20 or end < start:
            self._malformed += protocol == TCP
            return ()
        source, destination = data[offset + 12 : offset + 16], data[offset + 16 : offset + 20]
        if is_fragment:
            key = FragmentKey(source, destination, data[offset + 4] << 8 | data[offset + 5])
            place = (fragment & 0x1FFF) * 8  # in units of 8 bytes (RFC 791, section 3.1)
            more = bool(fragment & 0x2000)
            if protocol != TCP:
                return self._outer_fragment(packet, key, protocol, place, data[start:end], more=more)
            return self._fragment(packet, key, place, start, end, more=more)
        return self._tcp(packet.time_ns, (source, destination), data, start, end)

    def _ipv6(self, packet: Packet, offset: int) -> Sequence[Segment]:
        data = packet.data
        if len(data) < offset + 40:
            self._cut_headers += 1
            return ()
        start = offset + 40
        payload_length = data[offset + 4] << 8 | data[offset + 5]
        end = start + payload_length if payload_length else max(packet.original_length, len(data))
        source, destination = data[offset + 8 : offset + 24], data[offset + 24 : start]
        following, start = past_extensions(data, data[offset + 6], start)
        if following == FRAGMENT and len(data) >= start + 8:
            place = data[start + 2] << 8 | data[start + 3]
            key = FragmentKey(source, destination, int.from_bytes(data[start + 4 : start + 8], "big"))
            protocol, place, more = data[start], place & 0xFFF8, bool(place & 1)
            if protocol != TCP:
                return self._outer_fragment(packet, key, protocol, place, data[start + 8 : end], more=more)
            return self._fragment(packet, key, place, start + 8, end, more=more)
        if following != TCP:
            self._cut_headers += following in EXTENSIONS
            return self._carried(packet, following, offset, start) if following in _MAY_CARRY else ()
        if not self._wanted(data, start):
            return ()
        return self._tcp(packet.time_ns, (source, destination), data, start, end)

    def _carried(self, packet: Packet, protocol: int, offset: int, start: int) -> Sequence[Segment]:
        """The segments in packets that an IP packet carries.

        Args:
            packet: With the IP packet.
            protocol: That in the IP packet, which is not TCP.
            offset: Where the IP header begins.
            start: Where it ends.
        """
        if self._ports is not None:
            data = packet.data
            if (
                protocol == UDP
                and data[start : start + 2] not in _TUNNELS
                and data[start + 2 : start + 4] not in _TUNNELS
            ):
                return ()
            is_whole = len(data) >= packet.original_length
            if protocol in _TUNNEL_PROTOCOLS and is_whole and not self._may_be_ours(data):
                return ()
        return self._look_through(packet, Step(*RAW_IP, offset))

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
    ) -> Sequence[Segment]:
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
            return ()
        return self._tcp(packet.time_ns, (key.source, key.destination), whole, 0, len(whole))

    def _outer_fragment(
        self, packet: Packet, key: FragmentKey, protocol: int, place: int, payload: bytes, *, more: bool
    ) -> Sequence[Segment]:
        """The segments in an IP packet of another protocol than TCP, if this fragment completes it.

        Once only: what was put together is not put together with more, so that no packet leads to a chain of others.
        The arguments are those of `_fragment`, with the protocol and the fragment's payload.
        """
        if protocol != UDP and protocol not in _CUT_UP:
            return ()
        if packet.link_type == _REASSEMBLED:
            self.unread["fragments of IP in a tunnel"] += 1
            return ()
        key = key._replace(identification=protocol << 32 | key.identification)  # each protocol numbers its own packets
        fragments = self._udp_fragments if protocol == UDP else self._outer_fragments
        whole = fragments.add(key, place, payload, more=more)
        if whole is None:
            return ()
        packet = Packet(packet.time_ns, _REASSEMBLED, whole, len(whole))
        return self._look_through(packet, Step(IP_PROTOCOL, protocol, 0))

    def _tcp(
        self, time_ns: int, addresses: tuple[bytes, bytes], data: bytes, start: int, end: int
    ) -> Sequence[Segment]:
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
            return ()
        source_port, destination_port, seq, ack, header, flags = _TCP_START.unpack_from(data, start)
        payload = start + (header >> 4) * 4
        if payload < start + 20 or payload > end:
            self._malformed += 1
            return ()
        segment = Segment(
            time_ns,
            _endpoint(addresses[0], source_port),
            _endpoint(addresses[1], destination_port),
            flags,
            seq,
            ack,
            data[payload:captured],
            end - max(captured, payload),
        )
        return (segment,)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
