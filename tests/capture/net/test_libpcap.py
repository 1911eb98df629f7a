"""What libpcap passes on is what our own reader would have let through."""

from __future__ import annotations

import os
import struct
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lmdecode.capture import reader as decoder
from lmdecode.capture.formats.pcap import read_pcap
from lmdecode.capture.net import libpcap
from lmdecode.capture.net.libpcap import screened
from lmdecode.capture.net.packet import ACK, TUNNEL_PORTS, Segment
from lmdecode.capture.source import CaptureStatistics
from tests.capture.building import APP, ASK, MACHINE, START_NS, decode, ethernet, ipv4, packets, pcap, seal, talk

PORT = 1774

needs_libpcap = pytest.mark.skipif(libpcap.find_library() is None, reason="libpcap is not installed")


@pytest.fixture(autouse=True)
def _for_small_files(monkeypatch):
    monkeypatch.setattr(decoder, "_WORTH_SCREENING", 0)
    monkeypatch.setattr(libpcap, "_FEW", 0)  # and for those that are mostly ours


@pytest.fixture
def without(monkeypatch):
    """Decode as where libpcap is not installed."""

    def run(*args):
        with monkeypatch.context() as patch:
            patch.setattr(libpcap, "find_library", lambda: None)
            return decode(*args)

    return run


def own(path):
    with path.open("rb") as file:
        return list(chain.from_iterable(read_pcap(file, CaptureStatistics(), None, frozenset({PORT}))))


def passed(path):
    file = screened(path, frozenset({PORT}))
    assert file is not None
    with file:
        return list(chain.from_iterable(read_pcap(file, CaptureStatistics())))


PACKET = st.builds(
    lambda start, place, protocol, ports, rest: (
        bytes(12) + start + bytes(5) + place + bytes((64, protocol)) + bytes(10) + struct.pack(">HH", *ports) + rest
    ),
    st.sampled_from([b"\x08\x00\x45", b"\x08\x00\x46", b"\x86\xdd\x60", b"\x81\x00\x00", b"\x08\x06\x00"]),
    st.sampled_from([b"\0\0", b"\x40\0", b"\x20\0", b"\0\x01"]),
    st.sampled_from([1, 4, 6, 17, 47]),
    st.tuples(st.sampled_from([PORT, 443, 80]), st.sampled_from([PORT, 443, 51000, 4789])),
    st.binary(max_size=30),
)


RECORD = st.tuples(
    st.integers(0, 0xFFFFFFFF),  # of seconds
    st.integers(0, 0xFFFFFFFF),  # of their fraction, damaged or not
    PACKET | st.binary(max_size=60) | st.sampled_from([ethernet(segment) for segment in talk().segments]),
    st.integers(0, 60),  # bytes of it that are cut off
)


def is_tcp_on_a_tunnels_port(data):
    """Our own prefilter lets it through, since it asks for the ports in one step for all protocols."""
    is_plain = data[12:15] == b"\x08\0\x45" and data[20:22] in (b"\0\0", b"\x40\0") and data[23] in (1, 6)
    ports = struct.unpack(">HH", data[34:38]) if len(data) >= 38 else ()
    return is_plain and PORT not in ports and not TUNNEL_PORTS.isdisjoint(ports)


def _cut_to(data, size):
    return 0, 0, data, len(data) - size


_OPENS = ethernet(talk().segments[0])
CUT_BEFORE_ITS_PORTS_AT_THE_END = [_cut_to(_OPENS, len(_OPENS)), _cut_to(_OPENS, 36)]


def capture_of(records, *, order, nanoseconds, snap_length=65535):
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    header = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap_length, 1)
    packets = []
    for seconds, fraction, data, cut in records:
        kept = data[: max(len(data) - cut, 0)]
        packets += [struct.pack(f"{order}IIII", seconds, fraction, len(kept), len(data)), kept]
    return header + b"".join(packets)


