"""lmdecode's own JSON Lines, read again: the same messages, whatever else is in the file."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.shots import find_shots
from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture
from lmdecode.capture.formats.json_lines import record_of
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.record import MASK, Kind, Record
from lmdecode.codec.speakers import Speakers
from lmdecode.render.records.jsonl import json_bytes
from lmdecode.render.shots import as_jsonl
from tests.analysis import newer

V1 = Record(1_795_229_755_174_158_000, 0, "machine", "m:1774", "a:1", Kind.READ, "report", 0x401C, 4, "03bc04d8",
            "R401C000403BC04D8B6", {"coffee_temp": 95.6})  # fmt: skip


def read(text, statistics=None):
    speakers = Speakers.open(OwnerAccess())
    return list(decode_capture(OpenCapture(io.BytesIO(text)), speakers, statistics=statistics))


def written(records):
    return b"".join(map(json_bytes, records))


def timed(record):
    """A Record with what a decoder says of an answer."""
    asked = record.request
    return record if asked is None else record._replace(elapsed=(record.time_ns - asked.time_ns) / 1e9)


@pytest.mark.parametrize("morning", [newer.local_morning, newer.radio_morning, newer.cloud_morning])
def test_what_was_written_is_read_again(morning):
    records = [timed(record) for record in morning()]
    again = read(written(records))
    assert written(again) == written(records)
    assert as_jsonl(find_shots(again)) == as_jsonl(find_shots(records))


def test_v1_is_read_without_a_key():
    assert read(json_bytes(V1)) == [V1]


def test_an_answer_has_its_request():
    asked = V1._replace(time_ns=10**18, sender="app", source="a:1", destination="m:1774", kind=Kind.WRITE,
                        role="request", address=7, length=2, data="03ac", plaintext=None,
                        fields={"coffee_set_temp": 94.0})  # fmt: skip
    took = V1._replace(time_ns=10**18 + 90_000_000, kind=Kind.WRITE, role="response", address=7, length=2, data=None,
                       fields={}, ok=True, elapsed=0.09)  # fmt: skip
    other = asked._replace(time_ns=10**18 + 10_000_000, fields={"coffee_set_temp": 99.0})
    again = read(written([asked, other, took]))
    assert again[-1].request == asked
    assert again[0].request is None


def test_runs_that_were_appended_are_connections_of_their_own():
    second = V1._replace(destination="a:2")
    statistics = CaptureStatistics()
    again = read(written([V1, second, V1]), statistics)
    assert [record.stream for record in again] == [0, 1, 0]
    assert statistics.connections == 2
    assert statistics.tallies["v1"].messages == 3


def test_a_line_that_is_cut_off_costs_that_line():
    statistics = CaptureStatistics()
    text = json_bytes(V1) + b"not ours\n\n" + json_bytes(V1) + json_bytes(V1)[:80]
    assert len(read(text, statistics)) == 2
    assert statistics.warnings == [
        "line 2 is no message, or is cut off; it was passed over",
        "line 5 is no message, or is cut off; it was passed over",
    ]


def test_nothing_in_it_is_said():
    with pytest.raises(CaptureError, match="has no message in it"):
        read(b'{"time":"2026-11-21T02:54:39Z","stream":0,"but":"no more"}\n')


def test_secrets_are_masked_whoever_wrote_the_file():
    token = newer.pushed(0, "bluetooth", {}, kind=Kind.WRITE)._replace(
        subject="0d0b write token", plaintext="c0ffee-token", data="c0ffee" * 4
    )
    bearer = newer.pushed(0, "v3", {})._replace(
        plaintext='{"bleAuthToken":"c0ffee-token"}', extra={"thing": {"bleAuthToken": "c0ffee-token"}}
    )
    account = V1._replace(address=0x0110, length=64, data="c0ffee" * 21 + "00", plaintext=None, fields={})
    text = written([token, bearer, account])
    assert b"c0ffee" in text
    again = read(text)
    assert b"c0ffee" not in written(again)
    assert again[0].plaintext == again[0].data == MASK
    assert again[0].fields == {}


WORDS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([1]) | st.just({"a": 1})


@given(st.dictionaries(st.sampled_from([*V1.as_dict(), "ok", "elapsed", "raw", "extra", "subject"]), WORDS))
def test_no_line_does_harm(changed):
    line = json.dumps({**V1.as_dict(), **changed}).encode()
    found = record_of(line)
    if found is not None:
        assert written([found])
        assert found.as_dict().keys() <= {*V1.as_dict(), "ok", "elapsed", "raw", "extra", "subject", "generation",
                                          "machine", "capture"}  # fmt: skip


@given(st.binary(max_size=60))
def test_no_bytes_do_harm(data):
    assert record_of(data) is None or data.startswith(b"{")
