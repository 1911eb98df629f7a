"""Whatever stands around a segment, in whatever order, is looked through; what cannot be looked into is named."""

from __future__ import annotations

import importlib.util
import struct
import time
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.capture.net import tunnels
from lmdecode.capture.net.bluetooth import LINK_TYPES as BLUETOOTH
from lmdecode.capture.net.encapsulation import (
    LAYERS,
    MOST_HEADERS,
    MOST_NAMES,
    UNREAD,
    is_known,
    link_name,
    look_through,
    not_looked_into,
)
from lmdecode.capture.net.link import SegmentReader
from lmdecode.capture.net.packet import ACK, PSH, TUNNEL_PORTS, Packet, Segment
from lmdecode.capture.net.step import IP_PROTOCOL, LINK, UDP_PORT, Step
from tests.capture.building import APP, APP6, MACHINE, MACHINE6, ip, seal

FOUR = Segment(7, APP, MACHINE, PSH | ACK, 1000, 5000, seal("R40000020D8"))
SIX = FOUR._replace(source=APP6, destination=MACHINE6)
PORTS = frozenset({1774})
DOCS = Path(__file__).parents[3] / "docs"
MACS = bytes.fromhex("00005e005301 60005e005302")  # of which one begins as IPv6 does


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ip4(protocol, content):
    addresses = ip_address("10.0.0.1").packed + ip_address("10.0.0.2").packed
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), 1, 0x4000, 64, protocol, 0) + addresses
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + content


def ip6(protocol, content):
    addresses = ip_address("2001:db8::1").packed + ip_address("2001:db8::2").packed
    return struct.pack("!IHBB", 6 << 28, len(content), protocol, 64) + addresses + content


def udp(port, content, source=51000):
    return struct.pack("!HHHH", source, port, 8 + len(content), 0) + content


def kind_of(packet):
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"


def ppp(packet):
    return (b"\0\x57" if packet[0] >> 4 == 6 else b"\0\x21") + packet


def llc(packet):
    return b"\xaa\xaa\x03\0\0\0" + kind_of(packet) + packet


def frame(packet):
    return MACS + kind_of(packet) + packet


def pppoe(packet):
    return b"\x11\0\0\1" + struct.pack("!H", len(packet) + 2) + ppp(packet)


def tagged(tag):
    return lambda data: data[:12] + tag + data[12:]


def subframe(packet):
    content = MACS + struct.pack("!H", len(packet) + 8) + llc(packet)
    return content + bytes(-len(content) % 4)


class Wrap(NamedTuple):
    takes: str
    gives: str
    make: object


