"""Segments that the reader of pcap files makes itself are those that come of the packets."""

from __future__ import annotations

import struct
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.formats._pieces import read_found, read_packets
from lmdecode.capture.net.link import SegmentReader
from lmdecode.capture.net.packet import ACK, PSH, Endpoint, Packet, Segment
from lmdecode.capture.source import CaptureStatistics
from tests.capture.building import APP, MACHINE, ethernet, ip, ipv4, pcap, talk, tcp

ELSE = Endpoint("192.168.1.9", 443)
ENDS = [(APP, MACHINE), (MACHINE, APP), (APP, ELSE), (ELSE, APP), (MACHINE, MACHINE)]
PORTS = frozenset((1774,))


@st.composite
def ordinary(draw):
    source, destination = draw(st.sampled_from(ENDS))
    flags = draw(st.sampled_from([ACK, ACK | PSH, 2, 0x11, 4]))
    return Segment(0, source, destination, flags, draw(st.integers(0, 2**32 - 1)), 7, draw(st.binary(max_size=40)))


@st.composite
def frames(draw):
    segment = draw(ordinary())
    how = draw(st.integers(0, 7))
    if how == 0:
        data = bytearray(ethernet(segment))
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
        return bytes(data)
    if how == 1:
        return ethernet(segment, ipv4(segment, tcp(segment, b"\1" * 8)))
    if how == 2:
        return ethernet(segment, tags=b"\x81\0\0\7")
    return ethernet(segment) + bytes(6 * (how == 3))  # padding


class Pieces:
    """A file that gives some bytes at a time."""

    name = "x.pcap"

    def __init__(self, data, size):
        self.data, self.size, self.at = data, size, 0

    def read1(self, _size=-1, /):
        self.at += self.size
        return self.data[self.at - self.size : self.at]


def cut(data, sizes):
    """A pcap in which packets are cut to some sizes."""
    parts, at = [data[:24]], 24
    for size in sizes:
        header = struct.unpack_from("<IIII", data, at)
        kept = data[at + 16 : at + 16 + min(header[2], size)]
        parts.append(struct.pack("<IIII", *header[:2], len(kept), header[3]) + kept)
        at += 16 + header[2]
    return b"".join([*parts, data[at:]])


def taken(file, read, ports, *, known):
    """The segments, what was counted, and how many came without a packet."""
    reader, statistics = SegmentReader(ports), CaptureStatistics()
    quick = 0
    segments = []
    for found in read_found(file, statistics, None, read, reader.ends if known else None):
        quick += sum(isinstance(each, Segment) for each in found)
        segments += reader.read_all(found)
    reader.report(statistics)
    return segments, statistics, quick


@given(
    st.lists(frames(), max_size=30),
    st.integers(60, 400),
    st.sampled_from([None, PORTS]),
    st.sampled_from([None, PORTS]),
    st.booleans(),
    st.lists(st.integers(0, 90) | st.just(999), max_size=5),
    st.integers(0, 40),
)
def test_what_comes_without_a_packet_is_what_comes_of_packets(made, size, read, ports, nanoseconds, sizes, lost):  # noqa: PLR0917 -- strategies
    file = pcap([(10**18 + number * 1001, data) for number, data in enumerate(made)], nanoseconds=nanoseconds)
    file = cut(file, sizes[: len(made)])
    file = file[: len(file) - lost] if len(file) - lost > 24 else file
    read = None if ports is None else read  # readers reject nothing that is wanted
    short, statistics, _ = taken(Pieces(file, size), read, ports, known=True)
    long, expected, quick = taken(Pieces(file, size), read, ports, known=False)
    assert (short, statistics, quick) == (long, expected, 0)
    packets = chain.from_iterable(read_packets(Pieces(file, size), CaptureStatistics()))
    assert SegmentReader(ports).read_all([*packets]) == long


def test_big_endian_files_too():
    frame = ethernet(Segment(0, APP, MACHINE, ACK, 5, 7, b"@x%"))
    file = pcap([(10**18, frame)] * 9, order=">")
    segments, _, quick = taken(Pieces(file, 150), PORTS, PORTS, known=True)
    assert {each[1:] for each in segments} == {(APP, MACHINE, ACK, 5, 7, b"@x%", 0)}
    assert (len(segments), {each.time_ns for each in segments}) == (9, {10**18})
    assert quick >= 5, "else it is not worth having"


def test_most_of_a_talk_comes_without_a_packet_and_of_other_link_types_nothing():
    segments = talk(50).segments
    ordinary = [(segment.time_ns, ethernet(segment)) for segment in segments]
    _, _, quick = taken(Pieces(pcap(ordinary), 2000), PORTS, PORTS, known=True)
    assert quick > len(segments) / 2
    raw = [(segment.time_ns, ip(segment)) for segment in segments]
    found, _, quick = taken(Pieces(pcap(raw, link_type=101), 2000), PORTS, PORTS, known=True)
    assert (quick, len(found)) == (0, len(segments))


def test_where_most_is_foreign_what_is_known_is_not_looked_for():
    foreign = [(10**18, ethernet(Segment(0, APP, ELSE, ACK, 5, 7, b"x")))] * 40
    ours = [(10**18, ethernet(Segment(0, APP, MACHINE, ACK, 5, 7, b"x")))]
    file = pcap(ours + foreign + ours)
    segments, _, quick = taken(Pieces(file, 400), PORTS, PORTS, known=True)
    assert (len(segments), quick) == (2, 0)
    assert isinstance(next(iter(next(iter(read_packets(Pieces(file, 400), CaptureStatistics()))))), Packet)
