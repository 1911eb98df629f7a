"""Lists of JSON behind one another, with text around them, in any pieces."""

from __future__ import annotations

import json
from io import BufferedReader
from itertools import chain

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.capture.formats import open_capture
from lmdecode.capture.source import CaptureStatistics, OpenCapture
from tests.capture.building import as_bom_utf16, decode, exported, talk, told
from tests.capture.formats.test_pieces import Pieces

SEGMENTS = talk().segments
RUNNING = b'Running as user "root" and group "root". This could be dangerous.\n'
TEXTS = [b"", b"\n", RUNNING, b"Capturing on 'eth0'\n", b"** (tshark:7) [x] {y}: bad\n", b"94 packets captured\n"]
TEXT = st.lists(st.sampled_from(TEXTS), max_size=3).map(b"".join)


def minified(items):
    return json.dumps(json.loads(items), separators=(",", ":")).encode() + b"\n"


LAYOUTS = {
    "tshark": lambda items: items + b"\n",
    "windows": lambda items: items.replace(b"\n", b"\r\n") + b"\r\n",
    "minified": minified,
    "other": lambda items: json.dumps(json.loads(items), indent=4).encode() + b"\n",
    "brackets": lambda items: items.replace(b'"packets"', b'"a][{ ]"') + b"\n",
}


def read(data, cuts):
    statistics = CaptureStatistics()
    kind, file = open_capture(OpenCapture(BufferedReader(Pieces(data, cuts))))
    assert kind.segments is not None
    with file:
        found = list(chain.from_iterable(kind.segments(file, statistics, None, frozenset({1774}))))
    return found, statistics


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.tuples(TEXT, st.sampled_from(sorted(LAYOUTS)), st.integers(1, 5)), min_size=1, max_size=4),
    last=TEXT,
    cuts=st.lists(st.integers(0, 1 << 16), max_size=6),
    wide=st.booleans(),
)
@example(pieces=[(RUNNING, "tshark", 5), (b"", "tshark", 5)], last=b"94 packets captured\n", cuts=[], wide=True)
def test_every_list_is_read(pieces, last, cuts, wide):
    data, at = b"", 0
    for text, layout, count in pieces:
        data += text + LAYOUTS[layout](exported(SEGMENTS[at : at + count]))
        at += count
    data += last
    expected = SEGMENTS[:at]
    if at > len(SEGMENTS):  # some lists are empty
        data = data.replace(b"[]", b"[\n\n]")
    found, statistics = read(as_bom_utf16(data) if wide else data, cuts)
    assert found == expected
    assert statistics.warnings == []
    assert all(note.isprintable() for note in statistics.notes)
    texts = [text for text, *_ in pieces] + [last]
    said = any("passed over" in note for note in statistics.notes)
    assert said or not any(text.strip() for text in texts)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("missing", [4, 30, 300])
def test_a_list_that_is_cut_off_before_another(layout, missing, tmp_path):
    data = LAYOUTS[layout](exported(SEGMENTS[:7]))[:-missing] + b"\n" + LAYOUTS[layout](exported(SEGMENTS[7:]))
    records, statistics, _ = decode(tmp_path / "x", data)
    alone, _, _ = decode(tmp_path / "y", exported(SEGMENTS[7:]))
    assert told(records)[-len(alone) :] == told(alone)
    assert len(statistics.warnings) >= 1
    assert "it goes on with the list that begins behind that" in statistics.warnings[0]


def test_what_is_neither_text_nor_json_behind_the_packets_is_said(tmp_path):
    _, statistics, _ = decode(tmp_path / "x", exported(SEGMENTS) + b"\n\x00\x01\x02\xff")
    assert statistics.warnings == ["what stands behind the packets is neither text nor JSON, and could not be read"]


def test_blanks_without_end(tmp_path):
    records, statistics, _ = decode(tmp_path / "x", exported(SEGMENTS) + b"\n" * 3_000_000)
    assert len(records) == 4
    assert statistics.warnings == statistics.notes == []


@pytest.mark.parametrize("size", [7, 64, 1000, 1 << 16])
def test_a_list_behind_a_broken_one_is_found_whatever_the_pieces(size):
    broken = exported(SEGMENTS).replace(b'"_index": "packets"', b'"_index": packets"', 1)
    data = RUNNING + broken + b"\n" + exported(SEGMENTS)
    found, statistics = read(data, range(0, len(data), size))
    assert found == SEGMENTS
    assert "goes on with the list" in statistics.warnings[0]


def test_a_first_packet_of_another_kind_is_in_the_list_all_the_same():
    found, _ = read(exported(SEGMENTS).replace(b'"_index"', b'"_i_index"', 1), [])
    assert found == SEGMENTS


def test_lists_that_are_cut_off_without_end_are_given_up():
    data = exported(SEGMENTS) + b"\n" + b'[{"_index":"p"},}' * 20_000
    found, statistics = read(data, [])
    assert found == SEGMENTS
    assert len(statistics.warnings) < 30
    assert any("more such places in the file" in each for each in statistics.warnings)


def test_of_many_texts_between_lists_the_first_are_shown():
    data = b"\nx y z\n".join([exported(SEGMENTS)] * 30)
    found, statistics = read(data, [])
    assert found == SEGMENTS * 30
    assert len(statistics.notes) == 4
    assert "more bytes of text were passed over" in statistics.notes[-1]