E, I = "Ethernet", "IP"  # noqa: E741 -- so that the table is one
WRAPS = {
    "Ethernet": Wrap(I, E, frame),
    "802.3": Wrap(I, E, lambda b: MACS + struct.pack("!H", len(b) + 8) + llc(b)),
    "VLAN": Wrap(E, E, tagged(b"\x81\0\0\5")),
    "VLAN of a provider": Wrap(E, E, tagged(b"\x88\xa8\0\5")),
    "VLAN, 0x9100": Wrap(E, E, tagged(b"\x91\0\0\5")),
    "VLAN, 0x9200": Wrap(E, E, tagged(b"\x92\0\0\5")),
    "802.1BR": Wrap(E, E, tagged(b"\x89\x3f\0\0\0\5\0\0")),
    "VN tag": Wrap(E, E, tagged(b"\x89\x26\0\0\0\5")),
    "802.1ah": Wrap(E, E, lambda b: MACS + b"\x88\xe7\0\0\0\5" + b),
    "MACsec": Wrap(E, E, tagged(b"\x88\xe5\0\0\0\0\0\1")),
    "MACsec with a channel": Wrap(E, E, tagged(b"\x88\xe5\x20\0\0\0\0\1" + bytes(8))),
    "batman": Wrap(E, E, lambda b: MACS + b"\x43\x05\x40\x0f\x32\1" + bytes(6) + b),
    "PPPoE": Wrap(I, E, lambda b: MACS + b"\x88\x64" + pppoe(b)),
    "MPLS": Wrap(I, E, lambda b: MACS + b"\x88\x47\0\1\1\x40" + b),
    "MPLS, three labels": Wrap(I, E, lambda b: MACS + b"\x88\x48\0\1\0\x40\0\2\0\x40\0\3\1\x40" + b),
    "pseudowire": Wrap(E, E, lambda b: MACS + b"\x88\x47\0\1\1\x40" + b),
    "pseudowire with control": Wrap(E, E, lambda b: MACS + b"\x88\x47\0\1\1\x40\0\0\0\1" + b),
    "IPIP": Wrap(I, I, lambda b: ip4(41 if b[0] >> 4 == 6 else 4, b)),
    "in IPv6": Wrap(I, I, lambda b: ip6(41 if b[0] >> 4 == 6 else 4, b)),
    "options": Wrap(I, I, lambda b: ip6(60, bytes((41 if b[0] >> 4 == 6 else 4, 0)) + bytes(6) + b)),
    "authentication": Wrap(I, I, lambda b: ip4(51, bytes((41 if b[0] >> 4 == 6 else 4, 4)) + bytes(22) + b)),
    "GRE": Wrap(I, I, lambda b: ip4(47, b"\0\0" + kind_of(b) + b)),
    "GRE with key": Wrap(I, I, lambda b: ip6(47, b"\x20\0" + kind_of(b) + bytes(4) + b)),
    "GRE with all": Wrap(I, I, lambda b: ip4(47, b"\xb0\0" + kind_of(b) + bytes(12) + b)),
    "GRE of MPLS": Wrap(I, I, lambda b: ip4(47, b"\0\0\x88\x47\0\1\1\x40" + b)),
    "PPTP": Wrap(I, I, lambda b: ip4(47, b"\x30\x81\x88\x0b" + bytes(12) + b"\xff\x03" + ppp(b))),
    "WCCP": Wrap(I, I, lambda b: ip4(47, b"\0\0\x88\x3e" + bytes(4) + b)),
    "gretap": Wrap(E, I, lambda b: ip4(47, b"\0\0\x65\x58" + b)),
    "gretap with key": Wrap(E, I, lambda b: ip4(47, b"\x20\0\x65\x58\0\0\0\7" + b)),
    "EoIP": Wrap(E, I, lambda b: ip4(47, b"\x20\x01\x64\0" + struct.pack("!HH", len(b), 7) + b)),
    "ERSPAN I": Wrap(E, I, lambda b: ip4(47, b"\0\0\x88\xbe" + b)),
    "ERSPAN II": Wrap(E, I, lambda b: ip4(47, b"\x10\0\x88\xbe\0\0\0\1\x10\1" + bytes(6) + b)),
    "ERSPAN III": Wrap(E, I, lambda b: ip4(47, b"\x10\0\x22\xeb\0\0\0\1\x20\1" + bytes(10) + b)),
    "ERSPAN III, longer": Wrap(
        E, I, lambda b: ip6(47, b"\x10\0\x22\xeb\0\0\0\1\x20\1" + bytes(9) + b"\1" + bytes(8) + b)
    ),
    "ERSPAN III of IP": Wrap(I, I, lambda b: ip4(47, b"\x10\0\x22\xeb\0\0\0\1\x20\1" + bytes(8) + b"\x08\0" + b)),
    "VXLAN": Wrap(E, I, lambda b: ip4(17, udp(4789, b"\x08\0\0\0\0\0\x48\0" + b))),
    "VXLAN of Linux": Wrap(E, I, lambda b: ip6(17, udp(8472, b"\x08\0\0\0\0\0\x48\0" + b))),
    "VXLAN-GPE": Wrap(I, I, lambda b: ip4(17, udp(4790, b"\x0c\0\0" + bytes((1 + (b[0] >> 6),)) + b"\0\0\x48\0" + b))),
    "GENEVE": Wrap(E, I, lambda b: ip4(17, udp(6081, b"\x02\0\x65\x58\0\0\1\0" + bytes(8) + b))),
    "GENEVE of IP": Wrap(I, I, lambda b: ip4(17, udp(6081, b"\0\0" + kind_of(b) + b"\0\0\1\0" + b))),
    "TZSP": Wrap(E, I, lambda b: ip4(17, udp(37008, b"\1\0\0\1\1" + b))),
    "TZSP with tags": Wrap(E, I, lambda b: ip4(17, udp(37008, b"\1\0\0\1\0\x29\2\0\1\x0a\1\xd0\1" + b))),
    "TZSP of Wi-Fi": Wrap(I, I, lambda b: ip4(17, udp(37008, b"\1\0\0\x12\1\x08\1" + bytes(22) + llc(b)))),
    "GTP-U": Wrap(I, I, lambda b: ip4(17, udp(2152, b"\x30\xff" + struct.pack("!H", len(b)) + bytes(4) + b))),
    "GTP-U with extension": Wrap(
        I, I, lambda b: ip4(17, udp(2152, b"\x34\xff" + bytes(6) + b"\0\0\0\x85\1\x10\5\0" + b))
    ),
    "L2TP": Wrap(I, I, lambda b: ip4(17, udp(1701, b"\0\x02\0\1\0\2\xff\x03" + ppp(b)))),
    "L2TP with all": Wrap(
        I, I, lambda b: ip4(17, udp(1701, b"\x4a\x02\0\0\0\1\0\2" + bytes(4) + b"\0\3\0\0\0" + ppp(b)))
    ),
    "L2TPv3": Wrap(E, I, lambda b: ip4(115, b"\0\0\0\1" + bytes(4) + b)),
    "CAPWAP": Wrap(E, I, lambda b: ip4(17, udp(5247, b"\0\x10\2\0\0\0\0\0" + b))),
    "CAPWAP of Wi-Fi": Wrap(I, I, lambda b: ip4(17, udp(5247, b"\0\x10\3\0\0\0\0\0\x08\1" + bytes(22) + llc(b)))),
    "Teredo": Wrap(I, I, lambda b: ip4(17, udp(3544, b"\0\0" + bytes(6) + b))),
    "GRE in UDP": Wrap(I, I, lambda b: ip4(17, udp(4754, b"\0\0" + kind_of(b) + b))),
    "MPLS in UDP": Wrap(I, I, lambda b: ip4(17, udp(6635, b"\0\1\1\x40" + b))),
    "MPLS in IP": Wrap(I, I, lambda b: ip4(137, b"\0\1\1\x40" + b)),
    "EtherIP": Wrap(E, I, lambda b: ip4(97, b"\x30\0" + b)),
    "service header": Wrap(E, E, lambda b: MACS + b"\x89\x4f\0\2\1\3\0\0\1\xff" + b),
    "bridged PPP": Wrap(E, E, lambda b: MACS + b"\x88\x64\x11\0\0\1\0\0\0\x31\0\1" + b),
    "multilink": Wrap(I, E, lambda b: MACS + b"\x88\x64\x11\0\0\1\0\0\0\x3d\xc0\0\0\1" + ppp(b)),
}
# A switch's tag has no number of its own in most of these: behind it must be an IP packet, and no other layer.
TAGS = {
    "Realtek, 4 bytes": tagged(b"\x88\x99\xa0\2"),
    "Realtek, 8 bytes": tagged(b"\x88\x99\4\0\0\0\0\2"),
    "MediaTek": tagged(b"\0\2\0\0"),
    "MediaTek, VLAN": tagged(b"\1\2\0\5"),
    "QCA": tagged(b"\x80\2"),
    "Broadcom": tagged(b"\x40\0\0\2"),
    "Broadcom before": lambda b: b"\x40\0\0\2" + b,
    "Broadcom, older": tagged(b"\x88\x74\0\0\0\2"),
    "Marvell": tagged(b"\xc0\0\0\0"),
    "Marvell, to the processor": tagged(b"\0\x10\0\5"),
    "Marvell with a type": tagged(b"\xda\xda\0\0\xc0\0\0\0"),
    "Ocelot": lambda b: bytes(range(1, 17)) + b,
    "Ocelot, short": lambda b: b"\x88\x80\0\x0a" + bytes(range(1, 17)) + b,
    "Ocelot, long": lambda b: b"\xff" * 6 + b"\xfe" + b"\xff" * 5 + b"\x88\x80\0\x0a" + bytes(range(1, 17)) + b,
    "KSZ, at the end": lambda b: b + b"\2",
    "RTL8366RB, at the end": lambda b: b + b"\x88\x99\4\0\0\0\0\2",
}
RADIOTAP = struct.pack("<BBHI", 0, 0, 25, 0x80000003) + bytes(8) + bytes(8) + b"\0"  # two words, TSFT, flags
PADDED = struct.pack("<BBHI", 0, 0, 9, 2) + b"\x20"
FROM_AP, MESH = b"\x08\2" + bytes(22), b"\x08\3" + bytes(28)
QOS = b"\x88\2" + bytes(22)
LINKS = {
    "Ethernet": (E, 1, lambda b: b),
    "Ethernet that is raw IP": (I, 1, lambda b: b),
    "raw IP": (I, 101, lambda b: b),
    "raw IP that is Ethernet": (I, 101, lambda b: b"\2" + frame(b)[1:]),
    "loopback": (I, 0, lambda b: b"\x1e\0\0\0" + b),
    "cooked": (E, 113, lambda b: bytes(14) + b[12:]),
    "cooked 2": (E, 276, lambda b: b[12:14] + bytes(18) + b[14:]),
    "PPP": (I, 9, ppp),
    "PPP with address": (I, 50, lambda b: b"\xff\x03" + ppp(b)),
    "PPP, shortened": (I, 9, lambda b: ppp(b)[1:]),
    "pppd": (I, 166, lambda b: b"\1\x03" + ppp(b)),
    "PPP with a direction": (I, 204, lambda b: b"\0\xff\x03" + ppp(b)),
    "Cisco HDLC": (I, 104, lambda b: b"\x0f\0" + kind_of(b) + b),
    "PPPoE": (I, 51, pppoe),
    "LLC": (I, 100, llc),
    "SLIP": (I, 8, lambda b: bytes(16) + b),
    "Wi-Fi": (I, 105, lambda b: FROM_AP + llc(b)),
    "Wi-Fi, four addresses": (I, 105, lambda b: MESH + llc(b)),
    "Wi-Fi, QoS": (I, 105, lambda b: QOS + b"\0\0" + llc(b)),
    "Wi-Fi, QoS, HT": (I, 105, lambda b: b"\x88\x82" + bytes(22) + b"\0\0" + bytes(4) + llc(b)),
    "Wi-Fi, A-MSDU": (I, 105, lambda b: QOS + b"\x80\0" + subframe(b)),
    "radiotap": (I, 127, lambda b: RADIOTAP + FROM_AP + llc(b)),
    "radiotap, padded": (I, 127, lambda b: PADDED + QOS + b"\0\0\0\0" + llc(b)),
    "Prism": (I, 119, lambda b: struct.pack("<II", 0x44, 144) + bytes(136) + FROM_AP + llc(b)),
    "Prism, big-endian": (I, 119, lambda b: struct.pack(">II", 0x44, 144) + bytes(136) + FROM_AP + llc(b)),
    "AVS": (I, 163, lambda b: struct.pack(">II", 0x80211001, 64) + bytes(56) + FROM_AP + llc(b)),
    "PPI": (I, 192, lambda b: struct.pack("<BBHI", 0, 0, 12, 105) + bytes(4) + FROM_AP + llc(b)),
    "PKTAP": (E, 258, lambda b: struct.pack("<III", 108, 1, 1) + bytes(96) + b),
    "PKTAP, raw": (I, 149, lambda b: struct.pack("<III", 120, 1, 12) + bytes(108) + b),
    "PKTAP of what is raw": (I, 258, lambda b: struct.pack("<III", 108, 1, 1) + bytes(96) + b),
    "NFLOG": (
        I,
        239,
        lambda b: (
            b"\2\0\0\x1e" + struct.pack("<HHIHH", 8, 1, 0, 7, 10) + b"up\0\0" + struct.pack("<HH", len(b) + 4, 9) + b
        ),
    ),
    "NFLOG, big-endian": (
        I,
        239,
        lambda b: b"\2\0\0\x1e" + struct.pack(">HHI", 8, 1, 0) + struct.pack(">HH", len(b) + 4, 9) + b,
    ),
    "NFLOG, big-endian, nothing but the packet": (
        I,
        239,
        lambda b: b"\2\0\0\x1e" + struct.pack(">HH", len(b) + 4, 9) + b,
    ),
    "PFLOG": (I, 117, lambda b: b"\x3d\2" + bytes(62) + b),
    "ENC": (I, 109, lambda b: bytes(12) + b),
    "FireWire": (I, 138, lambda b: bytes(16) + kind_of(b) + b),
    "netANALYZER": (E, 240, lambda b: bytes(4) + b),
    "preamble": (E, 274, lambda b: b"\x55" * 7 + b"\xd5" + b),
}


