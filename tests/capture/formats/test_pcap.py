"""Packets out of pcap and pcapng files: times, link types, and files that are damaged."""

from __future__ import annotations

import shutil
import struct
import subprocess
from io import BufferedReader, BytesIO, RawIOBase
from itertools import chain

import pytest

from lmdecode.capture.formats.pcap import read_pcap
from lmdecode.capture.formats.pcapng import read_pcapng
from lmdecode.capture.net.packet import Packet
from lmdecode.capture.source import CaptureStatistics
from tests.capture.building import (
    SECOND,
    START_NS,
    block,
    decode,
    enhanced,
    ethernet,
    interface,
    ip,
    option,
    packets,
    pcap,
    section,
    talk,
    told,
)

NOW = START_NS + 123_456_789


class Named(BytesIO):
    name = "file"


def read(data, reader=read_pcap):
    statistics = CaptureStatistics()
    return list(chain.from_iterable(reader(BufferedReader(Named(data)), statistics))), statistics


@pytest.mark.parametrize("order", ["<", ">"])
def test_times_are_exact(order):
    assert read(pcap([(NOW, b"data")], order=order, nanoseconds=True))[0] == [Packet(NOW, 1, b"data", 4)]
    assert read(pcap([(NOW, b"data")], order=order))[0] == [Packet(NOW - 789, 1, b"data", 4)]


def test_the_snap_length_is_known():
    assert read(pcap([(NOW, b"0123456789")], snap=4))[0][0][2:] == (b"0123", 10)


def test_a_link_type_may_come_with_the_length_of_a_check_sequence():
    assert read(pcap([(NOW, b"data")], link_type=0x24000001))[0][0].link_type == 1


