"""Captures behind one another, with text around them: read as what they are, whatever the pieces of a pipe."""

from __future__ import annotations

import gzip
import struct
from io import BufferedReader, RawIOBase
from itertools import accumulate, chain, pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lmdecode.capture import reader as decoder
from lmdecode.capture.formats import open_capture
from lmdecode.capture.formats._pieces import read_packets
from lmdecode.capture.net import libpcap
from lmdecode.capture.source import CaptureError, CaptureStatistics, OpenCapture
from tests.capture.building import (
    SECOND,
    START_NS,
    block,
    decode,
    enhanced,
    ethernet,
    interface,
    ip,
    packets,
    pcap,
    section,
    talk,
    told,
)

PORTS = frozenset({1774})
SEGMENTS = talk().segments
BANNER = b"Welcome to OpenWrt\n"


def pcapng(made, *, link_type=1, order="<", nanoseconds=False):
    assert not nanoseconds
    blocks = (enhanced(0, time_ns // 1000, data, order) for time_ns, data in made)
    return section(order) + interface(link_type, order=order) + b"".join(blocks)


FORMS = {
    "little": pcap,
    "big": lambda made, **kind: pcap(made, order=">", **kind),
    "nanoseconds": lambda made, **kind: pcap(made, nanoseconds=True, **kind),
    "big nanoseconds": lambda made, **kind: pcap(made, order=">", nanoseconds=True, **kind),
    "pcapng": pcapng,
    "big pcapng": lambda made, **kind: pcapng(made, order=">", **kind),
}
TEXT = st.sampled_from(
    [
        b"",
        b"\n",
        b"\r\n",
        b"\n\n\n\n\n\n\n",
        b"dropped privs to tcpdump\n",
        BANNER,
        "tcpdump: listening on eth0, Größe\r\n".encode(),
        b"root@router's password: ",
        b"\x1b[32mM<\x1b[0m \n\r\r\n a d\xc3\xb2 \n",
        b"94 packets captured\n188 packets received by filter\n0 packets dropped by kernel\n",
    ]
) | st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=8, max_size=40).map(str.encode)
PIECE = st.tuples(TEXT, st.sampled_from(sorted(FORMS)), st.integers(0, 6), st.sampled_from([1, 101]))


class Pieces(RawIOBase):
    """Bytes as they come through a pipe."""

    name = "pipe"

    def __init__(self, data, cuts):
        ends = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        self._pieces = [data[start:end] for start, end in pairwise(ends)]

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._pieces:
            return 0
        piece = self._pieces[0][: len(buffer)]
        self._pieces[0] = self._pieces[0][len(buffer) :]
        if not self._pieces[0]:
            del self._pieces[0]
        buffer[: len(piece)] = piece
        return len(piece)


def read(data, cuts=(), ports=None):
    """What comes of a file, with the recognition of its format."""
    statistics = CaptureStatistics()
    kind, file = open_capture(OpenCapture(BufferedReader(Pieces(data, cuts))))
    assert kind.packets is not None
    with file:
        found = list(chain.from_iterable(kind.packets(file, statistics, None, ports)))
    return found, statistics


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(PIECE, min_size=1, max_size=4), last=TEXT, cuts=st.lists(st.integers(0, 1 << 16), max_size=6))
@example(pieces=[(b"", "little", 0, 1)] * 3, last=b"", cuts=[])
@example(pieces=[(b"\n", "pcapng", 1, 1), (b"\n\n", "big", 1, 1)], last=b"\n", cuts=list(range(40)))
def test_every_capture_is_read_with_its_own_header(pieces, last, cuts):
    data, expected, time_ns = b"", [], START_NS
    for text, form, count, link_type in pieces:
        made = [(time_ns + each * SECOND, bytes([each]) * 60) for each in range(count)]
        time_ns += count * SECOND
        data += text + FORMS[form](made, link_type=link_type)
        expected += [(at, link_type, packet, 60) for at, packet in made]
    if len(last.strip(b"\r\n")) < 8:  # that may be half of a record
        last = b"" if last.strip() else last
    data += last
    found, statistics = read(data, cuts)
    assert found == expected
    assert statistics.packets == len(expected)
    assert statistics.warnings == []
    said = "".join(statistics.notes)
    texts = [text for text, *_ in pieces] + [last]
    assert ("passed over" in said) == any(text.strip() for text in texts)
    assert all(each.isprintable() for each in said)


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("other", sorted(FORMS))
def test_a_connection_goes_on_in_the_next_capture(form, other, tmp_path):
    whole, _, _ = decode(tmp_path / "whole", pcap(packets(SEGMENTS)))
    data = FORMS[form](packets(SEGMENTS[:7])) + FORMS[other](packets(SEGMENTS[7:], ip), link_type=101)
    records, statistics, tally = decode(tmp_path / "x", data)
    assert records == whole
    assert (statistics.connections, statistics.packets, tally.problems) == (1, len(SEGMENTS), 0)
    is_plain = "pcapng" in form and "pcapng" in other  # sections are nothing to speak of
    assert statistics.notes == (
        [] if is_plain else ["2 captures stand in the file one after another; they were read as one"]
    )


