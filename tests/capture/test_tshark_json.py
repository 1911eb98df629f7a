"""tshark's JSON export in all the forms that it comes in, and what is no such export."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from lmdecode.capture import CaptureError
from lmdecode.capture.tshark_json import _time_ns

from .building import (
    APP6,
    MACHINE6,
    START_NS,
    as_bom_utf16,
    decode,
    exported,
    packets,
    pcap,
    talk,
    told,
)

SEGMENTS = talk().segments
COMMAND = r"tshark -r FILE -Y 'tcp.port==1774' -T json"


@pytest.fixture
def expected(tmp_path):
    records, _, _ = decode(tmp_path / "expected", pcap(packets(SEGMENTS)))
    assert len(records) == 4
    return records


def flat(data):
    """As with tshark's -e: no layers, and every value a list."""
    items = json.loads(data)
    for item in items:
        layers = item["_source"]["layers"]
        item["_source"]["layers"] = {
            name: [value] for layer in layers.values() for name, value in layer.items() if name.partition(".")[2]
        }
    return json.dumps(items).encode()


@pytest.mark.parametrize(
    "data",
    [
        exported(SEGMENTS),
        exported(SEGMENTS, iso=True),
        exported(SEGMENTS, colons=False),
        exported(SEGMENTS, raw=False),
        exported(SEGMENTS, payload="data.data"),
        exported(SEGMENTS, payload="data.data", colons=False, iso=True, raw=False),
        exported(SEGMENTS, lacking=("frame.len", "frame.cap_len", "tcp.len")),
        b"\xef\xbb\xbf" + exported(SEGMENTS),
        b"\n\n " + exported(SEGMENTS),
        as_bom_utf16(exported(SEGMENTS)),
        flat(exported(SEGMENTS)),
    ],
    ids=[
        "plain",
        "ISO times",
        "no colons",
        "relative numbers",
        "data.data",
        "all at once",
        "no lengths",
        "byte order mark",
        "white space first",
        "UTF-16",
        "-e",
    ],
)
def test_every_form_of_export(data, expected, tmp_path):
    records, statistics, _ = decode(tmp_path / "x", data)
    assert records == expected
    assert statistics.warnings == []
    assert statistics.packets == statistics.port_packets == len(SEGMENTS)


def test_ipv6_and_other_ports_and_other_protocols(tmp_path):
    six = talk(1, app=APP6, machine=MACHINE6).segments
    items = json.loads(exported(six))
    items.insert(0, {"_source": {"layers": {"frame": {"frame.number": "1"}, "arp": {}}}})
    other = json.loads(exported(SEGMENTS[:1]))[0]
    other["_source"]["layers"]["tcp"]["tcp.dstport"] = "443"
    items.insert(0, other)
    records, statistics, _ = decode(tmp_path / "x", json.dumps(items).encode())
    assert [record.source for record in records] == ["[fe80::1]:36364", "[fe80::2]:1774"]
    assert (statistics.packets, statistics.port_packets) == (len(six) + 2, len(six))


def test_times_are_exact():
    assert _time_ns("1700000000.000000001") == START_NS + 1
    assert _time_ns("1700000000.123456") == START_NS + 123_456_000
    assert _time_ns("1700000000") == START_NS
    assert _time_ns("2023-11-14T22:13:20.000000001Z") == START_NS + 1
    assert _time_ns("2023-11-14T23:13:20.5+0100") == START_NS + 500_000_000
    assert _time_ns("2023-11-14T22:13:20Z") == START_NS


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"index": {}}\n{"layers": {}}', "is JSON, but not a list of packets"),
        (b"[1, 2]", "its packets are not as tshark exports them"),
        (b'[{"a": "b"}]', "its packets are not as tshark exports them"),
        (b'[{"_source": {"layers": {}}}]', "its packets are not as tshark exports them"),
        (exported(SEGMENTS, payload=None), "was exported without the packets' payload"),
        (exported(SEGMENTS, lacking=("tcp.seq", "tcp.seq_raw")), "its packets are not as tshark exports them"),
        (exported(SEGMENTS, lacking=("frame.time_epoch",)), "its packets are not as tshark exports them"),
        (exported(SEGMENTS, lacking=("ip.src",)), "its packets are not as tshark exports them"),
    ],
)
def test_what_is_no_export_is_refused_with_the_command_that_makes_one(data, text, tmp_path):
    with pytest.raises(CaptureError, match=text) as caught:
        decode(tmp_path / "x", data)
    assert COMMAND in str(caught.value)


