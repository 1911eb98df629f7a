"""From raw bytes to a TCP segment, for every link type and both versions of IP. Scapy is asked only when it must be."""

from __future__ import annotations

import struct
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.net.link import SegmentReader
from lmdecode.capture.net.packet import ACK, PSH, Endpoint, Packet, Segment
from tests.capture.building import (
    APP,
    APP6,
    CAPTURES,
    MACHINE,
    MACHINE6,
    ether_type,
    ethernet,
    ip,
    ipv4,
    ipv6,
    packets,
    pcap,
    seal,
    talk,
    tcp,
    told,
)
from tests.capture.building import decode as decode_file

FOUR = Segment(7, APP, MACHINE, PSH | ACK, 1000, 5000, seal("R40000020D8"))
SIX = FOUR._replace(source=APP6, destination=MACHINE6)
VLAN = b"\x81\x00\x00\x05"
SERVICE_VLAN = b"\x88\xa8\x00\x09"

LINKS = {
    "ethernet": (1, ethernet),
    "ethernet, VLAN": (1, lambda segment: ethernet(segment, tags=VLAN)),
    "ethernet, VLAN in VLAN": (1, lambda segment: ethernet(segment, tags=SERVICE_VLAN + VLAN)),
    "ethernet, old VLAN in VLAN": (1, lambda segment: ethernet(segment, tags=b"\x91\x00\x00\x01" + VLAN)),
    "ethernet, padded": (1, lambda segment: ethernet(segment) + b"padding"),
    "Linux cooked": (113, lambda segment: bytes(14) + ether_type(segment) + ip(segment)),
    "Linux cooked, VLAN": (113, lambda segment: bytes(14) + VLAN + ether_type(segment) + ip(segment)),
    "Linux cooked 2": (276, lambda segment: ether_type(segment) + bytes(18) + ip(segment)),
    "BSD loopback": (0, lambda segment: struct.pack("<I", 2 if segment is FOUR else 24) + ip(segment)),
    "BSD loopback, big-endian": (0, lambda segment: struct.pack(">I", 2 if segment is FOUR else 28) + ip(segment)),
    "macOS loopback": (0, lambda segment: struct.pack("<I", 2 if segment is FOUR else 30) + ip(segment)),
    "OpenBSD loopback": (108, lambda segment: struct.pack(">I", 2 if segment is FOUR else 24) + ip(segment)),
    "raw IP": (101, ip),
    "raw IP of BSD": (12, ip),
    "raw IP of OpenBSD": (14, ip),
    "PPPoE": (
        1,
        lambda segment: (
            bytes(12)
            + b"\x88\x64\x11\x00\x00\x01"
            + struct.pack("!H", len(ip(segment)) + 2)
            + (b"\x00\x21" if segment is FOUR else b"\x00\x57")
            + ip(segment)
        ),
    ),
    "ethernet with LLC and SNAP": (
        1,
        lambda segment: (
            bytes(12)
            + struct.pack("!H", len(ip(segment)) + 8)
            + b"\xaa\xaa\x03\0\0\0"
            + ether_type(segment)
            + ip(segment)
        ),
    ),
    "PPP": (9, lambda segment: b"\xff\x03" + (b"\x00\x21" if segment is FOUR else b"\x00\x57") + ip(segment)),
    "802.11": (
        105,
        lambda segment: b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0" + ether_type(segment) + ip(segment),
    ),
}


def read(link_type, data, original_length=None, port=1774):
    reader = SegmentReader(None if port is None else frozenset({port}))
    size = len(data) if original_length is None else original_length
    return one(reader, Packet(7, link_type, data, size)), reader.warnings()


def one(reader, packet):
    """The packet's only segment; None if it has none."""
    segments = reader.read(packet)
    assert len(segments) <= 1
    return segments[0] if segments else None