def test_what_was_passed_over_is_said(tmp_path):
    data = BANNER + pcap(packets(SEGMENTS)) + b"x\n" * 9 + pcap([]) + b"94 packets captured\n"
    _, statistics, _ = decode(tmp_path / "x", data)
    assert statistics.warnings == []
    place = 19 + len(pcap(packets(SEGMENTS)))
    assert statistics.notes[1:] == [
        '19 bytes of text before the capture were passed over: "Welcome to OpenWrt"',
        f'18 bytes of text between the captures, at byte {place:,}, were passed over: "x x x x x x x x x"',
        '20 bytes of text behind the last packet were passed over: "94 packets captured"',
    ]


def test_a_thousand_texts_are_few_notes(tmp_path):
    _, statistics, _ = decode(tmp_path / "x", (BANNER + pcap([])) * 1000)
    assert len(statistics.notes) == 5
    assert "18,943 more bytes of text" in statistics.notes[-1]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("missing", [1, 2, 16, 17, 31, 40, 80, 100])
@pytest.mark.parametrize("second", ["little", "big pcapng"])
def test_a_recorder_that_was_killed_and_another_that_went_on(form, missing, second):
    chance = Random(missing)  # as in what is encrypted, which most packets are
    made = [(START_NS + each * SECOND, chance.randbytes(60 + 7 * each)) for each in range(9)]
    found, statistics = read(FORMS[form](made[:5])[:-missing] + FORMS[second](made[5:]))
    assert [(packet.time_ns, packet.data) for packet in found[-4:]] == made[5:]
    cut = len(FORMS[form](made[:5])) - missing
    assert len(statistics.warnings) == 1
    assert f"the capture before byte {cut:,} is cut off or damaged at its end" in statistics.warnings[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xD4C3B2A1, 0xA1B23C4D, 0x4D3CB2A1, 0x0A0D0D0A])
@pytest.mark.parametrize("fraction", [0, 0x00040002, 0x00020004, 28])
def test_a_packet_at_a_time_that_is_a_magic_number(order, magic, fraction):
    """The year 2055, and others: a whole header tells a file from a packet."""
    record = struct.pack(f"{order}IIII", magic, fraction, 60, 60) + bytes(60)
    empty = struct.pack(f"{order}IIII", magic, 7, 0, 0)
    data = pcap([], order=order) + (record + empty) * 3
    found, statistics = read(data)
    assert [len(packet.data) for packet in found] == [60, 0] * 3
    assert statistics.warnings == statistics.notes == []


def test_damage_is_not_taken_for_text_or_for_another_capture():
    good = pcap([(START_NS, bytes(60))])
    for damage in (b"\xff" * 100, b"\xff" * 16 + b"\xd4\xc3\xb2\xa1" + bytes(80), bytes(8) + b"\xff" * 90):
        found, statistics = read(good + damage)
        assert len(found) == 1
        assert f"the file is damaged at byte {len(good)}, after packet 1" in statistics.warnings[0]


def test_text_without_end_is_damage():
    data = pcap([(START_NS, bytes(60))]) + b"tcpdump: pcap_loop: error\n" * 20_000
    found, statistics = read(data)
    assert len(found) == 1
    assert "damaged at byte 100, after packet 1" in statistics.warnings[0]


def test_a_terminal_between_is_named():
    made = [(START_NS + each, bytes([each, 10, 13, 10]) * 20) for each in range(9)]
    for data, new in ((pcap(made), b"\r\n"), (pcap(made, order=">"), b"\r\n"), (pcap(made[:1]), b"\r\r\n")):
        _, statistics = read(data.replace(b"\n", new))
        assert len(statistics.warnings) == 1
        assert "put a carriage return before each line feed (adb shell, ssh -t" in statistics.warnings[0]
        assert "adb exec-out" in statistics.warnings[0]