def test_an_empty_export_holds_nothing(tmp_path):
    assert decode(tmp_path / "x", b"[]\n")[0] == []


def test_packets_that_cannot_be_read_after_others_that_could_are_counted(tmp_path):
    items = json.loads(exported(SEGMENTS))
    without = items[5]["_source"]["layers"]["tcp"]
    assert without.pop("tcp.payload")
    items.append({"_source": {"layers": {"tcp": {"tcp.srcport": "x"}}}})
    items.append({"_source": {"layers": {"tcp": {"tcp.srcport": {"1774": 1}}}}})
    records, statistics, _ = decode(tmp_path / "x", json.dumps(items).encode())
    assert [plaintext for _, plaintext in told(records)].count(None) == 1  # the gap that it leaves
    assert len(records) == 4
    assert [warning.partition(";")[0] for warning in statistics.warnings] == [
        "1 of the JSON's packets have no payload",
        "2 of the JSON's packets could not be read",
    ]


def test_packets_that_the_capture_cut_short(tmp_path):
    segment = SEGMENTS[3]
    kept = segment._replace(payload=segment.payload[:10], missing=len(segment.payload) - 10)
    records, _, _ = decode(tmp_path / "x", exported([*SEGMENTS[:3], kept, *SEGMENTS[4:]]))
    problems = [problem for record in records for problem in record.problems]
    assert f"packet cut short by the capture: {kept.missing} bytes are missing (capture with -s 0)" in problems
    empty = segment._replace(payload=b"", missing=len(segment.payload))
    assert decode(tmp_path / "x", exported([*SEGMENTS[:3], empty, *SEGMENTS[4:]]))[2].bytes_missing == empty.missing


@pytest.mark.parametrize("damage", [b"", b"}", b'"\xff\xfe"', b"nonsense"])
def test_what_stands_before_a_break_is_decoded(damage, expected, tmp_path):
    data = exported(SEGMENTS)
    cut = data.rindex(b'{\n    "_index"')
    records, statistics, _ = decode(tmp_path / "x", data[:cut] + damage)
    assert records == expected
    number = len(SEGMENTS) - 1
    assert statistics.warnings == [f"the JSON is cut off or damaged after packet {number}; all before it was decoded"]


def test_utf16_cut_off_in_the_middle_of_a_character(tmp_path):
    data = as_bom_utf16(exported(SEGMENTS))
    records, statistics, _ = decode(tmp_path / "x", data[: len(data) // 2 | 1])
    assert 0 < len(records) < 4
    assert len(statistics.warnings) == 1


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_what_tshark_makes_of_our_packets(expected, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(SEGMENTS)))
    for more in ([], ["-x"], ["--no-duplicate-keys"]):
        done = subprocess.run(["tshark", "-r", path, "-T", "json", *more], capture_output=True, check=True)
        records, statistics, _ = decode(tmp_path / "y", done.stdout)
        assert records == expected
        assert statistics.warnings == []


def test_in_a_tunnel_the_innermost_addresses_count(expected, tmp_path):
    items = json.loads(exported(SEGMENTS))
    for item in items:
        layers = item["_source"]["layers"]
        tunnel = {"ipv6": {"ipv6.src": "2001:db8::1", "ipv6.dst": "2001:db8::2"}}
        item["_source"]["layers"] = {"frame": layers.pop("frame"), **tunnel, **layers}
    assert decode(tmp_path / "x", json.dumps(items).encode())[0] == expected