@pytest.mark.parametrize("segment", [FOUR, SIX], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("name", LINKS)
def test_link_types(name, segment):
    link_type, wrap = LINKS[name]
    assert read(link_type, wrap(segment)) == (segment, [])
    assert read(link_type, wrap(segment), port=443) == (None, [])
    back = segment._replace(source=segment.destination, destination=segment.source)
    assert ip(back) != ip(segment)


@pytest.mark.parametrize(("link_type", "segment"), [(228, FOUR), (229, SIX)])
def test_raw_ip_of_one_version(link_type, segment):
    assert read(link_type, ip(segment)) == (segment, [])


def test_either_port_is_ours_and_no_port_means_all():
    back = FOUR._replace(source=MACHINE, destination=APP)
    assert read(1, ethernet(back)) == (back, [])
    other = FOUR._replace(source=Endpoint("10.0.0.1", 443), destination=Endpoint("10.0.0.2", 50000))
    assert read(1, ethernet(other)) == (None, [])
    assert read(1, ethernet(other), port=None) == (other, [])


def test_options_of_ip_and_tcp():
    assert read(101, ipv4(FOUR, options=b"\x94\x04\0\0")) == (FOUR, [])
    timestamps = tcp(FOUR, b"\x01\x01\x08\x0a" + bytes(8))
    assert read(101, ipv4(FOUR, timestamps)) == (FOUR, [])
    assert read(101, ipv6(SIX, timestamps)) == (SIX, [])


def test_ipv6_extension_headers():
    chain = (
        b"\x2b\x00\x01\x04\0\0\0\0"  # hop-by-hop, then routing
        b"\x3c\x02"
        + bytes(22)  # routing, then destination options
        + b"\x33\x00\x01\x04\0\0\0\0"  # then authentication
        + b"\x2c\x04"
        + bytes(22)  # then a fragment that is whole
        + b"\x06\x00\x00\x00\0\0\0\x09"
    )
    assert read(101, ipv6(SIX, chain + tcp(SIX), following=0)) == (SIX, [])
    encrypted = ipv6(SIX, bytes(8) + tcp(SIX), following=50)
    assert read(101, encrypted) == (None, [])


@pytest.mark.parametrize("segment", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_a_length_that_the_network_card_has_yet_to_fill_in(segment):
    data = ipv4(segment, total_length=0) if segment is FOUR else ipv6(segment, payload_length=0)
    assert read(101, data) == (segment, [])
    assert read(101, data[:-10], len(data)) == (segment._replace(payload=segment.payload[:-10], missing=10), [])


@pytest.mark.parametrize("segment", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_what_the_snap_length_cuts_off_is_counted(segment):
    data = ethernet(segment)
    header = len(data) - len(segment.payload)
    for size in range(len(data)):
        found, warnings = read(1, data[:size], len(data))
        if size >= header:
            kept = segment.payload[: size - header]
            assert (found, warnings) == (segment._replace(payload=kept, missing=len(data) - size), [])
        elif size >= header - 6:  # all that is needed of the header is there
            assert (found, warnings) == (segment._replace(payload=b"", missing=len(segment.payload)), [])
        else:
            assert found is None
            assert bool(warnings) == (size > 14)
            assert all("capture with -s 0" in warning for warning in warnings)


def test_what_is_not_tcp_is_passed_over():
    udp = bytearray(ethernet(FOUR))
    udp[14 + 9] = 17
    assert read(1, bytes(udp)) == (None, [])
    assert read(1, bytes(12) + b"\x08\x06" + bytes(20) + b"\x06\xee") == (None, [])
    assert read(0, struct.pack("<I", 7) + bytes(20) + b"\x06\xee" + bytes(20)) == (None, [])
    assert read(101, b"\x50" + bytes(40)) == (None, [])


def test_malformed_headers_on_the_port_are_told():
    short = bytearray(ethernet(FOUR))
    short[14 + 20 + 12] = 0x10  # a TCP header of 4 bytes
    assert read(1, bytes(short)) == (None, ["1 packet on the port with a malformed header could not be read"])
    long = bytearray(ethernet(FOUR._replace(payload=b"")))
    long[14 + 20 + 12] = 0xF0
    assert read(1, bytes(long))[1]
    assert read(101, ipv4(FOUR, total_length=30))[1]


def test_unknown_link_types_are_counted_if_they_may_hold_what_is_ours():
    reader = SegmentReader(frozenset({1774}))
    for _ in range(3):
        assert one(reader, Packet(7, 147, b"??" + ip(FOUR), 200)) is None
    assert one(reader, Packet(7, 147, b"nothing of ours", 15)) is None
    (warning,) = reader.warnings()
    assert warning.startswith("3 packets of link type 147 (USER0) could not be read")


def test_of_thousands_of_unknown_link_types_the_most_frequent_are_told():
    reader = SegmentReader(frozenset({1774}))
    for number in range(1000, 3000):
        reader.read(Packet(7, number, b"\x06\xee", 2))
    reader.read(Packet(7, 147, b"\x06\xee", 2))
    reader.read(Packet(7, 147, b"\x06\xee", 2))
    warnings = reader.warnings()
    assert len(warnings) == 6
    assert warnings[0].startswith("2 packets of link type 147 (USER0) could not be read")
    assert warnings[-1].startswith("1,996 packets of other link types could not be read")


def fragments(segment, *cuts):
    """An IPv4 packet in pieces, cut at multiples of 8 bytes."""
    whole = tcp(segment)
    bounds = [0, *cuts, len(whole)]
    return [
        ipv4(segment, whole[start:end], fragment=start // 8 | (0x2000 if end < len(whole) else 0))
        for start, end in pairwise(bounds)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 1, 1, 2)])
def test_fragments_are_put_together_in_any_order(order):
    reader = SegmentReader(frozenset({1774}))
    pieces = fragments(FOUR, 8, 24)
    found = [one(reader, Packet(7, 101, pieces[index], len(pieces[index]))) for index in order]
    assert found == [None] * (len(order) - 1) + [FOUR]
    assert reader.warnings() == []


def test_fragments_of_ipv6():
    reader = SegmentReader(frozenset({1774}))
    whole = tcp(SIX)
    first = ipv6(SIX, b"\x06\x00\x00\x01\0\0\0\x07" + whole[:24], following=44)
    last = ipv6(SIX, b"\x06\x00\x00\x18\0\0\0\x07" + whole[24:], following=44)
    assert one(reader, Packet(7, 101, last, len(last))) is None
    assert one(reader, Packet(7, 101, first, len(first))) == SIX
    assert reader.warnings() == []


def test_fragments_left_over_are_told_unless_they_are_of_another_port():
    reader = SegmentReader(frozenset({1774}))
    pieces = fragments(FOUR, 8, 24)
    for piece in pieces[:2]:
        one(reader, Packet(7, 101, piece, len(piece)))
    other = FOUR._replace(source=Endpoint("10.0.0.1", 443), destination=Endpoint("10.0.0.2", 50000))
    (first, *_) = fragments(other, 8)
    one(reader, Packet(7, 101, first, len(first)))
    assert reader.warnings() == ["2 IP fragments could not be reassembled"]


def test_fragments_kept_are_bounded():
    reader = SegmentReader(frozenset({1774}))
    for number in range(500):
        piece = ipv4(FOUR, tcp(FOUR)[:24], identification=number, fragment=0x2000)
        assert one(reader, Packet(7, 101, piece, len(piece))) is None
    assert reader.warnings() == ["500 IP fragments could not be reassembled"]
    assert len(reader._fragments._incomplete) <= 64


def test_a_frame_in_fragments_is_decoded(tmp_path):
    data = []
    for segment in talk().segments:
        pieces = fragments(segment, 24) if segment.payload else [ip(segment)]
        data += [(segment.time_ns, piece) for piece in pieces]
    records, statistics, _ = decode_file(tmp_path / "x", pcap(data, link_type=101))
    assert told(records) == told(decode_file(tmp_path / "y", pcap(packets(talk().segments)))[0])
    assert statistics.warnings == []


@given(st.sampled_from([0, 1, 9, 12, 101, 105, 108, 113, 127, 147, 276]), st.binary(max_size=120), st.booleans())
def test_no_packet_breaks_the_reader(link_type, noise, ours):
    data = noise + b"\x06\xee" if ours else noise
    found, _ = read(link_type, data)
    assert found is None or 1774 in (found.source.port, found.destination.port)


@given(st.data())
def test_no_damage_to_a_packet_breaks_the_reader(data):
    name = data.draw(st.sampled_from(list(LINKS)))
    link_type, wrap = LINKS[name]
    damaged = bytearray(wrap(data.draw(st.sampled_from([FOUR, SIX]))))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged) - 1, 80)))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    found, _ = read(link_type, bytes(damaged[:cut]), len(damaged))
    if found is not None:
        assert len(found.payload) <= cut
        assert found.missing >= 0


