"""Bluetooth in a capture: the same messages of every file, only those of machines, and nothing that raises."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import subprocess
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.capture.connections import Connections
from lmdecode.capture.net.bluetooth import LINK_TYPES, as_segment
from lmdecode.capture.net.packet import Packet
from lmdecode.capture.reader import decode_packets
from lmdecode.cli.app import make_app
from lmdecode.codec.dialect import RECORDS, Tallies
from lmdecode.codec.record import Kind
from tests.capture.building import CAPTURES, ethernet, interface, section, talk
from tests.capture.building import enhanced as block_of
from tests.capture.radio import (
    ACCESS,
    COMMAND,
    EVENTS,
    PHONE,
    READ,
    SECRET,
    START_US,
    TALK,
    Air,
    Hci,
    acl,
    advertised,
    air,
    as_air,
    as_link_type,
    as_pcap,
    as_pcapng,
    btsnoop,
    connect_request,
    connected,
    decoded,
    event,
    hci,
    notify,
    packet_logger,
    read,
    said,
    speakers,
    write,
)

SAMPLE = CAPTURES / "bluetooth-morning.btsnoop"
HCI = hci(said())
AIR = [connect_request(), *air(said())]
FILES = {
    "btsnoop, H4": lambda: btsnoop(HCI),
    "btsnoop, HCI": lambda: btsnoop(HCI, 1001),
    "btsnoop, monitor": lambda: btsnoop(HCI, 2001),
    "btsnoop, gzip": lambda: gzip.compress(btsnoop(HCI)),
    "PacketLogger": lambda: packet_logger(HCI),
    "PacketLogger, little-endian": lambda: packet_logger(HCI, "<"),
    **{f"pcap {each}": (lambda each=each: as_pcap(each, as_link_type(each, HCI))) for each in (187, 201, 254)},
    **{f"pcapng {each}": (lambda each=each: as_pcapng(each, as_link_type(each, HCI))) for each in (187, 201, 254)},
    **{f"pcap {each}": (lambda each=each: as_pcap(each, as_air(each, AIR))) for each in (251, 256, 272)},
}
SUBJECTS = [
    "0d0b write token",
    "0d0b token",
    "0e0b subscribe",
    "0e0b notify",
    "0a0b write machineMode",
    "0a0b machineMode",
    "0b0b write MachineChangeMode",
    "0b0b MachineChangeMode",
    "0e0b notify",
]


@pytest.mark.parametrize("name", FILES)
def test_every_file_gives_the_same_messages_at_the_right_times(name, tmp_path):
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", FILES[name](), statistics)
    assert [record.subject for record in records] == SUBJECTS
    assert not any(record.problems for record in records)
    assert records[0].time_ns // 1000 - (START_US + 6 * 50_000) in range(10_000)  # the last fragment of the token
    assert [record.ok for record in records] == [None, True, None, None, None, None, None, True, None]
    assert records[3].fields == {}
    assert records[3].extra == {"replay": True, "Sleep": "command"}
    assert records[-1].fields == {"coffee_temp": 92.0}
    assert records[-1].source == "C8:2B:96:12:34:56"
    assert SECRET.decode() not in str(records)
    assert SECRET.hex() not in str(records)
    assert statistics.connections == 1
    assert statistics.warnings == []


def test_the_records_of_a_pipe_that_brings_byte_after_byte_are_the_same(tmp_path):
    from io import BytesIO

    from lmdecode.capture.source import OpenCapture

    class Slow(BytesIO):
        def read1(self, size=-1):
            return self.read(min(size, 1) if size > 0 else 1)

    for data in (btsnoop(HCI), packet_logger(HCI)):
        found = list(decode_capture(OpenCapture(Slow(data)), speakers()))
        assert found == decoded(tmp_path / "x", data)


@pytest.mark.parametrize("make", [btsnoop, packet_logger])
def test_a_file_that_is_cut_off_gives_what_is_before_and_says_so(make, tmp_path):
    data = make(HCI)
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", data[:-9], statistics)
    assert [record.subject for record in records] == SUBJECTS[:-1]
    assert "cut off in the middle of packet" in statistics.warnings[0]


@pytest.mark.parametrize("make", [btsnoop, packet_logger])
def test_a_damaged_length_ends_the_reading_and_is_said(make, tmp_path):
    data = make(HCI)
    at = len(make(HCI[:-3]))
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", data[:at] + b"\xff" * 24 + data[at + 24 :], statistics)
    assert [record.subject for record in records] == SUBJECTS[:7]
    assert f"damaged at byte {at:,}" in statistics.warnings[0]


@given(st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_any_fragmentation_of_the_same_pdus_gives_the_same_records(size):
    def records(packets):
        connections = Connections(RECORDS, speakers(), Tallies())
        made = []
        for time_us, is_sent, data in packets:
            data = struct.pack(">I", not is_sent) + data  # noqa: PLW2901
            made += connections.receive(as_segment(Packet(time_us * 1000, 201, data, len(data))))
        return made + list(connections.close())

    whole = records(hci(said(), size=600))
    assert [record.subject for record in whole] == SUBJECTS
    assert records(hci(said(), size=size)) == whole


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(LINK_TYPES)), st.binary(max_size=60), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise(packets):
    connections = Connections(RECORDS, speakers(), Tallies())
    for number, (link_type, data, missing) in enumerate(packets):
        connections.receive(as_segment(Packet(number, link_type, data, len(data) + missing)))
    list(connections.close())
    connections.warnings()
    connections.notes()


@given(st.binary(min_size=1, max_size=40), st.integers(0, 200))
@settings(max_examples=150, deadline=None)
def test_damage_in_the_middle_of_a_talk_never_raises_and_shows_no_secret(noise, at):
    data = bytearray(b"".join(struct.pack(">I", not each.is_sent) + each.data for each in HCI))
    connections = Connections(RECORDS, speakers(), Tallies())
    made = []
    place = 0
    data[at * 7 % len(data) : at * 7 % len(data)] = b""
    for number, each in enumerate(HCI):
        packet = bytearray(struct.pack(">I", not each.is_sent) + each.data)
        if number == at % len(HCI) and number > 12:  # behind the token
            packet[place : place + len(noise)] = noise
        made += connections.receive(as_segment(Packet(number, 201, bytes(packet), len(packet))))
    made += list(connections.close())
    assert SECRET.decode() not in str(made)


# Whose it is


def other(handle=0x41, where=PHONE):
    """A device that is nobody's business, with the same handles."""
    pdus = [write(READ, b"private words"), b"\x13", notify(b'{"song":"private"}'), notify(b"\x00\x12private")]
    return [
        Hci(START_US, False, advertised("Private Headphones", where)),
        Hci(START_US, False, connected(handle, where)),
        *(Hci(START_US + 5, False, each) for pdu in pdus for each in acl(pdu, sent=False, handle=handle)),
    ]


