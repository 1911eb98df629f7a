"""Whole captures: the samples, every kind of file, files cut off anywhere, and memory."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import tracemalloc
from itertools import pairwise

import pytest

from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import (
    APP6,
    ASK,
    CAPTURES,
    MACHINE,
    MACHINE6,
    START_NS,
    Talk,
    decode,
    enhanced,
    ethernet,
    exported,
    interface,
    new_decoder,
    packets,
    pcap,
    report,
    seal,
    section,
    talk,
    told,
    unseal,
)

FRAME = re.compile(rb"@[A-Za-z0-9+/=]{24,}%")
BINARY = ["gs3av-settings.pcap", "gs3mp-standby.pcapng"]
COUNTS = {"gs3av-settings.pcap": 94, "gs3av-settings.tshark.json": 94, "gs3mp-standby.pcapng": 46}
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.mark.parametrize("name", BINARY)
def test_samples_say_what_a_plain_search_for_frames_finds(name):
    # No frame of the samples is split over packets, so they stand in the file one after the other.
    expected = [unseal(frame) for frame in FRAME.findall((CAPTURES / name).read_bytes())]
    records, statistics, tally = decode(CAPTURES / name)
    assert [record.plaintext for record in records] == expected
    assert len(expected) == COUNTS[name] == tally.frames == tally.valid_frames
    assert statistics.connections == 1
    assert statistics.warnings == []
    assert statistics.bytes_read == (CAPTURES / name).stat().st_size
    assert all(record.stream == 0 for record in records)


@needs_tshark
@pytest.mark.parametrize("name", COUNTS)
def test_samples_say_what_tshark_says(name):
    source = CAPTURES / (name if name in BINARY else "gs3av-settings.pcap")
    fields = ["frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.payload"]
    command = ["tshark", "-r", source, "-Y", "tcp.len>0", "-Tfields", *(f"-e{field}" for field in fields)]
    expected = []
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        time, source_host, source_port, host, port, digits = line.split("\t")
        seconds, _, rest = time.partition(".")
        payload = bytes.fromhex(digits.replace(":", ""))
        frames = FRAME.findall(payload)
        assert b"".join(frames) == payload
        for frame in frames:
            sender = "machine" if source_port == "1774" else "app"
            ends = f"{source_host}:{source_port}", f"{host}:{port}"
            expected.append((int(seconds) * 10**9 + int(rest), sender, *ends, unseal(frame)))
    records, _, _ = decode(CAPTURES / name)
    assert [record[:1] + record[2:5] + (record.plaintext,) for record in records] == expected
    assert len(expected) == COUNTS[name]


def test_the_json_sample_is_the_pcap_sample():
    from_json, statistics, _ = decode(CAPTURES / "gs3av-settings.tshark.json")
    from_pcap, _, _ = decode(CAPTURES / "gs3av-settings.pcap")
    assert from_json == from_pcap
    assert statistics.packets == len(json.loads((CAPTURES / "gs3av-settings.tshark.json").read_bytes())) == 76
    assert statistics.warnings == []


def test_a_record_knows_its_connection_and_time(tmp_path):
    records, statistics, _ = decode(tmp_path / "x", pcap(packets(talk(1).segments)))
    asked, reported = records
    assert asked[1:5] == (0, "app", "192.168.1.150:36364", "192.168.1.215:1774")
    assert reported[1:5] == (0, "machine", "192.168.1.215:1774", "192.168.1.150:36364")
    assert asked.time_ns == START_NS + 3_000_000
    assert (statistics.packets, statistics.port_packets, statistics.connections) == (10, 10, 1)


def test_ipv6_hosts_are_in_brackets(tmp_path):
    records, _, _ = decode(tmp_path / "x", pcap(packets(talk(1, app=APP6, machine=MACHINE6).segments)))
    assert records[0].source == "[fe80::1]:36364"
    assert records[0].destination == "[fe80::2]:1774"


def test_nothing_on_the_port_gives_nothing(tmp_path):
    records, statistics, _ = decode(tmp_path / "x", pcap(packets(talk().segments)), port=4711)
    assert records == []
    assert statistics.packets == len(talk().segments)
    assert (statistics.port_packets, statistics.connections) == (0, 0)


def split_talk():
    """One that has a frame in two packets."""
    whole = seal(report(7))
    made = Talk().open().send("app", seal(ASK))
    made.send("machine", whole[:9]).send("machine", whole[9:]).send("machine", seal(report(8)) + seal(report(9)))
    return made.close().segments


def as_pcapng(segments):
    blocks = [enhanced(0, segment_ns // 1000, data) for segment_ns, data in packets(segments)]
    return section() + interface() + b"".join(blocks)


def compact(data):
    return json.dumps(json.loads(data), separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "build",
    [
        lambda segments: pcap(packets(segments)),
        as_pcapng,
        lambda segments: b"\xef\xbb\xbf" + compact(exported(segments))[:4000],
    ],
    ids=["pcap", "pcapng", "json"],
)
def test_cut_off_at_every_byte(build, tmp_path):
    data = build(split_talk())
    whole, statistics, _ = decode(tmp_path / "whole", data)
    expected = told(whole)
    counts = set()
    silent = set()
    for size in range(len(data)):
        try:
            records, cut, tally = decode(tmp_path / "cut", data[:size])
        except CaptureError as error:
            assert "\n" not in str(error)  # noqa: PT017
            counts.add("error")
            continue
        decoded = [each for each in told(records) if each[1] is not None]
        assert decoded == expected[: len(decoded)]
        assert tally.problems <= 1  # half a frame, which is shown as that
        assert len(cut.warnings) <= 1
        assert cut.packets <= statistics.packets
        counts.add(len(decoded))
        if not cut.warnings:
            silent.add(size)
    assert counts >= {"error", 0, 1}
    if build(split_talk()[:3])[:2] != b"\xef\xbb":
        assert counts >= {0, 1, 2, 4}
        boundaries = {len(build(split_talk()[:number])) for number in range(len(split_talk()))}
        assert silent - boundaries <= {len(section())}  # a cut is only unseen where no packet is cut
        assert boundaries <= silent


def many(path, number, *, holes=False):
    """A capture of so many packets; with `holes` every tenth is not in it."""
    segment = Talk(machine=MACHINE).open().send("machine", seal(report(0)), acked=False).segments[-1]
    data = ethernet(segment)
    seq_at, payload_at = 14 + 20 + 4, 14 + 20 + 20
    frames = [seal(report(index)) for index in range(500)]
    parts = [pcap([])]
    for index in range(number):
        if not holes or index % 10:
            record = struct.pack("<IIII", 1_700_000_000 + index // 1000, index % 1000 * 1000, len(data), len(data))
            seq = struct.pack("!I", 5001 + index * len(frames[0]))
            parts += [record, data[:seq_at], seq, data[seq_at + 4 : payload_at], frames[index % 500]]
    path.write_bytes(b"".join(parts))
    return path


def peak(path):
    tracemalloc.start()
    try:
        count = sum(1 for _ in decode_capture(path, speakers_with(new_decoder())))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_capture(tmp_path):
    few, many_packets = many(tmp_path / "few", 10_000), many(tmp_path / "many", 40_000)
    sum(1 for _ in decode_capture(few, speakers_with(new_decoder())))  # what is imported and cached once
    small_count, small = peak(few)
    large_count, large = peak(many_packets)
    assert (small_count, large_count) == (10_000, 40_000)
    assert large < small * 1.3 + 200_000


def test_memory_does_not_grow_with_the_json(tmp_path):
    few, many_packets = tmp_path / "few", tmp_path / "many"
    frame = seal(report(1))  # always the same, so that what is remembered of frames does not grow either
    for path, number in ((few, 300), (many_packets, 3_000)):
        made = Talk().open()
        for _ in range(number):
            made.send("machine", frame)
        path.write_bytes(exported(made.segments))
    sum(1 for _ in decode_capture(few, speakers_with(new_decoder())))
    (_, small), (count, large) = peak(few), peak(many_packets)
    assert count == 3_000
    assert many_packets.stat().st_size > 4_000_000
    assert large < small + 300_000


def test_memory_does_not_grow_with_holes_that_nobody_acknowledges(tmp_path):
    path = many(tmp_path / "holes", 10_000, holes=True)
    records, _, tally = decode(path)
    assert sum(1 for record in records if record.plaintext) == 9_000
    assert tally.bytes_missing > 0
    count, used = peak(path)
    assert count == len(records)
    assert used < 5_000_000  # the records of what came in at once are held together


def test_records_come_before_the_file_is_read_to_its_end(tmp_path):
    path = many(tmp_path / "x", 40_000)
    statistics = CaptureStatistics()
    records = decode_capture(path, speakers_with(new_decoder()), statistics=statistics)
    next(records)
    assert statistics.packets < 10_000
    assert statistics.connections == 1
    records.close()


@pytest.mark.parametrize("kind", ["pcap", "json"])
def test_progress_rises_to_the_size_of_the_file(kind, tmp_path):
    path = tmp_path / "x"
    if kind == "pcap":
        many(path, 30_000)
    else:
        path.write_bytes(exported(talk(2_500).segments))
    seen = []
    decode(path, progress=seen.append)
    assert len(seen) >= 3
    assert all(before <= after for before, after in pairwise(seen))
    assert seen[-1] == path.stat().st_size


def test_a_missing_file_is_told_when_the_first_record_is_asked_for(tmp_path):
    records = decode_capture(tmp_path / "nothing.pcap", speakers_with(new_decoder()))
    with pytest.raises(CaptureError, match="does not exist"):
        next(records)
