"""The lines of `tshark -T ek`, in the naming of all versions, whole and damaged, and as they come."""

from __future__ import annotations

import contextlib
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError, CaptureStatistics
from lmdecode.capture.formats import open_capture
from lmdecode.capture.formats.tshark_json import read_tshark_json
from tests.capture.building import APP6, MACHINE6, as_bom_utf16, decode, exported, packets, pcap, talk, told

SEGMENTS = talk().segments
INDEX = '{"index":{"_index":"packets-2023-11-14","_type":"doc"}}'


def elastic(segments, prefix="{0}_{1}", *, stamp=False, many=False, flags=str, index=INDEX, **how):
    """The segments in lines, each field under its layer's name and its own by `prefix`."""
    lines = []
    for item, segment in zip(json.loads(exported(segments, **how)), segments, strict=True):
        layers = {
            layer: {
                prefix.format(layer, name.replace(".", "_")): ["first", value] if many else value
                for name, value in fields.items()
            }
            for layer, fields in item["_source"]["layers"].items()
        }
        layers["tcp"][prefix.format("tcp", "tcp_flags")] = flags(segment.flags)
        if stamp:
            del layers["frame"]
        lines += [index, json.dumps({"timestamp": str(segment.time_ns // 1_000_000), "layers": layers})]
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.parametrize(
    "data",
    [
        elastic(SEGMENTS),
        elastic(SEGMENTS, "{1}"),
        elastic(SEGMENTS, iso=True, colons=False),
        elastic(SEGMENTS, stamp=True),
        elastic(SEGMENTS, many=True),
        elastic(SEGMENTS, flags=int),
        elastic(SEGMENTS, flags="0x{:08x}".format),
        elastic(SEGMENTS, payload="data.data", raw=False),
        elastic(SEGMENTS, index='{ "create": {} }'),
        elastic(SEGMENTS, index=""),
        elastic(SEGMENTS).replace(b"\n", b"\r\n"),
        as_bom_utf16(elastic(SEGMENTS)),
        elastic(SEGMENTS)[:-1],
    ],
)
def test_every_form_of_line(data, tmp_path):
    expected, _, _ = decode(tmp_path / "x.pcap", pcap(packets(SEGMENTS)))
    records, statistics, _ = decode(tmp_path / "x", data)
    assert records == expected
    assert statistics.warnings == []
    assert statistics.packets == statistics.port_packets == len(SEGMENTS)


def test_ipv6(tmp_path):
    records, _, _ = decode(tmp_path / "x", elastic(talk(1, app=APP6, machine=MACHINE6).segments))
    assert [record.source for record in records] == ["[fe80::1]:36364", "[fe80::2]:1774"]


def test_a_damaged_line_is_counted_and_the_others_decoded(tmp_path):
    lines = elastic(SEGMENTS).split(b"\n")
    lines[5] = lines[5][:50]  # an acknowledgement
    expected = told(decode(tmp_path / "x", elastic(SEGMENTS))[0])
    records, statistics, _ = decode(tmp_path / "y", b"\n".join(lines[6:8] + lines))
    assert told(records)[-len(expected) :] == expected
    assert [warning.partition(";")[0] for warning in statistics.warnings] == [
        "1 of the JSON's packets could not be read"
    ]


def test_what_was_left_out_is_named(tmp_path):
    line = INDEX.encode() + b'\n{"timestamp":"1","layers":{"tcp":{"tcp_tcp_srcport":{"filtered":"tcp.srcport"}}}}\n'
    with pytest.raises(CaptureError, match=r"was exported without tcp.srcport; export it .*: tshark -r FILE"):
        decode(tmp_path / "x", line)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_packet_comes_out_as_soon_as_its_line_is_there(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    lines = elastic(SEGMENTS).splitlines(keepends=True)
    writer = os.open(path, os.O_RDWR)
    try:
        os.write(writer, lines[0] + lines[1])
        _, file = open_capture(path)
        with file:
            segments = read_tshark_json(file, CaptureStatistics(), None, frozenset({1774}))
            assert next(segments) == SEGMENTS[:1]
            os.write(writer, lines[2] + lines[3] + lines[4])
            assert next(segments) == SEGMENTS[1:2]
    finally:
        os.close(writer)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 30), st.binary(max_size=5))
def test_no_damage_is_too_much(tmp_path_factory, start, size, other):
    data = elastic(SEGMENTS)
    path = tmp_path_factory.mktemp("damaged") / "x"
    path.write_bytes(data[:start] + other + data[start + size :])
    statistics, segments = CaptureStatistics(), []
    with contextlib.suppress(CaptureError):
        _, file = open_capture(path)
        with file:
            for some in read_tshark_json(file, statistics, None, frozenset({1774})):
                segments += some
        assert segments or statistics.warnings