HEADERS = 14 + 20 + 20
ORDINARY = {12: b"\x08\x00", 14: b"\x45", 20: b"\0\0", 23: b"\6", 36: b"\x06\xee"}


@given(
    st.binary(min_size=HEADERS, max_size=HEADERS + 8),
    st.none() | st.sampled_from(list(ORDINARY)),
    st.integers(-3, 12),
    st.sampled_from([5, 6, 7, 4, 15]),
    st.sampled_from([None, frozenset({1774}), frozenset({8081, 1774})]),
)
def test_the_quick_look_at_an_ordinary_packet_gives_what_the_general_one_gives(noise, odd, padding, words, ports):
    data = bytearray(noise)
    for offset, value in ORDINARY.items():
        if offset != odd:
            data[offset : offset + len(value)] = value
    data[16:18] = (len(data) - 14 - padding).to_bytes(2, "big")
    data[46] = words << 4
    packet = Packet(7, 1, bytes(data), len(data))
    assert SegmentReader(ports).read(packet) == list(SegmentReader(ports)._read(packet))


def test_ordinary_captures_load_neither_scapy_nor_the_table_of_layers():
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lmdecode.capture import decode_capture\n"
        "from lmdecode.codec.v1.key import Key\n"
        "from lmdecode.codec.v1 import speakers_with\n"
        "from lmdecode.codec.v1.decoder import FrameDecoder\n"
        "print('scapy.utils' in sys.modules, 'ijson' in sys.modules)\n"
        f"key = Key.parse({'12345678901234567890123456789012'!r})\n"
        f"capture = Path({str(CAPTURES / 'gs3mp-standby.pcapng')!r})\n"
        "print(len(list(decode_capture(capture, speakers_with(FrameDecoder(key))))))\n"
        "table = 'lmdecode.capture.net.encapsulation'\n"
        "print('scapy.utils' in sys.modules, table in sys.modules, 'ijson' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "46", "False", "False", "False"]
    assert done.stderr == ""