def test_nothing_of_other_devices_is_told_but_their_number(tmp_path):
    statistics = CaptureStatistics()
    third = other(0x42, b"\1\2\3\4\5\6")
    records = decoded(tmp_path / "x", btsnoop([*other(), *HCI, *other(), *third]), statistics)
    assert [record.subject for record in records] == SUBJECTS
    assert "rivate" not in str(records)
    assert "rivate" not in str(statistics)
    assert statistics.notes == ["2 other Bluetooth devices were left alone"]
    assert statistics.port_packets < statistics.packets


def test_a_log_without_a_machine_says_so(tmp_path):
    (tmp_path / "x").write_bytes(btsnoop(other()))
    arguments = ["decode", str(tmp_path / "x")]
    result = CliRunner().invoke(make_app(arguments), arguments)
    assert result.exit_code == 1
    assert "no machine is in 6 Bluetooth packets (1 other device was left alone)" in result.output
    assert "rivate" not in result.output


@pytest.mark.parametrize(
    "sign",
    [
        [("app", write(READ, b"boilers\0"))],
        [("app", write(COMMAND, b'{"name":"SettingBoilerTarget","parameter":{}}\0'))],
        [("machine", notify({"BrewingStartedGroup1DoseIndex": "DoseA"}))],
        [("app", read(3)), ("machine", b"\x0bMICRA_MR012345")],
    ],
)
def test_a_connection_that_began_before_is_a_machines_by_what_is_said_on_it(sign, tmp_path):
    before = [("app", write(0x99, b"\1\2"))]
    records = decoded(tmp_path / "x", btsnoop(hci(said([*before, *sign]), begins=False)))
    assert len(records) == 1 + len(sign)
    assert records[0].data == "0102"


def test_the_name_that_is_advertised_tells_a_machine_and_its_serial_number(tmp_path):
    first = Hci(START_US - 100, False, advertised("GS3AV_GS012345"))
    records = decoded(tmp_path / "x", btsnoop([first, *hci(said([("app", write(0x99, b"\1\2"))]))]))
    assert [(record.machine, record.data) for record in records] == [("GS012345", "0102")]


