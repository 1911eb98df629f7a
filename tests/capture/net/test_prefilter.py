"""The prefilter never rejects what is ours, and does reject what plainly is not."""

from __future__ import annotations

import struct
from io import BufferedReader, BytesIO
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.formats.pcap import read_pcap
from lmdecode.capture.formats.pcapng import read_pcapng
from lmdecode.capture.source import CaptureStatistics
from tests.capture.building import START_NS, block, decode, enhanced, ethernet, interface, packets, pcap, section, talk

PORT = 1774


class Named(BytesIO):
    name = "file"


def read(data, reader, port):
    statistics = CaptureStatistics()
    found = list(chain.from_iterable(reader(BufferedReader(Named(data)), statistics, None, port)))
    return found, statistics


def plain(ports, start=b"\x08\x00\x45", size=60, protocol=6):
    packet = bytearray(size)
    packet[12:15] = start
    packet[22:24] = 64, protocol
    packet[34:38] = struct.pack(">HH", *ports)
    return bytes(packet)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ng", [False, True])
@pytest.mark.parametrize(
    ("packet", "kept"),
    [
        (plain((443, 50000)), False),
        (plain((443, 1774)), True),
        (plain((1774, 443)), True),
        (plain((443, 50000), protocol=17), False),
        (plain((443, 50000), protocol=1), False),
        (plain((443, 4789), protocol=17), True),
        (plain((37008, 50000), protocol=17), True),
        (plain((443, 50000), protocol=4), True),
        (plain((443, 50000), protocol=47), True),
        (plain((443, 50000), protocol=50), True),
        (plain((443, 50000), b"\x08\x00\x46"), True),
        (plain((443, 50000), b"\x86\xdd\x60"), True),
        (plain((443, 50000), b"\x81\x00\x00"), True),
        (plain((443, 50000))[:20] + b"\x20\x00" + plain((443, 50000))[22:], True),
        (plain((443, 50000))[:30], True),
        (plain((443, 50000))[:38], False),
        (plain((443, 50000))[:37], True),
    ],
)
def test_what_is_kept(order, ng, packet, kept):
    if ng:
        data = section(order) + interface(1, b"", order) + enhanced(0, 1, packet, order) * 3
        found, statistics = read(data, read_pcapng, frozenset({PORT}))
    else:
        found, statistics = read(pcap([(START_NS, packet)] * 3, order=order), read_pcap, frozenset({PORT}))
    assert statistics.packets == 3
    assert statistics.warnings == []
    assert len(found) == (3 if kept else 0)


@given(st.lists(st.binary(max_size=80) | st.builds(plain, st.tuples(st.sampled_from([443, PORT]), st.just(9)))))
def test_every_packet_is_counted_and_those_kept_are_as_without_the_prefilter(contents):
    data = pcap([(START_NS + number * 1000, packet) for number, packet in enumerate(contents)])
    everything, _ = read(data, read_pcap, None)
    kept, statistics = read(data, read_pcap, frozenset({PORT}))
    assert [packet.data for packet in everything] == contents
    assert statistics.packets == len(contents)
    assert [packet for packet in everything if packet in kept] == kept
    for packet in everything:
        if packet not in kept:
            assert packet.data[12:15] == b"\x08\x00\x45"
            assert PORT not in struct.unpack(">HH", packet.data[34:38])


@pytest.mark.parametrize("snap", [20, 34, 37, 40])
def test_headers_cut_off_are_told_and_not_taken_for_somebody_elses(tmp_path, snap):
    contents = packets(talk(3).segments)
    records, statistics, _ = decode(tmp_path / "x", pcap(contents, snap=snap))
    assert records == []
    assert "cut off inside the TCP header" in statistics.warnings[0]
    blocks = section() + interface(1)
    for time_ns, data in contents:
        blocks += enhanced(0, time_ns // 1000, data[:snap], original_length=len(data))
    assert decode(tmp_path / "y", blocks)[1].warnings == statistics.warnings


def test_ours_is_found_wherever_a_chunk_ends(tmp_path):
    """Packets of all sizes between, so that ends of what is read at a time fall into every part of a packet."""
    contents = []
    segments = talk(200).segments
    for number, segment in enumerate(segments):
        contents += [
            (segment.time_ns, ethernet(segment)),
            (segment.time_ns, plain((443, 9), size=60 + number * 37 % 1400)),
        ]
        contents += [(segment.time_ns, plain((443, 9), size=1500))] * 5
    records, statistics, tally = decode(tmp_path / "x", pcap(contents))
    assert records == decode(tmp_path / "y", pcap(packets(segments)))[0]
    assert statistics.packets == len(contents)
    assert tally.problems == 0
    assert (tmp_path / "x").stat().st_size > 3 * (1 << 18)


def test_a_damaged_interface_number_is_damage():
    data = section() + interface(1) + block(6, struct.pack("<IIIII", 7, 0, 1, 60, 60) + bytes(60))
    assert "damaged at byte" in read(data, read_pcapng, frozenset({PORT}))[1].warnings[0]