@needs_libpcap
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.lists(RECORD, max_size=6), order=st.sampled_from("<>"), nanoseconds=st.booleans())
def test_it_lets_through_what_the_prefilter_does(data, order, nanoseconds, tmp_path):
    path = tmp_path / "x.pcap"
    whole = [(seconds, fraction, packet, 0) for seconds, fraction, packet, _ in data]
    path.write_bytes(capture_of(whole, order=order, nanoseconds=nanoseconds))
    assert passed(path) == [packet for packet in own(path) if not is_tcp_on_a_tunnels_port(packet.data)]


@needs_libpcap
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    data=st.lists(RECORD, max_size=6),
    order=st.sampled_from("<>"),
    nanoseconds=st.booleans(),
    tail=st.sampled_from([b"", bytes(7), b"\xff" * 40]),
)
@example(data=CUT_BEFORE_ITS_PORTS_AT_THE_END, order="<", nanoseconds=False, tail=b"")
def test_all_that_comes_of_a_file_is_the_same_as_without(data, tail, tmp_path, monkeypatch, **kind):
    path = tmp_path / "x.pcap"
    path.write_bytes(capture_of(data, **kind) + tail)
    mine = segments_of(path)
    with monkeypatch.context() as patch:
        patch.setattr(libpcap, "find_library", lambda: None)
        assert segments_of(path) == mine


def segments_of(path):
    statistics = CaptureStatistics()
    segments = list(chain.from_iterable(decoder.read_segments(path, frozenset({PORT}), statistics)))
    return segments, statistics.warnings, statistics.notes


@needs_libpcap
@pytest.mark.parametrize("snap_length", [65535, 262144])
def test_packets_longer_than_the_file_says_any_is_are_whole(snap_length, tmp_path, without):
    """A network card cuts a large packet up only after it was captured, so some are longer than 65,535 bytes."""
    big = Segment(START_NS, APP, MACHINE, ACK, 1000, 1, seal(ASK) * 2600)
    packet = ethernet(big, ipv4(big, total_length=0))
    assert len(packet) > 65535 + 26
    records = [(1_700_000_000, 0, packet, 0)]
    path = tmp_path / "x"
    path.write_bytes(capture_of(records, order="<", nanoseconds=False, snap_length=snap_length))
    assert screened(path, frozenset({PORT})) is not None
    found, _, tally = decode(path)
    assert len(found) == 2600
    assert tally.problems == 0
    assert found == without(path)[0]


@needs_libpcap
def test_packets_cut_before_their_ports_are_told_of_wherever_they_are(tmp_path, without, monkeypatch):
    """Libpcap's filters cannot see them; those that are cut behind the ports show that there may be some."""
    segments = talk().segments
    cut = [(1_700_000_000, 0, ethernet(segments[0]), len(ethernet(segments[0])) - length) for length in (36, 44)]
    whole = [(1_700_000_000, 0, ethernet(segment), 0) for segment in segments]
    path = tmp_path / "x"
    path.write_bytes(capture_of(whole * 20 + cut, order="<", nanoseconds=False))
    monkeypatch.setattr(libpcap, "_SAMPLE", 1000)
    assert screened(path, frozenset({PORT})) is not None
    _, statistics, _ = decode(path)
    assert statistics.warnings == without(path)[1].warnings
    assert "2 packets cut off inside the TCP header" in statistics.warnings[0]


@needs_libpcap
@pytest.mark.parametrize("link_type", [1, 113, 276])
def test_link_types(link_type, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([(START_NS, bytes(range(80)))] * 3, link_type=link_type))
    assert len(passed(path)) == 3


@needs_libpcap
def test_records_are_the_same_as_without(tmp_path, without):
    data = pcap(packets(talk().segments))
    records, statistics, tally = decode(tmp_path / "x", data)
    assert (records, tally) == without(tmp_path / "x")[::2]
    assert statistics.port_packets == len(talk().segments)
    assert statistics.warnings == []


@needs_libpcap
@pytest.mark.parametrize("cut", [1, 20, 75])
def test_damage_is_told_as_without(cut, tmp_path, without):
    data = pcap(packets(talk().segments))[:-cut]
    records, statistics, _ = decode(tmp_path / "x", data)
    expected, own_statistics, _ = without(tmp_path / "x")
    assert records == expected
    assert statistics.warnings == own_statistics.warnings
    assert "cut off in the middle" in statistics.warnings[0]