def test_another_connection_with_the_same_handle_is_another_stream(tmp_path):
    again = [Hci(START_US, False, event(5, b"\0\x40\0\x13")), *hci(said())]
    records = decoded(tmp_path / "x", btsnoop([*HCI, *again]))
    assert [record.stream for record in records] == [0] * 9 + [1] * 9


def test_handles_are_known_on_the_next_connection(tmp_path):
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", btsnoop([*HCI, *hci(said(TALK))]), statistics)
    assert [record.subject for record in records] == SUBJECTS * 2
    assert statistics.notes == []


def test_without_discovery_handles_are_guessed_and_it_is_said(tmp_path):
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", btsnoop(hci(said(TALK))), statistics)
    assert [record.subject for record in records][3:] == ["0e0b notify", *SUBJECTS[4:]]
    assert records[0].plaintext == "**"
    assert "--handles 0a0b=0x29,0b0b=0x2b,0d0b=0x2d,0e0b=0x2f" in statistics.notes[0]


def test_handles_that_the_owner_gives_need_no_guess(tmp_path):
    statistics = CaptureStatistics()
    given_handles = {READ: "0a0b", COMMAND: "0b0b", 0x2D: "0d0b", EVENTS: "0e0b"}
    records = decoded(tmp_path / "x", btsnoop(hci(said(TALK))), statistics, given_handles)
    assert [record.subject for record in records if record.subject != "subscribe"] == [
        each for each in SUBJECTS if each != "0e0b subscribe"
    ]
    assert statistics.notes == []


# What is missing


def test_a_packet_that_the_telephone_cut_is_said(tmp_path):
    data = btsnoop(HCI)
    at = len(btsnoop(HCI[:-3]))
    cut = bytearray(data)
    cut[at : at + 4] = struct.pack(">I", len(HCI[-3].data) + 20)
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", bytes(cut), statistics)
    assert len(records) < len(SUBJECTS)
    assert statistics.warnings == [
        "1 Bluetooth packet cut short by the telephone's log (set it to full, not filtered) could not be read"
    ]


def test_a_fragment_that_is_missing_is_said(tmp_path):
    statistics = CaptureStatistics()
    temperature = [("machine", notify({"CoffeeBoiler1UpdateTemperature": 92}))]
    packets = hci(said([*TALK, *temperature * 2]))
    del packets[-3]  # of the last but one
    records = decoded(tmp_path / "x", btsnoop(packets), statistics)
    assert any("not in the capture" in problem for record in records for problem in record.problems)
    assert records[-1].fields == {"coffee_temp": 92.0}


def test_what_is_sent_again_in_the_air_is_told_once(tmp_path):
    again = [each for packet in AIR for each in (packet, packet._replace(time_us=packet.time_us + 1))]
    for link_type in (256, 272):
        records = decoded(tmp_path / "x", as_pcap(link_type, as_air(link_type, again)))
        assert [record.subject for record in records] == SUBJECTS


def test_what_was_not_heard_in_the_air_is_said(tmp_path):
    texts = [("machine", notify({"CoffeeBoiler1UpdateTemperature": each})) for each in (80, 83, 86)]
    packets = [connect_request(), *air(said([*TALK, *texts]), size=60)]
    del packets[-3]  # the machine's last but one
    records = decoded(tmp_path / "x", as_pcap(256, as_air(256, packets)))
    assert [record.fields for record in records[-3:]] == [{"coffee_temp": 80.0}, {}, {"coffee_temp": 86.0}]
    assert records[-2].problems == ("a packet of the radio was not heard",)


def test_encrypted_connections_are_said_to_be(tmp_path):
    packets = [*AIR, Air(AIR[-1].time_us + 9_000, "machine", ACCESS, bytes((3, 1, 5)))]
    packets += [
        Air(AIR[-1].time_us + 10_000 * each, "app", ACCESS, bytes((2 | each % 2 << 3, 9)) + bytes(9)) for each in (2, 3)
    ]
    statistics = CaptureStatistics()
    records = decoded(tmp_path / "x", as_pcap(256, as_air(256, packets)), statistics)
    assert [record.subject for record in records[:-1]] == SUBJECTS
    assert records[-1].problems == ("the connection is encrypted from here on, and cannot be read",)
    assert (
        "2 Bluetooth packets encrypted by the connection (the sniffer has no key) could not be read"
        in statistics.warnings
    )


# Beside TCP


