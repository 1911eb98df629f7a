"""The Record: its line of JSON, and how times are written."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Record, iso_time
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from tests.codec.v1.samples import KEY_BYTES, SAMPLE_NAMES, SAMPLES, frame, with_check

KEYS = [
    "time",
    "stream",
    "sender",
    "source",
    "destination",
    "kind",
    "role",
    "address",
    "length",
    "data",
    "plaintext",
    "fields",
    "problems",
]
TIME = 1_795_229_679_728_783_000  # 2026-11-21T02:54:39.728783Z


def conversation() -> Conversation:
    decoder = FrameDecoder(Key(KEY_BYTES))
    return Conversation(decoder, Place(app="192.168.1.150:36364", machine="192.168.1.215:1774"))


def test_the_line_of_the_design():
    (record,) = conversation().receive(TIME, "machine", frame(b"R401C000403BC04D8B6"))
    line = record.as_dict()
    assert line == {
        "time": "2026-11-21T02:54:39.728783Z",
        "stream": 0,
        "sender": "machine",
        "source": "192.168.1.215:1774",
        "destination": "192.168.1.150:36364",
        "kind": "read",
        "role": "report",
        "address": 16412,
        "length": 4,
        "data": "03bc04d8",
        "plaintext": "R401C000403BC04D8B6",
        "fields": {"coffee_temp": 95.6, "steam_temp": 124.0},
        "problems": [],
    }
    assert list(line) == KEYS
    assert json.loads(json.dumps(line)) == line


@pytest.mark.parametrize("sample", SAMPLES, ids=SAMPLE_NAMES)
def test_lines_of_real_messages(sample):
    sender = "app" if sample.letter == "W" and not sample.text.endswith("OK") else "machine"
    (record,) = conversation().receive(TIME, sender, frame(sample.plaintext))
    line = json.loads(json.dumps(record.as_dict(), allow_nan=False))
    is_answer_to_write = sample.text.endswith("OK")
    assert line.keys() == set(KEYS) | ({"ok"} if is_answer_to_write else set())
    assert sample.is_in(line["fields"])
    assert line["plaintext"] == sample.plaintext.decode("ascii")
    assert line["address"] == sample.address
    assert line["length"] == sample.length
    assert line["problems"] == []
    assert line["data"] == (None if is_answer_to_write else sample.text[9:].lower())


def test_what_is_added_only_where_it_says_something():
    talk = conversation()
    (request,) = talk.receive(TIME, "app", frame(b"W000000010139"))
    (answer,) = talk.receive(TIME + 40_000_000, "machine", frame(with_check("W00000001OK")))
    (damaged,) = talk.receive(TIME, "machine", frame(b"R401C000403BC04D8B7"))
    assert list(request.as_dict()) == KEYS
    assert request.as_dict()["fields"] == {"power": True}
    assert answer.as_dict().keys() - set(KEYS) == {"ok", "elapsed"}
    assert answer.as_dict()["ok"] is True
    assert answer.as_dict()["elapsed"] == 0.04
    assert answer.as_dict()["fields"] == {}
    assert damaged.as_dict().keys() - set(KEYS) == {"raw"}
    assert bytes.fromhex(damaged.as_dict()["raw"]) == frame(b"R401C000403BC04D8B7")


@pytest.mark.parametrize(
    "received",
    [frame(b"R401C000403BC04D8B7"), frame(b"\xff\xfe" * 20), b"@!!%", b"junk \xff@", frame(b"R40\n000000"), frame(b"")],
)
def test_every_record_is_a_line_of_json(received):
    talk = conversation()
    records = [*talk.receive(TIME, "app", received), *talk.gap(TIME, "app", 7, "a gap"), *talk.close(TIME)]
    assert records
    for record in records:
        line = json.loads(json.dumps(record.as_dict()))
        assert set(KEYS) <= line.keys()
        assert line["problems"]


def test_a_bare_record():
    record = Record(0, 3, "app", "a:1", "b:2")
    assert record.as_dict() == dict.fromkeys(KEYS) | {
        "time": "1970-01-01T00:00:00.000000Z",
        "stream": 3,
        "sender": "app",
        "source": "a:1",
        "destination": "b:2",
        "fields": {},
        "problems": [],
    }


def test_a_line_is_a_copy():
    record = Record(0, 0, "app", "a:1", "b:2", kind=Kind.READ, fields={"power": True})
    record.as_dict()["fields"]["power"] = False
    assert record.fields == {"power": True}


def test_shared_fields_cannot_be_changed():
    (record,) = conversation().receive(TIME, "machine", frame(b"R401C000403BC04D8B6"))
    with pytest.raises(TypeError):
        record.fields["coffee_temp"] = 0


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1000, "1970-01-01T00:00:00.000001Z"),
        (999_999_999, "1970-01-01T00:00:00.999999999Z"),
        (TIME, "2026-11-21T02:54:39.728783Z"),
        (TIME + 5, "2026-11-21T02:54:39.728783005Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-1_000_000_000, "1969-12-31T23:59:59.000000Z"),
        (253_402_300_799_999_999_999, "9999-12-31T23:59:59.999999999Z"),
        (-62_135_596_800_000_000_000, "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times(time_ns, text):
    assert iso_time(time_ns) == text


@given(st.integers(-(10**30), 10**30) | st.integers(0, 2**64 * 10**9))
def test_any_number_is_a_time(time_ns):
    text = iso_time(time_ns)
    assert re.fullmatch(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|-?\d+s)\.(?:\d{6}|\d{9})Z", text)
    assert text == iso_time(time_ns)


@pytest.mark.parametrize("time_ns", [2**64 * 10**9, -(10**25), 253_402_300_800_000_000_000])
def test_an_absurd_time_shows_its_seconds(time_ns):
    assert str(time_ns // 10**9) in iso_time(time_ns)