@needs_libpcap
def test_a_reader_that_stops_early_leaves_nothing_waiting(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([(START_NS, ethernet(segment)) for segment in talk().segments] * 20_000))
    file = screened(path, frozenset({PORT}))
    assert file is not None
    thread = file.raw.screening.thread
    file.read(100)
    assert file.raw.position > 0
    file.close()
    thread.join(20)
    assert not thread.is_alive()


@needs_libpcap
@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="this system does not count calls")
def test_a_file_is_read_and_handed_over_in_large_pieces(tmp_path):
    """In pieces of 4 KB, as libc has it, it would be over 1,000 of each."""
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap([(START_NS, ethernet(Segment(0, APP, MACHINE, ACK, 1, 1, bytes(1000))))] * 4500))
    before = _calls()
    assert len(passed(path)) == 4500
    reads, writes = (after - earlier for after, earlier in zip(_calls(), before, strict=True))
    assert reads < 400
    assert writes < 200


def _calls():
    """How often this process has called read and write."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(told["syscr"]), int(told["syscw"])


@needs_libpcap
@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system does not tell which files are open")
@pytest.mark.parametrize("broken", ["pipe", "dup2", "start"])
def test_where_the_system_has_no_more_nothing_stays_open(tmp_path, monkeypatch, broken):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(talk().segments)))
    pipes = [os.pipe()]
    before = set(Path("/dev/fd").iterdir())

    def fails(*_, **__):
        if broken == "pipe" and pipes:  # the second one fails
            return pipes.pop()
        raise RuntimeError("can't start new thread") if broken == "start" else OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(libpcap.Thread if broken == "start" else os, broken, fails)
        assert screened(path, frozenset({PORT})) is None
    left = set(Path("/dev/fd").iterdir())
    for end in chain(*pipes):
        os.close(end)
    assert len(before - left) == (2 if broken == "pipe" else 0)
    assert not left - before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xd4\xc3",
        b"no capture at all, but long enough to have a header",
        pcap([], link_type=101),
        pcap([], link_type=0x24000001),
        pcap([])[:16] + b"\x60\0\0\0" + pcap([])[20:],
        pcap([])[:4] + b"\x02\0\x03\0" + pcap([])[8:],
    ],
)
def test_files_that_are_not_for_it(data, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    assert screened(path, frozenset({PORT})) is None


@needs_libpcap
@pytest.mark.parametrize("link_type", [1, 113, 276])
@pytest.mark.parametrize(("others", "worth"), [(0, False), (11, False), (12, True)])
def test_files_of_which_much_would_pass_are_left_to_our_own_reader(others, worth, link_type, tmp_path, monkeypatch):
    monkeypatch.setattr(libpcap, "_FEW", 4)
    ip = {1: 14, 113: 16, 276: 20}[link_type]

    def packet(port, kind=b"\x08\0", first=0x45, protocol=6):
        header = bytearray(ip + 60)
        place = 0 if link_type == 276 else ip - 2
        header[place : place + 2] = kind
        header[ip] = first
        header[ip + 9] = protocol
        header[ip + 20 : ip + 24] = struct.pack(">HH", 443, port)
        return START_NS, bytes(header)

    # What the filter lets through, since it cannot tell whose it is, counts as ours.
    passing = [packet(PORT), packet(80, first=0x46), packet(80, kind=b"\x86\xdd"), packet(80, kind=b"\x81\0")]
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(passing + [packet(80)] * others, link_type=link_type))
    assert (screened(path, frozenset({PORT})) is not None) == worth


def test_small_files_are_left_to_our_own_reader(tmp_path, monkeypatch):
    path = tmp_path / "x.pcap"
    assert screened(path, frozenset({PORT})) is None
    path.write_bytes(pcap(packets(talk().segments)))
    monkeypatch.setattr(decoder, "_WORTH_SCREENING", path.stat().st_size + 1)
    monkeypatch.setattr(libpcap, "screened", None)
    assert len(decode(path)[0]) == 4