def test_a_pcapng_may_have_both_ethernet_and_bluetooth(tmp_path):
    from lmdecode.codec.dialect import MachineKey, OwnerAccess
    from lmdecode.codec.speakers import Speakers
    from lmdecode.codec.v1.key import Key
    from tests.capture.building import KEY_TEXT

    tcp = [(segment.time_ns // 1000, 0, ethernet(segment)) for segment in talk().segments]
    radio = [(time_us, 1, data) for time_us, data in as_link_type(201, HCI)]
    blocks = b"".join(
        block_of(number, time_us, data) for time_us, number, data in sorted(tcp + radio, key=itemgetter(0))
    )
    path = tmp_path / "both.pcapng"
    path.write_bytes(section() + interface(1) + interface(201) + blocks)
    both = Speakers.open(OwnerAccess([MachineKey("kitchen", Key.parse(KEY_TEXT))]))
    records = list(decode_capture(path, both))
    assert [record.subject for record in records if record.generation == "bluetooth"] == SUBJECTS
    assert sum(record.generation == "v1" for record in records) == 4
    packets = list(decode_packets(path, both))
    assert sum(packet is not None for packet, _ in packets) == len(tcp) + len(radio)
    assert [record for _, found in packets for record in found] == records


# The sample, and other programs


def test_the_sample_is_what_its_script_makes():
    import importlib.util

    spec = importlib.util.spec_from_file_location("make_bluetooth", CAPTURES / "make" / "bluetooth.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert SAMPLE.read_bytes() == script.morning(), "make it anew: python captures/make/bluetooth.py"


def test_the_sample_tells_the_machines_morning_and_nothing_else():
    statistics = CaptureStatistics()
    records = list(decode_capture(SAMPLE, speakers(), statistics=statistics))
    assert {record.machine for record in records} == {"MR012345"}
    assert [record.fields["brew_stopped_seconds"] for record in records if "brew_stopped_seconds" in record.fields] == [
        25.612,
        27.918,
    ]
    assert [record.extra.get("replay") for record in records].count(True) == 2
    assert all(record.ok for record in records if record.kind is Kind.WRITE and record.subject.startswith("0b0b Ma"))
    assert "rivate" not in str(records)
    assert "15d97034" not in str(records)
    assert not any(record.problems for record in records)
    assert statistics.notes == ["2 other Bluetooth devices were left alone"]


def test_tshark_reads_the_same_values():
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    command = ["tshark", "-r", str(SAMPLE), "-Y", "btatt.value", "-T", "fields"]
    for each in ("frame.time_epoch", "btatt.opcode", "btatt.value", "bthci_acl.src.bd_addr", "bthci_acl.dst.bd_addr"):
        command += ["-e", each]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    theirs = [each.split("\t") for each in lines if "c8:2b:96:12:34:56" in each]
    notified = [(round(float(time) * 1e6), value) for time, opcode, value, *_ in theirs if opcode == "0x1b"]
    written = [value for _, opcode, value, *_ in theirs if opcode == "0x12"]
    records = list(decode_capture(SAMPLE, speakers(show_secrets=True)))
    ours = [(record.time_ns // 1000, record.data) for record in records if record.kind is Kind.STREAM]
    assert len(ours) > 100
    assert ours == notified
    assert [
        record.data for record in records if record.role == "request" and record.data and record.length != 2
    ] == written


@pytest.mark.parametrize("link_type", [251, 256, 272])
def test_tshark_reads_the_same_values_in_the_air(link_type, tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    path = tmp_path / "x.pcap"
    path.write_bytes(as_pcap(link_type, as_air(link_type, [connect_request(), *air(said(), size=200)])))
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "btatt.value", "-Y", "btatt.opcode == 0x1b"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()
    records = list(decode_capture(path, speakers()))
    assert [record.data for record in records if record.kind is Kind.STREAM] == [
        each.replace(":", "") for each in lines
    ]
    assert len(lines) == 2


def test_every_format_of_output_takes_it(tmp_path):
    for format_ in ("jsonl", "csv", "table", "pcapng", "exported-pdu", "parquet"):
        output = tmp_path / format_
        arguments = ["decode", str(SAMPLE), "--format", format_, "--output", str(output)]
        result = CliRunner().invoke(make_app(arguments), arguments)
        assert result.exit_code == 0, (format_, result.output)
        assert b"15d97034" not in output.read_bytes() or format_ == "pcapng"
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    assert lines[0]["generation"] == "bluetooth"