def read_all(data, cuts, ports):
    """The packets, and all else that can be told."""
    statistics = CaptureStatistics()
    found = []
    try:
        for some in read_packets(BufferedReader(Pieces(data, cuts)), statistics, None, ports):
            found += some
    except CaptureError as error:
        return found, str(error)
    return found, (statistics.packets, statistics.warnings, statistics.notes, statistics.bytes_read)


def test_a_compressed_file_behind_a_capture_is_named():
    good = pcap([(START_NS, bytes(60))])
    _, statistics = read(good + gzip.compress(good))
    assert len(statistics.warnings) == 1
    assert "a compressed file begins at byte 100, after packet 1, and was not read" in statistics.warnings[0]
    assert "tail -c +101 FILE | lmdecode decode -" in statistics.warnings[0]


DAMAGE = st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=6))


@settings(max_examples=300, deadline=None)
@given(
    damage=st.lists(DAMAGE, min_size=1, max_size=4),
    form=st.sampled_from(sorted(FORMS)),
    ends=st.booleans(),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=3),
)
def test_damage_is_the_same_with_and_without_the_filter(damage, form, ends, cuts):
    """Which ports are wanted decides which packets come, and neither how many there are nor what is wrong."""
    foreign = [segment._replace(source=segment.source._replace(port=443)) for segment in SEGMENTS]
    foreign = [each._replace(destination=each.destination._replace(port=50_000)) for each in foreign]
    made = packets([each for pair in zip(SEGMENTS, foreign, strict=True) for each in pair])
    data = bytearray(FORMS[form](made))
    if "pcapng" in form:
        order = ">" if "big" in form else "<"
        data += block(3, struct.pack(f"{order}I", 60) + bytes(60), order)  # has the time of the packet before it
    sizes = list(accumulate(range(0, len(data), max(len(data) // 40, 1))))
    for at, new in damage:
        place = at % len(data)
        if ends and "pcapng" in form:  # lengths, where they hurt
            places = [data.rfind(data[4:8], 0, size or 1) for size in sizes] + [place]
            place = max(places[at % len(places)], 28)
        data[place : place + len(new)] = new
    wanted, filtered = read_all(bytes(data), cuts, PORTS)
    everything, unfiltered = read_all(bytes(data), (), None)
    assert filtered == unfiltered
    left = iter(everything)
    assert all(packet in left for packet in wanted)  # in the same order, with the same times


@pytest.mark.skipif(libpcap.find_library() is None, reason="libpcap is not installed")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    pieces=st.lists(st.tuples(TEXT, st.sampled_from(sorted(FORMS)), st.integers(0, 14)), min_size=1, max_size=3),
    early=st.booleans(),
    missing=st.integers(0, 70) | st.just(0),
)
def test_what_libpcap_cannot_read_our_own_reader_does(pieces, early, missing, tmp_path, monkeypatch):
    monkeypatch.setattr(decoder, "_WORTH_SCREENING", 0)
    monkeypatch.setattr(libpcap, "_FEW", 0)
    segments = [each._replace(time_ns=each.time_ns % (100_000 * SECOND)) for each in SEGMENTS] if early else SEGMENTS
    data, at = pcap(packets(segments[:3])), 3
    data = data[: len(data) - missing]
    for text, form, count in pieces:
        data += text + FORMS[form](packets(segments[at : at + count]))
        at += count
    path = tmp_path / "x"
    mine, statistics, _ = decode(path, data)
    with monkeypatch.context() as patch:
        patch.setattr(libpcap, "find_library", lambda: None)
        records, expected, _ = decode(path)
    assert told(mine) == told(records)
    assert (statistics.warnings, statistics.connections) == (expected.warnings, expected.connections)


def test_a_large_file_of_two_captures(tmp_path):
    foreign = [(START_NS, ethernet(SEGMENTS[0]._replace(destination=SEGMENTS[0].source)) + bytes(1400))] * 2000
    data = pcap([*foreign, *packets(SEGMENTS[:7])]) + BANNER + pcap([*foreign, *packets(SEGMENTS[7:])], order=">")
    data += b"94 packets captured\n"
    records, statistics, _ = decode(tmp_path / "x", data)
    assert len(records) == 4
    assert statistics.warnings == []
