"""A capture whose packets are wrapped is decoded as the plain one is, whichever way it is read."""

from __future__ import annotations

import random
import struct

import pytest

from lmdecode.capture import reader as decoder
from lmdecode.capture.net import libpcap
from lmdecode.capture.reader import busiest_ports, decode_packets
from lmdecode.capture.source import CaptureStatistics
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import (
    START_NS,
    decode,
    enhanced,
    ethernet,
    interface,
    ipv4,
    new_decoder,
    packets,
    pcap,
    section,
    talk,
    told,
)  # fmt: skip
from tests.capture.net.test_encapsulation import MACS, RADIOTAP, frame, ip4, udp

SEGMENTS = talk(40).segments


def _frame(segment):
    return MACS + ethernet(segment)[12:]


WAYS = {
    "TZSP": lambda segment: frame(ip4(17, udp(37008, b"\1\0\0\1\1" + _frame(segment)))),
    "VXLAN": lambda segment: frame(ip4(17, udp(4789, b"\x08\0\0\0\0\0\x48\0" + _frame(segment)))),
    "GRE": lambda segment: frame(ip4(47, b"\0\0\x08\0" + ipv4(segment))),
    "IPIP": lambda segment: frame(ip4(4, ipv4(segment))),
    "ERSPAN": lambda segment: frame(ip4(47, b"\x10\0\x88\xbe\0\0\0\1\x10\1" + bytes(6) + _frame(segment))),
    "MPLS": lambda segment: MACS + b"\x88\x47\0\1\1\x40" + ipv4(segment),
    "QCA": lambda segment: MACS + b"\x80\2\x08\0" + ipv4(segment),
    "raw": ipv4,
}