def test_packets_larger_than_scapy_thinks_they_can_be():
    assert len(read(pcap([(NOW, bytes(200_000))]))[0][0].data) == 200_000
    large = section() + interface() + enhanced(0, 1, bytes(200_000))
    assert len(read(large, read_pcapng)[0][0].data) == 200_000


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks", "expected"),
    [
        (None, NOW // 1000, NOW - 789),
        (6, NOW // 1000, NOW - 789),
        (9, NOW, NOW),
        (3, NOW // 1_000_000, NOW - 456_789),
        (0, NOW // SECOND, START_NS),
        (12, 5_000_123, 5_000),
        (0x80 | 10, 1536, SECOND * 3 // 2),
    ],
)
def test_pcapng_times(order, resolution, ticks, expected):
    options = b"" if resolution is None else option(9, bytes([resolution]), order)
    data = section(order) + interface(1, options, order) + enhanced(0, ticks, b"data", order)
    assert read(data, read_pcapng)[0] == [Packet(expected, 1, b"data", 4)]


def test_pcapng_interfaces_have_link_types_resolutions_and_offsets_of_their_own():
    data = (
        section()
        + interface(1)
        + interface(101, option(9, b"\x09") + option(14, struct.pack("<q", 100)))
        + enhanced(1, NOW, b"one")
        + enhanced(0, 7, b"zero", original_length=9)
    )
    assert read(data, read_pcapng)[0] == [
        Packet(NOW + 100 * SECOND, 101, b"one", 3),
        Packet(7000, 1, b"zero", 9),
    ]


def test_pcapng_sections_number_their_interfaces_anew():
    first = section() + interface(1) + interface(1) + enhanced(1, 1, b"a")
    second = section(">") + interface(101, b"", ">") + enhanced(0, 2, b"b", ">")
    assert [packet[1:3] for packet in read(first + second, read_pcapng)[0]] == [(1, b"a"), (101, b"b")]


def test_pcapng_blocks_of_other_kinds():
    simple = block(3, struct.pack("<I", 6) + b"simple")
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 9, 3, 3) + b"old")
    secrets = block(10, struct.pack("<II", 0x544C534B, 99) + b"?")
    with_snap = block(1, struct.pack("<HHI", 1, 0, 65535))
    data = section() + with_snap + old + block(0xBAD, b"???") + secrets + simple
    found, statistics = read(data, read_pcapng)
    assert found == [Packet(9000, 1, b"old", 3), Packet(9000, 1, b"simple", 6)]
    assert statistics.warnings == []
    assert statistics.bytes_read == len(data)


def test_a_file_cut_off_says_where(caplog, capfd):
    data = pcap([(NOW, bytes(92))] * 3)
    found, statistics = read(data[: 24 + 2 * 108 + 16 + 31])
    assert len(found) == 2
    assert statistics.warnings == [
        "the file is cut off in the middle of packet 3 (31 of 92 bytes are there); all before it was decoded"
    ]
    assert read(data[: 24 + 108 + 5])[1].warnings == [
        "the file is cut off in the middle of packet 2 (5 of 16 bytes are there); all before it was decoded"
    ]
    assert "none is there" in read(data[: 24 + 108 + 16])[1].warnings[0]
    assert read(data[: 24 + 108])[1].warnings == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_an_impossible_length_is_damage():
    good = pcap([(NOW, bytes(92))])
    damaged = good + struct.pack("<IIII", 1, 1, 0xFFFFFF00, 0xFFFFFF00) + bytes(1000)
    found, statistics = read(damaged)
    assert len(found) == 1
    assert statistics.warnings == [
        "the file is damaged at byte 132, after packet 1: what follows could not be read; all before it was decoded"
    ]


@pytest.mark.parametrize(
    "damage",
    [
        struct.pack("<II", 6, 4),
        struct.pack("<II", 6, 0xFFFFFFF0) + bytes(64),
        struct.pack("<II", 6, 40) + bytes(28) + struct.pack("<I", 44),
        block(6, bytes(8)),
        block(1, b"12"),
    ],
)
def test_damaged_pcapng_blocks(damage):
    good = section() + interface() + enhanced(0, 1, b"data")
    found, statistics = read(good + damage + enhanced(0, 2, b"more"), read_pcapng)
    assert len(found) == 1
    assert len(statistics.warnings) == 1
    assert f"damaged at byte {len(good)}, after packet 1" in statistics.warnings[0]


class Failing(RawIOBase):
    """A disk that fails after some bytes."""

    name = "file"

    def __init__(self, data):
        self._data = BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        size = self._data.readinto(buffer)
        if not size:
            raise OSError(5, "Input/output error")
        return size


def test_a_failing_disk_is_not_taken_for_the_end():
    statistics = CaptureStatistics()
    data = pcap([(NOW, bytes(92))] * 2)
    found = list(chain.from_iterable(read_pcap(BufferedReader(Failing(data)), statistics)))
    assert len(found) == 2
    assert "cannot be read beyond byte 240 (Input/output error)" in statistics.warnings[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_every_kind_of_pcap_decodes_alike(order, nanoseconds, tmp_path):
    segments = talk().segments
    records, _, _ = decode(tmp_path / "x", pcap(packets(segments), order=order, nanoseconds=nanoseconds))
    assert records == decode(tmp_path / "y", pcap(packets(segments)))[0]
    assert len(records) == 4


def test_one_connection_over_two_interfaces_of_different_link_types(tmp_path):
    blocks = section() + interface(1) + interface(101)
    for number, segment in enumerate(talk().segments):
        data = ip(segment) if number % 2 else ethernet(segment)
        blocks += enhanced(number % 2, segment.time_ns // 1000, data)
    records, statistics, tally = decode(tmp_path / "x", blocks)
    assert told(records) == told(decode(tmp_path / "y", pcap(packets(talk().segments)))[0])
    assert statistics.connections == 1
    assert tally.problems == 0


@pytest.mark.skipif(shutil.which("mergecap") is None, reason="mergecap is not installed")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_what_mergecap_makes_of_two_link_types(tmp_path):
    first, second, merged = tmp_path / "first", tmp_path / "second", tmp_path / "merged"
    segments = talk().segments
    first.write_bytes(pcap(packets(segments[::2])))
    second.write_bytes(pcap(packets(segments[1::2], ip), link_type=101, nanoseconds=True))
    subprocess.run(["mergecap", "-w", merged, first, second], check=True, capture_output=True)
    assert merged.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    records, _, tally = decode(merged)
    assert records == decode(tmp_path / "plain", pcap(packets(segments)))[0]
    assert tally.problems == 0
    times = subprocess.run(
        ["tshark", "-r", merged, "-Tfields", "-eframe.time_epoch"], check=True, capture_output=True, text=True
    ).stdout.split()
    with merged.open("rb") as file:
        found = [packet.time_ns for packet in chain.from_iterable(read_pcapng(file, CaptureStatistics()))]
    assert [f"{time_ns // SECOND}.{time_ns % SECOND:09}" for time_ns in found] == times
