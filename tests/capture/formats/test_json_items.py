"""The quick way through a list of packets gives what a strict parser of streams gives, whatever is damaged."""

from __future__ import annotations

import io
import json
import time
from decimal import Decimal

import ijson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError
from lmdecode.capture.formats._json_items import SKIPPED, BrokenJsonError, read_items
from lmdecode.capture.source import LONGEST, UTF8_MARK, TextInput
from tests.capture.building import as_bom_utf16, decode, exported, talk

SEGMENTS = talk(1).segments
EXPORT = exported(SEGMENTS[3:6])
LAYOUTS = [
    EXPORT,
    EXPORT.replace(b"\n", b"\r\n"),
    EXPORT.replace(b"\n  },\n", b"\n  }\n  ,\n"),  # Wireshark 2
    EXPORT.replace(b'"_index"', b'"_id"'),
    EXPORT.replace(b'"packets"', b'"a \\" \\\\ \\u00e9 {[ \xc3\xa9"'),
    EXPORT.replace(b'"_index": "packets"', b'"_index": {}', 2),
    json.dumps(json.loads(EXPORT)).encode(),
    json.dumps(json.loads(EXPORT), indent=1).encode(),
    b"[\n  {\n  },\n  {\n  },\n  {}\n]",
    b"[\n  {\n  },\n]",
    b"[\n  {\n  }\n]\n]",
]


class Trickle(io.BytesIO):
    """A pipe through which only some bytes come at a time."""

    def __init__(self, data, size):
        super().__init__(data)
        self.size = size

    def readinto(self, buffer):
        return super().readinto(memoryview(buffer)[: self.size])


def quickly(data, size=1 << 20, is_wanted=lambda _: True):
    items, broken = [], False
    try:
        for some in read_items(TextInput(io.BufferedReader(Trickle(data, size))), is_wanted):
            items += some
    except BrokenJsonError:
        broken = True
    return items, broken


def strictly(data):
    """What ijson reads. It takes no byte order mark, which RFC 8259 (section 8.1) lets a reader skip, as ours does."""
    items, broken = [], False
    try:
        for item in ijson.items(io.BytesIO(data.removeprefix(UTF8_MARK)), "item"):
            items.append(item)  # noqa: PERF402 -- up to an error
    except ijson.JSONError:
        broken = True
    return items, broken


def plain(value):
    """Without the difference between the two that no field shows."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value


def same(data, size=1 << 20):
    assert plain(quickly(data, size)) == plain(strictly(data))


@pytest.mark.parametrize("data", LAYOUTS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_every_layout(data, size):
    same(data, size)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LAYOUTS), st.integers(0, len(EXPORT) + 100), st.integers(1, 5000))
def test_cut_anywhere(data, end, size):
    same(data[:end], size)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(LAYOUTS),
    st.integers(0, len(EXPORT) + 100),
    st.integers(0, 8),
    st.one_of(st.binary(max_size=4), st.sampled_from([b"\n  },\n", b'"', b"[", b"]", b"}", b",", b"\\", b"{}", b"1"])),
)
@example(EXPORT, 0, 0, UTF8_MARK)
def test_damaged_anywhere(data, start, size, other):
    same(data[:start] + other + data[start + size :])


def test_what_is_not_wanted_is_not_read():
    items, broken = quickly(EXPORT, is_wanted=lambda text: b"1774" not in text)
    assert items[:-1] == [SKIPPED] * 2  # the last is read with the list's end
    assert not broken


def test_an_item_that_only_the_strict_parser_takes_costs_the_others_nothing():
    data = EXPORT.replace(b'"packets"', b'"\\ud800"', 1)
    items, broken = quickly(data)
    assert (len(items), broken) == (3, False)


def test_a_packet_longer_than_any_is_waited_for(monkeypatch):
    monkeypatch.setattr("lmdecode.capture.formats._json_items.LONGEST", 1000)
    assert LONGEST > 1000
    assert quickly(EXPORT, size=500) == strictly(EXPORT)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 50_000,
        b'[{"a":' * 50_000,
        b"[\n  {\n" + b'"a":[' * 50_000,
        b"[[]," * 50_000,
        as_bom_utf16(b"[" * 50_000),
        EXPORT[:-2].replace(b"[", b"[[") + b"," + b"[" * 50_000,
    ],
)
@pytest.mark.no_cover  # it measures time
def test_nesting_without_end_is_refused_at_once(data, tmp_path):
    started = time.process_time()
    with pytest.raises(CaptureError, match="is JSON, but its packets are not as tshark exports them; export it"):
        decode(tmp_path / "x", data)
    assert time.process_time() - started < 2


def test_brackets_in_strings_are_no_nesting():
    text = json.dumps(['[{"\\' * 200, "\\", '"[', "[" * 150])
    data = f"[{text}, {text}]".encode()
    for size in (1, 5, 64):
        assert quickly(data, size) == strictly(data)


@pytest.mark.parametrize("digits", [19, 400, 4301, 50_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_of_any_length_ends_no_process(tmp_path, digits, sign):
    """ijson's C library makes an int of Python's of it, which Python refuses for more than 4,300 digits."""
    good = json.loads(EXPORT)
    data = json.dumps(good[:1])[:-1] + ', {"a": ' + sign + "9" * digits + "}]"
    records, statistics, _ = decode(tmp_path / "x", data.encode())
    assert len(records) == 1
    assert statistics.warnings[0].startswith("the JSON cannot be read further (a number has too many digits)")


def test_a_packet_that_is_too_long_is_passed_over_and_counted(monkeypatch, tmp_path):
    """tshark writes a reassembled file of megabytes as the text of one packet, and the next one is ours again."""
    whole, _, _ = decode(tmp_path / "whole", EXPORT)
    packets = json.loads(EXPORT)
    packets.insert(1, json.loads(json.dumps(packets[0])))
    packets[1]["_source"]["layers"]["data"] = {"data.data": "aa:" * 300_000}
    monkeypatch.setattr("lmdecode.capture.formats._json_items.LONGEST", 300_000)
    data = json.dumps(packets, indent=2).encode()
    assert data.startswith(b'[\n  {\n    "_index"')
    records, statistics, _ = decode(tmp_path / "x", data)
    assert [record.plaintext for record in records] == [record.plaintext for record in whole]
    assert statistics.packets == len(packets)
    assert statistics.warnings == ["1 packet whose JSON is longer than 4 MB could not be read"]