def read(link_type, data, size=None, ports=PORTS):
    reader = SegmentReader(ports)
    found = reader.read(Packet(7, link_type, data, size or len(data)))
    return found, reader


@st.composite
def wrapped(draw, most=8):
    """A segment in layers of the table: the link type, the packet, the segment."""
    segment = draw(st.sampled_from([FOUR, SIX]))
    kind, data = I, ip(segment)
    for _ in range(draw(st.integers(0, most))):
        wrap = WRAPS[draw(st.sampled_from([name for name, each in WRAPS.items() if each.takes == kind]))]
        kind, data = wrap.gives, wrap.make(data)
    _, link_type, around = LINKS[draw(st.sampled_from([name for name, each in LINKS.items() if each[0] == kind]))]
    return link_type, around(data), segment


@given(wrapped())
@settings(max_examples=120)
def test_any_nesting_gives_the_segment(packet):
    link_type, data, segment = packet
    found, reader = read(link_type, data)
    assert found == [segment]
    assert reader.warnings() == []
    assert not reader.unread
    assert read(link_type, data, ports=None)[0] == [segment]
    assert read(link_type, data, ports=frozenset({443}))[0] == []


@pytest.mark.parametrize("segment", [FOUR, SIX], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("name", WRAPS)
def test_each_layer(name, segment):
    wrap = WRAPS[name]
    data = wrap.make(frame(ip(segment)) if wrap.takes == E else ip(segment))
    assert read(1 if wrap.gives == E else 101, data)[0] == [segment]


@pytest.mark.parametrize("segment", [FOUR, SIX], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("name", LINKS)
def test_each_link_type(name, segment):
    kind, link_type, wrap = LINKS[name]
    data = wrap(frame(ip(segment)) if kind == E else ip(segment))
    found, reader = read(link_type, data)
    assert found == [segment]
    assert reader.warnings() == []


@pytest.mark.parametrize("link_type", [1, 281, 282, 283, 284, 285])
@pytest.mark.parametrize("inside", ["", "VLAN", "PPPoE", "VXLAN"])
@pytest.mark.parametrize("name", TAGS)
def test_the_tags_of_switches(name, inside, link_type):
    for segment in (FOUR, SIX):
        data = {
            "": lambda s: frame(ip(s)),
            "VLAN": lambda s: WRAPS["VLAN"].make(frame(ip(s))),
            "PPPoE": lambda s: WRAPS["PPPoE"].make(ip(s)),
            "VXLAN": lambda s: frame(WRAPS["VXLAN"].make(frame(ip(s)))),
        }[inside](segment)
        assert read(link_type, TAGS[name](data))[0] == [segment]
        assert read(link_type, TAGS[name](data + bytes(10)))[0] in ([segment], [])  # padded: with a checksum only


@given(st.binary(min_size=16, max_size=200))
def test_chance_bytes_are_no_tag(noise):
    """Of an unknown type, and with a port of ours where the segment's would be: they still are no IP packet."""
    data = MACS + b"\x99\x99" + noise + b"\x06\xee"
    assert read(1, data)[0] == []


def test_a_tag_is_not_taken_for_granted():
    good = TAGS["QCA"](frame(ip4(6, ip(FOUR)[20:])))
    assert len(read(1, good)[0]) == 1
    for place in (16, 16 + 2, 16 + 3, 16 + 9, 16 + 10, 16 + 15):  # version, length, protocol, checksum, address
        bad = bytearray(good)
        bad[place] ^= 0x80
        assert read(1, bytes(bad))[0] == []


def test_all_packets_of_an_aggregate_are_read():
    segments = [FOUR._replace(seq=number, payload=FOUR.payload[: number * 3]) for number in range(1, 9)]
    data = QOS + b"\x80\0" + b"".join(subframe(ip(segment)) for segment in segments)
    assert read(105, data)[0] == segments


@pytest.mark.parametrize("outer", [ip4, ip6])
def test_an_outer_packet_in_fragments_is_put_together(outer):
    content = udp(4789, b"\x08\0\0\0\0\0\x48\0" + frame(ip(FOUR)))
    pieces = [(start, content[start : start + 32]) for start in range(0, len(content), 32)]
    reader = SegmentReader(PORTS)
    found = []
    for start, piece in reversed(pieces):
        more = start + 32 < len(content)
        if outer is ip4:
            packet = bytearray(ip4(17, piece))
            packet[6:8] = struct.pack("!H", start // 8 | more << 13)
        else:
            packet = ip6(44, struct.pack("!BBHI", 17, 0, start | more, 9) + piece)
        found += reader.read(Packet(7, 101, bytes(packet), len(packet)))
    assert found == [FOUR]
    assert reader.warnings() == []


def test_fragments_in_fragments_come_to_an_end():
    """What was put together is not put together with more: each packet here would complete the next."""
    reader = SegmentReader(PORTS)
    for number in range(60):
        inner = bytearray(ip4(4, ip(FOUR)[:16]))
        inner[4:6] = struct.pack("!H", number + 1)
        inner[6:8] = b"\x20\0"
        outer = bytearray(ip4(4, bytes(inner)))
        outer[4:6] = struct.pack("!H", number)
        outer[6:8] = b"\0\0"
        reader.read(Packet(7, 101, bytes(outer), len(outer)))
    first, last = bytearray(ip4(4, bytes(inner))), bytearray(ip4(4, bytes(8)))
    first[6:8], last[6:8] = b"\x20\0", struct.pack("!H", len(inner) // 8)
    assert reader.read(Packet(7, 101, bytes(first), len(first))) == []
    reader.read(Packet(7, 101, bytes(last), len(last)))
    assert reader.unread["fragments of IP in a tunnel"] == 1


NUMBERS = sorted({number for layer in (*LAYERS, *UNREAD) for space, number in layer.keys if space == LINK})


@given(st.sampled_from(NUMBERS), st.binary(max_size=120), st.booleans(), st.integers(0, 100))
@settings(max_examples=120)
def test_no_bytes_raise(link_type, noise, ours, cut):
    data = noise + b"\x06\xee" if ours else noise
    for ports in (PORTS, None):
        found, reader = read(link_type, data, len(data) + cut, ports)
        assert all(isinstance(segment, Segment) for segment in found)
        reader.warnings()


@given(st.data())
@settings(max_examples=120)
def test_no_damage_raises(data):
    link_type, packet, _ = data.draw(wrapped(4))
    damaged = bytearray(packet)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    kept = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    for ports in (PORTS, None):
        for segment in read(link_type, kept, len(damaged), ports)[0]:
            assert len(segment.payload) <= len(kept)


DEEP = {
    "VLAN": lambda b: MACS + b"\x81\0\0\5" * 16000 + b"\x08\0" + b,
    "VLAN in cooked": lambda b: bytes(14) + b"\x81\0\0\5" * 16000 + b"\x08\0" + b,
    "MPLS": lambda b: MACS + b"\x88\x47" + b"\0\1\0\x40" * 16000 + b"\0\1\1\x40" + b,
    "IPIP": lambda b: MACS + b"\x08\0" + ip4(4, b"")[:20] * 3200 + b,
    "IPv6 options": lambda b: (
        MACS + b"\x86\xdd" + ip6(60, b"\x3c\0" + bytes(6))[:40] + (b"\x3c\0" + bytes(6)) * 8000 + b
    ),
    "GRE": lambda b: MACS + b"\x08\0" + ip4(47, b"") + b"\0\0\x88\x47" * 16000 + b,
    "A-MSDU of nothing": lambda b: b"\x88\2" + bytes(22) + b"\x80\0" + (bytes(16)) * 4000 + b,
    "A-MSDU": lambda b: QOS + b"\x80\0" + subframe(ip4(17, udp(37008, b"\1\0\0\x12\1" + QOS + b"\x80\0"))) * 700 + b,
    "TZSP of padding": lambda b: MACS + b"\x08\0" + ip4(17, udp(37008, b"\1\0\0\1" + bytes(64000))) + b,
    "NFLOG": lambda b: b"\2\0\0\x1e" + b"\4\0\1\0" * 16000 + b,
    "radiotap": lambda b: struct.pack("<BBH", 0, 0, 60000) + b"\2\0\0\x80" * 16000 + b,
    "noise": lambda b: MACS + b"\x99\x99" + b"\x08\0\x45\0\0\x14" * 10000 + b,
}


@pytest.mark.parametrize("name", DEEP)
def test_no_depth_takes_long(name):
    """A packet of 64 KB gets a thousandth of a second or so, whatever it is made of: its headers are counted."""
    link_type = {"VLAN in cooked": 113, "A-MSDU of nothing": 105, "A-MSDU": 105, "NFLOG": 239, "radiotap": 127}.get(
        name, 1
    )
    data = DEEP[name](ip(FOUR))
    read(link_type, data)
    begin = time.process_time()
    for _ in range(5):
        found, _ = read(link_type, data)
    assert time.process_time() - begin < 0.3
    assert found in ([], [FOUR])


def test_headers_beyond_the_limit_are_told():
    unread = Counter()
    packet = ip4(4, b"") * MOST_HEADERS
    assert look_through(packet, len(packet), Step(LINK, 101, 0), unread) == ([], False)
    assert list(unread) == [f"more than {MOST_HEADERS} headers"]


CLOSED = {
    "encrypted Wi-Fi": (127, PADDED + b"\x88\x42" + bytes(60)),
    "IPsec (ESP)": (1, frame(ip4(50, bytes(40)))),
    "IPsec (ESP), IPv6": (1, frame(ip6(50, bytes(40)))),
    "IPsec (ESP), NAT": (1, frame(ip4(17, udp(4500, b"\1\2\3\4" + bytes(40))))),
    "WireGuard": (113, bytes(14) + b"\x08\0" + ip4(17, udp(51820, b"\4\0\0\0" + bytes(92)))),
    "WireGuard, its first message": (1, frame(ip6(17, udp(41641, b"\1\0\0\0" + bytes(144))))),
    "OpenVPN": (1, frame(ip4(17, udp(1194, b"\x48" + bytes(80))))),
    "encrypted Ethernet (MACsec)": (1, MACS + b"\x88\xe5\x2c\0\0\0\0\1" + bytes(60)),
    "Ethernet type 0x9999": (1, MACS + b"\x99\x99" + bytes(60)),
    "Ethernet type 0x9999, GRE": (1, frame(ip4(47, b"\0\0\x99\x99" + bytes(30)))),
    "IP protocol 200": (1, frame(ip4(200, bytes(30)))),
    "compressed PPP": (9, b"\0\xfd" + bytes(30)),
    "PPP protocol 0x0223": (9, b"\x02\x23" + bytes(30)),
    "CAPWAP with DTLS": (1, frame(ip4(17, udp(5247, b"\1\0\0\0" + bytes(40))))),
    "packets in UDP to port 14789 behind 64 bytes": (
        1,
        frame(ip4(17, udp(14789, b"\x08\0\0\0\0\0\x48\0" + frame(ip(FOUR))))),
    ),
    "link type 147 (USER0)": (147, bytes(40)),
    "link type 147 (USER0), PKTAP": (258, struct.pack("<III", 108, 1, 147) + bytes(96) + bytes(40)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_what_cannot_be_looked_into_is_named(name):
    link_type, data = CLOSED[name]
    assert dict(read(link_type, data, ports=None)[1].unread) == {name.partition(",")[0]: 1}


@pytest.mark.parametrize(
    "data",
    [
        MACS + b"\x08\x06\0\1\x08\0\6\4" + bytes(20),  # ARP, bare and behind a tag
        MACS + b"\x80\2\x08\x06\0\1\x08\0\6\4" + bytes(20),
        MACS + b"\0\x26\x42\x42\x03" + bytes(35),  # a spanning tree
        MACS + b"\x88\xcc" + bytes(40),
        frame(ip4(1, bytes(30))),
        frame(ip4(17, udp(443, bytes(range(100))))),
        frame(ip4(17, udp(4500, b"\xff"))),
        MACS + b"\x88\x64\x11\0\0\1\0\x0a\xc0\x21" + bytes(8),
    ],
)
def test_what_is_in_every_network_is_not_named(data):
    assert not read(1, data, ports=None)[1].unread


@pytest.mark.parametrize("size", [200, 255, 256, 257, 0x404, 1400])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nflog_has_packets_of_any_length_in_either_order(order, size):
    segment = FOUR._replace(payload=bytes(size))
    packet = ip(segment)
    assert read(239, b"\2\0\0\x1e" + struct.pack(f"{order}HH", len(packet) + 4, 9) + packet)[0] == [segment]


@given(st.sampled_from([FOUR, SIX]), st.integers(0, 300), st.binary(max_size=60), st.sampled_from(["", *WRAPS]))
@example(SIX, 2, b"`\0", "")
@settings(max_examples=60)
def test_a_file_may_say_any_link_type(segment, link_type, before, name):
    """A wrong one, or one that nobody knows: an IP packet is found behind whatever stands before it."""
    data = ip(segment)
    if name:
        data = WRAPS[name].make(data if WRAPS[name].takes == I else frame(data))
    found, reader = read(link_type, data if name and WRAPS[name].gives == E else before + data)
    if found == []:  # what is before it makes sense as something else
        assert is_known(link_type) or link_type in BLUETOOTH
    else:
        assert found == [segment]
        assert reader.warnings() == [] or is_known(link_type)


def test_encrypted_packets_are_not_searched_behind_their_ip_header():
    """Nor are those that an ICMP message quotes: they were counted where they were."""
    assert read(147, bytes(6) + ip4(1, b"\3\3\0\0\0\0\0\0" + ip(FOUR)))[0] == []


def test_names_are_bounded():
    reader = SegmentReader(None)
    for number in range(2000, 2000 + 2 * MOST_NAMES):
        reader.read(Packet(7, 1, MACS + number.to_bytes(2, "big") + bytes(46), 60))
    assert len(reader.unread) == MOST_NAMES


def test_a_packet_cut_off_in_its_outer_headers_is_counted():
    data = frame(WRAPS["VXLAN"].make(frame(ip(FOUR))))
    for size in range(38, 34 + 8 + 8 + 14 + 20 + 14):
        found, reader = read(1, data[:size], len(data))
        assert found == []
        assert "cut off inside the TCP header" in reader.warnings()[0]


def test_link_types_have_the_names_that_libpcap_has():
    assert link_name(195) in {"link type 195", "link type 195 (IEEE802_15_4)", "link type 195 (IEEE802_15_4_WITHFCS)"}
    assert link_name(60000) == "link type 60000"


def test_what_is_said_of_it():
    assert not_looked_into({}) == ""
    said = not_looked_into({"b": 1, "a": 1, "IPsec (ESP)": 2000, "c": 1})
    assert said.startswith("IPsec (ESP) (2,000 packets), a (1 packet), b (1 packet) and 1 others; record inside")
    assert not_looked_into({"a": 1}, counted=False).startswith("a; ")


def test_the_table_is_consistent():
    keys = [key for layer in (*LAYERS, *UNREAD) for key in layer.keys]
    assert len(keys) == len(set(keys))
    tunnels_of_table = {number for layer in LAYERS for space, number in layer.keys if space == UDP_PORT}
    assert tunnels_of_table - {4500} == TUNNEL_PORTS
    assert {number for space, number in keys if space == UDP_PORT} == tunnels._KNOWN_PORTS
    assert {17, 47, 50} < {number for space, number in keys if space == IP_PROTOCOL}


def test_the_page_on_formats_has_these_tables():
    spec = importlib.util.spec_from_file_location("make_layers", DOCS / "make_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert text == module.page(text), "run `make docs`"
    assert "| VXLAN | UDP port 4789, 4790, 8472 | " in text