def others(number):
    """Packets of a household: what a prefilter should leave out, what it must not, and the wrapped ones of others."""
    noise = random.Random(1)
    made = []
    for each in range(number):
        payload = noise.randbytes(40)
        foreign = struct.pack("!HHIIBBHHH", 443, 50000, 1, 1, 0x50, 16, 512, 0, 0) + payload
        plain = [ip4(6, foreign), ip4(17, udp(443, payload)), ip4(17, udp(443, payload)), ip4(1, payload)]
        carriers = [ip4(50, payload), ip4(17, udp(4789, payload)), ip4(47, payload), ip4(4, ip4(6, foreign))]
        packet = carriers[each // 40 % 4] if each % 40 == 0 else plain[each % 4]
        made.append((START_NS, frame(packet)))
    return made


def mixed(wrap, number=900):
    """The wrapped connection, with others' packets between its own."""
    rest = others(number)
    each = len(rest) // len(SEGMENTS)
    made = []
    for index, packet in enumerate(packets(SEGMENTS, wrap)):
        made += [*rest[index * each : index * each + each], packet]
    return made


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return told(decode(tmp_path_factory.mktemp("plain") / "x", pcap(packets(SEGMENTS)))[0])


@pytest.mark.usefixtures("with_all_parts")
@pytest.mark.parametrize("name", WAYS)
def test_all_ways_of_reading_give_the_same(name, tmp_path, monkeypatch, expected):
    path = tmp_path / "x.pcap"
    data = pcap(mixed(WAYS[name]))
    assert told(decode(path, data)[0]) == expected
    blocks = [enhanced(0, time_ns // 1000, packet) for time_ns, packet in mixed(WAYS[name])]
    assert told(decode(tmp_path / "x.pcapng", section() + interface(1) + b"".join(blocks))[0]) == expected
    monkeypatch.setattr(decoder, "_WORTH_SCREENING", 0)
    screened = []
    monkeypatch.setattr(libpcap, "Screened", lambda *args: screened.append(args) or Screened(*args))
    assert told(decode(path)[0]) == expected
    assert bool(screened) == (libpcap.find_library() is not None)


Screened = libpcap.Screened


def test_a_packet_of_an_annotated_capture_goes_out_as_it_was(tmp_path, expected):
    path = tmp_path / "x.pcap"
    data = mixed(WAYS["VXLAN"])
    path.write_bytes(pcap(data))
    statistics = CaptureStatistics()
    found = list(decode_packets(path, speakers_with(new_decoder()), statistics=statistics))
    assert [packet.data for packet, _ in found if packet] == [packet for _, packet in data]
    assert told(record for _, records in found for record in records) == expected
    assert statistics.port_packets == len(SEGMENTS)


def test_the_packets_of_an_aggregate_go_out_as_one(tmp_path, expected):
    def around(some):
        frames = [
            MACS + struct.pack("!H", len(ipv4(each)) + 8) + b"\xaa\xaa\3\0\0\0\x08\0" + ipv4(each) for each in some
        ]
        content = b"".join(each + bytes(-len(each) % 4) for each in frames)
        return RADIOTAP + b"\x88\2" + bytes(22) + b"\x80\0" + content

    pairs = [SEGMENTS[index : index + 2] for index in range(0, len(SEGMENTS), 2)]
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([(pair[0].time_ns, around(pair)) for pair in pairs], link_type=127))
    found = list(decode_packets(path, speakers_with(new_decoder())))
    assert told(record for _, records in found for record in records) == expected
    assert len(found) == len(pairs) + 1


def test_the_busiest_ports_are_those_in_the_tunnel(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(SEGMENTS, WAYS["TZSP"])))
    (found,) = busiest_ports(path)
    assert found.port == 1774
    assert found.packets == len(SEGMENTS)


def test_what_could_not_be_looked_into_is_counted(tmp_path):
    closed = [(START_NS, frame(ip4(50, bytes(40)))), (START_NS, MACS + b"\x99\x99" + bytes(50))]
    _, statistics, _ = decode(tmp_path / "x", pcap(closed * 3 + mixed(WAYS["GRE"], 100)))
    assert statistics.unread["IPsec (ESP)"] >= 3
    assert statistics.unread["Ethernet type 0x9999"] == 3
    assert statistics.warnings == []


def test_what_scapy_builds_is_looked_through():
    """Each of these headers as somebody else understands it."""
    from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III
    from scapy.contrib.etherip import EtherIP
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.gtp import GTP_U_Header
    from scapy.contrib.mpls import MPLS
    from scapy.contrib.nsh import NSH
    from scapy.contrib.tzsp import TZSP, TZSPTagEnd, TZSPTagRawRSSIByte
    from scapy.layers.all import (
        GRE,
        IP,
        L2TP,
        LLC,
        PPP,
        SNAP,
        TCP,
        UDP,
        VXLAN,
        CookedLinux,
        Dot1AD,
        Dot1Q,
        Dot11,
        Dot11QoS,
        Ether,
        IPv6,
        PPPoE,
        RadioTap,
    )  # fmt: skip

    from lmdecode.capture.net.link import SegmentReader
    from lmdecode.capture.net.packet import Packet

    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    outer, outer6 = IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")
    wifi = Dot11(type=2, subtype=8, FCfield=1, addr1="02:00:00:00:00:01", addr2="02:00:00:00:00:02") / Dot11QoS()
    fields = RadioTap(present="TSFT+Flags+Rate+Channel+dBm_AntSignal", mac_timestamp=5, Flags="FCS")
    for ip_header in (IP(src="192.168.1.2", dst="192.168.1.3"), IPv6(src="fd00::1", dst="fd00::2")):
        inner = ip_header / TCP(sport=5000, dport=1774, flags="PA") / b"hello"
        tzsp = TZSP(encapsulated_protocol=1) / TZSPTagRawRSSIByte() / TZSPTagEnd()
        l2tp = L2TP(hdr=["length", "sequence"], session_id=3, tunnel_id=2) / PPP()
        for link_type, packet in (
            (1, ether / outer / UDP() / VXLAN(vni=7) / ether / inner),
            (1, ether / outer6 / GRE(key_present=1, seqnum_present=1, chksum_present=1) / inner),
            (1, ether / outer / GRE(proto=0x6558) / ether / inner),
            (1, ether / outer / UDP() / GENEVE(proto=0x6558, vni=2) / ether / inner),
            (1, ether / outer / GRE(seqnum_present=1) / ERSPAN_II() / ether / inner),
            (1, ether / outer / GRE(seqnum_present=1) / ERSPAN_III() / ether / inner),
            (1, ether / MPLS(s=0) / MPLS(s=1) / inner),
            (1, ether / Dot1AD(vlan=3) / Dot1Q(vlan=7) / PPPoE(sessionid=1) / PPP() / inner),
            (1, ether / NSH(mdtype=2, nextproto=3) / ether / inner),
            (1, ether / outer / UDP(dport=37008) / tzsp / ether / inner),
            (1, ether / outer / EtherIP() / ether / inner),
            (1, ether / outer / UDP(sport=1701, dport=1701) / l2tp / inner),
            (1, ether / outer6 / UDP() / GTP_U_Header(gtp_type=255) / inner),
            (1, ether / outer / inner),
            (113, CookedLinux(proto=0x8864) / PPPoE() / PPP() / inner),
            (127, RadioTap() / wifi / LLC() / SNAP() / inner),
            (127, fields / wifi / LLC() / SNAP() / inner),
        ):
            data = bytes(packet)
            (found,) = SegmentReader(frozenset({1774})).read(Packet(1, link_type, data, len(data)))
            assert found.payload == b"hello"
