"""Every input, of every link type, into every output: the same conversation comes out, whatever it came in.

The exports are made by the real tshark. A test is one input of one link type, into all outputs.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import os
import shutil
import struct
import subprocess
from itertools import chain

import pyarrow.parquet as pq
import pytest
import zstandard
from typer.testing import CliRunner

from lmdecode.capture.formats.pcapng import read_pcapng
from lmdecode.capture.source import CaptureStatistics
from lmdecode.cli.app import make_app
from tests.capture.building import (
    APP6,
    KEY_TEXT,
    MACHINE6,
    enhanced,
    ether_type,
    ethernet,
    interface,
    ip,
    packets,
    pcap,
    section,
    talk,
)

VLAN = b"\x81\x00\x00\x64"
FOUR, SIX = talk().segments, talk(app=APP6, machine=MACHINE6).segments
LINKS = {
    "Ethernet": (1, ethernet, FOUR),
    "Ethernet, IPv6": (1, ethernet, SIX),
    "VLAN": (1, lambda segment: ethernet(segment, tags=VLAN), FOUR),
    "Linux cooked": (
        113,
        lambda segment: struct.pack("!HHH8s", 0, 1, 6, b"") + ether_type(segment) + ip(segment),
        FOUR,
    ),
    "Linux cooked 2": (276, lambda segment: ether_type(segment) + bytes(6) + b"\0\x01" + bytes(10) + ip(segment), SIX),
    "loopback": (0, lambda segment: struct.pack("<I", 2) + ip(segment), FOUR),
    "raw IP": (101, ip, FOUR),
    "raw IP, IPv6": (101, ip, SIX),
}
"""By name: the link type's number, what wraps a segment, and the segments."""


def as_pcapng(link_type, wrap, segments):
    blocks = [enhanced(0, segment.time_ns // 1000, wrap(segment)) for segment in segments]
    return section() + interface(link_type) + b"".join(blocks)


def as_two_interfaces(link_type, wrap, segments):
    """Every other packet was captured on another interface, as raw IP."""
    wraps = ((0, wrap), (1, ip))
    blocks = [
        enhanced(number, segment.time_ns // 1000, around(segment))
        for segment, (number, around) in zip(segments, wraps * len(segments), strict=False)
    ]
    return section() + interface(link_type) + interface(101) + b"".join(blocks)


def as_pcap(order="<", *, nanoseconds=False):
    def make(link_type, wrap, segments):
        return pcap(packets(segments, wrap), link_type=link_type, order=order, nanoseconds=nanoseconds)

    return make


def compressed(by):
    return lambda *link: by(as_pcap()(*link))


def exported(*options):
    """What tshark makes of it."""

    def make(*link, folder):
        path = folder / "source.pcap"
        path.write_bytes(as_pcap()(*link))
        command = ["tshark", "-r", str(path), *options]
        return subprocess.run(command, check=True, capture_output=True, env=os.environ | {"TZ": "UTC"}).stdout

    make.is_export = True
    return make


INPUTS = {
    "pcap": as_pcap(),
    "pcap, big-endian": as_pcap(">"),
    "pcap, nanoseconds": as_pcap(nanoseconds=True),
    "pcapng": as_pcapng,
    "pcapng, two interfaces": as_two_interfaces,
    "gzip": compressed(gzip.compress),
    "xz": compressed(lzma.compress),
    "bzip2": compressed(bz2.compress),
    "zstd": compressed(zstandard.compress),
    "tshark -T json": exported("-T", "json"),
    "tshark -T json -x": exported("-T", "json", "-x"),
    "tshark --no-duplicate-keys": exported("-T", "json", "--no-duplicate-keys"),
    "tshark -T json, no reassembly": exported("-T", "json", "-o", "tcp.desegment_tcp_streams:FALSE"),
    "tshark -T jsonraw": exported("-T", "jsonraw"),
    "tshark -T ek": exported("-T", "ek"),
    "tshark -T ek -x": exported("-T", "ek", "-x"),
}
WITHOUT_TIMES = {"tshark -T jsonraw"}


def decode(path, output, format, *, code=0):  # noqa: A002 -- the option's name
    arguments = ["decode", str(path), "--key", KEY_TEXT, "--format", format, "--output", str(output)]
    result = CliRunner().invoke(make_app(arguments), arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def timeless(line):
    """A line of JSON or a row, as a dictionary without what depends on times, and without ends."""
    return {name: value for name, value in line.items() if name not in {"time", "elapsed"}}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What jsonl says of each conversation in a pcap of Ethernet: the rest is compared with it."""
    folder = tmp_path_factory.mktemp("expected")
    found = {}
    for segments in (FOUR, SIX):
        (folder / "plain").write_bytes(as_pcap()(1, ethernet, segments))
        decode(folder / "plain", folder / "out", "jsonl")
        found[segments is SIX] = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    assert [line["plaintext"][:9] for line in found[False]] == ["R40000020", *["R401C0004"] * 3]
    assert all(not line["problems"] for line in found[False])
    return found


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("made", INPUTS)
def test_every_input_with_every_link_type_into_every_output(made, link, expected, tmp_path):
    make = INPUTS[made]
    is_export = hasattr(make, "is_export")
    if is_export and shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_bytes(make(*LINKS[link], folder=tmp_path) if is_export else make(*LINKS[link]))
    wanted = expected[LINKS[link][2] is SIX]
    code = int(made in WITHOUT_TIMES)  # what is missing is said

    said = decode(source, output, "jsonl", code=code)
    assert ("no times" in said) == bool(code)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert list(map(timeless, lines)) == list(map(timeless, wanted))
    if not code:
        assert [line["time"] for line in lines] == [line["time"] for line in wanted]

    decode(source, output, "csv", code=code)
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["plaintext"] for row in rows] == [line["plaintext"] for line in wanted]
    assert [row["coffee_temp"] for row in rows[1:]] == [str(line["fields"]["coffee_temp"]) for line in wanted[1:]]

    decode(source, output, "parquet", code=code)
    table = pq.read_table(output).to_pylist()
    assert [row["source"] for row in table] == [line["source"] for line in wanted]
    assert [row["steam_temp"] for row in table] == [line["fields"].get("steam_temp") for line in wanted]

    decode(source, output, "table", code=code)
    text = output.read_text()
    assert text.count("steam_temp 124.0 °C") == 3
    assert f"machine {wanted[0]['destination']}" in text

    decode(source, output, "exported-pdu", code=code)
    with output.open("rb") as file:
        messages = list(chain.from_iterable(read_pcapng(file, CaptureStatistics())))
    assert len(messages) == len(wanted)
    assert all(line["plaintext"].encode() in packet.data for line, packet in zip(wanted, messages, strict=True))

    output.unlink()
    if is_export:
        assert "has no packets as they were on the wire" in decode(source, output, "pcapng", code=1)
        assert not output.exists()
        return
    decode(source, output, "pcapng")
    link_type, wrap, segments = LINKS[link]
    with output.open("rb") as file:
        kept = list(chain.from_iterable(read_pcapng(file, CaptureStatistics())))
    assert output.read_bytes().count("124.0 °C".encode()) == 3
    other = made == "pcapng, two interfaces"
    assert [packet[1:3] for packet in kept] == [
        (101, ip(segment)) if other and number % 2 else (link_type, wrap(segment))
        for number, segment in enumerate(segments)
    ]
